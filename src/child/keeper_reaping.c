/* SPDX-License-Identifier: Apache-2.0 */
/* What has ended or stopped below the keeper: see keeper_parts.h. System calls only (I11). */
#include "child/keeper_parts.h"

#include "child/raw.h"
#include "child/tracer.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* Then the others have their turn: a bomb makes processes as fast as they are reaped. */
#define REAPED_AT_ONCE 256

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

/* The kernel adds up what ended below here, each process once, whoever saw it end. */
void keeper_take_usage(struct keeper *k)
{
	struct rusage usage;

	if (raw(SYS_getrusage, RUSAGE_CHILDREN, &usage) < 0)
		return;
	k->total.user_us = microseconds(usage.ru_utime);
	k->total.system_us = microseconds(usage.ru_stime);
	k->total.max_rss_kib = (uint64_t)usage.ru_maxrss;
}

static void stopped(struct keeper *k, pid_t pid, int status)
{
	pid_t before = 0;

	switch (tracer_stopped(pid, status, &before)) {
	case TRACER_EXECUTED:
		keeper_report_answer(k, KEEPER_EXECUTED, pid, before);
		break;
	case TRACER_LOOSE:
		keeper_report_if_room(k, KEEPER_LOOSE, pid);
		break;
	case TRACER_NOT_OURS:
		/* Stops of our own making are no news (keeper_share.c). */
		if (pid != k->program || (k->share.stopped && WSTOPSIG(status) == SIGSTOP))
			break;
		keeper_share_stopped(k);
		keeper_report_if_room(k, KEEPER_STOPPED, WSTOPSIG(status));
		break;
	}
}

static void ended(struct keeper *k, pid_t pid, int status, const struct rusage *usage)
{
	k->total.processes++;
	k->total.size_limit_hit |= WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
	if (pid != k->program || !k->program_left)
		return;
	k->total.program_us = microseconds(usage->ru_utime) + microseconds(usage->ru_stime);
	k->program_left = false;
	k->program_status = status;
	keeper_end(k);
}

bool keeper_reap(struct keeper *k)
{
	bool program_was_left = k->program_left, none_left = false;
	long pid = 1;

	for (int i = 0; i < REAPED_AT_ONCE && pid > 0; i++) {
		struct rusage usage;
		int status;

		pid = raw(SYS_wait4, -1, &status, WNOHANG | WUNTRACED | __WALL, &usage);
		if (pid > 0 && WIFSTOPPED(status))
			stopped(k, (pid_t)pid, status);
		else if (pid > 0)
			ended(k, (pid_t)pid, status, &usage);
	}
	none_left = pid == -ECHILD;
	k->more |= pid != 0 && !none_left;
	/* Something of the tree is left: the end of the program is news of its own. */
	if (program_was_left && !k->program_left && !none_left) {
		keeper_take_usage(k);
		keeper_report_news(k, KEEPER_EXITED, k->program_status);
	}
	return none_left;
}
