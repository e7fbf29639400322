/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop on io_uring: a poll for each source, armed anew after each report, and connects as operations.
 *
 * Not multishot: such a poll tells of arrivals, also of those that have been served meanwhile, while one
 * that is armed looks at what is there. Arming costs no call of its own; it goes along with the wait.
 *
 * user_data of an entry: kind in the top byte, slot in the next three, generation in the low word.
 */
#include "supervisor/loop_backend.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

#define ENTRIES 32

enum kind { KIND_NONE, KIND_POLL, KIND_OPERATION };

static uint64_t pack(enum kind kind, int slot, uint32_t generation)
{
	return (uint64_t)kind << 56 | (uint64_t)(unsigned)slot << 32 | generation;
}

static int uring_start(struct loop *loop)
{
	/* KERNEL(6.1): DEFER_TASKRUN keeps completions on this thread; older kernels say EINVAL. */
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		0,
	};
	struct io_uring *ring = calloc(1, sizeof(*ring));
	int r = -ENOMEM;

	if (!ring)
		return r;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		r = io_uring_queue_init(ENTRIES, ring, flags[i]);
		if (r != -EINVAL)
			break;
	}
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
	io_uring_prep_poll_add(sqe, source->fd, POLLIN);
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

static int uring_connect(struct loop *loop, int operation, int fd, const struct sockaddr *address,
			 socklen_t length)
{
	struct io_uring_sqe *sqe = get_sqe(loop->state);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_connect(sqe, fd, address, length);
	io_uring_sqe_set_data64(
		sqe, pack(KIND_OPERATION, operation, loop->operations[operation].generation));
	return 0;
}

static void uring_cancel(struct loop *loop, int operation)
{
	struct io_uring_sqe *sqe = get_sqe(loop->state);

	if (!sqe)
		return;
	io_uring_prep_cancel64(
		sqe, pack(KIND_OPERATION, operation, loop->operations[operation].generation), 0);
	io_uring_sqe_set_data64(sqe, pack(KIND_NONE, 0, 0));
}

/* Return: 0, or -errno if a source cannot be watched any more: the loop is broken then. */
static int complete(struct loop *loop, uint64_t data, int result)
{
	int slot = (int)(data >> 32 & 0xffffff);
	uint32_t generation = (uint32_t)data;

	switch ((enum kind)(data >> 56)) {
	case KIND_POLL:
		if (result == -ECANCELED)
			break;
		loop_ready(loop, slot, generation, (short)(result < 0 ? POLLERR : result));
		if (loop->sources[slot].fd >= 0 && loop->sources[slot].generation == generation)
			return uring_watch(loop, slot);
		break;
	case KIND_OPERATION:
		loop_done(loop, slot, generation, result);
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
