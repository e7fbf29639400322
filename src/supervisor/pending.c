/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are being carried out elsewhere: see pending.h. */
#include "supervisor/pending.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "supervisor/aside.h"
#include "supervisor/handlers/unix.h"
#include "supervisor/sockets.h"
#include "supervisor/worker.h"
#include "sys/helper.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

/* How often callers are looked after while something is pending. */
#define LOOK_AFTER_NS 50000000
/* How long the end of a run waits for processes of ours that were killed. */
#define LAST_WAIT_MS 200

struct pending {
	bool used;
	struct supervisor *sv;
	const struct mediated *row;
	uint64_t id;
	pid_t tid;
	uint64_t begin_ms;
	bool wait; /* a connect that may wait */
	bool answering; /* aside: the process answers itself; whether the caller waits tells nothing any more */
	bool served; /* aside: the process has given its outcome */
	bool late;   /* it has waited for as long as the socket says */
	bool close_on_exec;
	int aside;	      /* a process that serves it whole; -1: none */
	uint64_t output;      /* of such a request: where its result goes */
	struct worker worker; /* pidfd -1: an operation of the loop, or aside */
	int source;
	int operation;
	int socket; /* ours; -1: an open */
	int held;   /* what the address names: its number must stay its own until the end */
	struct sockaddr_storage address;
	socklen_t address_length;
	struct messages *messages; /* ours; NULL: not a send */
};

struct open_work {
	char path[32];
	int flags;
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

static struct pending *entry_new(struct request *rq)
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

/* One that was never begun: it has made no room for others. */
static void entry_drop(struct pending *p)
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

static void entry_free(struct pending *p)
{
	struct supervisor *sv = p->sv;

	entry_drop(p);
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

static void report(struct pending *p, const char *reason)
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

/* A connection that stands needs no duplicate any more: closing it must reach the peer; and what was held of a
 * socket of the tree must not keep its name. */
static void connected(struct pending *p, int result)
{
	if (result == 0)
		sockets_connected(p->sv->sockets, p->socket);
	else if (result == -EINPROGRESS)
		sockets_connecting(p->sv->sockets, p->socket);
	close(steal_fd(&p->socket));
	if (p->held >= 0)
		close(steal_fd(&p->held));
	result = unix_after(p->sv, p->tid, "connect", &p->address, p->address_length, result);
	reply_send(p->sv, p->id, verdict_result(result));
}

/*
 * An open that was interrupted is given back to the kernel as one to start again, which the flags of the
 * handler decide on; only where this very thread takes the signal, or the kernel's own code for that would
 * reach the program.
 */
static struct verdict opened(struct supervisor *sv, pid_t tid, bool close_on_exec, int fd, int r)
{
	if (r == 0)
		return verdict_settled_fd(fd, close_on_exec);
	if (r == -EINTR && process_takes_signal(sv->proc_fd, tid) > 0)
		return verdict_restart();
	return verdict_result(r);
}

static void worker_ready(void *arg, short events)
{
	struct pending *p = arg;
	int fd, sent = 0, r = (int)worker_result(&p->worker, &fd);

	(void)events;
	if (p->messages)
		reply_send(p->sv, p->id, messages_verdict(p->messages, p->sv, p->id, r));
	else if (p->socket >= 0)
		connected(p, r);
	else
		sent = reply_send(p->sv, p->id, opened(p->sv, p->tid, p->close_on_exec, fd, r));
	if (sent < 0 && sent != -ENOENT && sent != -EMFILE)
		report(p, "a descriptor cannot be given to the caller");
	entry_free(p);
}

static void connect_done(void *arg, int result)
{
	struct pending *p = arg;
	bool ended = result == -ECANCELED || result == -EINTR;

	if (ended && p->wait && !p->late)
		result = -EINTR;
	else if (ended)
		result = p->address.ss_family == AF_UNIX ? -EAGAIN : -EINPROGRESS;
	connected(p, result);
	entry_free(p);
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

static void aside_ready(void *arg, short events);

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
		aside_ready(p, POLLIN);
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
		entry_free(p);
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

static int64_t work_open(void *arg, int *ret_fd)
{
	const struct open_work *work = arg;
	int fd = open(work->path, work->flags);

	*ret_fd = fd;
	return fd < 0 ? -errno : 0;
}

static int64_t work_connect(void *arg, int *ret_fd)
{
	const struct pending *p = arg;

	(void)ret_fd;
	return connect(p->socket, (const struct sockaddr *)&p->address, p->address_length) < 0
		       ? -errno
		       : 0;
}

static int start_worker(struct pending *p, const struct worker_job *job)
{
	int r = worker_start(job, &p->worker);

	if (r < 0)
		return r;
	/* Its end and not its result: a copy that it still had would be an end of a pipe that stays open. */
	p->source = loop_add(p->sv->loop, p->worker.pidfd, worker_ready, p);
	return p->source < 0 ? p->source : 0;
}

struct verdict pending_open(struct request *rq, int object, int flags, bool close_on_exec)
{
	struct open_work work = { .flags = flags };
	struct worker_job job = {
		.call = work_open, .arg = &work, .keep = &object, .keep_count = 1
	};
	struct supervisor *sv = rq->caller.sv;
	struct pending *p;
	int r;

	/* This process may wait. */
	if (sv->outcome) {
		char name[12];
		int fd = openat(sv->self_fd, held_name(object, name), flags);

		return opened(sv, rq->caller.tid, close_on_exec, fd, fd < 0 ? -errno : 0);
	}
	p = entry_new(rq);
	if (!p)
		return verdict_again();
	p->close_on_exec = close_on_exec;
	/* Its own: the worker has a copy of the descriptor under the same number. */
	snprintf(work.path, sizeof(work.path), "/proc/self/fd/%d", object);
	r = start_worker(p, &job);
	if (r < 0) {
		entry_free(p);
		return request_failed(rq, EACCES, "no worker for a call that waits");
	}
	return verdict_later();
}

struct verdict pending_connect(struct request *rq, bool wait, int take_socket, int take_held,
			       const struct sockaddr *address, socklen_t length)
{
	const int keep[] = { take_socket, take_held };
	struct pending *p = entry_new(rq);
	struct worker_job job = { .call = work_connect, .arg = p, .keep = keep, .keep_count = 2 };
	int r;

	if (!p) {
		close(take_socket);
		if (take_held >= 0)
			close(take_held);
		return verdict_again();
	}
	p->socket = take_socket;
	p->held = take_held;
	memcpy(&p->address, address, length);
	p->address_length = length;
	p->wait = wait;
	job.own_ids = rq->caller.sv->ids_taken && address->sa_family == AF_UNIX;
	if (!job.own_ids)
		p->operation =
			loop_connect(p->sv->loop, p->socket, (const struct sockaddr *)&p->address,
				     length, wait, connect_done, p);
	if (p->operation >= 0)
		return verdict_later();
	r = start_worker(p, &job);
	if (r < 0) {
		entry_free(p);
		return request_failed(rq, EACCES, "no worker for a call that waits");
	}
	return verdict_later();
}

static int64_t work_send(void *arg, int *ret_fd)
{
	struct pending *p = arg;

	(void)ret_fd;
	return messages_send(p->messages, p->socket, true);
}

/* Return: the descriptors that a worker needs for it, from malloc. */
static int *descriptors_of(const struct pending *p, size_t *ret_count)
{
	const struct messages *messages = p->messages;
	int *fds = calloc(1 + messages->count + messages->right_count, sizeof(*fds));
	size_t n = 0;

	if (!fds)
		return NULL;
	fds[n++] = p->socket;
	for (size_t i = messages->progress->done; i < messages->count; i++) {
		const struct message *m = &messages->at[i];

		fds[n++] = m->held;
		for (size_t k = 0; k < m->right_count; k++)
			fds[n++] = m->rights[k];
	}
	*ret_count = n;
	return fds;
}

struct verdict pending_send(struct request *rq, int take_socket, struct messages *take_messages)
{
	struct pending *p = entry_new(rq);
	struct worker_job job = { .call = work_send,
				  .arg = p,
				  .back = take_messages->progress,
				  .back_size = take_messages->progress_size };
	int *keep, r = -ENOMEM;

	if (!p) {
		close(take_socket);
		messages_free(take_messages);
		return request_failed(rq, EAGAIN, "too many calls that wait");
	}
	p->socket = take_socket;
	p->messages = take_messages;
	keep = descriptors_of(p, &job.keep_count);
	job.keep = keep;
	if (keep)
		r = start_worker(p, &job);
	free(keep);
	if (r < 0) {
		entry_free(p);
		return request_failed(rq, EACCES, "no worker for a call that waits");
	}
	return verdict_later();
}

/* Events and results of a request that was served aside. */
static void deliver(struct pending *p, const struct outcome *outcome)
{
	struct supervisor *sv = p->sv;
	struct verdict v = outcome->verdict;

	for (unsigned i = 0; i < outcome->event_count; i++) {
		const struct outcome_event *event = &outcome->events[i];
		struct audit_facts facts = event->facts;

		facts.target = facts.target ? event->target : NULL;
		facts.given = facts.given ? event->given : NULL;
		audit_add(sv->audit, &facts);
	}
	if (outcome->limit != LIMIT_COUNT)
		sv->limit_hit(sv->callback_arg, outcome->limit);
	if (outcome->answered)
		return;
	if (outcome->output_length > 0) {
		int r = request_write(sv, p->id, p->tid, p->output, outcome->output,
				      outcome->output_length);

		if (r < 0)
			v = verdict_result(r);
	}
	reply_send(sv, p->id, v);
}

static void aside_ready(void *arg, short events)
{
	struct pending *p = arg;
	const struct outcome *outcome = aside_outcome(p->sv, p->aside);

	(void)events;
	if (outcome && outcome->announced) {
		p->answering = true;
		return;
	}
	if (outcome) {
		deliver(p, outcome);
		p->served = true;
	} else {
		reply_send(p->sv, p->id, verdict_result(-EACCES));
		report(p, "the process that served it has ended");
	}
	entry_free(p);
}

struct verdict pending_aside(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;
	struct pending *p = entry_new(rq);
	int r;

	if (!p)
		return verdict_again();
	p->output = rq->output;
	r = p->aside = aside_start(rq);
	if (r >= 0)
		r = p->source =
			loop_add(sv->loop, aside_worker(sv, p->aside)->result, aside_ready, p);
	if (r >= 0)
		return verdict_later();
	/* Those that wait are asked for again when the timer looks: at once they would fare no better, for ever. */
	entry_drop(p);
	return r == -EAGAIN ? verdict_again()
			    : request_failed(rq, EACCES, "no process for a call that may hang");
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
			entry_free(&sv->pending[i]);
	aside_free(sv);
	reap_all(sv);
	free(sv->pending);
	sv->pending = NULL;
	if (sv->pending_timer >= 0)
		close(sv->pending_timer);
}
