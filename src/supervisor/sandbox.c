/* SPDX-License-Identifier: Apache-2.0 */
/* The object: see sandbox.h. What happens on its thread stands in run.c. */
#include "supervisor/sandbox.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/inside.h"
#include "policy/load.h"
#include "supervisor/ablate.h"
#include "supervisor/run.h"
#include "supervisor/unkept.h"
#include "sys/fds.h"
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
	s->open_files = options ? options->open_files : 0;
	s->unkept = options && options->no_keeper;
	s->spawn = options ? options->spawn : CORDON_SPAWN_AUTO;
	if (options && options->program) {
		s->command.memory =
			fd_memory("program", options->program, options->program_size, 0555);
		if (s->command.memory < 0)
			return s->command.memory;
	}
	if (options) {
		s->command.function = options->function;
		s->command.function_arg = options->function_arg;
	}
	if (options && options->fd_count > 0) {
		s->fds = reallocarray(NULL, options->fd_count, sizeof(*s->fds));
		if (!s->fds)
			return -ENOMEM;
		memcpy(s->fds, options->fds, options->fd_count * sizeof(*s->fds));
		s->fd_count = options->fd_count;
	}
	if (!name)
		name = s->policy->name;
	n = name ? asprintf(&s->name, "%s", name)
		 : asprintf(&s->name, "run-%d-%u", getpid(), atomic_fetch_add(&runs, 1) + 1);
	if (n >= 0)
		return 0;
	s->name = NULL;
	return -ENOMEM;
}

/* What the request path has to know of the plan. */
static void tell_supervisor(struct sandbox *s)
{
	s->sv.policy = s->policy;
	s->sv.audit = s->audit;
	s->sv.pidfd_getfd = s->assignment.host.pidfd_getfd;
	s->sv.waits_killable = s->assignment.host.waits_killable;
	s->sv.pid_ns = s->stage.made & LAYER_BIT(LAYER_PID_NS);
	s->sv.own_root = assignment_admits_chroot(s->policy);
	s->sv.execs_held = s->assignment.when & WHEN_DENY_EXEC;
	s->sv.exec_stop = s->assignment.when & (WHEN_DENY_EXEC | WHEN_EXEC_MEMORY) &&
			  s->assignment.host.ptrace_error == 0 && !ablated("exec-stop");
	s->sv.program_only = s->assignment.when & WHEN_NO_EXEC;
	s->sv.program_memory = s->command.memory;
	s->sv.executed = s->command.function != NULL;
	s->sv.abstract_scoped = s->assignment.scoped & LL_SCOPE_ABSTRACT_UNIX;
}

/* As the program calls it. */
static const char *tmp_inside(const struct sandbox *s)
{
	return s->policy->root && s->tmp.path ? INSIDE_TMP : s->tmp.path;
}

static int set_up(struct sandbox *s, const struct cordon_options *options, struct cordon_error *err)
{
	struct host host;
	int r = set_options(s, options);

	if (r == 0)
		r = audit_new(s->name, &s->audit);
	if (r < 0)
		return err_sys(err, r, "make the sandbox");
	if (s->command.memory >= 0 && s->command.function)
		return err_set(err, -EINVAL,
			       "a program and a function are given: only one can be run");
	if (s->spawn == CORDON_SPAWN_VFORK && !s->unkept)
		return err_set(
			err, -EOPNOTSUPP,
			"CORDON_SPAWN_VFORK: a thread that stands still cannot answer the keeper: "
			"it goes with no_keeper only");
	r = s->unkept ? unkept_new(s, err) : 0;
	if (r < 0)
		return r;
	if (s->policy->uses_tmp) {
		r = tmpdir_make(&s->tmp, err);
		s->tmp.keep = s->policy->keep_tmp;
		if (r < 0)
			return r;
		tmpdir_give(&s->tmp, s->policy->uid,
			    s->policy->gid >= 0 ? s->policy->gid : s->policy->user_gid);
	}
	if (stage_start(s) < 0) {
		s->stage_failed = true; /* sandbox_start() says it: there is a report then */
		return 0;
	}
	r = policy_bind(s->policy, tmp_inside(s), err);
	if (r < 0)
		return r;
	host_probe(s->policy, &host);
	r = assignment_make(s->policy, &host, &s->assignment, err);
	if (r == 0)
		tell_supervisor(s);
	return r;
}

/* Nothing is held: before the first attempt to start, and before a second one. */
static void clear_attempt(struct sandbox *s)
{
	s->spawned = (struct spawned)SPAWNED_INIT;
	s->sv = (struct supervisor){ .listener = -1,
				     .proc_fd = -1,
				     .self_fd = -1,
				     .root_fd = -1,
				     .pending_timer = -1,
				     .pending_source = -1 };
	s->status_source = s->keeper_source = s->wall_timer = s->wall_source = -1;
	s->prepared.plan.ruleset = s->prepared.plan.keeper_ruleset = -1;
	s->prepared.supervisor_ruleset = -1;
	s->backend = "none";
}

int sandbox_new(struct policy *take_policy, const struct cordon_options *options, unsigned streams,
		struct sandbox **ret, struct cordon_error *err)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		policy_free(take_policy);
		return err_set(err, -ENOMEM, "out of memory");
	}
	s->policy = take_policy;
	s->streams = streams;
	clear_attempt(s);
	s->watch = s->command.memory = -1;
	s->stage = (struct stage)STAGE_INIT;
	s->ended_by = LIMIT_COUNT;
	for (unsigned i = 0; i < LIMIT_COUNT; i++)
		s->limits[i] = take_policy->limits[i].value;
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
static int make_thread(struct sandbox *s, void *(*function)(void *), pthread_t *ret)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, &attributes, function, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* The run never was: its result says why. */
static int never_ran(struct sandbox *s, int error, struct cordon_error *err)
{
	s->state = RUN_FAILED;
	stage_end(&s->stage);
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

/* Return: 0 if the program runs; -errno with s->error. */
static int attempt(struct sandbox *s, const int streams[3], bool terminal)
{
	int r = prepare_plan(s->policy, &s->assignment, tmp_inside(s), s->name, &s->command,
			     &s->prepared, &s->exec_failed, &s->error);

	if (r == 0 && !s->unkept)
		r = prepare_keeper(&s->assignment, &s->prepared, &s->error);
	if (r == 0)
		r = prepare_fds(s->policy, s->fds, s->fd_count, &s->prepared, &s->error);
	if (r < 0)
		return r;
	s->prepared.plan.foreground = s->foreground;
	s->prepared.plan.unkept = s->unkept;
	prepare_open_files(s->policy, s->open_files, &s->prepared);
	s->prepared.plan.streams = streams;
	s->prepared.plan.closed_streams = ~s->streams;
	s->prepared.plan.staged = s->stage.told;
	s->prepared.plan.join_user = s->stage.fds[STAGE_USER];
	s->prepared.plan.join_pid = s->stage.fds[STAGE_PID];
	s->prepared.plan.join_time = s->stage.fds[STAGE_TIME];
	s->prepared.plan.join_mount = s->stage.fds[STAGE_MOUNT];
	s->prepared.plan.join_root = s->stage.fds[STAGE_ROOT];
	if (terminal)
		s->prepared.plan.new_session = s->prepared.plan.terminal = true;
	s->prepared.requested =
		plan_requested(&s->prepared.plan) | s->prepared.unavailable | s->stage.told;
	run_request_layers(s);
	s->state = RUN_STARTING;
	if (s->unkept)
		return unkept_start(s);
	r = make_thread(s, run_main, &s->thread);
	if (r < 0)
		return err_sys(&s->error, r, "start: make a thread");
	s->has_thread = true;
	pthread_mutex_lock(&s->lock);
	while (s->state == RUN_STARTING) {
		if (s->maps_wanted) {
			s->maps_result = run_write_maps(s);
			s->maps_wanted = false;
			pthread_cond_broadcast(&s->changed);
		}
		pthread_cond_wait(&s->changed, &s->lock);
	}
	r = s->state == RUN_FAILED ? s->error.code : 0;
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* Why there can be no listener here, after a failed attempt; NULL if that was not the reason. */
static const char *no_listener(const struct sandbox *s)
{
	static const unsigned needed[] = { LAYER_SECCOMP, LAYER_LISTENER };

	if (s->stage_failed || !s->assignment.supervised || !s->has_thread || s->exec_failed)
		return NULL;
	if (s->supervisor_failed)
		return s->failure;
	for (size_t i = 0; i < COUNT_OF(needed); i++) {
		const struct layer_outcome *layer = &s->layers[needed[i]];

		if (layer->state == STATE_FAILED)
			return strerrordesc_np(layer->error);
	}
	return NULL;
}

/*
 * `supervisor: auto` where no listener can be had: the mode without one, if the kernel alone holds
 * every rule. Nothing of the first attempt is left, its thread included.
 */
static bool falls_back(struct sandbox *s)
{
	const char *why = s->policy->supervisor == SUPERVISOR_AUTO ? no_listener(s) : NULL;
	cleanup_free char *text = NULL;
	struct assignment off;
	int r;

	if (!why || asprintf(&text,
			     "no supervisor can be had here (%s): runs without one, the kernel "
			     "alone holds every rule",
			     why) < 0)
		return false;
	s->policy->supervisor = SUPERVISOR_OFF;
	r = assignment_make(s->policy, &s->assignment.host, &off, NULL);
	if (r < 0 || off.not_held_count > 0) {
		if (r == 0 || r == -EOPNOTSUPP)
			assignment_done(&off);
		s->policy->supervisor = SUPERVISOR_AUTO;
		return false;
	}
	pthread_join(s->thread, NULL);
	s->has_thread = false;
	prepared_done(&s->prepared);
	assignment_done(&s->assignment);
	s->assignment = off;
	s->error = (struct cordon_error){ 0 };
	s->supervisor_failed = false;
	for (unsigned i = 0; i < LAYER_COUNT; i++)
		if (!(s->stage.told & LAYER_BIT(i)))
			s->layers[i] = (struct layer_outcome){ 0 };
	clear_attempt(s);
	tell_supervisor(s);
	run_note(s, text);
	return true;
}

int sandbox_start(struct sandbox *s, char *const argv[], const int streams[3], bool terminal,
		  struct cordon_error *err)
{
	int r;

	if (s->state != RUN_NEW)
		return err_set(err, -EINVAL, "the sandbox was started before");
	s->command.argv = argv;
	s->streams &= fd_standard();
	r = s->stage_failed ? s->error.code : attempt(s, streams, terminal);
	if (r < 0 && falls_back(s))
		r = attempt(s, streams, terminal);
	policy_drop_handles(s->policy, s->assignment.supervised);
	prepared_drop_fds(&s->prepared);
	return r < 0 ? never_ran(s, r, err) : 0;
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
	if (s->unkept)
		unkept_free(s);
	stage_end(&s->stage);
	tmpdir_remove(&s->tmp);
	if (s->has_thread)
		pthread_join(s->thread, NULL);
	prepared_done(&s->prepared);
	assignment_done(&s->assignment);
	audit_free(s->audit);
	policy_free(s->policy);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	if (s->command.memory >= 0)
		close(s->command.memory);
	free(s->name);
	free(s->fds);
	free(s);
}

/* Not on the run's thread: that is confined, and cannot remove $TMP. */
static void *outlive_main(void *arg)
{
	struct sandbox *s = arg;

	wait_for_end(s);
	sandbox_free(s);
	return NULL;
}

int sandbox_detach(struct sandbox *s)
{
	pthread_t thread;
	int r;

	if (!s->has_thread)
		return s->unkept ? -EOPNOTSUPP : -EINVAL;
	r = make_thread(s, outlive_main, &thread);
	if (r == 0)
		pthread_detach(thread);
	return r;
}
