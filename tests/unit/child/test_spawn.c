/* SPDX-License-Identifier: Apache-2.0 */
/* A start and its outcome: exit statuses, failures, settings, what is left behind. */
#include "base/cleanup.h"
#include "run.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SH(text) ((char *[]){ "/bin/sh", "-c", (text), NULL })

static char probe[] = PROBE;

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static size_t mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	size_t n = 0;
	int c;

	while ((c = getc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static const struct {
	char *program[4];
	bool share_files;
	int wait_status;
} endings[] = {
	{ { "/bin/true" }, false, 0 },
	{ { "/bin/true" }, true, 0 },
	{ { "/bin/sh", "-c", "exit 42" }, false, 42 << 8 },
	{ { "/bin/sh", "-c", "exit 42" }, true, 42 << 8 },
	{ { "/bin/sh", "-c", "kill -TERM $$" }, false, SIGTERM },
	{ { "/bin/sh", "-c", "kill -KILL $$" }, false, SIGKILL },
	{ { "/nonexistent" }, false, 127 << 8 },
	{ { "/nonexistent" }, true, 127 << 8 },
	{ { "/etc/passwd/x" }, false, 127 << 8 },
	{ { "/etc/passwd" }, false, 126 << 8 },
	{ { "/etc" }, false, 126 << 8 },
};

ParameterizedTestParameters(spawn, ending)
{
	static size_t index[COUNT_OF(endings)];

	for (size_t i = 0; i < COUNT_OF(index); i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, COUNT_OF(index));
}

ParameterizedTest(size_t *index, spawn, ending, .timeout = 20)
{
	struct spawn_plan plan = plan_for(endings[*index].program);
	struct result result;

	plan.share_files = endings[*index].share_files;
	result = run(&plan);
	plan_done(&plan);
	cr_expect_eq(result.wait_status, endings[*index].wait_status, "row %zu: %x", *index,
		     (unsigned)result.wait_status);
}

Test(spawn, a_missing_program_is_the_last_record, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ "/nonexistent", NULL });
	struct result result = run(&plan);
	const struct status_record *last = &result.records[result.record_count - 1];

	plan_done(&plan);
	cr_expect_eq(last->kind, RECORD_EXEC_FAILED);
	cr_expect_eq(last->error, ENOENT);
}

Test(spawn, a_bad_cwd_is_fatal_and_named, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	const struct status_record *record;
	struct result result;

	plan.cwd = "/nonexistent";
	plan.tolerate = ~0ull;
	result = run(&plan);
	plan_done(&plan);
	record = record_of(&result, LAYER_CWD);
	cr_assert(record);
	cr_expect_eq(record->kind, RECORD_FATAL);
	cr_expect_eq(record->error, ENOENT);
	cr_expect_eq(result.wait_status, 125 << 8);
}

Test(spawn, a_layer_may_fail_where_the_policy_lets_it, .timeout = 20)
{
	const struct plan_rlimit limit = { RLIMIT_CORE, { 2, 1 } }; /* soft above hard: EINVAL */
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	const struct status_record *record;
	struct result result;

	plan.rlimits = &limit;
	plan.rlimit_count = 1;
	plan.tolerate = ~0ull;
	result = run(&plan);
	record = record_of(&result, LAYER_RLIMIT + RLIMIT_CORE);
	cr_assert(record);
	cr_expect_eq(record->kind, RECORD_LAYER);
	cr_expect_eq(record->state, STATE_FAILED);
	cr_expect_eq(record->error, EINVAL);
	cr_expect_eq(result.wait_status, 0);
	plan.tolerate = 0;
	result = run(&plan);
	plan_done(&plan);
	record = record_of(&result, LAYER_RLIMIT + RLIMIT_CORE);
	cr_assert(record);
	cr_expect_eq(record->kind, RECORD_FATAL);
	cr_expect_eq(result.wait_status, 125 << 8);
}

/* Whether the output of probe has that line. */
static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++) {
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	}
	return false;
}

Test(spawn, settings_arrive, .timeout = 20)
{
	const struct plan_rlimit limits[] = {
		{ RLIMIT_CORE, { 0, 0 } },
		{ RLIMIT_NOFILE, { 100, 200 } },
	};
	char *const argv[] = { probe, "status", "a b", NULL };
	char *const envp[] = { "ONE=1", "TWO=", NULL };
	struct spawn_plan plan = plan_for(argv);
	struct result result = { 0 };
	cpu_set_t cpus;
	char *text;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (size_t i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&cpus) > 1;)
		CPU_CLR(i, &cpus);
	plan.path = probe;
	plan.envp = envp;
	plan.umask = 0027;
	plan.cwd = "/usr";
	plan.new_session = true;
	plan.affinity = &cpus;
	plan.thp_disable = true;
	plan.aslr_disable = true;
	plan.rlimits = limits;
	plan.rlimit_count = COUNT_OF(limits);
	text = probe_output(&plan, &result);
	plan_done(&plan);
	cr_expect(has_line(text, "Umask:0027"), "%s", text);
	cr_expect(has_line(text, "cwd:/usr"));
	cr_expect(has_line(text, "NoNewPrivs:1"));
	cr_expect(has_line(text, "SigBlk:0000000000000000"));
	cr_expect(has_line(text, "SigIgn:0000000000000000"));
	cr_expect(has_line(text, "THP_enabled:0"));
	cr_expect(has_line(text, "personality:40000"));
	cr_expect(has_line(text, "rlimit_4:0 0"));
	cr_expect(has_line(text, "rlimit_7:100 200"));
	cr_expect(has_line(text, "argv:a b"));
	cr_expect(has_line(text, "env:TWO="));
	cr_expect(has_line(text, "__DONE__"));
	for (size_t i = 0; i < result.record_count; i++)
		cr_expect_eq(result.records[i].state, STATE_APPLIED, "%s",
			     layer_name(result.records[i].layer));
	free(text);
}

Test(spawn, hostile_signal_state_of_the_host_does_not_arrive, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ probe, "status", NULL });
	struct result result = { 0 };
	sigset_t all;
	char *text;

	for (int s = 1; s < SIGRTMAX; s++)
		signal(s, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	text = probe_output(&plan, &result);
	plan_done(&plan);
	cr_expect_eq(result.wait_status, 0);
	cr_expect(has_line(text, "SigBlk:0000000000000000"), "%s", text);
	cr_expect(has_line(text, "SigIgn:0000000000000000"));
	free(text);
	/* The framework waits for this process by signals. */
	for (int s = 1; s < SIGRTMAX; s++)
		signal(s, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
}

static void nothing_left(bool share_files)
{
	struct spawn_plan good = plan_for((char *[]){ "/bin/true", NULL });
	struct spawn_plan bad = plan_for((char *[]){ "/nonexistent", NULL });
	struct spawned spawned = SPAWNED_INIT;
	size_t descriptors, maps;
	int not_open = 777;

	good.share_files = bad.share_files = share_files;
	run(&good);
	descriptors = open_descriptors();
	maps = mappings();
	for (int i = 0; i < 30; i++) {
		run(&good);
		run(&bad);
		bad.keep_fds = &not_open;
		bad.keep_fd_count = 1;
		cr_assert_eq(spawn_start(&bad, &spawned, NULL), -EBADF);
		bad.keep_fd_count = 0;
	}
	cr_expect_eq(open_descriptors(), descriptors);
	cr_expect_leq(mappings(), maps + 2);
	cr_expect_eq(waitpid(-1, NULL, 0), -1);
	cr_expect_eq(errno, ECHILD);
	plan_done(&good);
	plan_done(&bad);
}

Test(spawn, nothing_is_left_behind, .timeout = 60)
{
	nothing_left(false);
}

Test(spawn, nothing_is_left_behind_in_a_shared_table, .timeout = 60)
{
	nothing_left(true);
}

Test(spawn, a_full_table_is_an_error_and_nothing_runs, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	struct spawned spawned = SPAWNED_INIT;
	struct cordon_error err = { 0 };
	struct rlimit limit;
	int fds[64], n = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 40;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (n < 64 && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	for (int free_count = 0; free_count < 7 && n > 0; free_count++) {
		cr_expect_eq(spawn_start(&plan, &spawned, &err), -EMFILE, "%d free", free_count);
		close(fds[--n]);
	}
	while (n > 0)
		close(fds[--n]);
	cr_expect_eq(run(&plan).wait_status, 0);
	plan_done(&plan);
}

Test(spawn, stop_continue_and_signal, .timeout = 20)
{
	struct spawn_plan plan = plan_for(SH("kill -STOP $$; kill -STOP $$; exec sleep 1000"));
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	go(&plan, &spawned, &result);
	cr_expect_eq(await_report(&spawned, KEEPER_STOPPED).value, SIGSTOP);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_CONTINUE, 0), 0);
	cr_expect_eq(await_report(&spawned, KEEPER_STOPPED).value, SIGSTOP);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_CONTINUE, 0), 0);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_SIGNAL, SIGUSR1), 0);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, SIGUSR1);
	plan_done(&plan);
}

Test(spawn, another_byte_than_ready_ends_it, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	cr_assert_eq(write(spawned.ready, "\0", 1), 1);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, 125 << 8);
	plan_done(&plan);
}

Test(spawn, end_of_file_instead_of_ready_ends_it, .timeout = 20)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	close(spawned.ready);
	spawned.ready = -1;
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, 125 << 8);
	plan_done(&plan);
}

Test(spawn, usage_of_grandchildren_counts, .timeout = 60)
{
	struct spawn_plan plan = plan_for(
		SH("( i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done ) & wait; exit 0"));
	struct result result = run(&plan);

	cr_expect_gt(result.user_us, 10000u);
	plan_done(&plan);
}
