/* SPDX-License-Identifier: Apache-2.0 */
/* The only writer: verdicts, and how they reach the kernel. */
#ifndef CORDON_SUPERVISOR_REPLY_H
#define CORDON_SUPERVISOR_REPLY_H

#include "supervisor/supervisor.h"

#include <stdint.h>

/*
 * Why a call may run in the kernel after all (I3). The list is closed: a decision that rests on the
 * caller's memory is carried out by the supervisor.
 */
enum continue_reason {
	CONTINUE_REGISTERS, /* decided on registers alone */
	CONTINUE_BOUNDED,   /* execve: cannot be done for another process; Landlock bounds every
			       outcome */
};

enum verdict_kind { VERDICT_RESULT, VERDICT_FD, VERDICT_CONTINUE, VERDICT_LATER };

struct verdict {
	enum verdict_kind kind;
	int64_t value;	   /* VERDICT_RESULT: what the call returns if error is 0 */
	int error;	   /* VERDICT_RESULT: positive errno */
	int fd;		   /* VERDICT_FD: taken by reply_send() */
	unsigned fd_flags; /* O_CLOEXEC or 0 */
	enum continue_reason reason;
};

/* value: returned to the program if it is 0 or more, else its errno. */
static inline struct verdict verdict_result(int64_t value)
{
	if (value < 0)
		return (struct verdict){ .kind = VERDICT_RESULT, .error = (int)-value, .fd = -1 };
	return (struct verdict){ .kind = VERDICT_RESULT, .value = value, .fd = -1 };
}

/* errno-style result of a libc call: -1 means errno. */
struct verdict verdict_of(long libc_result);
struct verdict verdict_fd(int take_fd, bool close_on_exec);
/* The answer comes later, from pending.c. */
struct verdict verdict_later(void);
struct verdict verdict_continue(enum continue_reason reason);

/*
 * Answers the kernel. The descriptor of a VERDICT_FD is closed at once, whatever happens: a copy
 * that stays open makes ETXTBSY, pipes without end and locks that outlive the program. Return: 0;
 * -ENOENT: the caller is gone; -EMFILE and others: the descriptor did not fit and the caller got
 * that errno.
 */
int reply_send(struct supervisor *sv, uint64_t id, struct verdict verdict);

#endif
