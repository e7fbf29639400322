/* SPDX-License-Identifier: Apache-2.0 */
/* What a host asks a running sandbox, and tells it: namespaces, other limits. */
#include "library.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A shell line that says a line when it is ready; returns then. */
static cordon_sandbox *start(const char *rules, const char *line)
{
	struct cordon_options options = { .size = sizeof(options) };
	char shell[] = "/bin/sh", c[] = "-c", text[256];
	char *const argv[] = { shell, c, text, NULL };
	cordon_policy *policy = base_and(rules, NULL);
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;
	int ends[2];
	char byte;

	cr_assert_eq(pipe(ends), 0);
	options.stream[1].kind = CORDON_STREAM_FD;
	options.stream[1].fd = ends[1];
	snprintf(text, sizeof(text), "%s", line);
	cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, &error), 0, "%s", error.text);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
	close(ends[1]);
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	cordon_policy_free(policy);
	return sandbox;
}

static const char *const namespaces[CORDON_NS_COUNT] = {
	[CORDON_NS_USER] = "user",     [CORDON_NS_PID] = "pid",	  [CORDON_NS_MOUNT] = "mnt",
	[CORDON_NS_NET] = "net",       [CORDON_NS_IPC] = "ipc",	  [CORDON_NS_UTS] = "uts",
	[CORDON_NS_CGROUP] = "cgroup", [CORDON_NS_TIME] = "time",
};

static uint64_t namespace_of(pid_t pid, enum cordon_namespace kind)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, namespaces[kind]);
	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_ino;
}

Test(running, namespaces, .timeout = 60)
{
	static const unsigned own = 1u << CORDON_NS_USER | 1u << CORDON_NS_PID |
				    1u << CORDON_NS_IPC | 1u << CORDON_NS_UTS;
	cordon_sandbox *sandbox = start("{ isolation: { namespaces: [user, pid, ipc, uts] } }",
					"echo; exec sleep 1000");
	struct cordon_error error = { 0 };
	uint64_t inode;

	for (unsigned kind = 0; kind < CORDON_NS_COUNT; kind++) {
		cr_assert_eq(cordon_sandbox_namespace(sandbox, kind, &inode), 0);
		cr_expect_eq(inode, namespace_of(cordon_sandbox_pid(sandbox), kind));
		cr_expect_eq(inode != namespace_of(getpid(), kind), (own & 1u << kind) != 0, "%s",
			     namespaces[kind]);
	}
	cr_expect_eq(cordon_sandbox_namespace(sandbox, CORDON_NS_COUNT, &inode), -EINVAL);
	cr_expect_eq(cordon_sandbox_namespace(sandbox, CORDON_NS_NET, NULL), -EINVAL);
	cr_expect_eq(cordon_sandbox_kill(sandbox, SIGKILL), 0);
	cr_expect_eq(cordon_sandbox_wait(sandbox, NULL, -1), 0);
	cr_expect_eq(cordon_sandbox_namespace(sandbox, CORDON_NS_NET, &inode), -ESRCH);
	cr_expect_eq(cordon_sandbox_set_limit(sandbox, CORDON_LIMIT_WALL, 1, &error), -EOPNOTSUPP);
	cordon_sandbox_free(sandbox);
}

/* A program that is within the policy's limit, and over a lower one. */
struct lowered {
	char rules[64], line[128];
	enum cordon_limit limit;
	uint64_t above, below; /* what it uses */
	enum cordon_reason reason;
};

ParameterizedTestParameters(running, limits_are_lowered)
{
	static struct lowered rows[] = {
		{ "{ limits: { wall: 1h } }", "echo; exec sleep 1000", CORDON_LIMIT_WALL, 3000000,
		  1, CORDON_TIMEOUT_WALL },
		{ "{ limits: { memory: 2G } }",
		  "x=$(head -c 99000000 /dev/zero | tr '\\0' a); echo; sleep 1000",
		  CORDON_LIMIT_MEMORY, 1 << 30, 20 << 20, CORDON_MEMORY },
		{ "{ limits: { processes: 100 } }",
		  "for i in 1 2 3 4 5 6; do sleep 1000 & done; echo; wait", CORDON_LIMIT_PROCESSES,
		  50, 5, CORDON_PROCESSES },
	};

	return cr_make_param_array(struct lowered, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct lowered *row, running, limits_are_lowered, .timeout = 60)
{
	cordon_sandbox *sandbox = start(row->rules, row->line);
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };

	cr_expect_eq(cordon_sandbox_set_limit(sandbox, row->limit, row->above, &error), 0, "%s",
		     error.text);
	cr_expect_eq(cordon_sandbox_wait(sandbox, NULL, 300), -ETIMEDOUT, "%s", row->rules);
	cr_expect_eq(cordon_sandbox_set_limit(sandbox, row->limit, row->below, &error), 0, "%s",
		     error.text);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
	cr_expect_eq(result.reason, row->reason, "%s: %d", row->rules, result.reason);
	cr_expect_eq(result.limits_hit, 1u << row->limit);
	cr_expect_eq(cordon_sandbox_set_limit(sandbox, row->limit, row->below, &error), -ESRCH);
	cordon_sandbox_free(sandbox);
}

/* Processor time of one that takes all it can get, for half a second. */
static uint64_t used(uint64_t percent)
{
	cordon_sandbox *sandbox =
		start("{ limits: { wall: 1h, cpu_percent: 100 } }", "echo; while :; do :; done");
	struct cordon_result result = { .size = sizeof(result) };

	if (percent > 0)
		cr_expect_eq(
			cordon_sandbox_set_limit(sandbox, CORDON_LIMIT_CPU_PERCENT, percent, NULL),
			0);
	cr_expect_eq(cordon_sandbox_set_limit(sandbox, CORDON_LIMIT_WALL, 2000, NULL), 0);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
	cordon_sandbox_free(sandbox);
	return result.user_us + result.system_us;
}

Test(running, a_smaller_share, .timeout = 60)
{
	uint64_t all = used(0), few = used(5);

	cr_expect_lt(few * 2, all, "%llu of %llu us", (unsigned long long)few,
		     (unsigned long long)all);
}

struct refused {
	char rules[64];
	enum cordon_limit limit;
	uint64_t value;
	int error;
	char text[64];
};

ParameterizedTestParameters(running, limits_that_stay)
{
	static struct refused rows[] = {
		{ "{ limits: { wall: 1h } }", CORDON_LIMIT_WALL, 3600001, -EINVAL, "limits.wall" },
		{ "{ limits: { wall: 1h } }", CORDON_LIMIT_WALL, 0, -EINVAL, "3600000" },
		{ "{ limits: { wall: 1h } }", CORDON_LIMIT_MEMORY, 1, -EOPNOTSUPP, "does not set" },
		{ "{ limits: { open_files: 99 } }", CORDON_LIMIT_OPEN_FILES, 9, -EOPNOTSUPP,
		  "only" },
		{ "{ }", CORDON_LIMIT_COUNT, 9, -EOPNOTSUPP, "only" },
	};

	return cr_make_param_array(struct refused, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct refused *row, running, limits_that_stay, .timeout = 60)
{
	cordon_sandbox *sandbox = start(row->rules, "echo; exec sleep 1000");
	struct cordon_error error = { 0 };

	cr_expect_eq(cordon_sandbox_set_limit(sandbox, row->limit, row->value, &error), row->error);
	cr_expect_not_null(strstr(error.text, row->text), "%s", error.text);
	cr_expect_eq(cordon_sandbox_wait(sandbox, NULL, 50), -ETIMEDOUT);
	cordon_sandbox_free(sandbox);
}

/* Says what it has as $TMPDIR, and later what it can read. */
static cordon_sandbox *start_reader(const char *directory, int ends[2])
{
	struct cordon_options options = { .size = sizeof(options) };
	char shell[] = "/bin/sh", c[] = "-c", rules[256], line[256];
	char *const argv[] = { shell, c, line, NULL };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	cordon_policy *policy;

	snprintf(rules, sizeof(rules),
		 "{ filesystem: { read: [%s], write: [$TMP], deny: [%s/secret] } }", directory,
		 directory);
	snprintf(line, sizeof(line),
		 "echo $TMPDIR; read go; cat %s/open %s/secret 2>/dev/null; echo $?", directory,
		 directory);
	for (int fd = 0; fd < 2; fd++)
		options.stream[fd] =
			(struct cordon_stream){ .kind = CORDON_STREAM_FD, .fd = ends[1] };
	policy = base_and(rules, NULL);
	cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, &error), 0, "%s", error.text);
	cr_expect_eq(cordon_sandbox_detach(sandbox), -EINVAL);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
	cordon_policy_free(policy);
	return sandbox;
}

Test(running, detached_runs_are_held, .timeout = 60)
{
	char directory[] = "/tmp/cordon-running-XXXXXX", path[64], tmp[256] = "", text[256] = "";
	size_t length = 0;
	ssize_t n;
	int ends[2];

	cr_assert_not_null(mkdtemp(directory));
	for (int i = 0; i < 2; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", directory, i ? "secret" : "open");
		file = fopen(path, "we");
		cr_assert_not_null(file);
		fputs(i ? "secret\n" : "open\n", file);
		fclose(file);
	}
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(cordon_sandbox_detach(start_reader(directory, ends)), 0);
	close(ends[1]);
	n = read(ends[0], tmp, sizeof(tmp) - 1);
	cr_assert_gt(n, 1);
	tmp[n - 1] = '\0';
	cr_expect_eq(access(tmp, F_OK), 0, "%s", tmp);
	cr_expect_eq(write(ends[0], "go\n", 3), 3);
	while ((n = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	cr_expect_str_eq(text, "open\n1\n");
	/* Nothing tells of the end. */
	while (access(tmp, F_OK) == 0)
		poll(NULL, 0, 5);
	close(ends[0]);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, i ? "secret" : "open");
		unlink(path);
	}
	rmdir(directory);
}

Test(running, unkept_runs_are_not_detached, .timeout = 60)
{
	struct cordon_options options = { .size = sizeof(options), .no_keeper = true };
	char path[] = "/bin/true";
	char *const argv[] = { path, NULL };
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;

	cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, &error), 0, "%s", error.text);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
	cr_expect_eq(cordon_sandbox_detach(sandbox), -EOPNOTSUPP);
	cr_expect_eq(cordon_sandbox_wait(sandbox, NULL, -1), 0);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}

/* What the program has as 0, 1 and 2: an exit code of bits. */
static const char standard[] =
	"s=0; for i in 0 1 2; do [ -e /proc/self/fd/$i ] && s=$((s | 1 << i)); "
	"done; exit $s";

struct closing {
	bool before; /* the sandbox is made, or it is started */
	bool no_keeper;
	bool off;
};

ParameterizedTestParameters(running, closed_streams)
{
	static struct closing rows[] = { { true, false, false }, { false, false, false },
					 { true, false, true },	 { false, false, true },
					 { true, true, true },	 { false, true, true } };

	return cr_make_param_array(struct closing, rows, sizeof(rows) / sizeof(rows[0]));
}

/* What the host has closed is closed in the program, and no descriptor of ours is in its place. */
ParameterizedTest(struct closing *row, running, closed_streams, .timeout = 60)
{
	struct cordon_options options = { .size = sizeof(options), .no_keeper = row->no_keeper };
	char shell[] = "/bin/sh", c[] = "-c", line[256];
	char *const argv[] = { shell, c, line, NULL };
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	cordon_policy *policy = base_and(
		row->off ? "{ supervisor: off, filesystem: { read: [/proc] }, network: { unix: { "
			   "connect: [/] } } }"
			 : "{ supervisor: required, filesystem: { read: [/proc] } }",
		NULL);

	snprintf(line, sizeof(line), "%s", standard);
	if (row->before)
		close(0);
	cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, &error), 0, "%s", error.text);
	if (!row->before)
		close(0);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
	cr_expect_eq(result.status, 6, "%d", result.status);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}

/* The number of a closed stream is free for the ruleset, and the stream that is given comes over it. */
Test(running, a_stream_does_not_replace_the_ruleset, .timeout = 60)
{
	struct cordon_options options = { .size = sizeof(options) };
	char cat[] = "/bin/cat", file[] = "/tmp/cordon-running-XXXXXX";
	char *const argv[] = { cat, file, NULL };
	int outside = mkstemp(file);
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	cordon_policy *policy = base_and("{ supervisor: off, isolation: { on_failure: warn }, "
					 "network: { unix: { connect: [/] } } }",
					 NULL);

	/* Nothing but Landlock keeps it from being read. */
	cr_assert_geq(outside, 0);
	close(outside);
	for (int fd = 0; fd < 3; fd++)
		options.stream[fd].kind = CORDON_STREAM_NULL;
	cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, &error), 0, "%s", error.text);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
	cr_expect_eq(result.status, 1);
	cr_expect_str_eq(cordon_sandbox_level(sandbox), "full");
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
	unlink(file);
}
