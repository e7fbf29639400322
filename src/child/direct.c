/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start without a keeper.
 *
 * Theory of operation. The program's process is cloned by the host's own thread and does the steps of
 * setup.c, as below a keeper. With share_memory it borrows the host's memory and the thread stands still
 * until the exec (CLONE_VFORK): no page table is copied, and nobody else can run on its stack, which has a
 * guard page. Else it is a copy. Both write the same records to the same pipe, which has room for all of
 * them, so that the thread reads what became of it when it goes on.
 *
 * direct-1: all signals are blocked across the clone, so that no handler of the host runs in the child,
 *           in memory that is the host's.
 * direct-2: the child's exit signal is SIGCHLD. KERNEL: an exec makes it that whatever was asked for, so the
 *           host's handler and its waitpid(-1) meet the program; whoever reaps it takes its status away.
 * direct-3: what the kernel keeps with the memory and not with the task must not be changed in borrowed
 *           memory: direct_needs_copy().
 */
#include "child/direct.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "child/setup.h"
#include "sys/fds.h"
#include "sys/stack.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

const char *direct_needs_copy(const struct spawn_plan *plan)
{
	/* KERNEL: a change of ids makes the memory not dumpable, until an exec. */
	if (plan->uid_asked || plan->gid_asked)
		return "process.user and process.group";
	if (plan->thp_disable)
		return "process.huge_pages";
	if (plan->function)
		return "a function";
	return NULL;
}

/* Return: the pid or -errno. */
static pid_t clone_blocked(struct setup_start *setup, const struct stack *stack, int flags,
			   int *ret_pidfd)
{
	/* The C library keeps two signals out of its sets; these block them too. */
	uint64_t all = ~0ull, before;
	pid_t pid;
	int error;

	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all)) < 0)
		return -errno;
	pid = clone(setup_main, stack_top(stack), flags, setup, ret_pidfd);
	error = errno;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	return pid < 0 ? -error : pid;
}

int direct_start(const struct spawn_plan *plan, bool share_memory, struct spawned *ret,
		 struct cordon_error *err)
{
	int flags = CLONE_PIDFD | SIGCHLD | (share_memory ? CLONE_VM | CLONE_VFORK : 0);
	struct setup_start setup = { .plan = plan, .ready = -1 };
	struct spawned spawned = SPAWNED_INIT;
	struct stack stack = { NULL, 0 };
	cleanup_fd int status = -1;
	int r = plan_check_open(plan, err);

	if (r < 0)
		return r;
	r = fd_pipe(&spawned.status, &status);
	if (r == 0)
		r = stack_map(plan->function ? SPAWN_FUNCTION_STACK : SPAWN_STACK, &stack);
	setup.status = status;
	if (r == 0)
		r = clone_blocked(&setup, &stack, flags, &spawned.program_pidfd);
	stack_unmap(&stack);
	if (r < 0) {
		spawned_done(&spawned);
		return err_sys(err, r, "start: clone the program");
	}
	spawned.program = r;
	*ret = spawned;
	return 0;
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

int direct_reap(const struct spawned *spawned, bool wait, struct direct_end *ret)
{
	siginfo_t info = { .si_pid = 0 };
	struct rusage usage;
	long r;

	do {
		/* The C library's form gives no usage. */
		r = syscall(SYS_waitid, P_PIDFD, spawned->program_pidfd, &info,
			    WEXITED | (wait ? 0 : WNOHANG), &usage);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (info.si_pid == 0)
		return 0;
	*ret = (struct direct_end){
		.wait_status = info.si_code == CLD_EXITED
				       ? W_EXITCODE(info.si_status, 0)
				       : W_EXITCODE(0, info.si_status) |
						 (info.si_code == CLD_DUMPED ? WCOREFLAG : 0),
		.user_us = microseconds(usage.ru_utime),
		.system_us = microseconds(usage.ru_stime),
		.max_rss_kib = (uint64_t)usage.ru_maxrss,
	};
	return 1;
}
