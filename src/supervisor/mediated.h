/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mediation table: one row per mediated call.
 *
 * From a row come the filter's notification, the decoding of arguments, the names in events and in
 * `cordon explain`, the manual page and the coverage test. Numbers are looked up by name at start,
 * so there is no conditional compilation; a name that an architecture lacks has no number there.
 */
#ifndef CORDON_SUPERVISOR_MEDIATED_H
#define CORDON_SUPERVISOR_MEDIATED_H

#include "policy/op.h"

#include <stddef.h>
#include <stdint.h>

struct request;

/* What an argument means; request.c copies what is behind pointers, once. */
enum role {
	ROLE_NONE,
	ROLE_DIRFD,	/* directory of the next ROLE_PATH; without it the working directory */
	ROLE_PATH,	/* path; the first is rq->path[0], the second rq->path[1] */
	ROLE_TEXT,	/* text of a symbolic link: rq->text */
	ROLE_XATTR,	/* name of an extended attribute: rq->text */
	ROLE_FD,	/* rq->fd */
	ROLE_OFLAGS,	/* open flags: rq->flags */
	ROLE_ATFLAGS,	/* AT_* or RENAME_* flags: rq->flags */
	ROLE_MODE,	/* rq->mode */
	ROLE_DEVICE,	/* ignored: device nodes are refused by the filter */
	ROLE_UID,	/* rq->uid */
	ROLE_GID,	/* rq->gid */
	ROLE_NUMBER,	/* rq->number: a length, a mask, a backlog */
	ROLE_HOW,	/* struct open_how; its size is the next argument, ROLE_NUMBER */
	ROLE_TIMESPECS, /* struct timespec[2] or NULL: rq->times */
	ROLE_TIMEVALS,	/* struct timeval[2] or NULL: rq->times */
	ROLE_UTIMBUF,	/* struct utimbuf or NULL: rq->times */
	ROLE_INPUT,	/* bytes to copy in; length is the next argument, ROLE_NUMBER */
	ROLE_OUTPUT,	/* address for a result: rq->output */
	ROLE_SOCKADDR,	/* rq->address; its length is the next argument, ROLE_SOCKLEN */
	ROLE_SOCKLEN,
	ROLE_RAW, /* left in rq->args */
};

/* How registers spare a notification. */
enum registers {
	REG_NONE,
	REG_OPEN_FLAGS,	 /* argument `reg_arg` holds open flags: notified is what changes something;
			   everything if reads are concerned */
	REG_NOT_NULL,	 /* notified only if argument `reg_arg` is not NULL */
	REG_NOT_ZERO,	 /* the same for a 32-bit argument */
	REG_ACCESS_MODE, /* `reg_arg` holds R_OK, W_OK, X_OK: R_OK alone only if reads are
			    concerned */
	REG_NO_EXEC_SEAL, /* `reg_arg` holds flags of memfd_create: notified without the seal */
};

struct mediated {
	const char *name;
	enum op op; /* what the policy is asked first; names the call's kind in `explain` */
	enum role roles[6];
	struct verdict (*handle)(struct request *rq);
	unsigned when; /* enum when: any of these makes it notified */
	enum registers registers;
	int reg_arg;
	const char *help;
};

extern const struct mediated mediated[];
extern const size_t mediated_count;

#endif
