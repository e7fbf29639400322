/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop, on both back ends. */
#include "supervisor/loop.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void count(void *arg, short events)
{
	(void)events;
	++*(int *)arg;
}

struct clearing {
	int fd, calls;
};

static void clear(void *arg, short events)
{
	struct clearing *clearing = arg;
	uint64_t value;

	(void)events;
	clearing->calls++;
	cr_assert_eq(read(clearing->fd, &value, sizeof(value)), (ssize_t)sizeof(value));
}

static void up(int fd)
{
	static const uint64_t one = 1;

	cr_assert_eq(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

/*
 * What a function reads may block. It must not be called for what somebody else, or itself a moment ago,
 * has read already, although the kernel has been told of the arrival.
 */
static void a_late_wake_up(bool allow_uring)
{
	int watched = eventfd(0, EFD_CLOEXEC), calls = 0;
	struct clearing other = { eventfd(0, EFD_CLOEXEC), 0 };
	struct loop *loop;
	uint64_t value;

	cr_assert_eq(loop_new(allow_uring, &loop), 0);
	cr_assert_geq(loop_add(loop, watched, count, &calls), 0);
	cr_assert_geq(loop_add(loop, other.fd, clear, &other), 0);
	/* Both are armed by the first turn. */
	up(other.fd);
	while (other.calls < 1)
		cr_assert_eq(loop_run_once(loop), 0);
	up(watched);
	cr_assert_eq(read(watched, &value, sizeof(value)), (ssize_t)sizeof(value));
	up(other.fd);
	while (other.calls < 2)
		cr_assert_eq(loop_run_once(loop), 0);
	cr_expect_eq(calls, 0);
	/* It is still watched. */
	up(watched);
	while (calls == 0)
		cr_assert_eq(loop_run_once(loop), 0);
	loop_free(loop);
	close(watched);
	close(other.fd);
}

Test(loop, a_late_wake_up_is_no_arrival, .timeout = 30)
{
	a_late_wake_up(true);
}

Test(loop, a_late_wake_up_is_no_arrival_on_poll, .timeout = 30)
{
	a_late_wake_up(false);
}
