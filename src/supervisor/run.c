/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that acts for one sandbox.
 *
 * Theory of operation. The thread first makes itself small: a file system context of its own (umask
 * and working directory are per request), no_new_privs, and a Landlock domain that grants what the
 * sandbox is granted, plus /proc (I5). Only then does it clone the keeper, so that its domain is an
 * ancestor of the program's: a sibling could not read the program's memory.
 *
 *   STARTING  records come in; the listener is taken and served; `ready` is said; the loop runs,
 *             since the exec itself may be mediated; the end of the status stream is the exec
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
#include "supervisor/ablate.h"
#include "supervisor/ids.h"
#include "supervisor/pending.h"
#include "supervisor/sockets.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

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
	return r < 0 ? err_sys(&s->error, r, "supervisor: landlock") : 0;
}

static int open_held(struct sandbox *s, const char *path, int *ret)
{
	*ret = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_sys(&s->error, -errno, "supervisor: open '%s'", path) : 0;
}

static int own_groups(struct supervisor *sv)
{
	int count = getgroups(0, NULL);

	if (count < 0)
		return -errno;
	sv->own_groups = calloc((size_t)count + 1, sizeof(*sv->own_groups));
	if (!sv->own_groups)
		return -ENOMEM;
	count = getgroups(count, sv->own_groups);
	sv->own_group_count = count < 0 ? 0 : (size_t)count;
	return count < 0 ? -errno : 0;
}

/* Everything the request path needs besides the listener. */
static int prepare_supervisor(struct sandbox *s)
{
	struct supervisor *sv = &s->sv;
	struct stat st;
	int r = open_held(s, "/proc", &sv->proc_fd);

	if (r == 0)
		r = open_held(s, "/proc/thread-self/fd", &sv->self_fd);
	if (r == 0)
		r = open_held(s, "/", &sv->root_fd);
	if (r < 0)
		return r;
	if (fstat(sv->proc_fd, &st) < 0)
		return err_sys(&s->error, -errno, "supervisor: /proc");
	sv->proc_dev = st.st_dev;
	sv->proc_root_ino = st.st_ino;
	sv->own_tgid = getpid();
	sv->own_uid = geteuid();
	sv->own_gid = getegid();
	if (process_terminal(sv->proc_fd, sv->own_tgid, &sv->own_terminal) < 0)
		sv->own_terminal = 0;
	r = own_groups(sv);
	if (r == 0)
		r = ids_own_effective(&sv->own_effective);
	if (r == 0 && !sv->pidfd_getfd)
		r = sockets_new(&sv->sockets);
	if (r == 0)
		r = pending_new(sv);
	if (r == 0)
		r = dispatcher_new(sv, &s->dispatcher);
	return r < 0 ? err_sys(&s->error, r, "supervisor: prepare") : 0;
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
	int ignored, r;

	(void)events;
	r = spawned_read(&s->spawned, &record);
	if (r > 0 && run_record(s, &record, &ignored) >= 0)
		return;
	loop_remove(s->sv.loop, s->status_source);
	s->status_source = -1;
	if (r < 0 && s->error.code == 0)
		err_set(&s->error, -EBADMSG, "start: the status stream broke");
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
		case KEEPER_EXITED:
		case KEEPER_EMPTY:
			s->exited = true;
			s->wait_status = message.value;
			s->usage = message;
			break;
		}
	}
	if (r == -EAGAIN)
		return;
	loop_remove(s->sv.loop, s->keeper_source);
	s->keeper_source = -1;
}

static void arm_wall(struct sandbox *s, uint64_t ms)
{
	struct itimerspec spec = { .it_value = { (time_t)(ms / 1000),
						 (long)(ms % 1000) * 1000000 } };

	timerfd_settime(s->wall_timer, 0, &spec, NULL);
}

static void on_wall(void *arg, short events)
{
	struct sandbox *s = arg;
	uint64_t ticks;

	(void)events;
	if (read(s->wall_timer, &ticks, sizeof(ticks)) < 0)
		return;
	if (s->wall_hit) {
		end_tree(s, SIGKILL);
		return;
	}
	s->wall_hit = true;
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_LIMIT,
						   .proc_fd = -1,
						   .rule = &s->policy->wall_rule,
						   .number = (int64_t)s->policy->wall_ms });
	end_tree(s, SIGTERM);
	arm_wall(s, GRACE_MS);
}

static int watch(struct sandbox *s)
{
	struct loop *loop = s->sv.loop;

	s->status_source = loop_add(loop, s->spawned.status, on_status, s);
	s->keeper_source = loop_add(loop, s->spawned.keeper_socket, on_keeper, s);
	if (s->policy->wall_ms != LIMIT_UNSET) {
		s->wall_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		s->wall_source =
			s->wall_timer < 0 ? -errno : loop_add(loop, s->wall_timer, on_wall, s);
		if (s->wall_source < 0)
			return err_sys(&s->error, s->wall_source, "supervisor: the wall clock");
		arm_wall(s, s->policy->wall_ms);
	}
	if (s->status_source < 0 || s->keeper_source < 0)
		return err_set(&s->error, -ENFILE, "supervisor: too many descriptors to watch");
	return 0;
}

/* From nothing to a program that has been executed. Return: 0, or -errno with s->error. */
static int start(struct sandbox *s)
{
	const struct spawn_plan *plan = &s->prepared.plan;
	int listener = -1;
	int r = confine(s);

	if (r == 0)
		r = loop_new(!ablated("io_uring"), &s->sv.loop);
	if (r < 0)
		return s->error.code ? r : err_sys(&s->error, r, "supervisor: make the loop");
	s->backend = loop_backend(s->sv.loop);
	if (plan->listener)
		r = prepare_supervisor(s);
	clock_gettime(CLOCK_MONOTONIC, &s->begin);
	if (r == 0)
		r = spawn_start(plan, &s->spawned, &s->error);
	if (r < 0)
		return r;
	s->sv.keeper = s->spawned.keeper;
	s->sv.program = s->spawned.program;
	if (plan->listener) {
		r = run_records(s, &listener);
		if (r == 0)
			r = take_listener(s, listener);
		if (r < 0)
			return r;
	}
	r = watch(s);
	if (r == 0) {
		r = spawned_go(&s->spawned, plan);
		if (r < 0)
			err_sys(&s->error, r, "start: let the program go");
	}
	while (r == 0 && s->status_source >= 0 && !s->supervisor_failed)
		r = loop_run_once(s->sv.loop);
	if (r == 0 && s->supervisor_failed && s->error.code == 0)
		return err_set(&s->error, -EIO, "supervisor: %s", s->failure);
	return r == 0 ? s->error.code : r;
}

static void close_all(struct sandbox *s)
{
	struct supervisor *sv = &s->sv;
	int *fds[] = { &sv->listener, &sv->proc_fd, &sv->self_fd, &sv->root_fd, &s->wall_timer };

	if (sv->loop && sv->pending)
		pending_free(sv);
	dispatcher_free(s->dispatcher);
	s->dispatcher = NULL;
	loop_free(sv->loop);
	sv->loop = NULL;
	sockets_free(sv->sockets);
	while (sv->bound_count > 0)
		close(sv->bound[--sv->bound_count].fd);
	sv->sockets = NULL;
	free(sv->own_groups);
	sv->own_groups = NULL;
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
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
	close_all(s);
}

void *run_main(void *arg)
{
	struct sandbox *s = arg;
	int r;

	s->sv.broken = on_broken;
	s->sv.broken_arg = s;
	r = start(s);
	if (r < 0) {
		/* The hang-up makes the keeper end what there is; then it is reaped. */
		if (s->spawned.keeper_socket >= 0) {
			close(steal_fd(&s->spawned.keeper_socket));
			spawned_reap(&s->spawned);
		}
		finish(s);
		set_state(s, RUN_FAILED);
		return NULL;
	}
	run_layer(s, LAYER_EXEC, STATE_APPLIED, 0);
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_START,
						   .proc_fd = -1,
						   .pid = s->spawned.program });
	set_state(s, RUN_RUNNING);
	serve(s);
	spawned_reap(&s->spawned);
	run_result(s);
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_END,
						   .proc_fd = -1,
						   .number = s->result.status });
	set_state(s, RUN_ENDED);
	audit_close(s->audit);
	/* Last: the end of the ring takes a while, and nobody has to wait for it to know the
	 * result. */
	finish(s);
	return NULL;
}
