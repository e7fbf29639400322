/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's hold on executions.
 *
 * Theory of operation
 *
 * An execve that has been decided runs in the kernel, which reads the path once more. So the thread
 * is seized before it may go on, and stops at PTRACE_EVENT_EXEC: the new program has been mapped, no
 * instruction of it has run, and nothing else shares its memory. The supervisor looks at it there.
 *
 * Why the keeper. A tracer hears of stops by SIGCHLD and wait: in the host's process they would
 * reach the host (I13). Yama's scope 1 wants the tracer above the tracee, and so does Landlock; the
 * keeper is above every process of the tree, orphans included, in both ways.
 *
 * What is not traced: new threads and processes, system calls, signals. A thread is held from its
 * request until its next stop of any kind. If that is another one than the execution (a signal
 * for it, job control, the interrupt asked for below), the execution has failed and the thread is
 * let go, with the signal; a later execution is a request of its own. An execution that fails gives
 * no stop at all. The thread then stays held and notices nothing of it until something stops it;
 * asking for a stop at each end would make signal_pending() true all through execve, which file
 * systems in user space answer with EINTR.
 *
 * tracer-1: nothing is remembered here. Whether a thread is held only the kernel knows: numbers are
 *           given out again.
 * tracer-2: PTRACE_O_EXITKILL: should the keeper die, nothing that is held runs on.
 * tracer-3: RACE: the kernel holds a mutex of the whole process all through an execution, also while
 *           it waits for threads that a tracer has to reap, and seizing a thread takes that mutex.
 *           The supervisor therefore never asks for a second thread of a process while one of it may
 *           be executing; the keeper must not block.
 * tracer-4: a thread that is seized can make its children traced (CLONE_PTRACE). They stop before
 *           their first instruction, and are let go.
 */
#include "child/tracer.h"

#include "child/raw.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int tracer_hold(pid_t tid)
{
	long r = raw(SYS_ptrace, PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);

	/* EPERM stands for a thread that is ours already, too. */
	return r == -EPERM && tracer_interrupt(tid) ? 0 : (int)r;
}

bool tracer_interrupt(pid_t tid)
{
	return raw(SYS_ptrace, PTRACE_INTERRUPT, tid, 0, 0) == 0;
}

enum tracer_stop tracer_stopped(pid_t pid, int status, pid_t *ret_before)
{
	int event = status >> 16, signal = event ? 0 : WSTOPSIG(status);
	unsigned long before = 0;

	if (event == PTRACE_EVENT_EXEC) {
		raw(SYS_ptrace, PTRACE_GETEVENTMSG, pid, 0, &before);
		*ret_before = (pid_t)before;
		return TRACER_EXECUTED;
	}
	return raw(SYS_ptrace, PTRACE_DETACH, pid, 0, signal) == 0 ? TRACER_LOOSE : TRACER_NOT_OURS;
}

void tracer_release(pid_t pid)
{
	raw(SYS_ptrace, PTRACE_DETACH, pid, 0, 0);
}
