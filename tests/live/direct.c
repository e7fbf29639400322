/* SPDX-License-Identifier: Apache-2.0 */
/* Starts without a keeper, from a copy of the host's memory and in it: the same outcomes, and the host unharmed. */
#include "library.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct mode {
	bool no_keeper;
	enum cordon_spawn spawn;
} modes[] = {
	{ false, CORDON_SPAWN_AUTO },
	{ true, CORDON_SPAWN_FORK },
	{ true, CORDON_SPAWN_VFORK },
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* Starts a shell line, or a program if it begins with a slash. Return: as cordon_sandbox_start(). */
static int start(cordon_policy *policy, struct mode mode, const char *line, cordon_sandbox **ret,
		 struct cordon_error *error)
{
	struct cordon_options options = { .size = sizeof(options),
					  .no_keeper = mode.no_keeper,
					  .spawn = mode.spawn };
	char shell[] = "/bin/sh", c[] = "-c", text[512];
	char *const script[] = { shell, c, text, NULL }, *const alone[] = { text, NULL };

	snprintf(text, sizeof(text), "%s", line);
	*ret = NULL;
	cr_assert_eq(cordon_sandbox_new(policy, &options, ret, error), 0, "%s", error->text);
	return cordon_sandbox_start(*ret, line[0] == '/' ? alone : script, error);
}

/* Return: the status that the run comes to. */
static int run(cordon_policy *policy, struct mode mode, const char *line)
{
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;

	cr_expect_eq(start(policy, mode, line, &sandbox, &error), 0, "%s", error.text);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
	cordon_sandbox_free(sandbox);
	return result.status;
}

static size_t entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

struct outcome {
	int started, error;
	struct cordon_result result;
	char text[sizeof(((struct cordon_error *)0)->text)];
};

static void observe(const char *rules, const char *line, struct mode mode, struct outcome *ret)
{
	cordon_policy *policy = base_and(KERNEL_ONLY, rules);
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;

	memset(ret, 0, sizeof(*ret));
	ret->result.size = sizeof(ret->result);
	ret->started = start(policy, mode, line, &sandbox, &error);
	ret->error = error.code;
	memcpy(ret->text, error.text, sizeof(ret->text));
	cr_expect_eq(cordon_sandbox_wait(sandbox, &ret->result, -1), 0);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}

static struct row {
	char rules[96], line[96];
	int started, status;
	enum cordon_reason reason;
} outcome_rows[] = {
	{ "", "/bin/true", 0, 0, CORDON_EXITED },
	{ "", "exit 7", 0, 7, CORDON_EXITED },
	{ "", "kill -USR1 $$", 0, 128 + SIGUSR1, CORDON_SIGNALED },
	{ "", "kill -KILL $$", 0, 137, CORDON_SIGNALED },
	{ "", "/no/such/program", -ENOENT, 127, CORDON_EXEC_FAILED },
	{ "", "/etc/passwd", -EACCES, 126, CORDON_EXEC_FAILED },
	{ "", "/bin", -EISDIR, 126, CORDON_EXEC_FAILED },
	{ "process: { cwd: /root/no/such/place }", "/bin/true", 0, 125, CORDON_SETUP_FAILED },
	{ "process: { fds: [700] }", "/bin/true", -EBADF, 125, CORDON_SETUP_FAILED },
	{ "process: { umask: 077 }", "test $(umask) = 0077", 0, 0, CORDON_EXITED },
	{ "limits: { open_files: 33 }", "test $(ulimit -n) = 33", 0, 0, CORDON_EXITED },
	{ "limits: { cpu: 1s }", "while :; do :; done", 0, 128 + SIGXCPU, CORDON_TIMEOUT_CPU },
	{ "process: { terminal: true, new_session: true }", "/bin/true", -ENOTTY, 125,
	  CORDON_SETUP_FAILED },
};

ParameterizedTestParameters(direct, the_same_outcomes)
{
	return cr_make_param_array(struct row, outcome_rows,
				   sizeof(outcome_rows) / sizeof(outcome_rows[0]), NULL);
}

/* Code, text and result of each way to start are those of the others. */
ParameterizedTest(struct row *row, direct, the_same_outcomes, .timeout = 60)
{
	struct outcome kept, got;

	cr_assert_not_null(freopen("/dev/null", "r", stdin));
	observe(row->rules, row->line, modes[0], &kept);
	if (row->started != 0)
		cr_expect_eq(kept.started, row->started, "%s: %d", row->line, kept.started);
	cr_expect_eq(kept.result.status, row->status, "%s: %d", row->line, kept.result.status);
	cr_expect_eq(kept.result.reason, row->reason, "%s: %d", row->line, kept.result.reason);
	for (size_t i = 1; i < MODES; i++) {
		observe(row->rules, row->line, modes[i], &got);
		cr_expect_eq(got.started, kept.started, "%s: %d", row->line, got.started);
		cr_expect_eq(got.error, kept.error);
		cr_expect_str_eq(got.text, kept.text);
		cr_expect_eq(got.result.status, kept.result.status);
		cr_expect_eq(got.result.reason, kept.result.reason);
		cr_expect_eq(got.result.signal, kept.result.signal);
		cr_expect_eq(got.result.code, kept.result.code);
	}
}

Test(direct, the_policy_holds, .timeout = 60)
{
	static const char grant[] = "filesystem: { write: [/var/tmp] }";
	char path[] = "/var/tmp/cordon-direct-XXXXXX", line[128];
	cordon_policy *policies[] = { base_and(KERNEL_ONLY, NULL), base_and(KERNEL_ONLY, grant) };
	int fd = mkstemp(path);
	struct stat st;

	cr_assert_geq(fd, 0);
	snprintf(line, sizeof(line), "echo written 2>/dev/null >>%s", path);
	for (size_t i = 1; i < MODES; i++)
		for (int granted = 0; granted < 2; granted++) {
			cr_assert_eq(ftruncate(fd, 0), 0);
			run(policies[granted], modes[i], line);
			cr_assert_eq(fstat(fd, &st), 0);
			cr_expect_eq(st.st_size, granted ? 8 : 0);
			cr_expect_eq(run(policies[granted], modes[i], "mount / / 2>/dev/null") == 0,
				     false);
		}
	close(fd);
	unlink(path);
	cordon_policy_free(policies[0]);
	cordon_policy_free(policies[1]);
}

static void handler(int signal)
{
	(void)signal;
}

/* What the kernel keeps with the memory, and what a careless start would leave behind in its parent. */
Test(direct, the_host_is_as_it_was, .timeout = 60)
{
	static const char rules[] =
		"{ process: { umask: 077, nice: 5, aslr: false, cwd: /usr, cpu_affinity: [0], "
		"signal_ignore: [HUP] }, limits: { open_files: 40, file_size: 1M } }";
	cordon_policy *policy = base_and(KERNEL_ONLY, rules);
	struct sigaction action = { .sa_handler = handler }, got;
	struct rlimit files, now;
	sigset_t mask, before;
	cpu_set_t cpus, cpus_now;
	char cwd[4096], cwd_now[4096];
	mode_t bits = umask(022);

	sigaction(SIGUSR1, &action, NULL);
	getrlimit(RLIMIT_NOFILE, &files);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
	/* The host's handler is not there, and what it ignores is not ignored. */
	signal(SIGUSR2, SIG_IGN);
	for (size_t i = 1; i < MODES; i++) {
		cr_expect_eq(run(policy, modes[i], "kill -USR1 $$"), 128 + SIGUSR1);
		cr_expect_eq(run(policy, modes[i], "kill -USR2 $$"), 128 + SIGUSR2);
	}
	sigaction(SIGUSR1, NULL, &got);
	cr_expect(got.sa_handler == handler);
	getrlimit(RLIMIT_NOFILE, &now);
	cr_expect_eq(memcmp(&files, &now, sizeof(now)), 0);
	sched_getaffinity(0, sizeof(cpus_now), &cpus_now);
	cr_expect(CPU_EQUAL(&cpus, &cpus_now));
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	cr_expect_eq(memcmp(&mask, &before, 8), 0);
	cr_assert_not_null(getcwd(cwd_now, sizeof(cwd_now)));
	cr_expect_str_eq(cwd, cwd_now);
	cr_expect_eq(umask(bits), 022);
	cr_expect_eq(getpriority(PRIO_PROCESS, 0), 0);
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 1);
	cr_expect_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	cr_expect_eq(prctl(PR_GET_SECCOMP), 0);
	cordon_policy_free(policy);
}

Test(direct, leaves_nothing_in_the_host, .timeout = 120)
{
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	size_t descriptors = 0, threads = entries("/proc/self/task");
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;

	for (int turn = 0; turn < 60; turn++) {
		struct mode mode = modes[1 + turn % 2];

		cr_assert_eq(run(policy, mode, "/bin/true"), 0);
		cr_assert_eq(start(policy, mode, "/etc/passwd", &sandbox, &error), -EACCES);
		cordon_sandbox_free(sandbox);
		/* What has been loaded by then stays. */
		if (turn == 3)
			descriptors = entries("/proc/self/fd");
	}
	cr_expect_eq(entries("/proc/self/fd"), descriptors);
	cr_expect_eq(entries("/proc/self/task"), threads);
	cr_expect_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
	cordon_policy_free(policy);
}

Test(direct, no_thread_and_no_other_process, .timeout = 60)
{
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	size_t threads = entries("/proc/self/task");
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;
	char children[64] = "", expected[64];
	struct pollfd pfd;
	FILE *file;

	cr_assert_eq(start(policy, modes[2], "kill -STOP $$; exit 3", &sandbox, &error), 0);
	cr_expect_eq(entries("/proc/self/task"), threads);
	snprintf(expected, sizeof(expected), "%d ", cordon_sandbox_pid(sandbox));
	file = fopen("/proc/thread-self/children", "re");
	cr_assert_not_null(file);
	cr_expect_not_null(fgets(children, sizeof(children), file));
	fclose(file);
	cr_expect_str_eq(children, expected);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, 0), -ETIMEDOUT);
	pfd = (struct pollfd){ .fd = cordon_sandbox_fd(sandbox), .events = POLLIN };
	/* Until it has stopped, there is nothing to continue. */
	while (poll(&pfd, 1, 10) == 0)
		cordon_sandbox_resume(sandbox);
	cr_expect_eq(cordon_sandbox_dispatch(sandbox), 1);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, 0), 0);
	cr_expect_eq(result.status, 3);
	cr_expect_eq(result.processes, 1);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}

Test(direct, a_child_like_any_other, .timeout = 60)
{
	for (size_t m = 1; m < MODES; m++) {
		for (int reaped = 0; reaped < 2; reaped++) {
			cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
			struct cordon_result result = { .size = sizeof(result) };
			struct cordon_error error = { 0 };
			cordon_sandbox *sandbox;
			siginfo_t info = { 0 };
			sigset_t child;
			pid_t pid;

			sigemptyset(&child);
			sigaddset(&child, SIGCHLD);
			sigprocmask(SIG_BLOCK, &child, NULL);
			cr_assert_eq(start(policy, modes[m], "exit 7", &sandbox, &error), 0);
			pid = cordon_sandbox_pid(sandbox);
			cr_expect_eq(sigwaitinfo(&child, &info), SIGCHLD);
			cr_expect_eq(info.si_pid, pid);
			cr_expect_eq(
				waitid(P_PID, (id_t)pid, &info, WEXITED | (reaped ? 0 : WNOWAIT)),
				0);
			cr_expect_eq(info.si_status, 7);
			cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
			cr_expect_eq(result.reason,
				     reaped ? CORDON_SUPERVISOR_FAILED : CORDON_EXITED);
			cr_expect_eq(result.status, reaped ? 125 : 7);
			cordon_sandbox_free(sandbox);
			cordon_policy_free(policy);
			sigprocmask(SIG_UNBLOCK, &child, NULL);
		}
	}
}

Test(direct, kill_and_free_reach_the_program_alone, .timeout = 60)
{
	static const char line[] = "sleep 1000 & echo $!; exec sleep 1000";
	struct cordon_options options = { .size = sizeof(options), .no_keeper = true };
	char shell[] = "/bin/sh", c[] = "-c", text[64], other[32] = "";
	char *const argv[] = { shell, c, text, NULL };
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	struct cordon_result result = { .size = sizeof(result) };
	int ends[2];

	snprintf(text, sizeof(text), "%s", line);
	for (int killed = 0; killed < 2; killed++) {
		cordon_sandbox *sandbox;
		pid_t program, rest;

		cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
		options.stream[1] =
			(struct cordon_stream){ .kind = CORDON_STREAM_FD, .fd = ends[1] };
		cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, NULL), 0);
		cr_assert_eq(cordon_sandbox_start(sandbox, argv, NULL), 0);
		cr_assert_gt(read(ends[0], other, sizeof(other) - 1), 0);
		rest = atoi(other);
		program = cordon_sandbox_pid(sandbox);
		if (killed) {
			cr_expect_eq(cordon_sandbox_kill(sandbox, SIGTERM), 0);
			cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), 0);
			cr_expect_eq(result.reason, CORDON_KILLED_BY_CALLER);
			cr_expect_eq(result.status, 128 + SIGTERM);
			cr_expect_eq(cordon_sandbox_kill(sandbox, SIGTERM), 0);
		}
		cordon_sandbox_free(sandbox);
		cr_expect(kill(program, 0) < 0 && errno == ESRCH);
		cr_expect_eq(kill(rest, SIGKILL), 0);
		close(ends[0]);
		close(ends[1]);
	}
	cordon_policy_free(policy);
}

static struct refusal {
	char rules[96], error[96];
	bool keeper, foreground;
	enum cordon_spawn spawn;
} refusals[] = {
	{ "supervisor: auto", "supervisor: off", false, false, CORDON_SPAWN_AUTO },
	{ "limits: { wall: 5s }", "limits.wall", false, false, CORDON_SPAWN_AUTO },
	{ "limits: { memory: 100M }", "limits.memory", false, false, CORDON_SPAWN_AUTO },
	{ "limits: { processes: 5 }", "limits.processes", false, false, CORDON_SPAWN_AUTO },
	{ "limits: { cpu_percent: 50 }", "limits.cpu_percent", false, false, CORDON_SPAWN_AUTO },
	{ "isolation: { namespaces: [net] }", "isolation", false, false, CORDON_SPAWN_AUTO },
	{ "isolation: { hostname: x }", "isolation", false, false, CORDON_SPAWN_AUTO },
	{ "isolation: { mounts: [{ type: tmpfs, target: /mnt }] }", "isolation", false, false,
	  CORDON_SPAWN_AUTO },
	{ "", "foreground", false, true, CORDON_SPAWN_AUTO },
	{ "", "no_keeper", true, false, CORDON_SPAWN_VFORK },
	{ "process: { huge_pages: false }", "process.huge_pages", false, false,
	  CORDON_SPAWN_VFORK },
};

ParameterizedTestParameters(direct, refused)
{
	return cr_make_param_array(struct refusal, refusals, sizeof(refusals) / sizeof(refusals[0]),
				   NULL);
}

ParameterizedTest(struct refusal *row, direct, refused, .timeout = 60)
{
	struct cordon_options options = { .size = sizeof(options),
					  .no_keeper = !row->keeper,
					  .foreground = row->foreground,
					  .spawn = row->spawn };
	char path[] = "/bin/true";
	char *const argv[] = { path, NULL };
	cordon_policy *policy = base_and(KERNEL_ONLY, row->rules);
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	int r = cordon_sandbox_new(policy, &options, &sandbox, &error);

	if (r == 0)
		r = cordon_sandbox_start(sandbox, argv, &error);
	cr_expect_eq(r, -EOPNOTSUPP, "%s: %d", row->rules, r);
	cr_expect_not_null(strstr(error.text, row->error), "%s: %s", row->error, error.text);
	cr_expect_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}
