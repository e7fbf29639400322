/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request path: see dispatch.h.
 *
 * One request at a time. Whatever happens on the way, the verdict starts as a refusal (I4); an
 * answer is given exactly once; what was opened for the request is closed behind the answer.
 */
#include "supervisor/dispatch.h"

#include "base/cleanup.h"
#include "child/plan.h"
#include "supervisor/mediated.h"
#include "supervisor/request.h"
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

struct dispatcher {
	struct supervisor *sv;
	int source;
	size_t notif_size;
	union {
		struct seccomp_notif notif;
		char room[NOTIF_ROOM];
	} buffer;
	struct request request;
};

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
	sv->row_limit = nr_limit();
	sv->rows = calloc((size_t)sv->row_limit, sizeof(*sv->rows));
	if (!d || !sv->rows) {
		free(d);
		return -ENOMEM;
	}
	d->sv = sv;
	d->source = -1;
	d->notif_size = sizes.request > sizeof(struct seccomp_notif) ? sizes.request
								     : sizeof(struct seccomp_notif);
	for (size_t i = 0; i < mediated_count; i++) {
		int nr = nr_by_name(NR_ARCH_NATIVE, mediated[i].name);

		if (nr >= 0 && nr < sv->row_limit)
			sv->rows[nr] = &mediated[i];
	}
	request_init(&d->request, sv);
	*ret = d;
	return 0;
}

void dispatcher_free(struct dispatcher *d)
{
	if (!d)
		return;
	free(d->sv->rows);
	d->sv->rows = NULL;
	free(d);
}

/* A new file whose descriptor did not fit into the caller's table must not stay. */
static void undo_creation(struct request *rq)
{
	unlinkat(rq->place[0].parent, rq->place[0].leaf, 0);
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

static void serve(struct dispatcher *d, const struct seccomp_notif *n)
{
	struct supervisor *sv = d->sv;
	struct request *rq = &d->request;
	const struct mediated *row = NULL;
	struct verdict v = verdict_result(-EACCES);
	int r;

	if (answer_self_test(sv, n))
		return;
	if (n->data.nr >= 0 && n->data.nr < sv->row_limit)
		row = sv->rows[n->data.nr];
	if (row) {
		r = request_decode(rq, row, n);
		v = r < 0 ? verdict_result(r) : row->handle(rq);
	}
	r = reply_send(sv, n->id, v);
	if (row) {
		if (r < 0 && rq->created)
			undo_creation(rq);
		request_done(rq);
	}
}

/* One request a turn: the loop says whether more wait. RECV itself would block if none did. */
static void on_listener(void *arg, short events)
{
	struct dispatcher *d = arg;
	struct supervisor *sv = d->sv;
	char why[96];
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
		snprintf(why, sizeof(why), "cannot receive a request: %s", strerrordesc_np(-r));
		dispatcher_stop(d);
		sv->broken(sv->broken_arg, why);
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
