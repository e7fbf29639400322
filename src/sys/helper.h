/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of the supervisor's own: made without an exit signal, so that the host's SIGCHLD handler
 * never hears of them, and closed off from everything but a few descriptors.
 */
#ifndef CORDON_SYS_HELPER_H
#define CORDON_SYS_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define HELPER_FDS_MAX 5

/*
 * As fork(). flags: CLONE_NEW*. *ret_pidfd: in the parent, close-on-exec. The child shares nothing
 * and dies with the calling thread; all signals are blocked in it; until it is known to be alone in its memory it may only make
 * system calls, since the host may have threads. Return: 0 in the child, the pid, or -errno.
 */
pid_t helper_fork(unsigned long flags, int *ret_pidfd);
/* Kills and reaps; -1 is nothing. */
void helper_end(int *pidfd);
/* Reaps one that has ended, and closes the descriptor. Return: whether it has. */
bool helper_reap(int *pidfd);

/* For good. Return: 0 or -errno. */
int helper_drop_capabilities(void);

/* Closes every descriptor but these and `also`; -1 is nothing. */
void helper_close_others(const int *keep, size_t count, int also);

/*
 * One message with descriptors over a unix socket. fd_count: at most HELPER_FDS_MAX.
 * Return: 0 or -errno.
 */
int helper_send(int socket, struct iovec *parts, size_t count, const int *fds, size_t fd_count);
/*
 * Takes one message. flags: MSG_DONTWAIT or 0. fds: HELPER_FDS_MAX of them, filled up with -1,
 * close-on-exec; NULL: none are taken, and a message that has some is -EBADMSG. Return: length; 0 at the end; -EBADMSG if it is longer than the parts; -errno.
 */
ssize_t helper_receive(int socket, struct iovec *parts, size_t count, int *fds, int flags);

#endif
