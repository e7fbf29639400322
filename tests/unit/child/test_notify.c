/* SPDX-License-Identifier: Apache-2.0 */
/* Starts with a filter, and with a listener that this process serves. */
#include "base/cleanup.h"
#include "run.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD(field)                                                                                \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define NOTIFY(nr)                                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)

static char probe[] = PROBE;

static struct sock_filter allow_code[] = { ALLOW };
static const struct bpf_program allow = { allow_code, COUNT_OF(allow_code) };

static struct sock_filter getppid_code[] = { LOAD(nr), NOTIFY(SYS_getppid), ALLOW };
static const struct bpf_program getppid_filter = { getppid_code, COUNT_OF(getppid_code) };

static struct sock_filter openat_code[] = { LOAD(nr), NOTIFY(SYS_openat), ALLOW };
static const struct bpf_program openat_filter = { openat_code, COUNT_OF(openat_code) };

/* Reads records up to the listener's, and takes it. */
static int take_listener(struct spawned *spawned, bool share_files)
{
	struct status_record record;
	int r;

	while ((r = spawned_read(spawned, &record)) > 0) {
		if (record.kind == RECORD_LISTENER)
			return share_files ? (int)record.value
					   : pidfd_get(spawned->program_pidfd, (int)record.value);
		cr_assert_eq(record.kind, RECORD_LAYER, "%s: %s", layer_name(record.layer),
			     strerror(record.error));
	}
	cr_assert_fail("no listener: %d", r);
	return -1;
}

/* Answers every request with the value, until nobody is left who could make one. Return: how many.
 */
static size_t serve(int listener, int64_t value)
{
	struct seccomp_notif request;
	size_t count = 0;

	for (;;) {
		struct pollfd fd = { .fd = listener, .events = POLLIN };

		poll(&fd, 1, -1);
		if (fd.revents & POLLHUP)
			return count;
		if (notif_recv(listener, &request, sizeof(request)) < 0)
			continue;
		count++;
		notif_send(listener, request.id, value, 0);
	}
}

static const struct {
	bool share_files, wait_killable;
} ways[] = { { false, false }, { false, true }, { true, false }, { true, true } };

static struct criterion_test_params every_way(void)
{
	static size_t index[COUNT_OF(ways)];

	for (size_t i = 0; i < COUNT_OF(index); i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, COUNT_OF(index));
}

static struct spawn_plan plan_way(size_t way, const struct bpf_program *filter, char *const argv[])
{
	struct spawn_plan plan = plan_for(argv);

	plan.filter = filter;
	plan.listener = true;
	plan.share_files = ways[way].share_files;
	plan.wait_killable = ways[way].wait_killable;
	return plan;
}

ParameterizedTestParameters(notify, a_call_is_answered)
{
	return every_way();
}

ParameterizedTest(size_t *way, notify, a_call_is_answered, .timeout = 30)
{
	char number[16];
	char *argv[] = { probe, "try", "syscall", number, NULL };
	struct spawn_plan plan = plan_way(*way, &getppid_filter, argv);
	struct result result = { 0 };
	struct spawned spawned;
	int listener;

	snprintf(number, sizeof(number), "%d", SYS_getppid);
	plan.share_files = ways[*way].share_files;
	spawned = start(&plan);
	listener = take_listener(&spawned, plan.share_files);
	cr_assert_geq(listener, 0);
	cr_assert(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	go(&plan, &spawned, &result);
	cr_expect_eq(serve(listener, 4711), 1u);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, 0, "%x", (unsigned)result.wait_status);
	close(listener);
	plan_done(&plan);
}

Test(notify, a_filter_without_listener, .timeout = 30)
{
	struct spawn_plan plan = plan_for((char *[]){ probe, "status", NULL });
	struct result result = { 0 };
	char *text;

	plan.filter = &allow;
	text = probe_output(&plan, &result);
	plan_done(&plan);
	cr_expect(strstr(text, "\nSeccomp:2\n"), "%s", text);
	cr_assert(record_of(&result, LAYER_SECCOMP));
	cr_expect_eq(record_of(&result, LAYER_SECCOMP)->state, STATE_APPLIED);
	cr_expect_null(record_of(&result, LAYER_LISTENER));
	free(text);
}

Test(notify, the_lowest_limit_on_descriptors, .timeout = 30)
{
	const struct plan_rlimit limit = { RLIMIT_NOFILE, { 3, 3 } };
	struct spawn_plan plan = plan_way(0, &getppid_filter, (char *[]){ probe, "status", NULL });
	struct result result = { 0 };
	struct spawned spawned;
	int listener;

	for (int share = 0; share < 2; share++) {
		plan.share_files = share;
		plan.rlimits = &limit;
		plan.rlimit_count = 1;
		spawned = start(&plan);
		listener = take_listener(&spawned, share);
		cr_assert_geq(listener, 0);
		go(&plan, &spawned, &result);
		serve(listener, 1);
		finish(&spawned, &result);
		cr_expect_eq(result.wait_status, 0);
		close(listener);
	}
	plan_done(&plan);
}

/* Answers the first request with a descriptor or an error, all others with an error. */
static void answer_test(int listener, const char *expected, bool yes)
{
	struct seccomp_notif request;
	struct pollfd fd = { .fd = listener, .events = POLLIN };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char path[64];

	poll(&fd, 1, -1);
	cr_assert_eq(notif_recv(listener, &request, sizeof(request)), 0);
	cr_assert_gt(process_read_string(-1, (pid_t)request.pid, request.data.args[1], path,
					 sizeof(path)),
		     0);
	cr_expect_str_eq(path, expected);
	if (yes)
		cr_expect_geq(notif_addfd(listener, request.id, null, O_CLOEXEC), 0);
	else
		notif_send(listener, request.id, 0, -EACCES);
	close(null);
}

static void *serve_errors(void *arg)
{
	serve(*(int *)arg, -1);
	return NULL;
}

ParameterizedTestParameters(notify, the_self_test_needs_a_descriptor)
{
	return every_way();
}

ParameterizedTest(size_t *way, notify, the_self_test_needs_a_descriptor, .timeout = 30)
{
	struct spawn_plan plan = plan_way(*way, &openat_filter, (char *[]){ probe, "list", NULL });
	const struct status_record *record;

	plan.self_test = SYS_openat;
	for (int yes = 0; yes < 2; yes++) {
		struct result result = { 0 };
		struct spawned spawned = start(&plan);
		int listener = take_listener(&spawned, plan.share_files);
		const unsigned char ready = SPAWN_READY;

		cr_assert_eq(write(spawned.ready, &ready, 1), 1);
		answer_test(listener, SELF_TEST_PATH, yes);
		close(spawned.ready);
		spawned.ready = -1;
		while (spawned_read(&spawned, &result.records[result.record_count]) > 0)
			result.record_count++;
		record = record_of(&result, LAYER_LISTENER);
		cr_assert(record);
		cr_expect_eq(record->kind, yes ? RECORD_LAYER : RECORD_FATAL);
		serve_errors(&listener);
		finish(&spawned, &result);
		cr_expect_eq(result.wait_status, yes ? 0 : 125 << 8);
		close(listener);
	}
	plan_done(&plan);
}

Test(notify, a_supervisor_above_in_landlock_may_read_the_child, .timeout = 30)
{
	struct spawn_plan plan = plan_way(0, &openat_filter, (char *[]){ probe, "list", NULL });
	struct result result = { 0 };
	uint64_t rights = landlock_fs_rights(landlock_abi());
	int outer = landlock_create(LL_MAKE_CHAR, 0, 0), inner;
	struct spawned spawned;
	int listener;

	if (outer < 0)
		cr_skip_test("this kernel has no Landlock");
	inner = landlock_create(rights, 0, 0);
	/* Executing is granted everywhere, reading nowhere. */
	{
		int root = open("/", O_PATH | O_CLOEXEC);

		cr_assert_eq(landlock_add_path(inner, root, true, LL_EXECUTE | LL_READ_FILE), 0);
		close(root);
	}
	cr_assert_eq(landlock_restrict(outer), 0);
	plan.ruleset = inner;
	plan.landlock_fs = true;
	plan.self_test = SYS_openat;
	spawned = start(&plan);
	listener = take_listener(&spawned, false);
	cr_assert_geq(listener, 0);
	cr_assert_eq(write(spawned.ready, (const unsigned char[]){ SPAWN_READY }, 1), 1);
	answer_test(listener, SELF_TEST_PATH, true);
	serve(listener, -1);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, 0);
	close(listener);
	close(outer);
	close(inner);
	plan_done(&plan);
}

Test(notify, a_canary_that_opens_says_that_landlock_is_not_there, .timeout = 30)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	uint64_t rights = landlock_fs_rights(landlock_abi());
	int ruleset = landlock_create(rights, 0, 0), root = open("/", O_PATH | O_CLOEXEC);
	struct result result;

	if (ruleset < 0)
		cr_skip_test("this kernel has no Landlock");
	cr_assert_eq(landlock_add_path(ruleset, root, true, LL_EXECUTE | LL_READ_FILE), 0);
	plan.ruleset = ruleset;
	plan.landlock_fs = true;
	plan.landlock_canary = "/";
	result = run(&plan);
	cr_expect_eq(record_of(&result, LAYER_LANDLOCK_FS)->state, STATE_APPLIED);
	cr_expect_eq(result.wait_status, 0);
	plan.landlock_canary = "/bin/true";
	result = run(&plan);
	cr_expect_eq(record_of(&result, LAYER_LANDLOCK_FS)->kind, RECORD_FATAL);
	cr_expect_eq(result.wait_status, 125 << 8);
	close(ruleset);
	close(root);
	plan_done(&plan);
}

Test(notify, the_filter_is_fatal_with_a_listener_whatever_the_policy_says, .timeout = 30)
{
	struct sock_filter bad_code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 3) };
	const struct bpf_program bad = { bad_code, 1 };
	struct spawn_plan plan = plan_way(1, &bad, (char *[]){ "/bin/true", NULL });
	struct result result;

	plan.tolerate = ~0ull;
	result = run(&plan);
	cr_expect_eq(record_of(&result, LAYER_SECCOMP)->kind, RECORD_FATAL);
	cr_expect_eq(result.wait_status, 125 << 8);
	plan.listener = false;
	memset(&result, 0, sizeof(result));
	result = run(&plan);
	cr_expect_eq(record_of(&result, LAYER_SECCOMP)->state, STATE_FAILED);
	cr_expect_eq(result.wait_status, 0);
	plan_done(&plan);
}
