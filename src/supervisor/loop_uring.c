/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop on io_uring: a poll for each source, armed anew after each report, and connects as operations.
 *
 * Not multishot: one that is armed looks at what is there. Arming costs no call of its own; it goes along with
 * the wait. What is reported is looked at once more before it is served, see look_again().
 *
 * user_data of an entry: kind in the top byte, slot in the next three, generation in the low word.
 */
#include "supervisor/loop_backend.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

#define ENTRIES 32

enum kind { KIND_NONE, KIND_POLL, KIND_OPERATION, KIND_CANCEL };

static uint64_t pack(enum kind kind, int slot, uint32_t generation)
{
	return (uint64_t)kind << 56 | (uint64_t)(unsigned)slot << 32 | generation;
}

static int uring_start(struct loop *loop)
{
	struct io_uring *ring = calloc(1, sizeof(*ring));
	int r = -ENOMEM;

	if (!ring)
		return r;
	/*
	 * KERNEL(6.1): DEFER_TASKRUN keeps completions to the moments when they are waited for; older kernels say
	 * EINVAL. SECURITY: without it a completion interrupts whatever this thread waits in as a signal would, and
	 * ADDFD, when it is interrupted, leaves the caller with the result 0 and no descriptor.
	 */
	r = io_uring_queue_init(ENTRIES, ring,
				IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	if (r < 0) {
		free(ring);
		return r;
	}
	/* Spares a look-up of the descriptor on each wait; where it is refused, nothing is lost. */
	io_uring_register_ring_fd(ring);
	loop->state = ring;
	return 0;
}

static void uring_stop(struct loop *loop)
{
	io_uring_queue_exit(loop->state);
	free(loop->state);
}

static struct io_uring_sqe *get_sqe(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (sqe)
		return sqe;
	io_uring_submit(ring);
	return io_uring_get_sqe(ring);
}

static int uring_watch(struct loop *loop, int slot)
{
	struct io_uring_sqe *sqe = get_sqe(loop->state);
	const struct loop_source *source = &loop->sources[slot];

	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, source->fd, (unsigned)source->events);
	io_uring_sqe_set_data64(sqe, pack(KIND_POLL, slot, source->generation));
	return 0;
}

static void uring_unwatch(struct loop *loop, int slot)
{
	struct io_uring_sqe *sqe = get_sqe(loop->state);

	/* Without a free entry the poll stays armed; its generation makes it harmless. */
	if (!sqe)
		return;
	io_uring_prep_poll_remove(sqe, pack(KIND_POLL, slot, loop->sources[slot].generation));
	io_uring_sqe_set_data64(sqe, pack(KIND_NONE, 0, 0));
	/* Submitted at once: the caller may close the descriptor. */
	io_uring_submit(loop->state);
}

static void cancel(struct loop *loop, int operation, enum kind kind)
{
	struct io_uring_sqe *sqe = get_sqe(loop->state);
	uint32_t generation = loop->operations[operation].generation;

	if (!sqe)
		return;
	io_uring_prep_cancel64(sqe, pack(KIND_OPERATION, operation, generation), 0);
	io_uring_sqe_set_data64(sqe, pack(kind, operation, generation));
}

static void uring_cancel(struct loop *loop, int operation)
{
	cancel(loop, operation, KIND_NONE);
}

/*
 * KERNEL: a connect does not look at O_NONBLOCK. So one that must not wait is followed by its own
 * cancellation: by the time that is looked at, it has either come to its end or waits.
 */
static int uring_connect(struct loop *loop, int operation, int fd, const struct sockaddr *address,
			 socklen_t length, bool wait)
{
	struct io_uring_sqe *sqe = get_sqe(loop->state);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_connect(sqe, fd, address, length);
	io_uring_sqe_set_data64(
		sqe, pack(KIND_OPERATION, operation, loop->operations[operation].generation));
	if (!wait)
		cancel(loop, operation, KIND_CANCEL);
	return 0;
}

/*
 * KERNEL: an operation that is being tried again, or that a thread of the kernel carries out, is not
 * found, or not ended at once.
 */
static void cancelled(struct loop *loop, int operation, uint32_t generation, int result)
{
	struct loop_operation *op = &loop->operations[operation];

	if (result == 0 || !op->used || op->generation != generation)
		return;
	op->again = true;
	loop->again_count++;
}

/* After everything else of a turn, since most have ended meanwhile. */
static void cancel_again(struct loop *loop)
{
	for (int i = 0; loop->again_count > 0 && i < LOOP_OPERATIONS; i++) {
		struct loop_operation *op = &loop->operations[i];

		if (!op->again)
			continue;
		op->again = false;
		loop->again_count--;
		if (op->used)
			cancel(loop, i, KIND_CANCEL);
	}
}

/*
 * RACE: a writer makes its bytes or its request visible first and wakes the waiters afterwards. If it is
 * preempted in between, what it wrote may have been read and the source armed again; the late wake-up then
 * completes a poll for which nothing lies there, since the kernel reports the events of the waker and does
 * not look again. Reading the listener or the status pipe would block the loop, for ever if the program
 * itself waits for an answer.
 */
static short look_again(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0 ? pfd.revents : 0;
}

/* Return: 0, or -errno if a source cannot be watched any more: the loop is broken then. */
static int complete(struct loop *loop, uint64_t data, int result)
{
	int slot = (int)(data >> 32 & 0xffffff);
	uint32_t generation = (uint32_t)data;
	short events;

	switch ((enum kind)(data >> 56)) {
	case KIND_POLL:
		if (result == -ECANCELED)
			break;
		/* A source that is gone has no descriptor any more; its number may be another's. */
		if (loop->sources[slot].fd < 0 || loop->sources[slot].generation != generation)
			break;
		events = result < 0 ? POLLERR : (short)result;
		/* Other events are told once. */
		if (events == POLLIN)
			events = look_again(loop->sources[slot].fd);
		if (events)
			loop_ready(loop, slot, generation, events);
		if (loop->sources[slot].fd >= 0 && loop->sources[slot].generation == generation)
			return uring_watch(loop, slot);
		break;
	case KIND_OPERATION:
		loop_done(loop, slot, generation, result);
		break;
	case KIND_CANCEL:
		cancelled(loop, slot, generation, result);
		break;
	case KIND_NONE:
		break;
	}
	return 0;
}

static int uring_wait(struct loop *loop)
{
	struct io_uring *ring = loop->state;
	struct io_uring_cqe *cqe;
	int r = io_uring_submit_and_wait(ring, 1);

	if (r < 0)
		return r == -EINTR || r == -EBUSY ? 0 : r;
	while (io_uring_peek_cqe(ring, &cqe) == 0) {
		uint64_t data = cqe->user_data;
		int result = cqe->res;

		io_uring_cqe_seen(ring, cqe);
		r = complete(loop, data, result);
		if (r < 0)
			return r;
	}
	cancel_again(loop);
	return 0;
}

const struct loop_backend loop_uring = {
	.name = "io_uring",
	.start = uring_start,
	.stop = uring_stop,
	.watch = uring_watch,
	.unwatch = uring_unwatch,
	.wait = uring_wait,
	.connect = uring_connect,
	.cancel = uring_cancel,
};
