/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program's process does between clone and exec.
 *
 * Theory of operation
 *
 * The steps are the rows of a table and run in its order; the order is part of the contract. A step
 * that the plan does not ask for makes no system call. Each step that has run leaves one record,
 * after its effect was read back from the kernel where the kernel can be asked (I12).
 *
 *   steps      process group or session ... Landlock, each noted in memory
 *   records    written to the status pipe, before the filter could stand in the way
 *   filter     installed; with a listener its number goes to the status pipe
 *   ready      waits until the supervisor serves; only the one right byte lets the program go on
 *   exec       closes the status pipe; if it fails, the errno is the last record
 *
 * Where the descriptor table is shared with the supervisor until `ready`, so that it finds the
 * listener in its own table, the descriptors are not touched before: closing one would close it in
 * the host. That step runs after `ready` then, and starts by leaving the table.
 *
 * setup-1: this process shares the keeper's memory: it writes to its own stack only (I11).
 * setup-2: a step that fails ends the process, unless the policy lets it degrade and the table
 *          does not say `always`.
 * setup-3: after the filter is on: write to the status pipe, read of `ready`, the descriptor step
 *          of a shared table, execve, exit_group. Nothing else.
 *
 * Signal dispositions are default already: the keeper sets its own before it clones, and all
 * signals are blocked from the supervisor's clone until the last step before the filter.
 */
#include "child/setup.h"

#include "base/cleanup.h"
#include "child/fds.h"
#include "child/raw.h"
#include "child/spawn.h"
#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#define EXIT_SETUP	    125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND	    127

#define NOTES_MAX 40

struct setup {
	const struct spawn_plan *plan;
	pid_t keeper;
	int status, ready;
	size_t note_count;
	struct status_record notes[NOTES_MAX];
};

/* What a step returns: 0 applied, -errno, or this. */
#define NOT_ASKED 1

struct step {
	uint16_t layer;
	bool always; /* failure is fatal whatever the policy says */
	unsigned ablate;
	int (*run)(struct setup *s);
};

/* Together in one write: each wakes the supervisor. */
static void put(const struct setup *s, const struct status_record *records, size_t count)
{
	const char *at = (const char *)records;
	size_t left = count * sizeof(*records);

	while (left > 0) {
		long n = raw(SYS_write, s->status, at, left);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			raw_exit(EXIT_SETUP);
		at += n;
		left -= (size_t)n;
	}
}

static void put_notes(struct setup *s)
{
	put(s, s->notes, s->note_count);
	s->note_count = 0;
}

__attribute__((noreturn)) static void fatal(struct setup *s, unsigned layer, long error)
{
	struct status_record record = {
		.version = RECORD_VERSION,
		.kind = RECORD_FATAL,
		.layer = (uint16_t)layer,
		.state = STATE_FAILED,
		.error = (int32_t)-error,
	};

	put_notes(s);
	put(s, &record, 1);
	raw_exit(EXIT_SETUP);
}

static void note_state(struct setup *s, unsigned layer, enum layer_state state, long error)
{
	struct status_record *record = &s->notes[s->note_count];

	if (s->note_count == NOTES_MAX)
		fatal(s, layer, -EOVERFLOW);
	*record = (struct status_record){
		.version = RECORD_VERSION,
		.kind = RECORD_LAYER,
		.layer = (uint16_t)layer,
		.state = (uint8_t)state,
		.error = (int32_t)-error,
	};
	s->note_count++;
}

static void note(struct setup *s, unsigned layer, bool always, long result)
{
	if (result == NOT_ASKED)
		return;
	if (result < 0 && (always || s->plan->failure_is_fatal))
		fatal(s, layer, result);
	if (result >= 0)
		note_state(s, layer, STATE_APPLIED, 0);
	else if (result == -ENOSYS || result == -EOPNOTSUPP)
		note_state(s, layer, STATE_UNAVAILABLE, 0);
	else
		note_state(s, layer, STATE_FAILED, result);
}

static int step_session(struct setup *s)
{
	long self, r;

	if (!s->plan->new_session)
		return (int)raw(SYS_setpgid, 0, 0);
	r = raw(SYS_setsid);
	if (r < 0)
		return (int)r;
	self = raw(SYS_getpid);
	return raw(SYS_getsid, 0) == self ? 0 : -EPERM;
}

static int step_terminal(struct setup *s)
{
	return s->plan->terminal ? (int)raw(SYS_ioctl, 0, TIOCSCTTY, 0) : NOT_ASKED;
}

/*
 * By the program's process itself and before it executes: a program that read the terminal before
 * it was in the foreground would be stopped. All signals are blocked, SIGTTOU among them.
 */
static int step_foreground(struct setup *s)
{
	int self;

	if (!s->plan->foreground || s->plan->new_session)
		return NOT_ASKED;
	self = (int)raw(SYS_getpid);
	return (int)raw(SYS_ioctl, 0, TIOCSPGRP, &self);
}

static int step_umask(struct setup *s)
{
	if (s->plan->umask < 0)
		return NOT_ASKED;
	raw(SYS_umask, s->plan->umask);
	return raw(SYS_umask, s->plan->umask) == s->plan->umask ? 0 : -EPERM;
}

static int step_descriptors(struct setup *s)
{
	const struct spawn_plan *plan = s->plan;
	const int few[] = { s->status, s->ready, plan->share_files ? -1 : plan->ruleset };
	const struct fds_kept kept = { plan->keep_fds, plan->keep_fd_count, few, COUNT_OF(few) };
	/* Closed, not just marked: a low open_files must leave a number for the listener. */
	int r = fds_close_others(3, &kept, plan->share_files);

	if (r < 0)
		return r;
	for (int fd = 0; fd < 3; fd++) /* one that is closed stays closed */
		raw(SYS_fcntl, fd, F_SETFD, 0);
	for (size_t i = 0; i < plan->keep_fd_count && r == 0; i++)
		r = (int)raw(SYS_fcntl, plan->keep_fds[i], F_SETFD, 0);
	return r;
}

static int step_descriptors_early(struct setup *s)
{
	return s->plan->share_files ? NOT_ASKED : step_descriptors(s);
}

static int step_affinity(struct setup *s)
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

static int step_huge_pages(struct setup *s)
{
	long r;

	if (!s->plan->thp_disable)
		return NOT_ASKED;
	r = raw(SYS_prctl, PR_SET_THP_DISABLE, 1);
	if (r < 0)
		return (int)r;
	return raw(SYS_prctl, PR_GET_THP_DISABLE) == 1 ? 0 : -EPERM;
}

static int step_aslr(struct setup *s)
{
	long now;

	if (!s->plan->aslr_disable)
		return NOT_ASKED;
	now = raw(SYS_personality, 0xffffffffu);
	if (now >= 0)
		now = raw(SYS_personality, now | ADDR_NO_RANDOMIZE);
	if (now < 0)
		return (int)now;
	return raw(SYS_personality, 0xffffffffu) & ADDR_NO_RANDOMIZE ? 0 : -EPERM;
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
static int step_rlimits(struct setup *s)
{
	for (size_t i = 0; i < s->plan->rlimit_count; i++) {
		const struct plan_rlimit *limit = &s->plan->rlimits[i];

		if (!rlimit_is_late(s->plan, limit))
			note(s, LAYER_RLIMIT + (unsigned)limit->resource, false, set_rlimit(limit));
	}
	return NOT_ASKED;
}

static int step_cwd(struct setup *s)
{
	return s->plan->cwd ? (int)raw(SYS_chdir, s->plan->cwd) : NOT_ASKED;
}

static int step_pdeathsig(struct setup *s)
{
	int signal = 0;
	long r = raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);

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

static int step_no_new_privs(struct setup *s)
{
	long r = raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);

	(void)s;
	if (r < 0)
		return (int)r;
	return raw(SYS_prctl, PR_GET_NO_NEW_PRIVS) == 1 ? 0 : -EPERM;
}

/* A ruleset is one layer to the kernel and up to three in the records. */
static int step_landlock(struct setup *s)
{
	const struct spawn_plan *plan = s->plan;
	const struct {
		bool asked;
		unsigned layer;
	} part[] = {
		{ plan->landlock_fs, LAYER_LANDLOCK_FS },
		{ plan->landlock_net, LAYER_LANDLOCK_NET },
		{ plan->landlock_scope, LAYER_LANDLOCK_SCOPE },
	};
	long r, fd;

	if (plan->ruleset < 0)
		return NOT_ASKED;
	r = raw(SYS_landlock_restrict_self, plan->ruleset, 0);
	if (r == 0 && plan->landlock_canary) {
		fd = raw(SYS_openat, AT_FDCWD, plan->landlock_canary, O_RDONLY | O_CLOEXEC);
		r = fd == -EACCES ? 0 : -EPERM;
	}
	for (size_t i = 0; i < COUNT_OF(part); i++)
		note(s, part[i].layer, false, part[i].asked ? r : NOT_ASKED);
	return NOT_ASKED;
}

static int step_records(struct setup *s)
{
	put_notes(s);
	return NOT_ASKED;
}

static int step_signal_mask(struct setup *s)
{
	uint64_t none = 0;
	long r = raw(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none));

	(void)s;
	return r < 0 ? (int)r : NOT_ASKED;
}

static long install(const struct spawn_plan *plan)
{
	struct sock_fprog program = {
		.len = (unsigned short)plan->filter->length,
		.filter = plan->filter->code,
	};
	unsigned long flags = plan->listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	unsigned long killable =
		plan->listener && plan->wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0;
	long r = raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | killable, &program);

	if (r == -EINVAL && killable) /* KERNEL(5.19) */
		r = raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return r;
}

static int step_seccomp(struct setup *s)
{
	struct status_record record = {
		.version = RECORD_VERSION,
		.kind = RECORD_LISTENER,
		.layer = LAYER_LISTENER,
		.state = STATE_APPLIED,
	};
	long r;

	if (!s->plan->filter)
		return NOT_ASKED;
	r = install(s->plan);
	note(s, LAYER_SECCOMP, s->plan->listener, r);
	if (s->plan->listener) {
		record.value = (uint32_t)r;
		s->notes[s->note_count++] = record;
	}
	put_notes(s);
	return NOT_ASKED;
}

static int step_ready(struct setup *s)
{
	unsigned char byte = 0;
	long n;

	do {
		n = raw(SYS_read, s->ready, &byte, 1);
	} while (n == -EINTR);
	/* The supervisor has given up or is gone: there is nobody to tell. */
	if (n != 1 || byte != SPAWN_READY)
		raw_exit(EXIT_SETUP);
	return NOT_ASKED;
}

static int step_descriptors_late(struct setup *s)
{
	return s->plan->share_files ? step_descriptors(s) : NOT_ASKED;
}

/* The listener is proven by a call that only a supervisor can answer with a descriptor. */
static int step_self_test(struct setup *s)
{
	long r;

	if (!s->plan->self_test)
		return NOT_ASKED;
	r = raw(s->plan->self_test, AT_FDCWD, SELF_TEST_PATH, O_RDONLY | O_CLOEXEC);
	return r < 0 ? (int)r : 0;
}

static const struct step steps[] = {
	{ LAYER_SESSION, true, 0, step_session },
	{ LAYER_TERMINAL, true, 0, step_terminal },
	{ LAYER_TERMINAL, true, 0, step_foreground },
	{ LAYER_UMASK, true, 0, step_umask },
	{ LAYER_DESCRIPTORS, true, ABLATE_CLOSE_FDS, step_descriptors_early },
	{ LAYER_AFFINITY, false, 0, step_affinity },
	{ LAYER_HUGE_PAGES, false, 0, step_huge_pages },
	{ LAYER_ASLR, false, 0, step_aslr },
	{ LAYER_RLIMIT, false, ABLATE_RLIMITS, step_rlimits },
	{ LAYER_CWD, true, 0, step_cwd },
	{ LAYER_PDEATHSIG, true, ABLATE_PDEATHSIG, step_pdeathsig },
	{ LAYER_NO_NEW_PRIVS, true, 0, step_no_new_privs },
	{ LAYER_LANDLOCK_FS, false, ABLATE_LANDLOCK, step_landlock },
	{ LAYER_EXEC, true, 0, step_records },
	{ LAYER_EXEC, true, 0, step_signal_mask },
	{ LAYER_SECCOMP, false, ABLATE_SECCOMP, step_seccomp },
	{ LAYER_EXEC, true, 0, step_ready },
	{ LAYER_DESCRIPTORS, true, 0, step_descriptors_late },
	{ LAYER_LISTENER, true, 0, step_self_test },
	{ LAYER_EXEC, true, 0, step_records },
};

static bool ablated(const struct spawn_plan *plan, const struct step *step)
{
#ifdef CORDON_ABLATE
	return (plan->ablate & step->ablate) != 0;
#else
	(void)plan;
	(void)step;
	return false;
#endif
}

int setup_main(void *arg)
{
	const struct setup_start *start = arg;
	struct status_record failed = {
		.version = RECORD_VERSION,
		.kind = RECORD_EXEC_FAILED,
		.layer = LAYER_EXEC,
		.state = STATE_FAILED,
	};
	struct setup s = {
		.plan = start->plan,
		.keeper = start->keeper,
		.status = start->status,
		.ready = start->ready,
	};
	long r;

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		const struct step *step = &steps[i];

		if (ablated(s.plan, step))
			note_state(&s, step->layer, STATE_SKIPPED, 0);
		else
			note(&s, step->layer, step->always, step->run(&s));
	}
	r = raw(SYS_execve, s.plan->path, s.plan->argv, s.plan->envp);
	failed.error = (int32_t)-r;
	put(&s, &failed, 1);
	raw_exit(r == -ENOENT || r == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}
