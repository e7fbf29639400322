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
#include "supervisor/supervisor.h"
#include "supervisor/tmpdir.h"

#include <pthread.h>

#define RUN_LAYERS_MAX 64

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
	struct assignment assignment;
	struct audit *audit;

	/* The thread's own until the state says that it is over. */
	struct prepared prepared;
	struct spawned spawned;
	struct supervisor sv;
	struct dispatcher *dispatcher;
	int status_source, keeper_source;
	int wall_timer, wall_source;
	bool wall_hit, supervisor_failed, exec_failed, exited;
	char failure[160];
	int wait_status;
	struct timespec begin;
	struct keeper_message usage;
	struct layer_outcome layers[RUN_LAYERS_MAX];
	size_t layer_count;
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
};

/* The thread's function; arg: struct sandbox in state RUN_STARTING. */
void *run_main(void *arg);
/* Adds the outcome of a layer, or replaces it. */
void run_layer(struct sandbox *s, unsigned layer, unsigned state, int error);
/* Reads status records until the program waits for `ready`, or has failed. Return: 0 or -errno with
 * s->error. */
int run_records(struct sandbox *s, int *ret_listener);
/* One record. Return: 0 to go on; 1 with the listener's number; -errno with s->error. */
int run_record(struct sandbox *s, const struct status_record *record, int *ret_listener);
/* What the run comes to, from how it ended. */
void run_result(struct sandbox *s);

#endif
