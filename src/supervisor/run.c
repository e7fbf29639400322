/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that acts for one sandbox.
 *
 * Theory of operation. The thread first makes itself small: a file system context of its own (umask
 * and working directory are per request), no_new_privs, and a Landlock domain that grants what the
 * sandbox is granted, plus /proc (I5). Only then does it clone the keeper, so that its domain is an
 * ancestor of the program's: a sibling could not read the program's memory.
 *
 *   STARTING  while the program's process confines itself, what serving needs is made; records come
 *             in; the listener is taken and served; `ready` is said; the loop runs, since the exec
 *             itself may be mediated; the end of the status stream is the exec
 *   RUNNING   the loop serves requests, the keeper's messages and the wall clock
 *   ENDED     the keeper said EMPTY and was reaped; only then is the listener closed, so that no
 *             process of the tree ever sees a call fail because nobody serves it; what the thread
 *             holds is given back behind that
 *
 * Any failure before the exec closes the keeper's socket: the keeper ends what there is of a tree.
 */
#include "supervisor/run.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "child/look.h"
#include "supervisor/ablate.h"
#include "supervisor/dns.h"
#include "supervisor/execution.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

/* Between the polite signal of the wall limit and the one that cannot be ignored. */
#define GRACE_MS 1000

static void set_state(struct sandbox *s, enum run_state state)
{
	pthread_mutex_lock(&s->lock);
	s->state = state;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static int confine(struct sandbox *s)
{
	int r;

	if (unshare(CLONE_FS) < 0)
		return err_sys(&s->error, -errno, "supervisor: a file system context of its own");
	if (s->prepared.supervisor_ruleset < 0 || ablated("supervisor-landlock"))
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		return err_sys(&s->error, -errno, "supervisor: no_new_privs");
	r = landlock_restrict(s->prepared.supervisor_ruleset);
	/* Where the program may do without, so may we: decisions are made all the same. */
	return r < 0 ? run_layer(s, LAYER_LANDLOCK_FS, r) : 0;
}

static void end_tree(struct sandbox *s, int signal)
{
	keeper_tell(s->spawned.keeper_socket, KEEPER_KILL, signal);
}

/* The listener cannot be served any more: better no program than an unsupervised one. */
static void on_broken(void *arg, const char *why)
{
	struct sandbox *s = arg;

	if (s->supervisor_failed)
		return;
	s->supervisor_failed = true;
	snprintf(s->failure, sizeof(s->failure), "%s", why);
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_FAILED,
						   .proc_fd = -1,
						   .operation = "supervise",
						   .reason = s->failure });
	end_tree(s, SIGKILL);
}

/* What runs as something else than it was allowed as is hostile, and so may be the rest. */
static void on_violated(void *arg)
{
	struct sandbox *s = arg;

	s->violated = true;
	end_tree(s, SIGKILL);
}

static int take_listener(struct sandbox *s, int number)
{
	struct supervisor *sv = &s->sv;
	int fd =
		s->prepared.plan.share_files ? number : pidfd_get(s->spawned.program_pidfd, number);

	if (fd < 0)
		return err_sys(&s->error, fd, "supervisor: take the listener");
	sv->listener = fd;
	/* KERNEL(6.6): without it every request costs a wake-up across processors. */
	notif_sync_wake_up(fd);
	fd = dispatcher_serve(s->dispatcher);
	return fd < 0 ? err_sys(&s->error, fd, "supervisor: serve the listener") : 0;
}

/* Status records, until the stream ends: that is the exec. */
static void on_status(void *arg, short events)
{
	struct sandbox *s = arg;
	struct status_record record;
	bool goes_on;
	int ignored, r;

	(void)events;
	do {
		r = spawned_read(&s->spawned, &record);
		goes_on = r > 0 && run_record(s, &record, &ignored) >= 0;
	} while (goes_on && spawned_has_more(&s->spawned));
	if (goes_on)
		return;
	loop_remove(s->sv.loop, s->status_source);
	s->status_source = -1;
	if (r < 0 && s->error.code == 0)
		err_set(&s->error, -EBADMSG, "start: the status stream broke");
}

/* The keeper is ending the tree for it already. */
static void on_tree_limit(struct sandbox *s, enum looked found)
{
	if (found == LOOKED_MEMORY || found == LOOKED_GROWTH)
		run_limit(s, LIMIT_MEMORY);
	else if (found == LOOKED_PROCESSES)
		run_limit(s, LIMIT_PROCESSES);
	else
		on_broken(s, "the limits of the tree cannot be watched any more");
	if (found == LOOKED_GROWTH)
		run_note(s, "limits.memory: some process of the run cannot be looked into (its "
			    "program is "
			    "not readable, or it said so); what the host's shared memory and swap "
			    "had grown by was counted");
}

static void on_keeper(void *arg, short events)
{
	struct sandbox *s = arg;
	struct keeper_message message;
	int r;

	(void)events;
	while ((r = keeper_read(s->spawned.keeper_socket, &message)) > 0) {
		switch ((enum keeper_report)message.kind) {
		case KEEPER_STOPPED:
			audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_STOPPED,
								   .proc_fd = -1,
								   .pid = s->spawned.program,
								   .number = message.value });
			break;
		case KEEPER_LIMIT:
			on_tree_limit(s, (enum looked)message.value);
			break;
		case KEEPER_FAILED:
			on_broken(s, "an answer of the keeper could not be sent");
			break;
		case KEEPER_EXITED:
		case KEEPER_EMPTY:
			s->exited = true;
			s->wait_status = message.value;
			s->usage = message;
			break;
		case KEEPER_HELD:
		case KEEPER_EXECUTED:
		case KEEPER_LOOSE:
			execution_report(&s->sv, &message);
			break;
		}
	}
	if (r == -EAGAIN)
		return;
	loop_remove(s->sv.loop, s->keeper_source);
	s->keeper_source = -1;
}

static int arm_timer(const struct sandbox *s, struct timespec from, uint64_t ms)
{
	struct itimerspec spec = { .it_value = from };

	spec.it_value.tv_sec += (time_t)(ms / 1000);
	spec.it_value.tv_nsec += (long)(ms % 1000) * 1000000;
	if (spec.it_value.tv_nsec >= 1000000000) {
		spec.it_value.tv_nsec -= 1000000000;
		spec.it_value.tv_sec++;
	}
	return timerfd_settime(s->wall_timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}

int run_arm_wall(struct sandbox *s)
{
	return arm_timer(s, s->begin, s->limits[LIMIT_WALL]);
}

static int arm_grace(const struct sandbox *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return arm_timer(s, now, GRACE_MS);
}

static void on_wall(void *arg, short events)
{
	struct sandbox *s = arg;
	uint64_t ticks;

	(void)events;
	if (read(s->wall_timer, &ticks, sizeof(ticks)) < 0)
		return;
	/* RACE: a host that changes the limit now must not put off the end of the grace. */
	pthread_mutex_lock(&s->lock);
	if (s->limits_hit & 1u << LIMIT_WALL) {
		end_tree(s, SIGKILL);
	} else {
		run_limit(s, LIMIT_WALL);
		end_tree(s, SIGTERM);
		if (arm_grace(s) < 0)
			end_tree(s, SIGKILL);
	}
	pthread_mutex_unlock(&s->lock);
}

static int watch(struct sandbox *s)
{
	struct loop *loop = s->sv.loop;
	int r;

	s->status_source = loop_add(loop, s->spawned.status, on_status, s);
	s->keeper_source = loop_add(loop, s->spawned.keeper_socket, on_keeper, s);
	if (s->limits[LIMIT_WALL] != LIMIT_UNSET) {
		s->wall_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		r = s->wall_timer < 0 ? -errno : run_arm_wall(s);
		if (r == 0)
			r = s->wall_source = loop_add(loop, s->wall_timer, on_wall, s);
		if (r < 0)
			return err_sys(&s->error, r, "supervisor: the wall clock");
	}
	if (s->status_source < 0 || s->keeper_source < 0)
		return err_set(&s->error, -ENFILE, "supervisor: too many descriptors to watch");
	return 0;
}

static int let_go(struct sandbox *s)
{
	int r = spawned_late_limit(&s->spawned, &s->prepared.plan);

	if (r != 0)
		r = run_layer(s, LAYER_RLIMIT + RLIMIT_NOFILE, r < 0 ? r : 0);
	if (r < 0)
		return r;
	r = spawned_go(&s->spawned);
	return r < 0 ? err_sys(&s->error, r, "start: let the program go") : 0;
}

/* Serves until the status stream ends. Return: as below. */
static int run_to_exec(struct sandbox *s)
{
	int r = 0;

	while (r == 0 && s->status_source >= 0 && !s->supervisor_failed)
		r = loop_run_once(s->sv.loop);
	if (r < 0)
		return err_sys(&s->error, r, "supervisor: wait for events");
	if (s->supervisor_failed && s->error.code == 0)
		return err_set(&s->error, -EIO, "supervisor: %s", s->failure);
	return s->error.code ? s->error.code : run_check_records(s);
}

/* Keeper and program, which goes as far as it can without us. Return: 0 or -errno with s->error. */
static int spawn(struct sandbox *s)
{
	int r = spawn_start(&s->prepared.plan, &s->spawned, &s->error);

	if (r < 0) {
		s->layers[LAYER_KEEPER].state = STATE_FAILED;
		s->layers[LAYER_KEEPER].error = -r;
		return r;
	}
	s->sv.keeper = s->spawned.keeper;
	s->sv.keeper_inside = s->spawned.keeper_inside;
	s->sv.program = s->spawned.program;
	s->sv.keeper_socket = s->spawned.keeper_socket;
	run_layer(s, LAYER_KEEPER, 0);
	return 0;
}

/* From nothing to a program that has been executed. Return: 0, or -errno with s->error. */
static int start(struct sandbox *s)
{
	int listener = -1, r = 0;

	/* Before all else: what is executed here is not the sandbox's to grant. */
	if (name_service_works(&s->assignment.names))
		r = dns_start(&s->sv, &s->assignment.names, &s->sv.dns, &s->error);
	if (r == 0)
		r = confine(s);
	clock_gettime(CLOCK_MONOTONIC, &s->begin);
	if (r == 0)
		r = spawn(s);
	if (r == 0)
		r = run_get_ready(s);
	if (r == 0)
		r = run_records(s, &listener);
	if (r == 0 && s->prepared.plan.listener)
		r = take_listener(s, listener);
	if (r == 0)
		r = watch(s);
	if (r == 0)
		r = let_go(s);
	if (r == 0)
		r = run_to_exec(s);
	if (r == 0)
		spawned_started(&s->spawned);
	return r;
}

/* Serves until nothing of the tree is left. */
static void serve(struct sandbox *s)
{
	int r = 0;

	while (r == 0 && s->keeper_source >= 0)
		r = loop_run_once(s->sv.loop);
	if (r < 0)
		on_broken(s, "the event loop failed");
	/* A keeper that went without its last word has been killed. */
	if (!s->exited && !s->supervisor_failed)
		on_broken(s, "the keeper is gone");
}

static void finish(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	spawned_done(&s->spawned);
	pthread_mutex_unlock(&s->lock);
	run_give_back(s);
}

static void note_tmp(struct sandbox *s)
{
	cleanup_free char *text = NULL;

	if (!s->tmp.path || !s->tmp.keep)
		return;
	if (asprintf(&text, "$TMP was kept: %s", s->tmp.path) < 0) {
		text = NULL;
		return;
	}
	run_note(s, text);
}

void run_started(struct sandbox *s)
{
	run_layer(s, LAYER_EXEC, 0);
	run_tell_layers(s);
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_START,
						   .proc_fd = -1,
						   .pid = s->spawned.program });
	set_state(s, RUN_RUNNING);
}

void run_ended(struct sandbox *s)
{
	run_result(s);
	note_tmp(s);
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_END,
						   .proc_fd = -1,
						   .number = s->result.status });
	set_state(s, RUN_ENDED);
	audit_close(s->audit);
}

void *run_main(void *arg)
{
	struct sandbox *s = arg;
	int r;

	s->sv.broken = on_broken;
	s->sv.limit_hit = run_limit_seen;
	s->sv.violated = on_violated;
	s->sv.callback_arg = s;
	r = start(s);
	if (r < 0) {
		spawned_abandon(&s->spawned);
		finish(s);
		set_state(s, RUN_FAILED);
		return NULL;
	}
	run_started(s);
	serve(s);
	spawned_reap(&s->spawned);
	/* Nothing of the run is left when its end is told. */
	stage_end(&s->stage);
	dns_free(s->sv.dns);
	s->sv.dns = NULL;
	run_ended(s);
	/* Last: the end of the ring takes a while, and nobody has to wait for it to know the
	 * result. */
	finish(s);
	return NULL;
}
