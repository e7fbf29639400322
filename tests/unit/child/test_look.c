/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the tree below the test itself. Children say that they are there, and wait to be ended. */
#include "base/cleanup.h"
#include "child/look.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024ul * 1024)

static int up[2];

static void say_up(void)
{
	if (write(up[1], "x", 1) != 1)
		_exit(1);
}

static void await_up(size_t count)
{
	char byte;

	for (; count > 0; count--)
		cr_assert_eq(read(up[0], &byte, 1), 1);
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void take(size_t bytes, int flags)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	memset(memory, 1, bytes);
}

static pid_t child(void (*work)(void))
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work();
	say_up();
	sleeper(NULL);
	return -1;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void set_up(void)
{
	cr_assert_eq(pipe(up), 0);
}

static void work_nothing(void)
{
}

static void work_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 5; i++)
		pthread_create(&thread, NULL, sleeper, NULL);
}

static void work_grandchild(void)
{
	child(work_nothing);
}

static size_t count_both_ways(uint64_t limit, enum looked wanted)
{
	struct looker looker;
	size_t count;

	cr_assert_eq(look_prepare(&looker, &(struct tree_limits){ .processes = limit }, getpid()),
		     0);
	cr_expect_eq(look(&looker), wanted);
	count = looker.processes;
	/* As on a kernel that does not list children. */
	looker.lists_children = false;
	cr_expect_eq(look(&looker), wanted);
	cr_expect_eq(looker.processes, count);
	return count;
}

Test(look, counts_processes_and_not_threads, .init = set_up, .timeout = 30)
{
	pid_t many = child(work_threads), parent = child(work_grandchild);

	await_up(3);
	cr_expect_eq(count_both_ways(3, LOOKED_WELL), 3u);
	cr_expect_eq(count_both_ways(2, LOOKED_PROCESSES), 3u);
	end(many);
	end(parent);
}

/* With a view of its own the keeper comes to another /proc after it has prepared its looks. */
static void show_another_proc(void)
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		cr_skip_test("user namespaces are refused here");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("none", "/proc", "tmpfs", 0, NULL), 0);
}

Test(look, counts_in_the_procfs_it_began_with, .init = set_up, .timeout = 30)
{
	struct looker looker;
	pid_t pid = child(work_nothing);

	await_up(1);
	cr_assert_eq(look_prepare(&looker, &(struct tree_limits){ .processes = 9 }, getpid()), 0);
	show_another_proc();
	cr_expect_neq(access("/proc/self", F_OK), 0);
	looker.lists_children = false;
	cr_expect_eq(look(&looker), LOOKED_WELL);
	cr_expect_eq(looker.processes, 1u);
	end(pid);
}

static void work_hidden(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	for (int i = 0; i < 5; i++)
		child(work_nothing);
}

/* As an ordinary user on a host that shows nobody the processes of others, or those that are not dumpable. */
static void hide_processes(void)
{
	if (geteuid() != 0)
		cr_skip_test("hidepid: only root mounts a procfs");
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("proc", "/proc", "proc", 0, "hidepid=2"), 0);
	cr_assert_eq(setgid(65534), 0);
	cr_assert_eq(setuid(65534), 0);
	prctl(PR_SET_DUMPABLE, 1);
}

static enum looked look_often(struct looker *looker)
{
	enum looked found = LOOKED_WELL;

	for (int i = 0; i < 30 && found == LOOKED_WELL; i++)
		found = look(looker);
	return found;
}

Test(look, what_is_hidden_is_not_gone, .init = set_up, .timeout = 30)
{
	struct looker looker;
	pid_t pid;

	hide_processes();
	cr_assert_eq(look_prepare(&looker, &(struct tree_limits){ .processes = 3 }, getpid()), 0);
	cr_assert(looker.lists_children);
	pid = child(work_nothing);
	await_up(1);
	cr_expect_eq(look_often(&looker), LOOKED_WELL);
	end(pid);
	pid = child(work_hidden);
	await_up(6);
	cr_expect_eq(look_often(&looker), LOOKED_BLIND);
	/* The same where procfs has other numbers than kill(). */
	looker.failures = 0;
	looker.elsewhere = true;
	cr_expect_eq(look_often(&looker), LOOKED_BLIND);
	end(pid);
	looker.failures = 0;
	cr_expect_eq(look_often(&looker), LOOKED_WELL);
}

static void work_memory(void)
{
	take(64 * MIB, MAP_PRIVATE);
}

static void work_shared(void)
{
	take(64 * MIB, MAP_SHARED);
	child(work_nothing);
}

static void work_forked(void)
{
	take(64 * MIB, MAP_PRIVATE);
	child(work_nothing);
}

static int in_parents_memory(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	say_up();
	for (;;)
		syscall(SYS_pause);
	return 0;
}

/* As a program that calls vfork() or posix_spawn(): the child has the same memory. */
static void work_vforked(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	take(64 * MIB, MAP_PRIVATE);
	if (clone(in_parents_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) < 0)
		_exit(1);
}

static void work_memory_file(void)
{
	static const char block[MIB];
	int fd = memfd_create("test", MFD_CLOEXEC);

	for (int i = 0; i < 64; i++) {
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			_exit(1);
	}
	/* A second number is no second file. */
	if (dup(fd) < 0)
		_exit(1);
}

Test(look, measures_what_the_tree_has, .init = set_up, .timeout = 30)
{
	static const struct {
		void (*work)(void);
		size_t processes;
	} rows[] = {
		{ work_memory, 1 },  { work_shared, 2 },      { work_forked, 2 },
		{ work_vforked, 2 }, { work_memory_file, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct looker looker;
		pid_t pid = child(rows[i].work);
		const struct tree_limits wide = { .memory_kib = 80 * 1024 },
					 narrow = { .memory_kib = 60 * 1024 };

		await_up(rows[i].processes);
		cr_assert_eq(look_prepare(&looker, &wide, getpid()), 0);
		cr_expect_eq(look(&looker), LOOKED_WELL, "row %zu: %lu KiB", i, looker.memory_kib);
		cr_expect_geq(looker.memory_kib, 64 * 1024u, "row %zu: %lu KiB", i,
			      looker.memory_kib);
		cr_assert_eq(look_prepare(&looker, &narrow, getpid()), 0);
		cr_expect_eq(look(&looker), LOOKED_MEMORY, "row %zu: %lu KiB", i,
			     looker.memory_kib);
		end(pid);
	}
}

Test(look, counts_zombies_until_they_are_reaped, .init = set_up, .timeout = 30)
{
	struct looker looker;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert_eq(look_prepare(&looker, &(struct tree_limits){ .processes = 9 }, getpid()), 0);
	look(&looker);
	cr_expect_eq(looker.processes, 1u);
	waitpid(pid, NULL, 0);
	look(&looker);
	cr_expect_eq(looker.processes, 0u);
	cr_expect_eq(looker.processes_peak, 1u);
}

Test(look, interval)
{
	struct looker looker = { .limits = { .memory_kib = 1000 }, .interval_ns = LOOK_MIN_NS };

	/* Nothing grows: slower and slower. */
	cr_expect_eq(look_interval(&looker, 0, 0, 0), 2 * LOOK_MIN_NS);
	for (int i = 0; i < 10; i++)
		look_interval(&looker, 0, 0, 0);
	cr_expect_eq(looker.interval_ns, LOOK_MAX_NS);
	/* Much of what was left has been taken since: at once as often as may be. */
	looker.memory_kib = 500;
	cr_expect_eq(look_interval(&looker, 400, 0, 0), LOOK_MIN_NS);
	/* A look that is costly is not repeated so soon. */
	cr_expect_eq(look_interval(&looker, 400, 0, LOOK_MIN_NS), 20 * LOOK_MIN_NS);
}

Test(look, without_limits_nothing_is_opened)
{
	struct looker looker;

	cr_assert_eq(look_prepare(&looker, &(struct tree_limits){ 0 }, getpid()), 0);
	cr_expect_eq(looker.proc, -1);
}
