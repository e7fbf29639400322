/* SPDX-License-Identifier: Apache-2.0 */
/* The program's process and its surroundings: see steps.h. System calls only (I11). */
#include "child/steps.h"

#include "base/cleanup.h"
#include "child/fds.h"
#include "child/raw.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#define EVERY_SIGNAL 64

void dispositions_default(void)
{
	struct raw_disposition none = { { 0 } };

	for (int s = 1; s <= EVERY_SIGNAL; s++)
		raw(SYS_rt_sigaction, s, &none, 0, sizeof(unsigned long));
}

int step_dispositions(struct setup *s)
{
	if (s->plan->unkept)
		dispositions_default();
	return NOT_ASKED;
}

int step_session(struct setup *s)
{
	long self, r;

	if (!s->plan->new_session)
		return (int)raw(SYS_setpgid, 0, 0);
	r = raw(SYS_setsid);
	if (r < 0)
		return (int)r;
	self = raw(SYS_getpid);
	return setup_compare(raw(SYS_getsid, 0), self);
}

/* The source of a standard stream, or -1 if it is inherited. */
static int stream_of(const struct spawn_plan *plan, int fd)
{
	return plan->streams ? plan->streams[fd] : -1;
}

int step_terminal(struct setup *s)
{
	int session = 0, source = stream_of(s->plan, 0);
	long r;

	if (!s->plan->terminal)
		return NOT_ASKED;
	source = source >= 0 ? source : 0;
	r = raw(SYS_ioctl, source, TIOCSCTTY, 0);
	if (r == 0)
		r = raw(SYS_ioctl, source, TIOCGSID, &session);
	if (r < 0)
		return (int)r;
	return setup_compare(raw(SYS_getsid, 0), session);
}

/*
 * By the program's process itself and before it executes: a program that read the terminal before
 * it was in the foreground would be stopped. All signals are blocked, SIGTTOU among them.
 */
int step_foreground(struct setup *s)
{
	int self;

	if (!s->plan->foreground || s->plan->new_session)
		return NOT_ASKED;
	self = (int)raw(SYS_getpid);
	return (int)raw(SYS_ioctl, 0, TIOCSPGRP, &self);
}

int step_umask(struct setup *s)
{
	if (s->plan->umask < 0)
		return NOT_ASKED;
	raw(SYS_umask, s->plan->umask);
	return setup_compare(raw(SYS_umask, s->plan->umask), s->plan->umask);
}

/* All but the kept ones and ours. Closed, not just marked: a low open_files must leave a number for
 * the listener. */
static int close_others(const struct setup *s, const int *streams, const int *numbers, size_t count,
			bool unshare)
{
	const int few[] = { s->status,	s->ready,   s->ruleset, streams[0],
			    streams[1], streams[2], s->program };
	const struct fds_kept kept = { numbers, count, few, COUNT_OF(few) };

	return fds_close_others(3, &kept, unshare);
}

/*
 * After all other numbers: a stream wins over an assignment to 0, 1 or 2. SECURITY: one that the host had
 * closed may have become a descriptor of ours, the listener even.
 */
static int place_streams(const struct spawn_plan *plan, const int *streams)
{
	long r = 0;

	for (int fd = 0; fd < 3 && r >= 0; fd++) {
		if (streams[fd] >= 0) {
			r = raw(SYS_dup3, streams[fd], fd, 0);
			raw(SYS_close, streams[fd]);
		} else if (plan->closed_streams & 1u << fd && !plan_assigns(plan, fd)) {
			raw(SYS_close, fd); /* closing a closed one is no error */
		} else {
			raw(SYS_fcntl, fd, F_SETFD, 0);
		}
	}
	return r < 0 ? (int)r : 0;
}

int step_descriptors(struct setup *s)
{
	const struct spawn_plan *plan = s->plan;
	int streams[] = { stream_of(plan, 0), stream_of(plan, 1), stream_of(plan, 2) };
	int *internal[] = { &s->status,	 &s->ready,   &streams[0], &streams[1],
			    &streams[2], &s->program, &s->ruleset };
	bool unshare = plan->share_files;
	int r = 0;

	/* Landlock is on by then: its number may be one that is given to the program. */
	if (plan->share_files)
		s->ruleset = -1;
	if (plan->fd_op_count > 0) {
		r = close_others(s, streams, plan->early_fds, plan->early_fd_count, unshare);
		if (r == 0)
			r = fds_assign(plan->fd_ops, plan->fd_op_count, internal,
				       COUNT_OF(internal));
		unshare = false;
	}
	if (r == 0)
		r = close_others(s, streams, plan->keep_fds, plan->keep_fd_count, unshare);
	if (r == 0)
		r = place_streams(plan, streams);
	for (size_t i = 0; i < plan->keep_fd_count && r == 0; i++)
		r = (int)raw(SYS_fcntl, plan->keep_fds[i], F_SETFD, 0);
	if (r == 0 && s->program >= 0)
		r = (int)raw(SYS_fcntl, s->program, F_SETFD, plan->script ? 0 : FD_CLOEXEC);
	return r;
}

int step_affinity(struct setup *s)
{
	const cpu_set_t *wanted = s->plan->affinity;
	cpu_set_t got;
	unsigned long *word = (unsigned long *)(void *)&got;
	const unsigned long *want = (const unsigned long *)(const void *)wanted;
	bool any = false;
	long r;

	if (!wanted)
		return NOT_ASKED;
	r = raw(SYS_sched_setaffinity, 0, sizeof(*wanted), wanted);
	if (r < 0)
		return (int)r;
	r = raw(SYS_sched_getaffinity, 0, sizeof(got), &got);
	if (r < 0)
		return (int)r;
	for (size_t i = 0; i < (size_t)r / sizeof(*word); i++) {
		if (word[i] & ~want[i])
			return -EPERM;
		any |= word[i] != 0;
	}
	return any ? 0 : -EPERM;
}

int step_sched(struct setup *s)
{
	long r;

	if (!s->plan->nice_asked)
		return NOT_ASKED;
	r = raw(SYS_setpriority, PRIO_PROCESS, 0, s->plan->nice);
	/* The kernel gives it as a number that is never negative. */
	return r < 0 ? (int)r
		     : setup_compare(raw(SYS_getpriority, PRIO_PROCESS, 0), 20 - s->plan->nice);
}

int step_huge_pages(struct setup *s)
{
	long r;

	if (!s->plan->thp_disable)
		return NOT_ASKED;
	r = raw(SYS_prctl, PR_SET_THP_DISABLE, 1);
	if (r < 0)
		return (int)r;
	return setup_compare(raw(SYS_prctl, PR_GET_THP_DISABLE), 1);
}

int step_aslr(struct setup *s)
{
	long now;

	if (!s->plan->aslr_disable)
		return NOT_ASKED;
	now = raw(SYS_personality, 0xffffffffu);
	if (now >= 0)
		now = raw(SYS_personality, now | ADDR_NO_RANDOMIZE);
	if (now >= 0)
		now = raw(SYS_personality, 0xffffffffu);
	return now < 0 ? (int)now : setup_compare(now & ADDR_NO_RANDOMIZE, ADDR_NO_RANDOMIZE);
}

static int set_rlimit(const struct plan_rlimit *limit)
{
	struct rlimit got;
	long r = raw(SYS_prlimit64, 0, limit->resource, &limit->value, 0);

	if (r == 0)
		r = raw(SYS_prlimit64, 0, limit->resource, 0, &got);
	if (r < 0)
		return (int)r;
	return got.rlim_cur == limit->value.rlim_cur && got.rlim_max == limit->value.rlim_max
		       ? 0
		       : -EPERM;
}

/* One record a limit, so the row itself has nothing to note. */
int step_rlimits(struct setup *s)
{
	for (size_t i = 0; i < s->plan->rlimit_count; i++) {
		const struct plan_rlimit *limit = &s->plan->rlimits[i];

		if (!rlimit_is_late(s->plan, limit))
			setup_note(s, LAYER_RLIMIT + (unsigned)limit->resource, false,
				   set_rlimit(limit));
	}
	return NOT_ASKED;
}

int step_cwd(struct setup *s)
{
	return s->plan->cwd ? (int)raw(SYS_chdir, s->plan->cwd) : NOT_ASKED;
}

int step_pdeathsig(struct setup *s)
{
	int signal = 0;
	long r;

	if (s->plan->unkept)
		return NOT_ASKED;
	r = raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (r == 0)
		r = raw(SYS_prctl, PR_GET_PDEATHSIG, &signal);
	if (r < 0)
		return (int)r;
	if (signal != SIGKILL)
		return -EPERM;
	/* RACE: the keeper may have died before the signal was asked for; then we have been given
	 * another parent already. */
	return raw(SYS_getppid) == s->keeper ? 0 : -ESRCH;
}
