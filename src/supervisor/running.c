/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox is asked, and told, by the host's threads after it was made: see sandbox.h. */
#include "supervisor/run.h"
#include "supervisor/unkept.h"
#include "sys/process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

bool sandbox_ended(struct sandbox *s)
{
	enum run_state state;

	if (s->unkept)
		unkept_look(s);
	state = state_of(s);
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
	return s->unkept ? s->watch : audit_fd(s->audit);
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
	return s->unkept ? unkept_signal(s, signal, true) : tell(s, KEEPER_KILL, signal);
}

int sandbox_signal(struct sandbox *s, int signal)
{
	return s->unkept ? unkept_signal(s, signal, false) : tell(s, KEEPER_SIGNAL, signal);
}

int sandbox_resume(struct sandbox *s)
{
	return s->unkept ? unkept_signal(s, SIGCONT, false) : tell(s, KEEPER_CONTINUE, SIGCONT);
}

void sandbox_output_limit(struct sandbox *s)
{
	run_limit(s, LIMIT_OUTPUT);
}

void sandbox_facts(struct sandbox *s, struct sandbox_facts *ret)
{
	*ret = (struct sandbox_facts){
		.mode = s->assignment.supervised ? "supervised" : "off",
		.landlock_abi = s->assignment.host.landlock_abi,
		.layers = s->layers,
		.not_held = (const char *const *)s->assignment.not_held,
		.not_held_count = s->assignment.not_held_count,
		.notes = (const char *const *)s->assignment.notes,
		.note_count = s->assignment.note_count,
		.backend = s->backend,
		.counters_notified = atomic_load(&s->sv.notified),
		.counters_continued = atomic_load(&s->sv.continued),
		.counters_denied = audit_denied(s->audit),
		.counters_dropped = audit_dropped(s->audit),
		.rlimits = s->prepared.rlimits,
		.rlimit_count = s->prepared.plan.rlimit_count,
	};
}

int sandbox_namespace(struct sandbox *s, enum cordon_namespace kind, uint64_t *ret_inode)
{
	static const char *const names[CORDON_NS_COUNT] = {
		[CORDON_NS_USER] = "user",     [CORDON_NS_PID] = "pid",	  [CORDON_NS_MOUNT] = "mnt",
		[CORDON_NS_NET] = "net",       [CORDON_NS_IPC] = "ipc",	  [CORDON_NS_UTS] = "uts",
		[CORDON_NS_CGROUP] = "cgroup", [CORDON_NS_TIME] = "time",
	};
	uint64_t inode = 0;
	int r = -ESRCH;

	if ((unsigned)kind >= CORDON_NS_COUNT)
		return -EINVAL;
	pthread_mutex_lock(&s->lock);
	if (s->state == RUN_RUNNING) {
		r = process_namespace(s->spawned.program, names[kind], &inode);
		/* RACE: the program may have ended, and its number be another's; asked after the look. */
		if (process_parent(s->spawned.program) !=
		    (s->unkept ? getpid() : s->spawned.keeper))
			r = -ESRCH;
	}
	pthread_mutex_unlock(&s->lock);
	if (r == 0)
		*ret_inode = inode;
	return r;
}
