/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams that the host has in its hands, through the public functions. */
#include <cordon/cordon.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	    (1024ul * 1024)

/* What came, in the order in which it came. */
struct seen {
	char *bytes[3]; /* by stream */
	size_t length[3], largest;
	bool ended, late; /* late: output after the end */
	unsigned limits;
};

static void on_output(int stream, const char *bytes, size_t length, void *arg)
{
	struct seen *seen = arg;

	seen->late |= seen->ended;
	seen->largest = length > seen->largest ? length : seen->largest;
	seen->bytes[stream] = realloc(seen->bytes[stream], seen->length[stream] + length + 1);
	memcpy(seen->bytes[stream] + seen->length[stream], bytes, length);
	seen->length[stream] += length;
	seen->bytes[stream][seen->length[stream]] = '\0';
}

static void on_event(const struct cordon_event *event, void *arg)
{
	struct seen *seen = arg;

	seen->ended |= event->kind == CORDON_EVENT_END;
	seen->limits += event->kind == CORDON_EVENT_LIMIT;
}

static cordon_sandbox *sandbox_new(const struct cordon_options *options, const char *limit)
{
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	cordon_policy *policy;

	cr_assert_eq(cordon_policy_new(NULL, &policy, &error), 0);
	cr_assert_eq(cordon_policy_add(policy, "base", &error), 0, "%s", error.text);
	cr_assert_eq(cordon_policy_set(policy, "filesystem.read", "/", &error), 0);
	if (limit)
		cr_assert_eq(cordon_policy_set(policy, "limits.output", limit, &error), 0);
	cr_assert_eq(cordon_sandbox_new(policy, options, &sandbox, &error), 0, "%s", error.text);
	cordon_policy_free(policy);
	return sandbox;
}

static void start(cordon_sandbox *sandbox, const char *script)
{
	char shell[] = "/bin/sh", c[] = "-c", text[1024];
	char *const argv[] = { shell, c, text, NULL };
	struct cordon_error error = { 0 };

	snprintf(text, sizeof(text), "%s", script);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
}

static struct cordon_result finish(cordon_sandbox *sandbox)
{
	struct cordon_result result = { .size = sizeof(result) };

	cr_assert_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
	return result;
}

static struct cordon_options both_pipes(struct seen *seen)
{
	return (struct cordon_options){ .size = sizeof(struct cordon_options),
					.on_event = on_event,
					.event_arg = seen,
					.stream[0].kind = CORDON_STREAM_NULL,
					.stream[1].kind = CORDON_STREAM_PIPE,
					.stream[2].kind = CORDON_STREAM_PIPE,
					.on_output = seen ? on_output : NULL,
					.output_arg = seen };
}

static const char *kept(const cordon_sandbox *sandbox, int stream)
{
	static char text[4096];
	const char *bytes;
	size_t length;

	cr_assert_eq(cordon_sandbox_output(sandbox, stream, &bytes, &length), 0);
	cr_assert_lt(length, sizeof(text));
	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

Test(streams, output_is_kept, .timeout = 60)
{
	struct cordon_options options = both_pipes(NULL);
	cordon_sandbox *sandbox;
	struct cordon_result result;

	options.on_event = NULL;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "echo one; echo two >&2; read x; echo $?");
	result = finish(sandbox);
	cr_expect_str_eq(kept(sandbox, 1), "one\n1\n");
	cr_expect_str_eq(kept(sandbox, 2), "two\n");
	cr_expect(result.stdout_bytes == 6 && result.stderr_bytes == 4 && !result.truncated);
	cordon_sandbox_free(sandbox);
}

/* Ten mebibytes that no line discipline and no text would survive, on both streams. */
Test(streams, bytes_arrive_exactly_and_the_end_is_last, .timeout = 120)
{
	struct seen seen = { 0 };
	struct cordon_options options = both_pipes(&seen);
	char *random = malloc(10 * MIB);
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	cordon_sandbox *sandbox;

	for (size_t done = 0; done < 10 * MIB;) {
		ssize_t n = read(fd, random + done, 10 * MIB - done);

		cr_assert_gt(n, 0);
		done += (size_t)n;
	}
	close(fd);
	options.stream[0] = (struct cordon_stream){ .kind = CORDON_STREAM_BYTES,
						    .bytes = random,
						    .length = 10 * MIB };
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "exec tee /dev/fd/2");
	cr_expect_eq(finish(sandbox).status, 0);
	for (int i = 1; i <= 2; i++) {
		cr_expect_eq(seen.length[i], 10 * MIB);
		cr_expect(seen.length[i] == 10 * MIB &&
			  memcmp(seen.bytes[i], random, 10 * MIB) == 0);
		free(seen.bytes[i]);
	}
	cr_expect(seen.ended && !seen.late && seen.largest <= 65536);
	cordon_sandbox_free(sandbox);
	free(random);
}

Test(streams, a_flood_is_dropped_and_counted, .timeout = 120)
{
	struct seen seen = { 0 };
	struct cordon_options options = both_pipes(&seen);
	cordon_sandbox *sandbox = sandbox_new(&options, "1M");
	struct cordon_result result;
	char *report;

	/* The status is that of yes, and so tells of a broken pipe. */
	start(sandbox, "head -c 1048000 /dev/zero >&2; head -c 20M /dev/zero; echo end >&2");
	result = finish(sandbox);
	cr_expect_eq(result.status, 0);
	cr_expect_eq(result.reason, CORDON_EXITED);
	cr_expect_eq(seen.length[1] + seen.length[2], MIB);
	cr_expect_eq(result.stdout_bytes, 20 * MIB);
	cr_expect_eq(result.stderr_bytes, 1048004u);
	cr_expect_eq(result.stdout_dropped + result.stderr_dropped, 20 * MIB + 1048004 - MIB);
	cr_expect(result.truncated);
	cr_expect_eq(result.limits_hit, 1u << CORDON_LIMIT_OUTPUT);
	cr_expect_eq(seen.limits, 1u);
	cr_assert_eq(cordon_sandbox_report(sandbox, &report, NULL), 0);
	cr_expect_not_null(strstr(report, "\"truncated\": true"));
	free(report);
	cordon_sandbox_free(sandbox);
	free(seen.bytes[1]);
	free(seen.bytes[2]);
}

Test(streams, a_limit_that_nothing_holds_is_refused)
{
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	cordon_policy *policy;

	cr_assert_eq(cordon_policy_new(NULL, &policy, &error), 0);
	cr_assert_eq(cordon_policy_set(policy, "limits.output", "1M", &error), 0);
	cr_expect_eq(cordon_sandbox_new(policy, NULL, &sandbox, &error), -EOPNOTSUPP);
	cr_expect_not_null(strstr(error.text, "limits.output"));
	cr_expect_null(sandbox);
	cordon_policy_free(policy);
}

Test(streams, a_daemon_that_holds_the_pipe_is_ended, .timeout = 60)
{
	struct cordon_options options = both_pipes(NULL);
	cordon_sandbox *sandbox;
	struct cordon_result result;

	options.on_event = NULL;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "(setsid sleep 1000 & ) ; echo up");
	result = finish(sandbox);
	cr_expect_eq(result.status, 0);
	cr_expect(!result.truncated);
	cr_expect_str_eq(kept(sandbox, 1), "up\n");
	cordon_sandbox_free(sandbox);
}

/* Somebody outside holds the pipe: he is waited for a while, and the run is over all the same. */
Test(streams, an_outsider_who_holds_the_pipe_does_not_block_the_end, .timeout = 60)
{
	struct seen seen = { 0 };
	struct cordon_options options = both_pipes(&seen);
	cordon_sandbox *sandbox;
	struct cordon_result result;
	char path[64];
	int held;

	options.stream[0].kind = CORDON_STREAM_PIPE;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "read x; echo up");
	snprintf(path, sizeof(path), "/proc/%d/fd/1", cordon_sandbox_pid(sandbox));
	held = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_geq(held, 0);
	cr_expect_eq(cordon_sandbox_close_input(sandbox), 0);
	result = finish(sandbox);
	cr_expect(result.truncated && result.status == 0);
	cr_expect(seen.ended && !seen.late);
	cr_expect_str_eq(seen.bytes[1], "up\n");
	close(held);
	cordon_sandbox_free(sandbox);
	free(seen.bytes[1]);
}

Test(streams, input_is_fed, .timeout = 60)
{
	struct cordon_options options = both_pipes(NULL);
	cordon_sandbox *sandbox;

	options.on_event = NULL;
	options.stream[0].kind = CORDON_STREAM_PIPE;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "read a; echo got $a; read b; echo got $b; cat");
	cr_expect_eq(cordon_sandbox_write(sandbox, "one\n", 4), 4);
	cr_expect_eq(cordon_sandbox_write(sandbox, "two\nrest", 8), 8);
	cr_expect_eq(cordon_sandbox_close_input(sandbox), 0);
	cr_expect_eq(cordon_sandbox_write(sandbox, "x", 1), -EPIPE);
	finish(sandbox);
	cr_expect_str_eq(kept(sandbox, 1), "got one\ngot two\nrest");
	cordon_sandbox_free(sandbox);
}

Test(streams, a_reader_that_has_gone_raises_no_signal, .timeout = 60)
{
	struct cordon_options options = both_pipes(NULL);
	char *much = calloc(1, 10 * MIB);
	cordon_sandbox *sandbox;
	sigset_t pending;

	options.on_event = NULL;
	options.stream[0].kind = CORDON_STREAM_PIPE;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "exit 3");
	/* SIGPIPE has its default disposition here: it would end the test. */
	cr_expect_eq(finish(sandbox).status, 3);
	cr_expect_eq(cordon_sandbox_write(sandbox, much, 10 * MIB), -EPIPE);
	sigpending(&pending);
	cr_expect(!sigismember(&pending, SIGPIPE));
	cordon_sandbox_free(sandbox);
	/* Nor does what lies in memory. */
	options.stream[0] = (struct cordon_stream){ .kind = CORDON_STREAM_BYTES,
						    .bytes = much,
						    .length = 10 * MIB };
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "exit 4");
	cr_expect_eq(finish(sandbox).status, 4);
	cordon_sandbox_free(sandbox);
	free(much);
}

Test(streams, each_kind, .timeout = 60)
{
	struct cordon_options options = { .size = sizeof(options),
					  .stream[0].kind = CORDON_STREAM_BYTES,
					  .stream[1].kind = CORDON_STREAM_PIPE,
					  .stream[2].kind = CORDON_STREAM_STDOUT };
	char name[] = "/tmp/cordon-test-streams-XXXXXX", text[64];
	int fd = mkostemp(name, O_CLOEXEC);
	cordon_sandbox *sandbox;
	ssize_t n;

	cr_assert_geq(fd, 0);
	unlink(name);
	options.stream[0].bytes = "input";
	options.stream[0].length = 5;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "cat; echo error >&2; echo output");
	finish(sandbox);
	cr_expect_str_eq(kept(sandbox, 1), "inputerror\noutput\n");
	cordon_sandbox_free(sandbox);
	options.stream[0] = (struct cordon_stream){ .kind = CORDON_STREAM_NULL };
	options.stream[1] = (struct cordon_stream){ .kind = CORDON_STREAM_FD, .fd = fd };
	options.stream[2] = (struct cordon_stream){ .kind = CORDON_STREAM_PIPE };
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "cat; echo file; ls -l /proc/self/fd/0 | grep -c /dev/null >&2; ls "
		       "/proc/self/fd >&2");
	finish(sandbox);
	/* 3 is the directory that ls itself reads. */
	cr_expect_str_eq(kept(sandbox, 2), "1\n0\n1\n2\n3\n");
	n = pread(fd, text, sizeof(text) - 1, 0);
	cr_assert_eq(n, 5);
	cr_expect_eq(memcmp(text, "file\n", 5), 0);
	cordon_sandbox_free(sandbox);
	close(fd);
}

Test(streams, the_wrong_kind_is_an_error)
{
	static const struct cordon_stream rows[][3] = {
		{ { .kind = CORDON_STREAM_STDOUT } },
		{ { 0 }, { .kind = CORDON_STREAM_STDOUT } },
		{ { 0 }, { .kind = CORDON_STREAM_BYTES, .bytes = "", .length = 0 } },
		{ { .kind = CORDON_STREAM_TERMINAL } },
		{ { .kind = CORDON_STREAM_FD, .fd = 987 } },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cordon_options options = { .size = sizeof(options) };
		struct cordon_error error = { 0 };
		cordon_sandbox *sandbox = NULL;
		cordon_policy *policy;
		int r;

		memcpy(options.stream, rows[i], sizeof(rows[i]));
		cr_assert_eq(cordon_policy_new(NULL, &policy, &error), 0);
		cr_assert_eq(cordon_policy_add(policy, "base", &error), 0);
		r = cordon_sandbox_new(policy, &options, &sandbox, &error);
		cr_expect(r == -EINVAL || r == -EBADF, "row %zu: %d", i, r);
		cr_expect_null(sandbox);
		cordon_policy_free(policy);
	}
}

static void await_text(cordon_sandbox *sandbox, const struct seen *seen, const char *text)
{
	struct pollfd fd = { .fd = cordon_sandbox_fd(sandbox), .events = POLLIN };

	while (!seen->bytes[1] || !strstr(seen->bytes[1], text)) {
		cr_assert_eq(poll(&fd, 1, 30000), 1, "waited in vain for %s", text);
		cr_assert_eq(cordon_sandbox_dispatch(sandbox), 0, "ended before %s", text);
	}
}

Test(streams, a_terminal_of_its_own, .timeout = 60)
{
	struct seen seen = { 0 };
	struct cordon_options options = { .size = sizeof(options),
					  .on_event = on_event,
					  .event_arg = &seen,
					  .on_output = on_output,
					  .output_arg = &seen };
	cordon_sandbox *sandbox;

	for (int i = 0; i < 3; i++)
		options.stream[i].kind = CORDON_STREAM_TERMINAL;
	options.stream[0].rows = 11;
	options.stream[0].columns = 22;
	sandbox = sandbox_new(&options, NULL);
	start(sandbox, "tty; stty size; (: >/dev/tty) && echo controlled; read go;"
		       "stty size; echo error >&2; exit 5");
	await_text(sandbox, &seen, "controlled");
	cr_expect_eq(cordon_sandbox_resize(sandbox, 33, 44), 0);
	cr_expect_eq(cordon_sandbox_write(sandbox, "go\n", 3), 3);
	cr_expect_eq(finish(sandbox).status, 5);
	cr_expect_not_null(strstr(seen.bytes[1], "/dev/pts/"), "%s", seen.bytes[1]);
	cr_expect_not_null(strstr(seen.bytes[1], "11 22\r\n"), "%s", seen.bytes[1]);
	cr_expect_not_null(strstr(seen.bytes[1], "33 44\r\n"), "%s", seen.bytes[1]);
	cr_expect_not_null(strstr(seen.bytes[1], "error\r\n"), "%s", seen.bytes[1]);
	cr_expect(seen.ended && !seen.late);
	cordon_sandbox_free(sandbox);
	free(seen.bytes[1]);
}

/* The end of one is not held up by the other, which was started while the first ran. */
Test(streams, siblings_do_not_hold_each_others_pipes, .timeout = 60)
{
	struct seen one = { 0 }, two = { 0 };
	struct cordon_options first = both_pipes(&one), second = both_pipes(&two);
	cordon_sandbox *a, *b;

	first.stream[0].kind = second.stream[0].kind = CORDON_STREAM_PIPE;
	a = sandbox_new(&first, NULL);
	start(a, "read x; echo a");
	b = sandbox_new(&second, NULL);
	start(b, "read x; echo b");
	cr_expect_eq(cordon_sandbox_close_input(a), 0);
	cr_expect(!finish(a).truncated);
	cr_expect_str_eq(one.bytes[1], "a\n");
	cr_expect_eq(cordon_sandbox_close_input(b), 0);
	cr_expect(!finish(b).truncated);
	cordon_sandbox_free(a);
	cordon_sandbox_free(b);
	free(one.bytes[1]);
	free(two.bytes[1]);
}
