/* SPDX-License-Identifier: Apache-2.0 */
/* What the child says about its layers, and the words for what went wrong. */
#include "supervisor/run.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "sys/process.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* How to mend it, by layer and errno; errno 0 stands for any. */
static const struct {
	unsigned layer;
	int error;
	const char *advice;
} advices[] = {
	{ LAYER_SECCOMP, EBUSY,
	  "another supervisor already listens for these processes (an outer cordon or another "
	  "sandbox; on "
	  "WSL2, mirrored networking); --no-supervisor runs without one if the kernel can hold the "
	  "whole "
	  "policy" },
	{ LAYER_SECCOMP, EACCES, "no_new_privs is not in force" },
	{ LAYER_SECCOMP, EINVAL,
	  "no user notification here, as in gVisor and before Linux 5.14; --no-supervisor runs "
	  "without it if the kernel can "
	  "hold "
	  "the whole policy" },
	{ LAYER_LISTENER, 0,
	  "the host forbids serving the listener; --no-supervisor runs without it" },
	{ LAYER_LANDLOCK_FS, E2BIG, "too many Landlock domains are nested already" },
	{ LAYER_CWD, 0, "process.cwd must be a directory that the program can enter" },
	{ LAYER_USER_NS, EPERM,
	  "this host forbids it: see kernel.unprivileged_userns_clone, "
	  "kernel.apparmor_restrict_unprivileged_userns, or an outer sandbox" },
	{ LAYER_USER_NS, ENOSPC, "user.max_user_namespaces is reached" },
	{ LAYER_PID_NS, ENOSPC, "user.max_pid_namespaces is reached, or 32 of them are nested" },
	{ LAYER_PID_NS, EPERM, "an outer sandbox forbids it" },
	{ LAYER_TIME_NS, EINVAL, "this kernel has no time namespaces" },
	{ LAYER_TIME_NS, ERANGE, "a clock would be before its beginning, or centuries away" },
	{ LAYER_TIME_NS, ENOSPC, "user.max_time_namespaces is reached" },
	{ LAYER_MOUNT_NS, ENOSPC, "user.max_mnt_namespaces is reached" },
	{ LAYER_MOUNT_NS, EPERM, "an outer sandbox forbids it" },
	{ LAYER_MOUNTS, ENOENT, "the target has to be there, unless isolation.root is given" },
	{ LAYER_MOUNTS, ELOOP, "the target must not lead through a symbolic link" },
	{ LAYER_MOUNTS, EPERM,
	  "an outer sandbox forbids it; a container that masks parts of /proc allows no fresh "
	  "procfs" },
	{ LAYER_MOUNTS, ESTALE, "the source was exchanged meanwhile" },
	{ LAYER_MOUNTS, ENODEV, "a name in /dev is not the device that it should be" },
	{ LAYER_ROOT, EINVAL, "the root of this process is no mount of its own" },
	{ LAYER_UID, EPERM, "another user needs CAP_SETUID: start cordon as root" },
	{ LAYER_GID, EPERM, "another group needs CAP_SETGID: start cordon as root" },
	{ LAYER_GROUPS, EPERM, "changing the groups needs CAP_SETGID: start cordon as root" },
	{ LAYER_SECUREBITS, EPERM, "secure bits need CAP_SETPCAP: start cordon as root" },
	{ LAYER_TERMINAL, 0, "process.terminal needs a terminal on standard input" },
};

static const char *advice_for(unsigned layer, int error)
{
	for (size_t i = 0; i < COUNT_OF(advices); i++)
		if (advices[i].layer == layer &&
		    (advices[i].error == 0 || advices[i].error == error))
			return advices[i].advice;
	return NULL;
}

void run_request_layers(struct sandbox *s)
{
	for (unsigned i = 1; i < LAYER_COUNT; i++) {
		struct layer_outcome *outcome = &s->layers[i];

		outcome->requested = s->prepared.requested & LAYER_BIT(i);
		if (!outcome->requested)
			continue;
		if (i == LAYER_USER_NS && !(s->policy->namespaces & LAYER_BIT(i)))
			outcome->detail = "added: the others need it without privilege";
		if (i == LAYER_BOUNDING && s->prepared.plan.caps.bounding_unreachable)
			outcome->detail = "held by no_new_privs";
		if (s->stage.told & LAYER_BIT(i))
			continue;
		outcome->state = s->prepared.unavailable & LAYER_BIT(i) ? STATE_UNAVAILABLE
									: STATE_NO_RECORD;
	}
}

/* What could not be applied and is tolerated is told, and said unless it is to be ignored. */
static void tell(struct sandbox *s, unsigned layer)
{
	const struct layer_outcome *outcome = &s->layers[layer];
	const struct rule mode = {
		.key = "isolation.on_failure",
		.text = policy_failure_mode(s->policy, layer) == FAIL_IGNORE ? "ignore" : "warn",
	};

	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_LAYER,
						   .proc_fd = -1,
						   .operation = layer_name(layer),
						   .reason = layer_state_name(outcome->state),
						   .error = outcome->error,
						   .rule = &mode });
}

static void outcome(struct sandbox *s, unsigned layer, enum layer_state state, int error)
{
	s->layers[layer].state = state;
	s->layers[layer].error = error;
}

void run_tell_layers(struct sandbox *s)
{
	for (unsigned i = 1; i < LAYER_COUNT; i++) {
		enum layer_state state = s->layers[i].state;

		/* What was known to be missing before has been said by then. */
		if ((state == STATE_FAILED || state == STATE_UNAVAILABLE) &&
		    !(s->prepared.unavailable & LAYER_BIT(i)))
			tell(s, i);
	}
}

void run_note(struct sandbox *s, const char *text)
{
	assignment_note(&s->assignment, text);
	audit_add(s->audit, &(struct audit_facts){
				    .kind = CORDON_EVENT_NOTE, .proc_fd = -1, .reason = text });
}

static int failed(struct sandbox *s, unsigned layer, int error)
{
	const char *advice = advice_for(layer, error);
	int r = err_sys(&s->error, -error, "start: %s", layer_name(layer));
	size_t used = strlen(s->error.text);

	s->layers[layer].state = STATE_FAILED;
	s->layers[layer].error = error;
	if (advice)
		snprintf(s->error.text + used, sizeof(s->error.text) - used, " (%s)", advice);
	return r;
}

int run_fatal(struct sandbox *s, unsigned layer, int error)
{
	return failed(s, layer, -error);
}

void run_missing(struct sandbox *s, unsigned layer, int error)
{
	if (error == -ENOSYS || error == -EOPNOTSUPP)
		outcome(s, layer, STATE_UNAVAILABLE, 0);
	else
		outcome(s, layer, STATE_FAILED, -error);
}

int run_layer(struct sandbox *s, unsigned layer, int error)
{
	if (error == 0) {
		outcome(s, layer, STATE_APPLIED, 0);
		return 0;
	}
	if (policy_failure_mode(s->policy, layer) == FAIL_REFUSE)
		return failed(s, layer, -error);
	run_missing(s, layer, error);
	return 0;
}

/*
 * Whether the kernel says that the program's process has our filter: one more than this thread,
 * which it comes from.
 */
static int check_filter(struct sandbox *s)
{
	cleanup_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct process_filters own, its;
	int r;

	if (proc < 0)
		return -errno;
	r = process_filters(proc, (pid_t)syscall(SYS_gettid), &own);
	if (r == 0)
		r = process_filters(proc, s->spawned.program, &its);
	if (r < 0)
		return r;
	return its.mode == SECCOMP_MODE_FILTER && its.count == own.count + own.counts ? 0 : -EPERM;
}

/* The program waits. Return: 1 or -errno. */
static int waits(struct sandbox *s)
{
	const struct layer_outcome *seccomp = &s->layers[LAYER_SECCOMP];
	bool must = s->prepared.plan.listener;
	int r = seccomp->state == STATE_APPLIED ? check_filter(s) : 0;

	if (r < 0 && must)
		return failed(s, LAYER_SECCOMP, -r);
	return r < 0 && (r = run_layer(s, LAYER_SECCOMP, r)) < 0 ? r : 1;
}

/* The program's process is in its user namespace, or has failed to be. Return: 0 or -errno. */
static int user_namespace(struct sandbox *s)
{
	int r;

	if (s->layers[LAYER_USER_NS].state != STATE_APPLIED) {
		outcome(s, LAYER_ID_MAP, STATE_FAILED, EPERM);
		return 0;
	}
	r = run_ask_for_maps(s);
	if (r == 0)
		r = spawned_mapped(&s->spawned);
	if (r < 0)
		return failed(s, LAYER_ID_MAP, -r);
	outcome(s, LAYER_ID_MAP, STATE_APPLIED, 0);
	return 0;
}

int run_record(struct sandbox *s, const struct status_record *record, int *ret_listener)
{
	switch ((enum record_kind)record->kind) {
	case RECORD_LAYER:
		outcome(s, record->layer, (enum layer_state)record->state, record->error);
		if (record->layer == LAYER_USER_NS)
			return user_namespace(s);
		/* One that does not wait runs by now, and may have added filters of its own. */
		if (record->layer == LAYER_SECCOMP && !s->prepared.plan.listener && !s->unkept)
			return waits(s);
		return 0;
	case RECORD_LISTENER:
		*ret_listener = (int)record->value;
		return waits(s);
	case RECORD_FATAL:
		return failed(s, record->layer, record->error);
	case RECORD_EXEC_FAILED:
		s->layers[LAYER_EXEC].state = STATE_FAILED;
		s->layers[LAYER_EXEC].error = record->error;
		s->exec_failed = true;
		return err_sys(&s->error, -record->error, "%s: cannot be executed",
			       s->prepared.path ? s->prepared.path : s->prepared.argv[0]);
	}
	return err_set(&s->error, -EBADMSG, "start: the status record makes no sense");
}

int run_records(struct sandbox *s, int *ret_listener)
{
	struct status_record record;
	int r;

	do {
		r = spawned_read(&s->spawned, &record);
		if (r > 0) {
			r = run_record(s, &record, ret_listener);
			if (r != 0)
				return r < 0 ? r : 0;
			r = 1;
		}
	} while (r > 0);
	if (r < 0)
		return err_sys(&s->error, r, "start: read the status");
	return err_set(&s->error, -ECHILD, "start: the child died without a word");
}

int run_check_records(struct sandbox *s)
{
	for (unsigned i = 1; i < LAYER_COUNT; i++)
		if (i != LAYER_EXEC && s->layers[i].requested &&
		    s->layers[i].state == STATE_NO_RECORD)
			return err_set(&s->error, -ECHILD,
				       "start: the child died without a word about %s",
				       layer_name(i));
	return 0;
}

static enum cordon_reason reason_of(const struct sandbox *s, int signal)
{
	enum cordon_reason reason;
	int status;

	if (s->supervisor_failed)
		return CORDON_SUPERVISOR_FAILED;
	if (s->violated)
		return CORDON_POLICY_KILL;
	if (run_limit_ending(s, &reason, &status))
		return reason;
	if (signal == 0)
		return CORDON_EXITED;
	return s->killed_by_caller ? CORDON_KILLED_BY_CALLER : CORDON_SIGNALED;
}

static int status_of(const struct sandbox *s, const struct cordon_result *result)
{
	enum cordon_reason reason;
	int status;

	if (result->reason == CORDON_SUPERVISOR_FAILED)
		return 125;
	if (result->reason == CORDON_POLICY_KILL)
		return 128 + SIGKILL;
	if (run_limit_ending(s, &reason, &status) && status != 0)
		return status;
	return result->signal ? 128 + result->signal : result->code;
}

void run_result(struct sandbox *s)
{
	int signal = WIFSIGNALED(s->wait_status) ? WTERMSIG(s->wait_status) : 0;
	struct timespec now;

	run_limits_at_end(s, signal);
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->result = (struct cordon_result){
		.size = sizeof(s->result),
		.reason = reason_of(s, signal),
		.code = WIFEXITED(s->wait_status) ? WEXITSTATUS(s->wait_status) : -1,
		.signal = signal,
		.core_dumped = signal && WCOREDUMP(s->wait_status),
		.wall_us = (uint64_t)((now.tv_sec - s->begin.tv_sec) * 1000000 +
				      (now.tv_nsec - s->begin.tv_nsec) / 1000),
		.user_us = s->usage.user_us,
		.system_us = s->usage.system_us,
		.max_rss_kib = s->usage.max_rss_kib,
		.notifications = atomic_load(&s->sv.notified),
		.denied = audit_denied(s->audit),
		.kernel_denials_recorded = s->policy->trace,
		.limits_hit = s->limits_hit,
		.processes = s->usage.processes,
		.processes_peak = s->usage.processes_peak,
		.memory_peak_kib = s->usage.memory_peak_kib,
	};
	s->result.status = status_of(s, &s->result);
}
