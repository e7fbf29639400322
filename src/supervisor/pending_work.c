/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, connects and sends that wait: by a worker process, or by an operation of the loop. See pending.h. */
#include "supervisor/pending_parts.h"

#include "base/cleanup.h"
#include "supervisor/handlers/unix.h"
#include "supervisor/sockets.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct open_work {
	char path[32];
	int flags;
};

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
		pending_report(p, "a descriptor cannot be given to the caller");
	pending_end(p);
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
	pending_end(p);
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
	p = pending_entry(rq);
	if (!p)
		return verdict_again();
	p->close_on_exec = close_on_exec;
	/* Its own: the worker has a copy of the descriptor under the same number. */
	snprintf(work.path, sizeof(work.path), "/proc/self/fd/%d", object);
	r = start_worker(p, &job);
	if (r < 0) {
		pending_end(p);
		return request_failed(rq, EACCES, "no worker for a call that waits");
	}
	return verdict_later();
}

struct verdict pending_connect(struct request *rq, bool wait, int take_socket, int take_held,
			       const struct sockaddr *address, socklen_t length)
{
	const int keep[] = { take_socket, take_held };
	struct pending *p = pending_entry(rq);
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
		pending_end(p);
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
	struct pending *p = pending_entry(rq);
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
		pending_end(p);
		return request_failed(rq, EACCES, "no worker for a call that waits");
	}
	return verdict_later();
}
