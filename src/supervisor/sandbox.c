/* SPDX-License-Identifier: Apache-2.0 */
/* The object: see sandbox.h. What happens on its thread stands in run.c. */
#include "supervisor/sandbox.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/load.h"
#include "supervisor/run.h"
#include "sys/landlock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Enough for the deepest request path; the default of 8 MiB would only cost address space. */
#define THREAD_STACK (256u * 1024)

static int set_options(struct sandbox *s, const struct cordon_options *options)
{
	static atomic_uint runs;
	const char *name = options ? options->name : NULL;
	int n;

	s->foreground = options && options->foreground;
	if (!name)
		name = s->policy->name;
	n = name ? asprintf(&s->name, "%s", name)
		 : asprintf(&s->name, "run-%d-%u", getpid(), atomic_fetch_add(&runs, 1) + 1);
	if (n >= 0)
		return 0;
	s->name = NULL;
	return -ENOMEM;
}

static int set_up(struct sandbox *s, const struct cordon_options *options, struct cordon_error *err)
{
	struct host host;
	int r = set_options(s, options);

	if (r == 0)
		r = audit_new(s->name, &s->audit);
	if (r < 0)
		return err_sys(err, r, "make the sandbox");
	if (s->policy->uses_tmp) {
		r = tmpdir_make(&s->tmp, err);
		if (r < 0)
			return r;
	}
	r = policy_bind(s->policy, s->tmp.path, err);
	if (r < 0)
		return r;
	host_probe(&host);
	r = assignment_make(s->policy, &host, &s->assignment, err);
	if (r < 0)
		return r;
	s->sv.policy = s->policy;
	s->sv.audit = s->audit;
	s->sv.pidfd_getfd = host.pidfd_getfd;
	s->sv.own_root = assignment_admits_chroot(s->policy);
	s->sv.execs_held = s->assignment.when & WHEN_DENY_EXEC;
	s->sv.abstract_scoped = s->assignment.scoped & LL_SCOPE_ABSTRACT_UNIX;
	return 0;
}

int sandbox_new(struct policy *take_policy, const struct cordon_options *options,
		struct sandbox **ret, struct cordon_error *err)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		policy_free(take_policy);
		return err_set(err, -ENOMEM, "out of memory");
	}
	s->policy = take_policy;
	s->spawned = (struct spawned)SPAWNED_INIT;
	s->sv.listener = s->sv.proc_fd = s->sv.self_fd = s->sv.root_fd = -1;
	s->sv.pending_timer = s->sv.pending_source = -1;
	s->status_source = s->keeper_source = s->wall_timer = s->wall_source = -1;
	s->prepared.plan.ruleset = s->prepared.plan.keeper_ruleset = -1;
	s->prepared.supervisor_ruleset = -1;
	s->tmp.parent = -1;
	s->backend = "none";
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	r = set_up(s, options, err);
	if (r < 0) {
		sandbox_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* All signals are blocked in the new thread: they are the host's business. */
static int make_thread(struct sandbox *s)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&s->thread, &attributes, run_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	s->has_thread = r == 0;
	return -r;
}

/* The run never was: its result says why. */
static int never_ran(struct sandbox *s, int error, struct cordon_error *err)
{
	s->state = RUN_FAILED;
	s->result = (struct cordon_result){
		.size = sizeof(s->result),
		.reason = s->exec_failed ? CORDON_EXEC_FAILED : CORDON_SETUP_FAILED,
		.code = -1,
		.status = !s->exec_failed			  ? 125
			  : error == -ENOENT || error == -ENOTDIR ? 127
								  : 126,
	};
	if (s->supervisor_failed)
		s->result.reason = CORDON_SETUP_FAILED;
	if (err)
		*err = s->error;
	audit_close(s->audit);
	return error;
}

int sandbox_start(struct sandbox *s, char *const argv[], struct cordon_error *err)
{
	int r;

	if (s->state != RUN_NEW)
		return err_set(err, -EINVAL, "the sandbox was started before");
	r = prepare_plan(s->policy, &s->assignment, s->tmp.path, s->name, argv, &s->prepared,
			 &s->exec_failed, &s->error);
	if (r < 0)
		return never_ran(s, r, err);
	s->prepared.plan.foreground = s->foreground;
	s->state = RUN_STARTING;
	r = make_thread(s);
	if (r < 0) {
		err_sys(&s->error, r, "start: make a thread");
		return never_ran(s, r, err);
	}
	pthread_mutex_lock(&s->lock);
	while (s->state == RUN_STARTING)
		pthread_cond_wait(&s->changed, &s->lock);
	r = s->state == RUN_FAILED ? s->error.code : 0;
	pthread_mutex_unlock(&s->lock);
	return r < 0 ? never_ran(s, r, err) : 0;
}

static enum run_state state_of(const struct sandbox *s)
{
	/* The lock is part of the object, whatever else is constant. */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&s->lock;
	enum run_state state;

	pthread_mutex_lock(lock);
	state = s->state;
	pthread_mutex_unlock(lock);
	return state;
}

static bool sandbox_started(const struct sandbox *s)
{
	enum run_state state = state_of(s);

	return state == RUN_RUNNING || state == RUN_ENDED;
}

bool sandbox_ended(const struct sandbox *s)
{
	enum run_state state = state_of(s);

	return state == RUN_ENDED || state == RUN_FAILED;
}

pid_t sandbox_pid(const struct sandbox *s)
{
	return sandbox_started(s) ? s->spawned.program : -1;
}

const char *sandbox_name(const struct sandbox *s)
{
	return s->name;
}

const struct policy *sandbox_policy(const struct sandbox *s)
{
	return s->policy;
}

int sandbox_fd(const struct sandbox *s)
{
	return audit_fd(s->audit);
}

struct cordon_event *sandbox_take_event(struct sandbox *s)
{
	return audit_take(s->audit);
}

void sandbox_result(struct sandbox *s, struct cordon_result *ret)
{
	size_t size = ret->size < sizeof(s->result) ? ret->size : sizeof(s->result);

	memcpy(ret, &s->result, size);
	ret->size = size;
}

static int tell(struct sandbox *s, enum keeper_command command, int value)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (s->state == RUN_RUNNING && s->spawned.keeper_socket >= 0) {
		if (command == KEEPER_KILL && value != 0)
			s->killed_by_caller = true;
		r = keeper_tell(s->spawned.keeper_socket, command, value);
	}
	pthread_mutex_unlock(&s->lock);
	/* A keeper that is gone already has nothing left to signal. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int sandbox_kill(struct sandbox *s, int signal)
{
	return tell(s, KEEPER_KILL, signal);
}

int sandbox_signal(struct sandbox *s, int signal)
{
	return tell(s, KEEPER_SIGNAL, signal);
}

int sandbox_resume(struct sandbox *s)
{
	return tell(s, KEEPER_CONTINUE, SIGCONT);
}

void sandbox_facts(struct sandbox *s, struct sandbox_facts *ret)
{
	*ret = (struct sandbox_facts){
		.mode = s->assignment.supervised ? "supervised" : "off",
		.landlock_abi = s->assignment.host.landlock_abi,
		.layers = s->layers,
		.layer_count = s->layer_count,
		.not_held = (const char *const *)s->assignment.not_held,
		.not_held_count = s->assignment.not_held_count,
		.backend = s->backend,
		.counters_notified = atomic_load(&s->sv.notified),
		.counters_continued = atomic_load(&s->sv.continued),
		.counters_denied = audit_denied(s->audit),
		.counters_dropped = audit_dropped(s->audit),
	};
}

/* Until no process of the tree is left. */
static void wait_for_end(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->state == RUN_STARTING || s->state == RUN_RUNNING)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void sandbox_free(struct sandbox *s)
{
	if (!s)
		return;
	if (s->has_thread) {
		sandbox_kill(s, SIGKILL);
		wait_for_end(s);
	}
	tmpdir_remove(&s->tmp);
	if (s->has_thread)
		pthread_join(s->thread, NULL);
	prepared_done(&s->prepared);
	assignment_done(&s->assignment);
	audit_free(s->audit);
	policy_free(s->policy);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s->name);
	free(s);
}
