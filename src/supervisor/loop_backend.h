/* SPDX-License-Identifier: Apache-2.0 */
/* What loop.c asks of a back end. */
#ifndef CORDON_SUPERVISOR_LOOP_BACKEND_H
#define CORDON_SUPERVISOR_LOOP_BACKEND_H

#include "supervisor/loop.h"

#include <stddef.h>

/* Enough for the fixed sources of a sandbox and every worker it may have. */
#define LOOP_SOURCES	288
#define LOOP_OPERATIONS 256

struct loop_source {
	int fd; /* -1: free */
	short events;
	uint32_t generation;
	loop_ready_fn fn;
	void *arg;
};

struct loop_operation {
	bool used;
	bool again; /* its end was asked for in vain: to be asked for once more */
	uint32_t generation;
	loop_done_fn done;
	void *arg;
};

struct loop_backend {
	const char *name;
	int (*start)(struct loop *loop);
	void (*stop)(struct loop *loop);
	int (*watch)(struct loop *loop, int slot);
	void (*unwatch)(struct loop *loop, int slot);
	int (*wait)(struct loop *loop);
	int (*connect)(struct loop *loop, int operation, int fd, const struct sockaddr *address,
		       socklen_t length, bool wait);
	void (*cancel)(struct loop *loop, int operation);
};

struct loop {
	const struct loop_backend *backend;
	void *state; /* the back end's */
	struct loop_source sources[LOOP_SOURCES];
	struct loop_operation operations[LOOP_OPERATIONS];
	int again_count;
};

extern const struct loop_backend loop_uring, loop_poll;

/* For back ends: report what happened to a slot; stale generations are ignored. */
void loop_ready(struct loop *loop, int slot, uint32_t generation, short events);
void loop_done(struct loop *loop, int operation, uint32_t generation, int result);

#endif
