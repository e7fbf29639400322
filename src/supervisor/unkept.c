/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run without keeper, supervisor and thread.
 *
 * Theory of operation. A host that starts very many programs, and itself sees to what they leave behind, may
 * do without the process that keeps the tree together (I10): the kernel holds the policy all the same. The
 * program is a child of the host's process then, started on the caller's thread (child/direct.c). Nothing
 * happens while no function of the sandbox is called: whoever asks whether the run has ended reaps the
 * program, and makes the end of it. One descriptor stands for the queue of events and the program's pidfd.
 *
 * What needs somebody who looks after the tree is refused before anything is made, with the rule that asks
 * for it: a supervisor, limits of the tree, namespaces, the terminal's job control.
 *
 * RACE: several threads may ask at once. Who reaps is decided under the lock, and ends the run; the others
 * see it run until then.
 */
#include "supervisor/unkept.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "child/direct.h"
#include "sys/fds.h"
#include "sys/process.h"

#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

static const enum limit_kind kept_limits[] = {
	LIMIT_WALL,
	LIMIT_MEMORY,
	LIMIT_PROCESSES,
	LIMIT_CPU_PERCENT,
};

/* Return: 0 or -EOPNOTSUPP. */
static int check(const struct sandbox *s, struct cordon_error *err)
{
	const struct policy *policy = s->policy;
	const struct caps_own nobody = { 0 };

	if (policy->supervisor != SUPERVISOR_OFF)
		return err_set(err, -EOPNOTSUPP,
			       "no_keeper: the policy must say `supervisor: off`");
	if (prepare_namespaces(policy, &nobody))
		return err_set(err, -EOPNOTSUPP, "no_keeper: `isolation` needs the keeper");
	if (s->foreground)
		return err_set(
			err, -EOPNOTSUPP,
			"no_keeper: a program in the foreground of a terminal needs the keeper");
	for (size_t i = 0; i < COUNT_OF(kept_limits); i++) {
		const struct limit *limit = &policy->limits[kept_limits[i]];

		if (limit->value == LIMIT_UNSET)
			continue;
		err_set(err, -EOPNOTSUPP, "%s: nobody would hold it without the keeper (no_keeper)",
			limit->rule.key);
		if (err)
			err_place(err, limit->rule.origin.file, limit->rule.origin.line,
				  limit->rule.origin.column);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int watch(struct sandbox *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(s->watch, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int unkept_new(struct sandbox *s, struct cordon_error *err)
{
	int r = check(s, err);

	if (r < 0)
		return r;
	s->watch = epoll_create1(EPOLL_CLOEXEC);
	r = s->watch < 0 ? -errno : fd_move_up(&s->watch);
	if (r == 0)
		r = watch(s, audit_fd(s->audit));
	return r < 0 ? err_sys(err, r, "make the sandbox") : 0;
}

/* Return: whether the host's memory is borrowed, or -errno with s->error. */
static int share_memory(struct sandbox *s)
{
	const char *why = direct_needs_copy(&s->prepared.plan);

	if (s->spawn == CORDON_SPAWN_VFORK && why)
		return err_set(&s->error, -EOPNOTSUPP,
			       "start: %s cannot be set in a process that shares "
			       "the host's memory (CORDON_SPAWN_VFORK)",
			       why);
	return s->spawn != CORDON_SPAWN_FORK && !why;
}

/* Reads what the program's process tells until it has executed. Return: 0 or -errno with s->error. */
static int read_records(struct sandbox *s)
{
	struct status_record record;
	int listener, r;

	while ((r = spawned_read(&s->spawned, &record)) > 0)
		if (run_record(s, &record, &listener) < 0)
			return s->error.code;
	return r < 0 ? err_sys(&s->error, r, "start: read the status") : run_check_records(s);
}

int unkept_start(struct sandbox *s)
{
	int share = share_memory(s), r = share < 0 ? share : 0;
	struct direct_end end;

	clock_gettime(CLOCK_MONOTONIC, &s->begin);
	if (r == 0)
		r = direct_start(&s->prepared.plan, share, &s->spawned, &s->error);
	if (r < 0)
		return r;
	r = read_records(s);
	if (r == 0 && (r = watch(s, s->spawned.program_pidfd)) < 0)
		err_sys(&s->error, r, "start: watch the program");
	if (r < 0) {
		pidfd_signal(s->spawned.program_pidfd, SIGKILL);
		direct_reap(&s->spawned, true, &end);
		spawned_done(&s->spawned);
		return r;
	}
	spawned_started(&s->spawned);
	run_started(s);
	return 0;
}

/* Return: whether it was this caller who saw the end. */
static bool reap(struct sandbox *s)
{
	struct direct_end end;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (s->state == RUN_RUNNING && !s->exited && !s->supervisor_failed)
		r = direct_reap(&s->spawned, false, &end);
	if (r > 0) {
		s->exited = true;
		s->wait_status = end.wait_status;
		s->usage = (struct keeper_message){
			.user_us = end.user_us,
			.system_us = end.system_us,
			.program_us = end.user_us + end.system_us,
			.max_rss_kib = end.max_rss_kib,
			.processes = 1,
			.size_limit_hit = WIFSIGNALED(end.wait_status) &&
					  WTERMSIG(end.wait_status) == SIGXFSZ,
		};
	}
	/* Somebody else has waited for it: how it ended cannot be known any more. */
	if (r < 0)
		s->supervisor_failed = true;
	pthread_mutex_unlock(&s->lock);
	return r != 0;
}

void unkept_look(struct sandbox *s)
{
	if (reap(s))
		run_ended(s);
}

int unkept_signal(struct sandbox *s, int signal, bool kill)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	/* It is not reaped meanwhile: the pidfd means the program or nobody. */
	if (s->state == RUN_RUNNING && !s->exited) {
		s->killed_by_caller |= kill && signal != 0;
		r = pidfd_signal(s->spawned.program_pidfd, signal);
	}
	pthread_mutex_unlock(&s->lock);
	return r == -ESRCH ? 0 : r;
}

void unkept_free(struct sandbox *s)
{
	struct direct_end end;

	if (s->state == RUN_RUNNING && !s->exited) {
		pidfd_signal(s->spawned.program_pidfd, SIGKILL);
		direct_reap(&s->spawned, true, &end);
	}
	spawned_done(&s->spawned);
	if (s->watch >= 0)
		close(s->watch);
}
