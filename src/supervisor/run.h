/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one run on its own thread, and what the host's threads share with it. */
#ifndef CORDON_SUPERVISOR_RUN_H
#define CORDON_SUPERVISOR_RUN_H

#include "child/spawn.h"
#include "policy/model.h"
#include "supervisor/assign.h"
#include "supervisor/audit.h"
#include "supervisor/dispatch.h"
#include "supervisor/prepare.h"
#include "supervisor/sandbox.h"
#include "supervisor/stage.h"
#include "supervisor/supervisor.h"
#include "supervisor/tmpdir.h"

#include <pthread.h>

enum run_state {
	RUN_NEW,      /* nothing was started */
	RUN_STARTING, /* the thread works towards the exec */
	RUN_RUNNING,
	RUN_ENDED,  /* ran, and nothing of it is left */
	RUN_FAILED, /* never ran */
};

struct sandbox {
	/* Fixed by sandbox_new(). */
	struct policy *policy;
	struct tmpdir tmp;
	char *name;
	bool foreground;
	uint64_t open_files; /* of the program; 0: as the host's */
	bool unkept;	     /* nobody keeps the tree together: unkept.c */
	enum cordon_spawn spawn;
	int watch; /* unkept: readable when there is something to do; -1 */
	unsigned
		streams; /* bits: which of 0, 1 and 2 the host has open, so that they are not ours */
	struct command command; /* argv: while it starts */
	struct cordon_fd *fds;	/* of the host's options */
	size_t fd_count;
	struct assignment assignment;
	struct audit *audit;
	struct stage stage;
	bool stage_failed; /* nothing can be started: s->error says why */

	/* The thread's own until the state says that it is over. */
	struct prepared prepared;
	struct spawned spawned;
	struct supervisor sv;
	struct dispatcher *dispatcher;
	int status_source, keeper_source;
	int wall_timer, wall_source;
	bool supervisor_failed, violated, exec_failed, exited;
	atomic_uint limits_hit;		      /* bits by enum limit_kind */
	_Atomic uint64_t limits[LIMIT_COUNT]; /* in force: the policy's, or lower ones since */
	enum limit_kind ended_by;	      /* LIMIT_COUNT: no limit ended it */
	char failure[160];
	int wait_status;
	struct timespec begin;
	struct keeper_message usage;
	struct layer_outcome layers[LAYER_COUNT];
	const char *backend;

	/* Shared, under the lock. */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum run_state state;
	struct cordon_error error; /* why it failed */
	bool killed_by_caller;
	struct cordon_result result;
	bool maps_wanted; /* the program's process waits for its id maps */
	int maps_result;
};

/* The thread's function; arg: struct sandbox in state RUN_STARTING. */
void *run_main(void *arg);
/* The program has been executed, and runs from now on. */
void run_started(struct sandbox *s);
/* Nothing of the run is left that anybody waits for: its result, the last event, the last state. */
void run_ended(struct sandbox *s);
/* serving.c: makes what serving needs. Return: 0 or -errno with s->error. */
int run_get_ready(struct sandbox *s);
void run_give_back(struct sandbox *s);
/* Something the user should know: an event, and a line of the report. */
void run_note(struct sandbox *s, const char *text);
/* Marks the layers that the plan asks for: from now on they are missing until they are heard of. */
void run_request_layers(struct sandbox *s);
/*
 * The outcome of a layer that the parent applied itself; error: 0 or -errno. Return: 0 to go on;
 * -errno with s->error if the policy does not let this layer fail.
 */
int run_layer(struct sandbox *s, unsigned layer, int error);
/* Reads status records until the program waits for `ready`, or has failed; looks then whether the
 * filter is in force. Return: 0 or -errno with s->error. */
int run_records(struct sandbox *s, int *ret_listener);
/* One record. Return: 0 to go on; 1 when the program waits, with the listener's number if it has
 * one; -errno with s->error. */
int run_record(struct sandbox *s, const struct status_record *record, int *ret_listener);
/* At the end of the stream: one that broke off before all was told is no execution. Return: 0 or -errno with
 * s->error. */
int run_check_records(struct sandbox *s);
/* Says which layers could not be applied and were tolerated: once, when it is known that the program runs. */
void run_tell_layers(struct sandbox *s);
/* For one that the policy lets fail. */
void run_missing(struct sandbox *s, unsigned layer, int error);
/* For a failure that no policy tolerates. Return: error. */
int run_fatal(struct sandbox *s, unsigned layer, int error);
/* On the host's thread: writes the id maps of a process, whose pidfd this is. Return: 0 or -errno. */
int id_maps_write(pid_t pid, int pidfd, const struct id_maps *maps);
/* On the host's thread: writes the id maps of the program's process. Return: 0 or -errno. */
int run_write_maps(const struct sandbox *s);
/* Has that done, and waits for it. Return: as above. */
int run_ask_for_maps(struct sandbox *s);
/* What the run comes to, from how it ended. */
void run_result(struct sandbox *s);

/* On the run's thread: has the wall clock end the run when limits[LIMIT_WALL] is over. Return: 0 or -errno. */
int run_arm_wall(struct sandbox *s);
/* limits.c: a limit was hit. The first time an event is made of it, and it may be what ends the run. */
void run_limit(struct sandbox *s, enum limit_kind kind);
/* The same, for what was seen to fail: perhaps for a limit that is not the policy's.
 * arg: struct sandbox. */
void run_limit_seen(void *arg, enum limit_kind kind);
/* What shows only when the tree has ended. signal: that the program died of, or 0. */
void run_limits_at_end(struct sandbox *s, int signal);
/* Return: whether a limit ended the run. *ret_status: 0 for what the signal says. */
bool run_limit_ending(const struct sandbox *s, enum cordon_reason *ret_reason, int *ret_status);

#endif
