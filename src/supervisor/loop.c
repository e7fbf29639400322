/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the loop that both back ends share: slots and generations. See loop.h. */
#include "supervisor/loop.h"

#include "supervisor/loop_backend.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

int loop_new(bool allow_uring, struct loop **ret)
{
	const struct loop_backend *const choices[] = { allow_uring ? &loop_uring : NULL,
						       &loop_poll };
	struct loop *loop = calloc(1, sizeof(*loop));
	int r = -ENOMEM;

	if (!loop)
		return r;
	for (int i = 0; i < LOOP_SOURCES; i++)
		loop->sources[i].fd = -1;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (!choices[i])
			continue;
		loop->backend = choices[i];
		r = loop->backend->start(loop);
		if (r == 0) {
			*ret = loop;
			return 0;
		}
	}
	free(loop);
	return r;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop->backend->stop(loop);
	free(loop);
}

const char *loop_backend(const struct loop *loop)
{
	return loop->backend->name;
}

int loop_add(struct loop *loop, int fd, loop_ready_fn fn, void *arg)
{
	return loop_add_for(loop, fd, POLLIN, fn, arg);
}

int loop_add_for(struct loop *loop, int fd, short events, loop_ready_fn fn, void *arg)
{
	for (int i = 0; i < LOOP_SOURCES; i++) {
		struct loop_source *source = &loop->sources[i];
		int r;

		if (source->fd >= 0)
			continue;
		source->fd = fd;
		source->events = events;
		source->generation++;
		source->fn = fn;
		source->arg = arg;
		r = loop->backend->watch(loop, i);
		if (r < 0) {
			source->fd = -1;
			return r;
		}
		return i;
	}
	return -ENFILE;
}

void loop_remove(struct loop *loop, int source)
{
	if (source < 0)
		return;
	loop->backend->unwatch(loop, source);
	loop->sources[source].fd = -1;
}

void loop_ready(struct loop *loop, int slot, uint32_t generation, short events)
{
	const struct loop_source *source = &loop->sources[slot];

	if (source->fd >= 0 && source->generation == generation)
		source->fn(source->arg, events);
}

int loop_run_once(struct loop *loop)
{
	return loop->backend->wait(loop);
}

int loop_connect(struct loop *loop, int fd, const struct sockaddr *address, socklen_t length,
		 bool wait, loop_done_fn done, void *arg)
{
	if (!loop->backend->connect)
		return -EOPNOTSUPP;
	for (int i = 0; i < LOOP_OPERATIONS; i++) {
		struct loop_operation *operation = &loop->operations[i];
		int r;

		if (operation->used)
			continue;
		operation->used = true;
		operation->generation++;
		operation->done = done;
		operation->arg = arg;
		r = loop->backend->connect(loop, i, fd, address, length, wait);
		if (r < 0) {
			operation->used = false;
			return r;
		}
		return i;
	}
	return -EAGAIN;
}

void loop_cancel(struct loop *loop, int operation)
{
	if (loop->backend->cancel && loop->operations[operation].used)
		loop->backend->cancel(loop, operation);
}

void loop_done(struct loop *loop, int operation, uint32_t generation, int result)
{
	struct loop_operation *op = &loop->operations[operation];

	if (!op->used || op->generation != generation)
		return;
	op->used = false;
	op->done(op->arg, result);
}
