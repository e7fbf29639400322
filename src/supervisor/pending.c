/* SPDX-License-Identifier: Apache-2.0 */
/* The table of requests that are being carried out elsewhere, and the look after their callers: see pending.h. */
#include "supervisor/pending_parts.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "supervisor/aside.h"
#include "sys/helper.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

/* How often callers are looked after while something is pending. */
#define LOOK_AFTER_NS 50000000
/* How long the end of a run waits for processes of ours that were killed. */
#define LAST_WAIT_MS 200

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
	return sv->pending_source < 0 ? sv->pending_source : aside_new(sv);
}

static void set_timer(struct supervisor *sv, bool on)
{
	struct itimerspec spec = { 0 };

	if (on)
		spec.it_value.tv_nsec = spec.it_interval.tv_nsec = LOOK_AFTER_NS;
	timerfd_settime(sv->pending_timer, 0, &spec, NULL);
	sv->pending_timed = on;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct pending *pending_entry(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;

	for (int i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &sv->pending[i];

		if (p->used)
			continue;
		*p = (struct pending){ .used = true,
				       .sv = sv,
				       .row = rq->row,
				       .id = rq->id,
				       .tid = rq->caller.tid,
				       .begin_ms = now_ms(),
				       .aside = -1,
				       .worker = { .pidfd = -1 },
				       .source = -1,
				       .operation = -1,
				       .socket = -1,
				       .held = -1 };
		sv->pending_count++;
		if (!sv->pending_timed)
			set_timer(sv, true);
		return p;
	}
	return NULL;
}

void pending_drop(struct pending *p)
{
	struct supervisor *sv = p->sv;

	loop_remove(sv->loop, p->source);
	if (p->aside >= 0)
		aside_release(sv, p->aside, p->served);
	pending_bury(sv, worker_kill(&p->worker));
	if (p->socket >= 0)
		close(p->socket);
	if (p->held >= 0)
		close(p->held);
	messages_free(p->messages);
	p->used = false;
	sv->pending_count--;
}

void pending_end(struct pending *p)
{
	struct supervisor *sv = p->sv;

	pending_drop(p);
	sv->room(sv->room_arg);
}

void pending_bury(struct supervisor *sv, int take_pidfd)
{
	if (take_pidfd < 0 || helper_reap(&take_pidfd))
		return;
	if (vec_grow(&sv->dying, sv->dying_count) < 0) {
		helper_end(&take_pidfd);
		return;
	}
	sv->dying[sv->dying_count++] = take_pidfd;
	if (!sv->pending_timed)
		set_timer(sv, true);
}

static void reap(struct supervisor *sv)
{
	for (size_t i = 0; i < sv->dying_count; i++)
		if (helper_reap(&sv->dying[i]))
			sv->dying[i--] = sv->dying[--sv->dying_count];
}

/* At the end. One that cannot die stays behind, and nobody waits for it. */
static void reap_all(struct supervisor *sv)
{
	for (uint64_t begin = now_ms(); sv->dying_count > 0 && now_ms() - begin < LAST_WAIT_MS;) {
		struct pollfd end = { .fd = sv->dying[0], .events = POLLIN };

		if (poll(&end, 1, LAST_WAIT_MS) <= 0)
			break;
		reap(sv);
	}
	while (sv->dying_count > 0)
		close(sv->dying[--sv->dying_count]);
	free(sv->dying);
	sv->dying = NULL;
}

void pending_report(struct pending *p, const char *reason)
{
	struct caller caller = { .sv = p->sv, .tid = p->tid };

	audit_add(p->sv->audit, &(struct audit_facts){ .kind = CORDON_EVENT_FAILED,
						       .proc_fd = p->sv->proc_fd,
						       .pid = caller_tgid(&caller),
						       .tid = p->tid,
						       .operation = op_info[p->row->op].name,
						       .syscall = p->row->name,
						       .error = EACCES,
						       .reason = reason });
}

/* KERNEL: operations of io_uring know nothing of SO_SNDTIMEO. */
static bool is_late(const struct pending *p)
{
	struct timeval limit = { 0 };
	socklen_t length = sizeof(limit);
	uint64_t ms;

	if (getsockopt(p->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, &length) < 0)
		return false;
	ms = (uint64_t)limit.tv_sec * 1000 + (uint64_t)limit.tv_usec / 1000;
	return (limit.tv_sec > 0 || limit.tv_usec > 0) && now_ms() - p->begin_ms >= ms;
}

static bool has_signal(const struct pending *p)
{
	bool is_open = p->socket < 0 && !p->messages;

	return is_open ? process_takes_signal(p->sv->proc_fd, p->tid) > 0
		       : process_has_signal(p->sv->proc_fd, p->tid) > 0;
}

/*
 * KERNEL(5.19): a caller whose request was received is not woken by signals that it handles
 * (WAIT_KILLABLE_RECV), so they are looked for. Connects and sends get EINTR, also where the
 * handler asks for a restart: only the kernel could start one again on the same socket.
 * RACE: the call itself is interrupted, and says what came of it: a partner that it has met meanwhile
 * must not be left alone.
 */
static void look_at(struct pending *p)
{
	struct supervisor *sv = p->sv;
	bool gone = notif_valid(sv->listener, p->id) < 0;

	/* SECURITY: before anything is concluded from that; see aside.h. */
	if (p->aside >= 0 && aside_has_news(sv, p->aside)) {
		pending_aside_ready(p, POLLIN);
		return;
	}
	if (p->answering)
		return;
	p->late = p->operation >= 0 && is_late(p);
	if (!gone && !p->late && !has_signal(p))
		return;
	if (p->operation >= 0)
		loop_cancel(sv->loop, p->operation);
	else if (gone)
		pending_end(p);
	else
		worker_interrupt(p->aside < 0 ? &p->worker : aside_worker(sv, p->aside));
}

static void look_after(void *arg, short events)
{
	struct supervisor *sv = arg;
	uint64_t ticks;

	(void)events;
	if (read(sv->pending_timer, &ticks, sizeof(ticks)) < 0)
		return;
	reap(sv);
	/* Only here: setting it costs more than many a connect, which needs no looking after. */
	if (!aside_tidy(sv, now_ms()) && sv->pending_count == 0 && sv->dying_count == 0)
		set_timer(sv, false);
	sv->room(sv->room_arg);
	for (int i = 0; i < PENDING_MAX; i++)
		if (sv->pending[i].used)
			look_at(&sv->pending[i]);
}

static void nobody_waits(void *arg)
{
	(void)arg;
}

void pending_free(struct supervisor *sv)
{
	sv->room = nobody_waits;
	for (int i = 0; sv->pending && i < PENDING_MAX; i++)
		if (sv->pending[i].used)
			pending_end(&sv->pending[i]);
	aside_free(sv);
	reap_all(sv);
	free(sv->pending);
	sv->pending = NULL;
	if (sv->pending_timer >= 0)
		close(sv->pending_timer);
}
