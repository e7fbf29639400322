/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: see landlock.h. */
#include "sys/landlock.h"

#include "base/cleanup.h"
#include "sys/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's structures, spelled out: the headers of Debian 12 know only their first fields. */
struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct port_attr {
	uint64_t rights, port;
};

#define RULE_NET_PORT 2

/* What may be granted on something that is not a directory. */
#define FILE_RIGHTS (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV)

#define FIRST_RIGHTS (LL_REFER - 1) /* all of ABI 1 lies below it */

static const struct {
	int abi;
	uint64_t fs, net, scopes;
} known[] = {
	{ 1, FIRST_RIGHTS, 0, 0 }, { 2, LL_REFER, 0, 0 },
	{ 3, LL_TRUNCATE, 0, 0 },  { 4, 0, LL_NET_BIND_TCP | LL_NET_CONNECT_TCP, 0 },
	{ 5, LL_IOCTL_DEV, 0, 0 }, { 6, 0, 0, LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL },
};

int landlock_abi(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return r < 0 ? 0 : (int)r;
}

uint64_t landlock_fs_rights(int abi)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < COUNT_OF(known) && known[i].abi <= abi; i++)
		rights |= known[i].fs;
	return rights;
}

uint64_t landlock_net_rights(int abi)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < COUNT_OF(known) && known[i].abi <= abi; i++)
		rights |= known[i].net;
	return rights;
}

uint64_t landlock_scopes(int abi)
{
	uint64_t scopes = 0;

	for (size_t i = 0; i < COUNT_OF(known) && known[i].abi <= abi; i++)
		scopes |= known[i].scopes;
	return scopes;
}

/*
 * KERNEL(5.19): a layer refuses LL_REFER even if it does not handle it, so that no name could move
 * between directories (EXDEV). A layer without rights of files therefore grants it everywhere.
 */
static int add_refer_everywhere(int ruleset)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -errno : landlock_add_path(ruleset, root, true, LL_REFER);
}

int landlock_create(uint64_t handled_fs, uint64_t handled_net, uint64_t scoped)
{
	struct ruleset_attr attr = { handled_fs ? handled_fs : LL_REFER, handled_net, scoped };
	cleanup_fd int ruleset = -1;
	size_t size = offsetof(struct ruleset_attr, handled_net);
	int r;

	/* An older kernel takes a longer structure only if what it does not know is zero, and
	 * before ABI 4 there is nothing behind the first field: pass no more than is used. */
	if (handled_net)
		size = offsetof(struct ruleset_attr, scoped);
	if (scoped)
		size = sizeof(attr);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	/* SECURITY: below 3 it would be in the place of a stream that the program is given. */
	r = fd_move_up(&ruleset);
	if (r == 0 && !handled_fs)
		r = add_refer_everywhere(ruleset);
	return r < 0 ? r : steal_fd(&ruleset);
}

int landlock_add_path(int ruleset, int fd, bool is_directory, uint64_t rights)
{
	struct landlock_path_beneath_attr attr = { .parent_fd = fd };

	attr.allowed_access = is_directory ? rights : rights & FILE_RIGHTS;
	if (attr.allowed_access == 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
		return -errno;
	return 0;
}

int landlock_add_port(int ruleset, uint16_t port, uint64_t rights)
{
	struct port_attr attr = { rights, port };

	if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &attr, 0) < 0)
		return -errno;
	return 0;
}

int landlock_restrict(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
