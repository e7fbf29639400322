/* SPDX-License-Identifier: Apache-2.0 */
/* Which descriptors a program gets, and what a shared table does to the host's. */
#include "base/cleanup.h"
#include "run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static char probe[] = PROBE;

/* The numbers that probe lists, in order, separated by commas. */
static void listed(const char *text, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (const char *at = text; (at = strstr(at, "\nfd:")); at++)
		used += (size_t)snprintf(ret + used, size - used, "%d,", atoi(at + 4));
}

static void open_many(int count)
{
	struct rlimit limit;
	sigset_t none;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	sigemptyset(&none);
	for (int i = 0; i < count; i++) {
		int fd = -1;

		switch (i % 5) {
		case 0:
			fd = open("/", O_RDONLY | O_DIRECTORY);
			break;
		case 1:
			fd = socket(AF_UNIX, SOCK_STREAM, 0);
			break;
		case 2:
			fd = signalfd(-1, &none, 0);
			break;
		case 3:
			fd = timerfd_create(CLOCK_MONOTONIC, 0);
			break;
		default:
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
			break;
		}
		cr_assert_geq(fd, 0);
	}
}

static void only_the_kept(bool share_files)
{
	const int keep[] = { 57, 200, 901 };
	struct spawn_plan plan = plan_for((char *[]){ probe, "status", NULL });
	struct result result = { 0 };
	char *text, numbers[512];

	open_many(1000);
	plan.keep_fds = keep;
	plan.keep_fd_count = COUNT_OF(keep);
	plan.share_files = share_files;
	text = probe_output(&plan, &result);
	listed(text, numbers, sizeof(numbers));
	cr_expect_str_eq(numbers, "0,1,2,57,200,901,", "%s", text);
	cr_expect_not(strstr(text, "cloexec"));
	/* The host's own are as they were. */
	cr_expect_geq(fcntl(900, F_GETFD), 0);
	for (int i = 0; i < (int)COUNT_OF(keep); i++)
		cr_expect_geq(fcntl(keep[i], F_GETFD), 0);
	free(text);
	plan_done(&plan);
}

Test(fds, only_the_kept_arrive, .timeout = 20)
{
	only_the_kept(false);
}

Test(fds, only_the_kept_arrive_from_a_shared_table, .timeout = 20)
{
	only_the_kept(true);
}

Test(fds, a_closed_standard_stream_stays_closed, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ probe, "status", NULL });
	struct result result = { 0 };
	char *text, numbers[64];

	close(0);
	text = probe_output(&plan, &result);
	listed(text, numbers, sizeof(numbers));
	cr_expect_str_eq(numbers, "1,2,", "%s", text);
	free(text);
	plan_done(&plan);
}

Test(fds, a_limit_below_the_open_ones_holds, .timeout = 20)
{
	const struct plan_rlimit limit = { RLIMIT_NOFILE, { 3, 3 } };
	struct spawn_plan plan = plan_for((char *[]){ probe, "status", NULL });
	struct result result = { 0 };
	char *text;

	open_many(300);
	plan.rlimits = &limit;
	plan.rlimit_count = 1;
	text = probe_output(&plan, &result);
	cr_expect_eq(result.wait_status, 0);
	cr_expect(strstr(text, "\nrlimit_7:3 3\n"));
	free(text);
	plan_done(&plan);
}

/* --- assignments ------------------------------------------------------------------------------ */

#define MARKED 24

/* Descriptors `from` on hold files that can be told apart by their length. */
static void open_marked(int from, int count)
{
	for (int i = 0; i < count; i++) {
		char name[] = "/tmp/cordon-fds-XXXXXX";
		int fd = mkostemp(name, O_CLOEXEC);

		cr_assert_geq(fd, 0);
		unlink(name);
		cr_assert_eq(ftruncate(fd, from + i), 0);
		if (fd != from + i) {
			cr_assert_eq(dup3(fd, from + i, O_CLOEXEC), from + i);
			close(fd);
		}
	}
}

/* Which marked file each descriptor of the program is, as "3=7,7=3,". */
static void assigned(const struct plan_fd_op *ops, size_t count, bool share_files, char *ret,
		     size_t size)
{
	int early[PLAN_FD_OPS_MAX], keep[PLAN_FD_OPS_MAX], reader, ends[2];
	size_t early_count = 0, keep_count = 0;
	char script[] =
		"for f in /proc/self/fd/*; do n=${f##*/}; [ $n -gt 2 ] && [ $n -lt 100 ] && "
		"s=$(stat -Lc %s $f 2>/dev/null) && printf '%s=%s,' $n $s; done >&2";
	struct spawn_plan plan = plan_for((char *[]){ "/bin/sh", "-c", script, NULL });
	struct result result = { 0 };
	struct spawned spawned;
	ssize_t n, used = 0;
	int saved = fcntl(2, F_DUPFD_CLOEXEC, 200);

	for (int fd = 3; fd < 100; fd++) {
		for (size_t i = 0; i < count; i++) {
			if (ops[i].source == fd &&
			    (early_count == 0 || early[early_count - 1] != fd))
				early[early_count++] = fd;
			if (ops[i].target == fd && ops[i].source >= 0)
				keep[keep_count++] = fd;
		}
	}
	plan.fd_ops = ops;
	plan.fd_op_count = count;
	plan.early_fds = early;
	plan.early_fd_count = early_count;
	plan.keep_fds = keep;
	plan.keep_fd_count = keep_count;
	plan.share_files = share_files;
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	reader = fcntl(ends[0], F_DUPFD_CLOEXEC, 200);
	close(ends[0]);
	dup2(ends[1], 2);
	close(ends[1]);
	spawned = start(&plan);
	go(&plan, &spawned, &result);
	dup2(saved, 2);
	close(saved);
	while ((n = read(reader, ret + used, size - 1 - (size_t)used)) > 0)
		used += n;
	ret[used] = '\0';
	close(reader);
	finish(&spawned, &result);
	plan_done(&plan);
}

static void expect_assigned(const struct plan_fd_op *ops, size_t count, bool share_files)
{
	int has[100] = { 0 }, wanted[100] = { 0 }, fd, size, length;
	char got[1024];

	assigned(ops, count, share_files, got, sizeof(got));
	for (const char *at = got; sscanf(at, "%d=%d,%n", &fd, &size, &length) == 2; at += length)
		has[fd] = size;
	for (size_t i = 0; i < count; i++)
		if (ops[i].source >= 0)
			wanted[ops[i].target] = ops[i].source;
	for (fd = 3; fd < 100; fd++)
		cr_expect_eq(has[fd], wanted[fd], "descriptor %d: %d, wanted %d", fd, has[fd],
			     wanted[fd]);
}

Test(fds, every_order_of_four, .timeout = 120)
{
	open_marked(60, 4);
	for (int order = 0; order < 24; order++) {
		struct plan_fd_op ops[4];
		int left[4] = { 60, 61, 62, 63 }, rest = order;

		for (int i = 0; i < 4; i++) {
			int pick = rest % (4 - i);

			rest /= 4 - i;
			ops[i] = (struct plan_fd_op){ 60 + i, left[pick] };
			memmove(&left[pick], &left[pick + 1], (size_t)(3 - pick) * sizeof(int));
		}
		expect_assigned(ops, 4, order % 2);
	}
}

Test(fds, cycles_with_holes_and_closings, .timeout = 60)
{
	static const struct plan_fd_op cycle[] = {
		{ 45, 57 }, { 57, 63 }, { 63, 45 }, { 48, -1 }, { 99, -1 },
	};
	static const struct plan_fd_op self[] = { { 45, 45 }, { 46, 45 }, { 47, 46 } };

	open_marked(45, 19);
	expect_assigned(cycle, COUNT_OF(cycle), false);
	expect_assigned(cycle, COUNT_OF(cycle), true);
	expect_assigned(self, COUNT_OF(self), false);
}

/* The numbers 3 to 20 are where our own pipes and sockets lie. */
Test(fds, numbers_of_our_own_descriptors, .timeout = 60)
{
	struct plan_fd_op ops[18];

	open_marked(40, 18);
	for (int i = 0; i < 18; i++)
		ops[i] = (struct plan_fd_op){ 3 + i, 40 + (i * 5) % 18 };
	expect_assigned(ops, COUNT_OF(ops), false);
	expect_assigned(ops, COUNT_OF(ops), true);
}

Test(fds, random_assignments, .timeout = 120)
{
	srand(1);
	open_marked(60, MARKED);
	for (int round = 0; round < 60; round++) {
		struct plan_fd_op ops[12];
		bool used[100] = { false };

		for (size_t i = 0; i < COUNT_OF(ops); i++) {
			int target;

			do {
				target = 3 + rand() % 60;
			} while (used[target]);
			used[target] = true;
			ops[i] = (struct plan_fd_op){ target, 60 + rand() % MARKED };
		}
		expect_assigned(ops, COUNT_OF(ops), round % 2);
	}
}

Test(fds, a_source_that_is_not_open_is_an_error, .timeout = 20)
{
	static const struct plan_fd_op op = { 5, 77 };
	const int early[] = { 77 };
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	struct spawned spawned = SPAWNED_INIT;

	plan.fd_ops = &op;
	plan.fd_op_count = 1;
	plan.early_fds = early;
	plan.early_fd_count = 1;
	cr_expect_eq(spawn_start(&plan, &spawned, NULL), -EBADF);
	plan_done(&plan);
}

static volatile bool stop;

static void *open_and_close(void *arg)
{
	size_t lost = 0;

	(void)arg;
	while (!stop) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		/* A descriptor that somebody else closed would be missing here. */
		if (fd < 0 || close(fd) < 0)
			lost++;
	}
	return (void *)lost;
}

Test(fds, a_shared_table_loses_nothing_of_busy_threads, .timeout = 60)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	pthread_t threads[2];
	void *lost;

	plan.share_files = true;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, open_and_close, NULL);
	for (int i = 0; i < 150; i++)
		cr_expect_eq(run(&plan).wait_status, 0);
	stop = true;
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], &lost);
		cr_expect_null(lost);
	}
	plan_done(&plan);
}
