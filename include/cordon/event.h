/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox tells its host while it runs. */
#ifndef CORDON_EVENT_H
#define CORDON_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum cordon_event_kind {
	CORDON_EVENT_START,   /* the program has been executed; pid is filled */
	CORDON_EVENT_DENIED,  /* cordon refused something; all fields are filled */
	CORDON_EVENT_FAILED,  /* cordon could not carry out a call; it was refused, not by policy */
	CORDON_EVENT_STOPPED, /* the program stopped (job control); number is the signal */
	CORDON_EVENT_LIMIT, /* rule_key is a limit that was hit; reason is NULL if it ended the run */
	CORDON_EVENT_DROPPED, /* number: how many events were lost before this one */
	CORDON_EVENT_END,     /* the last event; number is the exit status of `cordon run` */
	CORDON_EVENT_NOTE,    /* what the user should know about this run; reason is the text */
	/* A layer could not be applied, and the policy lets the run go on: operation is its name,
	 * reason is "failed" or "unavailable", error its errno, rule_text "warn" or "ignore". */
	CORDON_EVENT_LAYER,
};

/* Strings are borrowed for the duration of the callback; NULL where a field does not apply. */
struct cordon_event {
	size_t size;
	enum cordon_event_kind kind;
	uint64_t sequence; /* 1, 2, 3 ... per sandbox */
	int64_t realtime_ns, monotonic_ns;
	const char *sandbox; /* its name */
	pid_t pid, tid;
	const char *exe;		  /* the calling program's path, as procfs shows it */
	const char *operation;		  /* "write" */
	const char *syscall;		  /* "openat" */
	const char *target;		  /* resolved path or address; raw bytes, not escaped */
	const char *given;		  /* path as the program gave it */
	int error;			  /* positive errno the program saw */
	const char *rule_key, *rule_text; /* NULL: no rule allows it */
	const char *rule_file;
	int rule_line;
	const char
		*reason; /* CORDON_EVENT_FAILED: what went wrong; CORDON_EVENT_NOTE: the text; see
			       also CORDON_EVENT_LIMIT */
	int64_t number;
};

/* Called by cordon_sandbox_dispatch() and cordon_sandbox_wait(), on the thread that calls them. */
typedef void (*cordon_event_fn)(const struct cordon_event *event, void *arg);

/*
 * One event as a JSON object on one line without newline; an empty string if it does not fit.
 * Return: the length that was or would have been written, as snprintf does; negative errno on
 * failure.
 */
int cordon_event_json(const struct cordon_event *event, char *buffer, size_t size);
/*
 * The line for people, without the `cordon: ` prefix and without a newline; control characters are
 * escaped. Empty for events that have no line (a denial by `hide` among them). Return: as above.
 */
int cordon_event_text(const struct cordon_event *event, char *buffer, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
