/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that take their time (I9): opens of FIFOs and devices, connects, sends.
 *
 * Theory of operation. A connect is an operation of the loop where io_uring is there. Everything
 * else that could wait is done by a worker process of its own, a fork that makes the system call
 * and sends the result, and perhaps a descriptor, over a socket pair. The entry lives until the
 * result has come; meanwhile a timer asks whether the caller still waits, and ends the work of one
 * that does not, or that has a signal to handle. A worker is a process and not a thread, since only
 * a process can be ended in the middle of a call without a signal handler of the host's.
 *
 * A whole request about a file system that may hang is served by a process of another kind: aside.h.
 * Requests beyond PENDING_MAX wait in the kernel, and are asked for again (VERDICT_AGAIN).
 *
 * The worker has the ids and the Landlock domain of the thread that made it, closes every
 * descriptor it does not need, the listener first of all, and dies with its thread.
 */
#ifndef CORDON_SUPERVISOR_PENDING_H
#define CORDON_SUPERVISOR_PENDING_H

#include "supervisor/message.h"
#include "supervisor/request.h"

#define PENDING_MAX 256

/* Return: 0 or -errno. */
int pending_new(struct supervisor *sv);
/* Ends what is still under way. */
void pending_free(struct supervisor *sv);

/* Takes over a child process of ours that was killed: it is reaped when it has ended. -1 is nothing. */
void pending_bury(struct supervisor *sv, int take_pidfd);

/* Has the whole request served aside. Return: VERDICT_LATER, VERDICT_AGAIN, or a refusal. */
struct verdict pending_aside(struct request *rq);
/* Opens a held object with these flags, waiting if need be. Return: as above. */
struct verdict pending_open(struct request *rq, int object, int flags, bool close_on_exec);
/*
 * Connects. wait: what the socket's flags say; it only chooses the answer, the loop goes on in any
 * case. take_socket and take_held are ours from now on; take_held is what the address names by its
 * number (a unix socket's object), or -1. Return: as above.
 */
struct verdict pending_connect(struct request *rq, bool wait, int take_socket, int take_held,
			       const struct sockaddr *address, socklen_t length);
/*
 * Sends what is left of the messages, waiting as the socket's flags say. take_socket and
 * take_messages are ours from now on. Return: VERDICT_LATER, or a refusal.
 */
struct verdict pending_send(struct request *rq, int take_socket, struct messages *take_messages);

#endif
