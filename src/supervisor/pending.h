/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that take their time (I9): opens of FIFOs and devices, connects.
 *
 * Theory of operation. A connect is an operation of the loop where io_uring is there. Everything
 * else that could wait is done by a worker process of its own, a fork that makes one system call
 * and sends the result, and perhaps a descriptor, over a socket pair. The entry lives until the
 * result has come; meanwhile a timer asks whether the caller still waits, and ends the work of one
 * that does not. A worker is a process and not a thread, since only a process can be ended in the
 * middle of a call without a signal handler, and a library may not have any.
 *
 * The worker has the ids and the Landlock domain of the thread that made it, closes every
 * descriptor it does not need, the listener first of all, and dies with its thread.
 */
#ifndef CORDON_SUPERVISOR_PENDING_H
#define CORDON_SUPERVISOR_PENDING_H

#include "supervisor/request.h"

#define PENDING_MAX 64

/* Return: 0 or -errno. */
int pending_new(struct supervisor *sv);
/* Ends what is still under way. */
void pending_free(struct supervisor *sv);

/* Opens a held object with these flags, waiting if need be. Return: VERDICT_LATER, or a refusal. */
struct verdict pending_open(struct request *rq, int object, int flags, bool close_on_exec);
/*
 * Connects, waiting if need be. in_worker: by a process of its own in any case, for sockets whose flags
 * promise that nothing waits: the program can take that promise back at any moment. take_socket and take_held are ours from now on; take_held is what
 * the address names by its number (a unix socket's object), or -1. Return: as above.
 */
struct verdict pending_connect(struct request *rq, bool in_worker, int take_socket, int take_held,
			       const struct sockaddr *address, socklen_t length);

#endif
