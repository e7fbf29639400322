/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of operations that a policy decides about. Policies know operations, not system
 * calls. */
#ifndef CORDON_POLICY_OP_H
#define CORDON_POLICY_OP_H

#include <stdint.h>

enum op {
	OP_READ,    /* open for reading, or list a directory */
	OP_WRITE,   /* open for writing, truncate */
	OP_EXEC,    /* execute a file */
	OP_CREATE,  /* a new name that is not a directory; also the target of a rename or link */
	OP_MKDIR,   /* a new directory */
	OP_REMOVE,  /* unlink, rmdir */
	OP_RENAME,  /* the old name of a rename, both names of an exchange */
	OP_LINK,    /* the object that gets a further name */
	OP_META,    /* mode, owner, times, extended attributes */
	OP_STAT,    /* metadata and existence */
	OP_WATCH,   /* inotify */
	OP_CONNECT, /* TCP connect */
	OP_LISTEN,  /* TCP bind and listen */
	OP_DNS,	    /* look a name up */
	OP_UNIX_CONNECT, /* unix socket of the outside world */
	OP_UNIX_BIND,
	OP_CONTROL, /* limits, priorities, signals of another process */
	OP_COUNT,
};

struct op_info {
	const char *name; /* "read": in events, hints and `cordon why` */
	const char *help;
};

extern const struct op_info op_info[OP_COUNT];

/* Return: the operation, or -1 if the name is unknown. */
int op_by_name(const char *name);

#endif
