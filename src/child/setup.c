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
 * Without a keeper the parent is the host itself (direct.c): it waits for the exec and nobody waits for it,
 * and if it shares its memory, it stands still until then.
 *
 * Signal dispositions are default already where the keeper has set its own before it cloned; all
 * signals are blocked from the supervisor's clone until the last step before the filter, which ignores
 * and leaves blocked what the policy names.
 */
#include "child/setup.h"

#include "base/cleanup.h"
#include "child/fds.h"
#include "child/raw.h"
#include "child/spawn.h"
#include "child/steps.h"
#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND	    127

struct step {
	uint16_t layer;
	bool always; /* failure is fatal whatever the policy says */
	unsigned ablate;
	step_fn *run;
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

void setup_flush(struct setup *s)
{
	put(s, s->notes, s->note_count);
	s->note_count = 0;
}

__attribute__((noreturn)) static void fatal(struct setup *s, unsigned layer, long error)
{
	struct status_record record = record_make(RECORD_FATAL, layer, STATE_FAILED, -error);

	setup_flush(s);
	put(s, &record, 1);
	raw_exit(EXIT_SETUP);
}

static void note_state(struct setup *s, unsigned layer, enum layer_state state, long error)
{
	struct status_record *record = &s->notes[s->note_count];

	if (s->note_count == NOTES_MAX)
		fatal(s, layer, -EOVERFLOW);
	*record = record_make(RECORD_LAYER, layer, state, -error);
	s->note_count++;
}

void setup_note(struct setup *s, unsigned layer, bool always, long result)
{
	if (result == NOT_ASKED)
		return;
	if (result < 0 && (always || !(s->plan->tolerate & LAYER_BIT(layer))))
		fatal(s, layer, result);
	if (result >= 0)
		note_state(s, layer, STATE_APPLIED, 0);
	else if (result == -ENOSYS || result == -EOPNOTSUPP)
		note_state(s, layer, STATE_UNAVAILABLE, 0);
	else
		note_state(s, layer, STATE_FAILED, result);
}

static int step_descriptors_early(struct setup *s)
{
	return s->plan->share_files ? NOT_ASKED : step_descriptors(s);
}

static int step_records(struct setup *s)
{
	setup_flush(s);
	return NOT_ASKED;
}

static int ignore(int signal)
{
	struct raw_disposition wanted = { { (unsigned long)SIG_IGN } }, got = { { 0 } };
	long r = raw(SYS_rt_sigaction, signal, &wanted, 0, sizeof(uint64_t));

	if (r == 0)
		r = raw(SYS_rt_sigaction, signal, 0, &got, sizeof(uint64_t));
	return r < 0 ? (int)r : setup_compare((long)got.words[0], (long)SIG_IGN);
}

static int step_signals(struct setup *s)
{
	const struct spawn_plan *plan = s->plan;
	uint64_t got = 0;
	long r = 0;

	for (int signal = 1; signal <= 64 && r == 0; signal++)
		if (plan->signal_ignore & 1ull << (signal - 1))
			r = ignore(signal);
	if (r == 0)
		r = raw(SYS_rt_sigprocmask, SIG_SETMASK, &plan->signal_mask, 0, sizeof(uint64_t));
	if (r == 0)
		r = raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, &got, sizeof(uint64_t));
	if (r == 0 && got != plan->signal_mask)
		r = -EPERM;
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
	struct status_record record =
		record_make(RECORD_LISTENER, LAYER_LISTENER, STATE_APPLIED, 0);
	long r;

	if (!s->plan->filter)
		return NOT_ASKED;
	r = install(s->plan);
	setup_note(s, LAYER_SECCOMP, s->plan->listener, r);
	if (s->plan->listener) {
		record.value = (uint32_t)r;
		s->notes[s->note_count++] = record;
	}
	setup_flush(s);
	return NOT_ASKED;
}

static int step_ready(struct setup *s)
{
	unsigned char byte = 0;
	long n;

	setup_flush(s);
	if (s->plan->unkept)
		return NOT_ASKED;
	do {
		n = raw(SYS_read, s->ready, &byte, 1);
	} while (n == -EINTR);
	if (n < 0)
		return (int)n;
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
	{ LAYER_EXEC, true, 0, step_dispositions },
	{ LAYER_SESSION, true, 0, step_session },
	{ LAYER_TERMINAL, true, 0, step_terminal },
	{ LAYER_TERMINAL, true, 0, step_foreground },
	{ LAYER_UMASK, true, 0, step_umask },
	{ LAYER_NET_NS, false, 0, step_join },
	{ LAYER_USER_NS, false, 0, step_user_ns },
	{ LAYER_USER_NS, false, 0, step_inner_user_ns },
	{ LAYER_NET_NS, false, 0, step_namespaces },
	{ LAYER_HOSTNAME, false, 0, step_hostname },
	/* What is found through procfs is found by now. */
	{ LAYER_MOUNT_NS, true, 0, step_view },
	{ LAYER_DESCRIPTORS, true, ABLATE_CLOSE_FDS, step_descriptors_early },
	{ LAYER_AFFINITY, false, 0, step_affinity },
	{ LAYER_SCHED, false, 0, step_sched },
	{ LAYER_HUGE_PAGES, false, 0, step_huge_pages },
	{ LAYER_ASLR, false, 0, step_aslr },
	{ LAYER_RLIMIT, false, ABLATE_RLIMITS, step_rlimits },
	{ LAYER_BOUNDING, false, 0, step_bounding },
	{ LAYER_SECUREBITS, false, 0, step_securebits },
	{ LAYER_GROUPS, false, 0, step_groups },
	{ LAYER_GID, false, 0, step_gid },
	{ LAYER_UID, false, 0, step_uid },
	{ LAYER_CAPS, false, 0, step_caps },
	{ LAYER_AMBIENT, false, 0, step_ambient },
	{ LAYER_CWD, true, 0, step_cwd },
	{ LAYER_PDEATHSIG, true, ABLATE_PDEATHSIG, step_pdeathsig },
	{ LAYER_NO_NEW_PRIVS, true, 0, step_no_new_privs },
	{ LAYER_LANDLOCK_FS, false, ABLATE_LANDLOCK, step_landlock },
	{ LAYER_EXEC, true, 0, step_records },
	{ LAYER_EXEC, true, 0, step_signals },
	{ LAYER_SECCOMP, false, ABLATE_SECCOMP, step_seccomp },
	{ LAYER_EXEC, true, 0, step_ready },
	{ LAYER_DESCRIPTORS, true, 0, step_descriptors_late },
	{ LAYER_LISTENER, true, 0, step_self_test },
	{ LAYER_EXEC, true, 0, step_records },
};

#ifdef CORDON_ABLATE
/* Writes further and further down. */
static void overrun(void)
{
	volatile char *at = (volatile char *)__builtin_frame_address(0);

	for (;;)
		*--at = 0;
}
#endif

/* Whether the step is left out; then its layers have been noted. */
static bool ablated(struct setup *s, const struct step *step)
{
#ifdef CORDON_ABLATE
	if (s->plan->ablate & ABLATE_STACK)
		overrun();
	if (!(s->plan->ablate & step->ablate))
		return false;
	note_state(s, step->layer, STATE_SKIPPED, 0);
	if (step->layer == LAYER_LANDLOCK_FS) {
		note_state(s, LAYER_LANDLOCK_NET, STATE_SKIPPED, 0);
		note_state(s, LAYER_LANDLOCK_SCOPE, STATE_SKIPPED, 0);
	}
	return true;
#else
	(void)s;
	(void)step;
	return false;
#endif
}

/* KERNEL: a script is handed to its interpreter as /dev/fd/N. */
static long execute(const struct setup *s)
{
	const struct spawn_plan *plan = s->plan;

	if (s->program >= 0)
		return raw(SYS_execveat, s->program, "", plan->argv, plan->envp, AT_EMPTY_PATH);
	return raw(SYS_execve, plan->path, plan->argv, plan->envp);
}

/*
 * In place of an execution: what that would close is closed, and the end of the status tells the same.
 * SECURITY: the listener above all, with which the process would answer itself.
 */
__attribute__((noreturn)) static void call(const struct setup *s)
{
	const struct fds_kept kept = { s->plan->keep_fds, s->plan->keep_fd_count, NULL, 0 };

	for (int fd = 0; fd < 3; fd++)
		if (raw(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC)
			raw(SYS_close, fd);
	if (fds_close_others(3, &kept, false) < 0)
		raw_exit(EXIT_SETUP);
	raw_exit(s->plan->function(s->plan->function_arg));
}

int setup_main(void *arg)
{
	const struct setup_start *start = arg;
	struct status_record failed;
	struct setup s = {
		.plan = start->plan,
		.keeper = start->keeper,
		.status = start->status,
		.ready = start->ready,
		.ruleset = start->plan->ruleset,
		.program = start->plan->program_fd > 0 ? start->plan->program_fd : -1,
	};
	long r;

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		const struct step *step = &steps[i];

		if (!ablated(&s, step))
			setup_note(&s, step->layer, step->always, step->run(&s));
	}
	if (s.plan->function)
		call(&s);
	r = execute(&s);
	failed = record_make(RECORD_EXEC_FAILED, LAYER_EXEC, STATE_FAILED, -r);
	put(&s, &failed, 1);
	raw_exit(r == -ENOENT || r == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}
