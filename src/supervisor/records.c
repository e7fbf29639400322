/* SPDX-License-Identifier: Apache-2.0 */
/* What the child says about its layers, and the words for what went wrong. */
#include "supervisor/run.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
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
	  "this kernel has no user notification; --no-supervisor runs without it if the kernel can "
	  "hold "
	  "the whole policy" },
	{ LAYER_LISTENER, 0,
	  "the host forbids serving the listener; --no-supervisor runs without it" },
	{ LAYER_LANDLOCK_FS, E2BIG, "too many Landlock domains are nested already" },
	{ LAYER_CWD, 0, "process.cwd must be a directory that the program can enter" },
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

void run_layer(struct sandbox *s, unsigned layer, unsigned state, int error)
{
	struct layer_outcome outcome = { layer, state, error };

	for (size_t i = 0; i < s->layer_count; i++) {
		if (s->layers[i].layer == layer) {
			s->layers[i] = outcome;
			return;
		}
	}
	if (s->layer_count < RUN_LAYERS_MAX)
		s->layers[s->layer_count++] = outcome;
}

static int failed(struct sandbox *s, unsigned layer, int error)
{
	const char *advice = advice_for(layer, error);
	int r = err_sys(&s->error, -error, "start: %s", layer_name(layer));
	size_t used = strlen(s->error.text);

	if (advice)
		snprintf(s->error.text + used, sizeof(s->error.text) - used, " (%s)", advice);
	return r;
}

int run_record(struct sandbox *s, const struct status_record *record, int *ret_listener)
{
	switch ((enum record_kind)record->kind) {
	case RECORD_LAYER:
		run_layer(s, record->layer, record->state, record->error);
		return 0;
	case RECORD_LISTENER:
		*ret_listener = (int)record->value;
		return 1;
	case RECORD_FATAL:
		run_layer(s, record->layer, STATE_FAILED, record->error);
		return failed(s, record->layer, record->error);
	case RECORD_EXEC_FAILED:
		run_layer(s, LAYER_EXEC, STATE_FAILED, record->error);
		s->exec_failed = true;
		return err_sys(&s->error, -record->error, "%s: cannot be executed",
			       s->prepared.path);
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

/* RLIMIT_CPU ends a program by SIGXCPU, or by SIGKILL if it goes on. */
static bool cpu_limit_hit(const struct sandbox *s, int signal)
{
	uint64_t used = (s->usage.user_us + s->usage.system_us) / 1000000;

	if (s->policy->cpu_s == LIMIT_UNSET)
		return false;
	return signal == SIGXCPU || (signal == SIGKILL && used >= s->policy->cpu_s);
}

static enum cordon_reason reason_of(const struct sandbox *s, int signal)
{
	if (s->supervisor_failed)
		return CORDON_SUPERVISOR_FAILED;
	if (s->wall_hit)
		return CORDON_TIMEOUT_WALL;
	if (signal == 0)
		return CORDON_EXITED;
	if (cpu_limit_hit(s, signal))
		return CORDON_TIMEOUT_CPU;
	return s->killed_by_caller ? CORDON_KILLED_BY_CALLER : CORDON_SIGNALED;
}

static int status_of(const struct cordon_result *result)
{
	if (result->reason == CORDON_SUPERVISOR_FAILED)
		return 125;
	if (result->reason == CORDON_TIMEOUT_WALL)
		return 124;
	return result->signal ? 128 + result->signal : result->code;
}

void run_result(struct sandbox *s)
{
	int signal = WIFSIGNALED(s->wait_status) ? WTERMSIG(s->wait_status) : 0;
	struct timespec now;

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
	};
	s->result.status = status_of(&s->result);
}
