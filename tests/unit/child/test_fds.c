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
