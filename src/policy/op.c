/* SPDX-License-Identifier: Apache-2.0 */
/* Names of operations: see op.h. */
#include "policy/op.h"

#include "base/cleanup.h"

#include <assert.h>
#include <string.h>

const struct op_info op_info[OP_COUNT] = {
	[OP_READ] = { "read", "open for reading, or list a directory" },
	[OP_WRITE] = { "write", "open for writing, or truncate" },
	[OP_EXEC] = { "exec", "execute a file" },
	[OP_CREATE] = { "create", "make a name that is not a directory" },
	[OP_MKDIR] = { "mkdir", "make a directory" },
	[OP_REMOVE] = { "remove", "remove a name" },
	[OP_RENAME] = { "rename", "rename or exchange" },
	[OP_LINK] = { "link", "give an object a further name" },
	[OP_META] = { "meta", "change mode, owner, times or attributes" },
	[OP_STAT] = { "stat", "read metadata or ask whether something exists" },
	[OP_WATCH] = { "watch", "watch for changes" },
	[OP_CONNECT] = { "connect", "connect to an address" },
	[OP_LISTEN] = { "listen", "bind a port or listen on it" },
	[OP_DNS] = { "dns", "look a host name up" },
	[OP_UNIX_CONNECT] = { "unix_connect", "connect to a unix socket" },
	[OP_UNIX_BIND] = { "unix_bind", "bind a unix socket" },
	[OP_CONTROL] = { "control", "control another process" },
};
static_assert(COUNT_OF(op_info) == OP_COUNT, "one row for each operation");

int op_by_name(const char *name)
{
	for (int op = 0; op < OP_COUNT; op++)
		if (strcmp(op_info[op].name, name) == 0)
			return op;
	return -1;
}
