/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of one sandbox: waits for descriptors, on io_uring or on poll.
 *
 * Theory of operation. A source is a descriptor with a function. The loop waits until some are
 * readable (or hung up) and calls their functions on the loop's own thread, one after the other.
 * Timers are timerfds and wake-ups are eventfds, so both back ends need to know descriptors only.
 * The one operation beyond that is an asynchronous connect, which io_uring can do and cancel; where
 * it is refused (loop_connect() gives -EOPNOTSUPP) the caller takes a worker process instead.
 *
 * A source is reported as long as something lies there, so a function may take as little as it likes.
 *
 * A function may add and remove sources, its own included; one that was removed is not called
 * again, even if the kernel had already reported it (a slot carries a generation).
 */
#ifndef CORDON_SUPERVISOR_LOOP_H
#define CORDON_SUPERVISOR_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;

/* events: POLLIN, POLLHUP, POLLERR ... as poll(2) reports them. */
typedef void (*loop_ready_fn)(void *arg, short events);
/* result: 0 or negative errno. */
typedef void (*loop_done_fn)(void *arg, int result);

/* allow_uring: try io_uring first. Return: 0 or -errno. To be used by one thread only. */
int loop_new(bool allow_uring, struct loop **ret);
void loop_free(struct loop *loop);
const char *loop_backend(const struct loop *loop);

/* Watches fd (borrowed) for input until it is removed. Return: a source number or -errno. */
int loop_add(struct loop *loop, int fd, loop_ready_fn fn, void *arg);
/* The same for other events of poll(2). */
int loop_add_for(struct loop *loop, int fd, short events, loop_ready_fn fn, void *arg);
/* A negative source does nothing. */
void loop_remove(struct loop *loop, int source);
/* Waits once and calls what is ready. Return: 0 or -errno. */
int loop_run_once(struct loop *loop);

/*
 * Connects without blocking the loop, whatever the flags of the socket. wait: else it is cancelled
 * as soon as it would have to. fd must stay open and address valid until `done` is called; its
 * result may be -ECANCELED, or -EINTR for the same. Return: an operation number; -EOPNOTSUPP;
 * -errno.
 */
int loop_connect(struct loop *loop, int fd, const struct sockaddr *address, socklen_t length,
		 bool wait, loop_done_fn done, void *arg);
/* Asks for the end of a connect; `done` is still called. */
void loop_cancel(struct loop *loop, int operation);

#endif
