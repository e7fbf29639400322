/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are being carried out elsewhere: see pending.h. */
#include "supervisor/pending.h"

#include "base/cleanup.h"
#include "supervisor/sockets.h"
#include "supervisor/worker.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <string.h>
#include <sys/timerfd.h>

/* How often callers are looked after while something is pending. */
#define LOOK_AFTER_NS 50000000

struct pending {
	bool used;
	struct supervisor *sv;
	uint64_t id;
	bool close_on_exec;
	struct worker worker; /* pidfd -1: an operation of the loop */
	int source;
	int operation;
	int socket; /* ours; -1: an open */
	int held;   /* what the address names: its number must stay its own until the end */
	struct sockaddr_storage address;
};

static void look_after(void *arg, short events);

int pending_new(struct supervisor *sv)
{
	sv->pending = calloc(PENDING_MAX, sizeof(*sv->pending));
	if (!sv->pending)
		return -ENOMEM;
	sv->pending_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (sv->pending_timer < 0)
		return -errno;
	sv->pending_source = loop_add(sv->loop, sv->pending_timer, look_after, sv);
	return sv->pending_source < 0 ? sv->pending_source : 0;
}

static void set_timer(struct supervisor *sv)
{
	struct itimerspec spec = { 0 };

	if (sv->pending_count > 0)
		spec.it_value.tv_nsec = spec.it_interval.tv_nsec = LOOK_AFTER_NS;
	timerfd_settime(sv->pending_timer, 0, &spec, NULL);
}

static struct pending *entry_new(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;

	for (int i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &sv->pending[i];

		if (p->used)
			continue;
		*p = (struct pending){ .used = true,
				       .sv = sv,
				       .id = rq->id,
				       .worker = { .pidfd = -1 },
				       .source = -1,
				       .operation = -1,
				       .socket = -1,
				       .held = -1 };
		if (sv->pending_count++ == 0)
			set_timer(sv);
		return p;
	}
	return NULL;
}

static void entry_free(struct pending *p)
{
	struct supervisor *sv = p->sv;

	loop_remove(sv->loop, p->source);
	worker_end(&p->worker);
	if (p->socket >= 0)
		close(p->socket);
	if (p->held >= 0)
		close(p->held);
	p->used = false;
	if (--sv->pending_count == 0)
		set_timer(sv);
}

/* A connection that stands needs no duplicate any more: closing it must reach the peer. */
static void connected(struct pending *p, int result)
{
	if (result == 0)
		sockets_drop(p->sv->sockets, p->socket);
	close(steal_fd(&p->socket));
	reply_send(p->sv, p->id, verdict_result(result));
}

static void worker_ready(void *arg, short events)
{
	struct pending *p = arg;
	int fd, r = worker_result(&p->worker, &fd);

	(void)events;
	if (p->socket >= 0)
		connected(p, r);
	else
		reply_send(p->sv, p->id,
			   r < 0 ? verdict_result(r) : verdict_fd(fd, p->close_on_exec));
	entry_free(p);
}

static void connect_done(void *arg, int result)
{
	struct pending *p = arg;

	connected(p, result == -ECANCELED ? -EINTR : result);
	entry_free(p);
}

/* Ends the work of callers that do not wait any more. */
static void look_after(void *arg, short events)
{
	struct supervisor *sv = arg;
	uint64_t ticks;

	(void)events;
	if (read(sv->pending_timer, &ticks, sizeof(ticks)) < 0)
		return;
	for (int i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &sv->pending[i];

		if (!p->used || notif_valid(sv->listener, p->id) == 0)
			continue;
		if (p->operation >= 0)
			loop_cancel(sv->loop, p->operation);
		else
			entry_free(p);
	}
}

static int start_worker(struct pending *p, const struct worker_job *job)
{
	int r = worker_start(job, &p->worker);

	if (r < 0)
		return r;
	p->source = loop_add(p->sv->loop, p->worker.result, worker_ready, p);
	return p->source < 0 ? p->source : 0;
}

struct verdict pending_open(struct request *rq, int object, int flags, bool close_on_exec)
{
	struct worker_job job = { .object = object, .flags = flags, .socket = -1 };
	struct pending *p = entry_new(rq);
	int r;

	if (!p)
		return request_failed(rq, EAGAIN, "too many calls that wait");
	p->close_on_exec = close_on_exec;
	r = start_worker(p, &job);
	if (r < 0) {
		entry_free(p);
		return request_failed(rq, -r, "no worker for a call that waits");
	}
	return verdict_later();
}

struct verdict pending_connect(struct request *rq, bool in_worker, int take_socket, int take_held,
			       const struct sockaddr *address, socklen_t length)
{
	struct worker_job job = { .object = take_held,
				  .socket = take_socket,
				  .address_length = length };
	struct pending *p = entry_new(rq);
	int r;

	if (!p) {
		close(take_socket);
		if (take_held >= 0)
			close(take_held);
		return request_failed(rq, EAGAIN, "too many calls that wait");
	}
	p->socket = take_socket;
	p->held = take_held;
	memcpy(&p->address, address, length);
	if (!in_worker)
		p->operation =
			loop_connect(p->sv->loop, p->socket, (const struct sockaddr *)&p->address,
				     length, connect_done, p);
	if (p->operation >= 0)
		return verdict_later();
	memcpy(&job.address, address, length);
	r = start_worker(p, &job);
	if (r < 0) {
		entry_free(p);
		return request_failed(rq, -r, "no worker for a call that waits");
	}
	return verdict_later();
}

void pending_free(struct supervisor *sv)
{
	for (int i = 0; sv->pending && i < PENDING_MAX; i++)
		if (sv->pending[i].used)
			entry_free(&sv->pending[i]);
	free(sv->pending);
	sv->pending = NULL;
	if (sv->pending_timer >= 0)
		close(sv->pending_timer);
}
