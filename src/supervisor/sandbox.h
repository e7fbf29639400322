/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run: from a built policy to the end of the last process of the tree.
 *
 * sandbox_new() does everything that can fail in the caller's thread; sandbox_start() makes the
 * thread that acts for the sandbox, which starts the program and serves it. All functions may be
 * called from any thread. Events queue up in the sandbox until the host takes them.
 */
#ifndef CORDON_SUPERVISOR_SANDBOX_H
#define CORDON_SUPERVISOR_SANDBOX_H

#include "base/layer.h"
#include "policy/model.h"

#include <cordon/error.h>
#include <cordon/sandbox.h>

struct sandbox;
struct plan_rlimit;

/* One layer's outcome, for the report. */
struct layer_outcome {
	enum layer_state state;
	int error; /* positive errno */
	bool requested;
	const char *detail; /* how it is held, if that needs a word; static storage or NULL */
};

/*
 * take_policy: built, not yet bound; owned by the sandbox from now on, also on failure.
 * options: as given to the public function, may be NULL; copied. streams: fd_standard() before anything was made.
 * Return: 0; -EOPNOTSUPP for a rule that cannot be held here (text lists them); -errno.
 */
int sandbox_new(struct policy *take_policy, const struct cordon_options *options, unsigned streams,
		struct sandbox **ret, struct cordon_error *err);
/* See cordon_sandbox_start(). */
/* streams: what becomes 0, 1 and 2, numbers above 2, -1 for inherited; terminal: they are one. */
int sandbox_start(struct sandbox *sandbox, char *const argv[], const int streams[3], bool terminal,
		  struct cordon_error *err);
void sandbox_free(struct sandbox *sandbox);
/* See cordon_sandbox_detach(). */
int sandbox_detach(struct sandbox *sandbox);

pid_t sandbox_pid(const struct sandbox *sandbox);
const char *sandbox_name(const struct sandbox *sandbox);
const struct policy *sandbox_policy(const struct sandbox *sandbox);
/* Readable while events are queued, and for ever after the end. */
int sandbox_fd(const struct sandbox *sandbox);
/* The oldest event, or NULL; to be freed with free(). Strings point into the same block. */
struct cordon_event *sandbox_take_event(struct sandbox *sandbox);
bool sandbox_ended(struct sandbox *sandbox);
/* Filled when the run has ended or could not start; ret->size is respected. */
void sandbox_result(struct sandbox *sandbox, struct cordon_result *ret);

/* signal to every process of the tree. Return: 0 or -errno; 0 after the end. */
int sandbox_kill(struct sandbox *sandbox, int signal);
int sandbox_signal(struct sandbox *sandbox, int signal);
int sandbox_resume(struct sandbox *sandbox);
/* See cordon_sandbox_namespace(). */
int sandbox_namespace(struct sandbox *sandbox, enum cordon_namespace kind, uint64_t *ret_inode);
/* See cordon_sandbox_set_limit(). */
int sandbox_set_limit(struct sandbox *sandbox, enum cordon_limit kind, uint64_t value,
		      struct cordon_error *err);
/* More output has come than limits.output. */
void sandbox_output_limit(struct sandbox *sandbox);

/* For the report: facts about the run. Arrays are borrowed. */
struct sandbox_facts {
	const char *mode; /* "supervised" or "off" */
	int landlock_abi;
	const struct layer_outcome *layers; /* LAYER_COUNT, by number; complete when it runs */
	const char *const *not_held;	    /* lines of text */
	size_t not_held_count;
	const char *const *notes; /* of explain */
	size_t note_count;
	const char *backend; /* "io_uring", "poll" or "none" */
	uint64_t counters_notified, counters_continued, counters_denied, counters_dropped;
	const struct plan_rlimit *rlimits; /* in force */
	size_t rlimit_count;
};
void sandbox_facts(struct sandbox *sandbox, struct sandbox_facts *ret);

#endif
