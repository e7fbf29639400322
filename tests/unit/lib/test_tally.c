/* SPDX-License-Identifier: Apache-2.0 */
/* Counted denials and the events file. */
#include "lib/events_file.h"
#include "lib/tally.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct cordon_event denial(const char *operation, const char *target)
{
	return (struct cordon_event){ .size = sizeof(struct cordon_event),
				      .kind = CORDON_EVENT_DENIED,
				      .operation = operation,
				      .target = target,
				      .realtime_ns = 5 };
}

Test(tally, equal_denials_are_counted)
{
	struct tally tally = { 0 };
	struct cordon_event read = denial("read", "/a"), write = denial("write", "/a");
	struct cordon_event ruled = read, other = read;
	json_t *json;

	ruled.rule_key = "filesystem.deny";
	other.kind = CORDON_EVENT_FAILED;
	for (int i = 0; i < 1000; i++)
		tally_add(&tally, &read);
	tally_add(&tally, &write);
	tally_add(&tally, &ruled);
	tally_add(&tally, &other);
	json = tally_json(&tally);
	cr_assert_eq(json_array_size(json), 3);
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(json, 0), "count")), 1000);
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(json, 1), "count")), 1);
	json_decref(json);
	tally_done(&tally);
}

Test(tally, is_bounded)
{
	struct tally tally = { 0 };

	for (int i = 0; i < 1000; i++) {
		char name[16];
		struct cordon_event event;

		snprintf(name, sizeof(name), "/%d", i);
		event = denial("read", name);
		tally_add(&tally, &event);
	}
	cr_expect_eq(tally.count, TALLY_MAX);
	cr_expect_eq(tally.others, 1000 - TALLY_MAX);
	tally_done(&tally);
}

Test(events_file, one_line_for_each_event)
{
	struct events_file file;
	struct cordon_event event = denial("read", "/a\n/b");
	char name[20], bytes[4096];
	int pipe_fds[2];
	ssize_t n;

	cr_assert_eq(pipe(pipe_fds), 0);
	snprintf(name, sizeof(name), "fd:%d", pipe_fds[1]);
	cr_assert_eq(events_file_open(&file, name, NULL), 0);
	close(pipe_fds[1]);
	for (int i = 0; i < 3; i++) {
		events_file_write(&file, &event);
		n = read(pipe_fds[0], bytes, sizeof(bytes));
		cr_assert_gt(n, 10);
		cr_assert_eq(memchr(bytes, '\n', (size_t)n), bytes + n - 1);
	}
	cr_expect(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	events_file_done(&file);
	cr_expect_eq(read(pipe_fds[0], bytes, sizeof(bytes)), 0, "the copy is closed");
}

Test(events_file, a_reader_that_is_gone_ends_nobody)
{
	struct events_file file;
	struct cordon_event event = denial("read", "/a");
	sigset_t pending;
	char name[20];
	int pipe_fds[2];

	cr_assert_eq(pipe(pipe_fds), 0);
	snprintf(name, sizeof(name), "fd:%d", pipe_fds[1]);
	cr_assert_eq(events_file_open(&file, name, NULL), 0);
	close(pipe_fds[0]);
	signal(SIGPIPE, SIG_DFL);
	events_file_write(&file, &event);
	cr_expect_eq(file.error, EPIPE);
	sigpending(&pending);
	cr_expect_eq(sigismember(&pending, SIGPIPE), 0);
	events_file_done(&file);
}

Test(events_file, a_long_event_is_whole)
{
	static char target[5000], bytes[20000];
	struct events_file file;
	struct cordon_event event = denial("read", target);
	char name[20];
	int pipe_fds[2];
	ssize_t n;

	memset(target, 'x', sizeof(target) - 1);
	event.given = target;
	cr_assert_eq(pipe(pipe_fds), 0);
	snprintf(name, sizeof(name), "fd:%d", pipe_fds[1]);
	cr_assert_eq(events_file_open(&file, name, NULL), 0);
	events_file_write(&file, &event);
	n = read(pipe_fds[0], bytes, sizeof(bytes));
	cr_expect_gt(n, 8192);
	cr_expect_eq(bytes[n - 1], '\n');
	events_file_done(&file);
}

Test(events_file, bad_targets)
{
	static const char *const targets[] = { "fd:", "fd:x", "fd:-1", "fd:999999",
					       "/nonexistent/x" };
	struct cordon_error error;
	struct events_file file;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		cr_expect_lt(events_file_open(&file, targets[i], &error), 0, "%s", targets[i]);
		cr_expect_eq(strncmp(error.text, "report.events: ", 15), 0, "%s", error.text);
		cr_expect_eq(file.fd, -1);
	}
}
