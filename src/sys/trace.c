/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying ptrace: see trace.h.
 *
 * The tracer is a process of its own, for a tracer hears of its tracee by SIGCHLD and wait. It shares
 * the caller's memory and the caller stands still until it is gone (CLONE_VFORK); the tracee shares it
 * too and does nothing but wait for a signal that is not blocked, of which there is SIGKILL alone.
 */
#include "sys/trace.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 16384

struct attempt {
	char *stacks;
	int result;
};

static int tracee(void *arg)
{
	(void)arg;
	while (pause() < 0)
		continue;
	return 0;
}

static int tracer(void *arg)
{
	struct attempt *attempt = arg;
	int pid = clone(tracee, attempt->stacks + STACK_SIZE, CLONE_VM, NULL);

	if (pid < 0) {
		attempt->result = -errno;
		return 0;
	}
	attempt->result = ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC) < 0 ? -errno : 0;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	return 0;
}

int trace_try(void)
{
	struct attempt attempt = { malloc(2 * STACK_SIZE), -EPERM };
	/* Also those that the C library keeps out of its sets. */
	uint64_t all = ~0ull, before;
	int pid;

	if (!attempt.stacks)
		return -ENOMEM;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	/* Without an exit signal: the host's SIGCHLD handler never hears of it. */
	pid = clone(tracer, attempt.stacks + 2 * STACK_SIZE, CLONE_VM | CLONE_VFORK, &attempt);
	if (pid < 0)
		attempt.result = -errno;
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	free(attempt.stacks);
	return attempt.result;
}
