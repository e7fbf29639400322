/* SPDX-License-Identifier: Apache-2.0 */
/* The public sandbox object as the files of this layer see it. */
#ifndef CORDON_LIB_SANDBOX_H
#define CORDON_LIB_SANDBOX_H

#include "lib/events_file.h"
#include "lib/streams.h"
#include "lib/tally.h"
#include "supervisor/sandbox.h"

#include <cordon/sandbox.h>

#include <pthread.h>

enum sandbox_state { SANDBOX_NEW, SANDBOX_RUNNING, SANDBOX_FAILED };

struct cordon_sandbox {
	struct sandbox *inner;
	enum sandbox_state state;
	pid_t owner; /* after a fork the copy in the child is inert */
	cordon_event_fn on_event;
	void *event_arg;
	struct events_file events;
	pthread_mutex_t delivery; /* one thread at a time delivers; recursive, for callbacks */
	struct streams streams;
	struct cordon_event *last; /* the end, until the outputs have come to theirs */
	bool draining, limit_told;
	struct tally tally;
	struct cordon_error failure;  /* of start */
	int64_t started_ns, ended_ns; /* CLOCK_REALTIME */
	char *program;		      /* argv[0] */
	size_t argc;
};

/* Return: 0; -EINVAL for NULL; -EOWNERDEAD in a process that was forked from the one that made it. */
int lib_usable(const cordon_sandbox *sandbox);

#endif
