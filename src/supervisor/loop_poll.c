/* SPDX-License-Identifier: Apache-2.0 */
/* The loop on poll(2): for hosts that refuse io_uring, which the default profile of containers
 * does. */
#include "supervisor/loop_backend.h"

#include <errno.h>
#include <poll.h>

static int poll_start(struct loop *loop)
{
	(void)loop;
	return 0;
}

static void poll_stop(struct loop *loop)
{
	(void)loop;
}

static int poll_watch(struct loop *loop, int slot)
{
	(void)loop;
	(void)slot;
	return 0;
}

static void poll_unwatch(struct loop *loop, int slot)
{
	(void)loop;
	(void)slot;
}

static int poll_wait(struct loop *loop)
{
	struct pollfd fds[LOOP_SOURCES];
	int slots[LOOP_SOURCES];
	uint32_t generations[LOOP_SOURCES];
	nfds_t count = 0;
	int r;

	for (int i = 0; i < LOOP_SOURCES; i++) {
		if (loop->sources[i].fd < 0)
			continue;
		fds[count] = (struct pollfd){ .fd = loop->sources[i].fd,
					      .events = loop->sources[i].events };
		slots[count] = i;
		generations[count++] = loop->sources[i].generation;
	}
	r = poll(fds, count, -1);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].revents)
			loop_ready(loop, slots[i], generations[i], fds[i].revents);
	return 0;
}

const struct loop_backend loop_poll = {
	.name = "poll",
	.start = poll_start,
	.stop = poll_stop,
	.watch = poll_watch,
	.unwatch = poll_unwatch,
	.wait = poll_wait,
};
