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
			       outcome, and no rule says more */
	CONTINUE_VERIFIED, /* execve where a rule does: the new image is looked at before it runs */
	CONTINUE_METADATA, /* chdir, open with O_PATH: cannot be done for another process; a race
			       gains metadata at most */
};

enum verdict_kind {
	VERDICT_RESULT,
	VERDICT_FD,
	VERDICT_CONTINUE,
	VERDICT_LATER,
	VERDICT_AGAIN,
	VERDICT_RESTART
};

struct verdict {
	enum verdict_kind kind;
	int64_t value;	   /* VERDICT_RESULT: what the call returns if error is 0 */
	int error;	   /* VERDICT_RESULT: positive errno */
	int fd;		   /* VERDICT_FD: taken by reply_send() */
	unsigned fd_flags; /* O_CLOEXEC or 0 */
	bool settled;	   /* VERDICT_FD: our copy is closed before the program goes on */
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
/*
 * The same where a copy that outlives the answer by a moment would be noticed: it keeps a lock, an end
 * of a pipe, or a program that was written busy (ETXTBSY). Costs one more system call.
 */
struct verdict verdict_settled_fd(int take_fd, bool close_on_exec);
/* The answer comes later, from pending.c. */
struct verdict verdict_later(void);
/* There is no room for it now: the request is served once more, from its beginning. Nothing was done yet. */
struct verdict verdict_again(void);
/*
 * A signal came: the kernel makes it EINTR, or starts the call again, as the handler was installed. Only for a
 * caller that has a signal to take: another would see an errno that does not exist.
 */
struct verdict verdict_restart(void);
struct verdict verdict_continue(enum continue_reason reason);

/*
 * Puts a copy of fd behind a number of the caller's table, in place of what is there; the call itself
 * is still to be answered. flags: O_CLOEXEC or 0. Return: 0 or -errno.
 */
int reply_replace(struct supervisor *sv, uint64_t id, int fd, int number, unsigned flags);

/*
 * Answers the kernel. The descriptor of a VERDICT_FD is closed at once, whatever happens: a copy
 * that stays open makes ETXTBSY, pipes without end and locks that outlive the program. Return: 0;
 * -ENOENT: the caller is gone; -EMFILE and others: the descriptor did not fit and the caller got
 * that errno.
 */
int reply_send(struct supervisor *sv, uint64_t id, struct verdict verdict);

#endif
