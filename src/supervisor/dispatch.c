/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request path: see dispatch.h.
 *
 * One request at a time. Whatever happens on the way, the verdict starts as a refusal (I4); an
 * answer is given exactly once; what was opened for the request is closed behind the answer.
 *
 * A request for which there is no room among those that are carried out elsewhere stays with the kernel. It is
 * remembered as it was received, and served from its beginning once there may be room. Meanwhile a signal makes
 * the kernel start the call again, as if it had just begun. How many are remembered is bounded: callers that are
 * killed leave theirs behind, and a program can make and kill as many as it likes.
 */
#include "supervisor/dispatch.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "child/plan.h"
#include "supervisor/ablate.h"
#include "supervisor/mediated.h"
#include "supervisor/pending.h"
#include "supervisor/slow.h"
#include "sys/nr.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

/* Room for a struct seccomp_notif of a later kernel. */
#define NOTIF_ROOM 256
/* So many of those that wait are looked at for each that may have gone. */
#define WAITING_TURN 16
/* More than one program has threads that block, and little memory. */
#define WAITING_MAX 4096

struct dispatcher {
	struct supervisor *sv;
	int source;
	size_t notif_size;
	union {
		struct seccomp_notif notif;
		char room[NOTIF_ROOM];
	} buffer;
	struct request request;
	struct seccomp_notif *waiting; /* the first to come is the first */
	size_t waiting_count;
	bool tidied; /* those whose callers are gone were dropped since the last turn of on_room() */
	int room, room_source; /* an eventfd: there may be room for them */
};

static void on_room(void *arg, short events);

static void room(void *arg)
{
	struct dispatcher *d = arg;

	if (d->waiting_count > 0)
		eventfd_write(d->room, 1);
}

int dispatcher_new(struct supervisor *sv, struct dispatcher **ret)
{
	struct dispatcher *d;
	struct notif_sizes sizes;
	int r = notif_sizes(&sizes);

	if (r < 0)
		return r;
	if (sizes.request > NOTIF_ROOM)
		return -EOPNOTSUPP;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	*ret = d;
	d->sv = sv;
	d->source = -1;
	d->room = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sv->room = room;
	sv->room_arg = d;
	sv->row_limit = nr_limit();
	sv->rows = calloc((size_t)sv->row_limit, sizeof(*sv->rows));
	r = d->room < 0 ? -errno : request_init(&d->request, sv);
	if (r < 0 || !sv->rows)
		return r < 0 ? r : -ENOMEM;
	d->room_source = loop_add(sv->loop, d->room, on_room, d);
	if (d->room_source < 0)
		return d->room_source;
	d->notif_size = sizes.request > sizeof(struct seccomp_notif) ? sizes.request
								     : sizeof(struct seccomp_notif);
	for (size_t i = 0; i < mediated_count; i++) {
		int nr = nr_by_name(NR_ARCH_NATIVE, mediated[i].name);

		if (nr >= 0 && nr < sv->row_limit)
			sv->rows[nr] = &mediated[i];
	}
	return 0;
}

void dispatcher_free(struct dispatcher *d)
{
	if (!d)
		return;
	free(d->sv->rows);
	d->sv->rows = NULL;
	if (d->room >= 0)
		close(d->room);
	free(d->request.bulk);
	free(d->waiting);
	free(d);
}

/* A new file whose descriptor did not fit into the caller's table must not stay. */
static void undo_creation(struct request *rq)
{
	unlinkat(rq->place[0].parent, rq->place[0].leaf, 0);
}

void dispatch_answer(struct request *rq, struct verdict v)
{
	int r = reply_send(rq->caller.sv, rq->id, v);

	if (r < 0 && rq->created)
		undo_creation(rq);
	if (r < 0 && r != -ENOENT && r != -EMFILE)
		request_report(rq, EACCES, "a descriptor cannot be given to the caller");
}

/*
 * The first request is the child's own, before it executes: a round trip that proves that requests
 * can be received, memory read, and descriptors injected. One shot: what is asked later is judged.
 */
static bool answer_self_test(struct supervisor *sv, const struct seccomp_notif *n)
{
	char path[sizeof(SELF_TEST_PATH)];

	if (sv->tested || (pid_t)n->pid != sv->program)
		return false;
	sv->tested = true;
	if (process_read_string(sv->proc_fd, (pid_t)n->pid, n->data.args[1], path, sizeof(path)) <
		    0 ||
	    strcmp(path, SELF_TEST_PATH) != 0)
		return false;
	reply_send(sv, n->id, verdict_fd(eventfd(0, EFD_CLOEXEC), true));
	return true;
}

/* What is done with nothing but paths and descriptors of the caller's, in whatever process. */
static bool can_be_done_aside(const struct mediated *row)
{
	const unsigned others = 1u << OP_EXEC | 1u << OP_WATCH | 1u << OP_CONNECT |
				1u << OP_LISTEN | 1u << OP_CONTROL;

	return !(1u << row->op & others);
}

static struct verdict handle(struct request *rq, const struct mediated *row,
			     const struct seccomp_notif *n)
{
	int r = request_decode(rq, row, n);
	struct verdict v;

	if (r == -EACCES || r == -ENOMEM)
		return request_failed(rq, EACCES, "the caller cannot be looked at");
	if (r < 0)
		return verdict_result(r);
	rq->caller.careful = rq->caller.sv->careful && can_be_done_aside(row);
	v = row->handle(rq);
	return v.kind == VERDICT_RESULT && v.error == SLOW ? pending_aside(rq) : v;
}

/* Drops what nobody waits for any more. Once a turn: it costs a system call for each. */
static void drop_gone(struct dispatcher *d)
{
	size_t kept = 0;

	if (d->tidied)
		return;
	d->tidied = true;
	for (size_t i = 0; i < d->waiting_count; i++)
		if (notif_valid(d->sv->listener, d->waiting[i].id) == 0)
			d->waiting[kept++] = d->waiting[i];
	d->waiting_count = kept;
}

/* Return: whether it was queued. */
static bool let_wait(struct dispatcher *d, const struct seccomp_notif *n)
{
	const size_t most = (size_t)ablated_number("waiting", WAITING_MAX);

	if (d->waiting_count >= most)
		drop_gone(d);
	if (d->waiting_count >= most || vec_grow(&d->waiting, d->waiting_count) < 0)
		return false;
	d->waiting[d->waiting_count++] = *n;
	return true;
}

static void serve(struct dispatcher *d, const struct seccomp_notif *n)
{
	struct supervisor *sv = d->sv;
	struct request *rq = &d->request;
	const struct mediated *row = NULL;
	struct verdict v = verdict_result(-EACCES);

	if (answer_self_test(sv, n))
		return;
	if (n->data.nr >= 0 && n->data.nr < sv->row_limit)
		row = sv->rows[n->data.nr];
	if (!row) {
		reply_send(sv, n->id, v);
		return;
	}
	v = handle(rq, row, n);
	if (v.kind == VERDICT_AGAIN && !let_wait(d, n))
		v = request_failed(rq, EAGAIN, "too many calls that wait");
	dispatch_answer(rq, v);
	request_done(rq);
}

static void on_room(void *arg, short events)
{
	struct dispatcher *d = arg;
	struct supervisor *sv = d->sv;
	eventfd_t ignored;

	(void)events;
	eventfd_read(d->room, &ignored);
	d->tidied = false;
	for (size_t turns = d->waiting_count < WAITING_TURN ? d->waiting_count : WAITING_TURN;
	     turns > 0; turns--) {
		struct seccomp_notif n = d->waiting[0];

		memmove(d->waiting, d->waiting + 1, --d->waiting_count * sizeof(n));
		if (notif_valid(sv->listener, n.id) < 0)
			continue;
		if (process_takes_signal(sv->proc_fd, (pid_t)n.pid) > 0)
			reply_send(sv, n.id, verdict_restart());
		else if (sv->pending_count < PENDING_MAX)
			serve(d, &n);
		else if (!let_wait(d, &n))
			reply_send(sv, n.id, verdict_result(-EAGAIN));
	}
}

/* One request a turn: the loop says whether more wait. RECV itself would block if none did. */
static void on_listener(void *arg, short events)
{
	struct dispatcher *d = arg;
	struct supervisor *sv = d->sv;
	char why[128];
	int r;

	if (!(events & POLLIN)) {
		/* Hang-up: no task is left that could ask. KERNEL(5.9) */
		dispatcher_stop(d);
		return;
	}
	r = notif_recv(sv->listener, &d->buffer.notif, d->notif_size);
	if (r == 0) {
		atomic_fetch_add_explicit(&sv->notified, 1, memory_order_relaxed);
		serve(d, &d->buffer.notif);
	} else if (r != -ENOENT && r != -EINTR) {
		/* Some hosts let a listener be made and forbid to receive from it. */
		snprintf(why, sizeof(why), "cannot receive a request: %s%s", strerrordesc_np(-r),
			 r == -EPERM ? " (a profile of AppArmor may forbid it)" : "");
		dispatcher_stop(d);
		sv->broken(sv->callback_arg, why);
	}
}

int dispatcher_serve(struct dispatcher *d)
{
	d->source = loop_add(d->sv->loop, d->sv->listener, on_listener, d);
	return d->source < 0 ? d->source : 0;
}

void dispatcher_stop(struct dispatcher *d)
{
	loop_remove(d->sv->loop, d->source);
	d->source = -1;
}
