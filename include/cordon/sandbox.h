/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox: create, start, wait, kill, free. */
#ifndef CORDON_SANDBOX_H
#define CORDON_SANDBOX_H

#include <cordon/error.h>
#include <cordon/event.h>
#include <cordon/policy.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One run of one program. Its functions may be called from any thread, one at a time. */
typedef struct cordon_sandbox cordon_sandbox;

/* Zero it, set `size`, then what is needed. */
struct cordon_options {
	size_t size;		  /* sizeof(struct cordon_options) */
	const char *name;	  /* shown in events; NULL: `run-PID-N` */
	cordon_event_fn on_event; /* may be NULL */
	void *event_arg;
	bool foreground; /* make the program the foreground group of the terminal on descriptor 0 */
};

enum cordon_reason {
	CORDON_EXITED,		  /* the program returned; code */
	CORDON_SIGNALED,	  /* died of a signal that cordon did not send; signal */
	CORDON_TIMEOUT_WALL,	  /* limits.wall */
	CORDON_TIMEOUT_CPU,	  /* limits.cpu */
	CORDON_KILLED_BY_CALLER,  /* cordon_sandbox_kill() */
	CORDON_EXEC_FAILED,	  /* not found, or not executable */
	CORDON_SETUP_FAILED,	  /* nothing was run */
	CORDON_SUPERVISOR_FAILED, /* cordon could not go on; the tree was killed */
};

struct cordon_result {
	size_t size; /* set by the caller before cordon_sandbox_wait() */
	enum cordon_reason reason;
	int code;   /* exit code, or -1 */
	int signal; /* or 0 */
	int status; /* what `cordon run` exits with: 124, 125, 126, 127, 128+N or the code */
	bool core_dumped;
	uint64_t wall_us, user_us, system_us, max_rss_kib; /* of the whole tree */
	uint64_t notifications;				   /* calls that the supervisor answered */
	uint64_t denied;				   /* denials by policy */
	bool kernel_denials_recorded; /* false: what the kernel refuses alone is not listed */
};

/*
 * Resolves and checks the policy against this host and makes everything that the program needs, but
 * runs nothing. policy: borrowed for the call. options: may be NULL. ret: the sandbox.
 * Return: 0; -EINVAL for a policy problem; -EOPNOTSUPP for a rule that cannot be held here; -errno.
 */
int cordon_sandbox_new(cordon_policy *policy, const struct cordon_options *options,
		       cordon_sandbox **ret, struct cordon_error *error);
/*
 * Starts the program and returns when it has been executed, or has failed to be.
 * argv: argv[0] is the program, searched in the PATH of its own environment; copied.
 * Return: 0; -ENOENT or another errno if the program could not be executed (the result says
 * CORDON_EXEC_FAILED); -errno if a layer failed (CORDON_SETUP_FAILED). After a failure the sandbox
 * can only be asked for its result and freed.
 */
int cordon_sandbox_start(cordon_sandbox *sandbox, char *const argv[], struct cordon_error *error);

/* Process id of the program, or -1 if none was started. */
pid_t cordon_sandbox_pid(const cordon_sandbox *sandbox);
/*
 * A descriptor that becomes readable when cordon_sandbox_dispatch() has something to do, the end
 * included. Borrowed: valid until the sandbox is freed.
 */
int cordon_sandbox_fd(const cordon_sandbox *sandbox);
/* Delivers queued events. Never blocks. Return: 1 if the run has ended, else 0; -errno. */
int cordon_sandbox_dispatch(cordon_sandbox *sandbox);
/*
 * Waits for the end of the run, delivering events meanwhile. timeout_ms: -1 for ever, 0 to ask.
 * ret: may be NULL. Return: 0; -ETIMEDOUT; -EINVAL if nothing was started.
 */
int cordon_sandbox_wait(cordon_sandbox *sandbox, struct cordon_result *ret, int timeout_ms);
/* A signal for every process of the tree; SIGKILL ends the run. Return: 0; harmless after the end.
 */
int cordon_sandbox_kill(cordon_sandbox *sandbox, int signal);
/* A signal for the program alone. Return: 0; harmless after the end. */
int cordon_sandbox_signal(cordon_sandbox *sandbox, int signal);
/*
 * Goes on after CORDON_EVENT_STOPPED: SIGCONT to the program's group. A host that has taken the
 * terminal back meanwhile gives it to that group first. Return: 0 or -errno.
 */
int cordon_sandbox_resume(cordon_sandbox *sandbox);
/* The report of the run as one JSON object (after the end, or after a failure). From malloc.
 * Return: 0 or -errno. */
int cordon_sandbox_report(cordon_sandbox *sandbox, char **ret_text, struct cordon_error *error);
/*
 * The same object for a run that did not get as far as a sandbox: the policy was refused, say.
 * error: borrowed. Return: 0 or -errno.
 */
int cordon_error_report(const struct cordon_error *error, char **ret_text);
/* Whether the policy wants lines for people (report.hint). Return: 1 or 0. */
int cordon_sandbox_hint(const cordon_sandbox *sandbox);
/* Kills what still runs, reaps it, removes $TMP. NULL does nothing. */
void cordon_sandbox_free(cordon_sandbox *sandbox);

/*
 * What this host can enforce, each layer proved by doing it once. ret_text: from malloc.
 * Return: 0 if the default policy can be held in full; 1 if not; -errno.
 */
int cordon_host_check(bool json, char **ret_text, struct cordon_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
