/* SPDX-License-Identifier: Apache-2.0 */
/* Requests served by processes of their own: see aside.h. */
#include "supervisor/aside.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "supervisor/dispatch.h"
#include "supervisor/dns.h"
#include "supervisor/ids.h"
#include "supervisor/pending.h"
#include "sys/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* After so long without a request a process is ended. */
#define IDLE_MS 2000
/* The part of a request that handlers start from. */
#define ORDER_HEAD offsetof(struct request, place)

struct aside {
	struct aside_process {
		struct worker worker; /* pidfd -1: none */
		bool busy;
		uint64_t idle_since_ms;
	} at[ASIDE_MAX];
	struct outcome outcome;
	unsigned char input[INPUT_MAX]; /* of a process: what the request copied in */
};

struct order {
	bool ids_differ;
	size_t input_length;
};

int aside_new(struct supervisor *sv)
{
	struct aside *aside = calloc(1, sizeof(*aside));

	if (!aside)
		return -ENOMEM;
	for (int i = 0; i < ASIDE_MAX; i++)
		aside->at[i].worker.pidfd = -1;
	sv->aside = aside;
	return 0;
}

void aside_free(struct supervisor *sv)
{
	for (int i = 0; sv->aside && i < ASIDE_MAX; i++)
		aside_release(sv, i, false);
	free(sv->aside);
	sv->aside = NULL;
}

void outcome_event(struct outcome *outcome, const struct audit_facts *facts)
{
	struct outcome_event *event;

	if (outcome->event_count == ASIDE_EVENTS_MAX)
		return;
	event = &outcome->events[outcome->event_count++];
	event->facts = *facts;
	if (facts->target)
		snprintf(event->target, sizeof(event->target), "%s", facts->target);
	if (facts->given)
		snprintf(event->given, sizeof(event->given), "%s", facts->given);
}

void outcome_output(struct outcome *outcome, const void *data, size_t length)
{
	memcpy(outcome->output, data, length);
	outcome->output_length = length;
}

/* --- the process ------------------------------------------------------------------------------- */

static void note_limit(void *arg, enum limit_kind kind)
{
	((struct outcome *)arg)->limit = kind;
}

static void die(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	_exit(1);
}

/* Takes an order into the request. Return: 0; -EINTR: none came. */
static int take_order(struct request *rq, int socket)
{
	unsigned char *input = rq->caller.sv->aside->input;
	struct order order;
	struct iovec parts[] = { { &order, sizeof(order) },
				 { rq, ORDER_HEAD },
				 { input, INPUT_MAX } };
	int fds[HELPER_FDS_MAX];
	ssize_t n = helper_receive(socket, parts, COUNT_OF(parts), fds, 0);

	if (n == -EINTR)
		return -EINTR;
	if (n < (ssize_t)(sizeof(order) + ORDER_HEAD))
		_exit(0);
	rq->caller.sv->ids_differ = order.ids_differ;
	rq->caller.careful = false;
	rq->input = order.input_length > 0 ? input : NULL;
	rq->taken = fds[0];
	return 0;
}

static void send_outcome(int socket, struct outcome *outcome)
{
	struct iovec part = { outcome, offsetof(struct outcome, output) + outcome->output_length };

	if (outcome->announced)
		part.iov_len = sizeof(outcome->announced);
	/* The end of the process is an answer too. */
	if (fault("outcome") || helper_send(socket, &part, 1, NULL, 0) < 0)
		_exit(1);
}

/* The caller goes on with the answer, not with the outcome. */
static void answer(struct request *rq, struct verdict v, int socket)
{
	struct outcome *outcome = rq->caller.sv->outcome;

	worker_admit_interruption(false);
	outcome->announced = true;
	send_outcome(socket, outcome);
	outcome->announced = false;
	dispatch_answer(rq, v);
	outcome->answered = true;
	worker_admit_interruption(true);
}

static void serve_one(struct request *rq, int socket)
{
	struct supervisor *sv = rq->caller.sv;
	struct outcome *outcome = sv->outcome;
	struct verdict v;
	int r = take_order(rq, socket);

	if (r < 0)
		return;
	outcome->announced = outcome->answered = false;
	outcome->limit = LIMIT_COUNT;
	outcome->output_length = outcome->event_count = 0;
	r = request_take_ids(rq);
	v = r < 0 ? verdict_result(r) : rq->row->handle(rq);
	if (v.kind == VERDICT_FD)
		answer(rq, v, socket);
	rq->input = NULL;
	request_done(rq);
	outcome->verdict = v;
	send_outcome(socket, outcome);
}

static void __attribute__((noreturn)) serve(struct request *rq, struct outcome *outcome, int socket)
{
	struct supervisor *sv = rq->caller.sv;
	const int keep[] = { sv->proc_fd, sv->root_fd, sv->listener, dns_held(sv->dns) };

	helper_close_others(keep, COUNT_OF(keep), socket);
	worker_admit_interruption(true);
	place_init(&rq->place[0]);
	place_init(&rq->place[1]);
	sv->self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	sv->outcome = outcome;
	sv->limit_hit = note_limit;
	sv->broken = die;
	sv->callback_arg = outcome;
	/* The thread may have had the ids of the caller that it was serving. */
	if (sv->self_fd < 0 || ids_restore(sv) < 0)
		_exit(1);
	for (;;)
		serve_one(rq, socket);
}

/* --- the thread -------------------------------------------------------------------------------- */

/* Return: 0 or -errno. */
static int make_process(struct request *rq, struct aside_process *ret)
{
	struct supervisor *sv = rq->caller.sv;
	int pair[2], pidfd = -1;
	pid_t pid;

	if (fault("aside"))
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = helper_fork(0, &pidfd);
	if (pid == 0)
		serve(rq, &sv->aside->outcome, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
	}
	ret->worker = (struct worker){ .pidfd = pidfd, .result = pair[0] };
	return 0;
}

static int send_order(struct request *rq, const struct aside_process *process)
{
	struct order order = { rq->caller.sv->ids_differ, rq->input ? rq->input_length : 0 };
	struct iovec parts[] = { { &order, sizeof(order) },
				 { rq, ORDER_HEAD },
				 { rq->input, order.input_length } };

	return helper_send(process->worker.result, parts, COUNT_OF(parts), &rq->taken,
			   rq->taken >= 0);
}

/* An idle one, else a place for a new one, else NULL. */
static struct aside_process *find(struct aside *aside)
{
	struct aside_process *free_one = NULL;

	for (int i = 0; i < ASIDE_MAX; i++) {
		struct aside_process *process = &aside->at[i];

		if (process->busy)
			continue;
		if (process->worker.pidfd >= 0)
			return process;
		if (!free_one)
			free_one = process;
	}
	return free_one;
}

int aside_start(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;
	struct aside_process *process = find(sv->aside);
	int number, r = 0;

	if (!process)
		return -EAGAIN;
	number = (int)(process - sv->aside->at);
	if (process->worker.pidfd < 0)
		r = make_process(rq, process);
	if (r == 0)
		r = send_order(rq, process);
	if (r < 0) {
		aside_release(sv, number, false);
		return r;
	}
	process->busy = true;
	return number;
}

const struct worker *aside_worker(const struct supervisor *sv, int number)
{
	return &sv->aside->at[number].worker;
}

bool aside_has_news(const struct supervisor *sv, int number)
{
	struct pollfd pfd = { .fd = sv->aside->at[number].worker.result, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

const struct outcome *aside_outcome(struct supervisor *sv, int number)
{
	struct outcome *outcome = &sv->aside->outcome;
	struct iovec part = { outcome, sizeof(*outcome) };
	ssize_t n =
		helper_receive(sv->aside->at[number].worker.result, &part, 1, NULL, MSG_DONTWAIT);

	if (n >= (ssize_t)sizeof(outcome->announced) && outcome->announced)
		return outcome;
	return n >= (ssize_t)offsetof(struct outcome, output) ? outcome : NULL;
}

void aside_release(struct supervisor *sv, int number, bool alive)
{
	struct aside_process *process = &sv->aside->at[number];

	process->busy = false;
	process->idle_since_ms = 0;
	if (!alive)
		pending_bury(sv, worker_kill(&process->worker));
}

bool aside_tidy(struct supervisor *sv, uint64_t now_ms)
{
	bool left = false;

	for (int i = 0; i < ASIDE_MAX; i++) {
		struct aside_process *process = &sv->aside->at[i];

		if (process->worker.pidfd < 0)
			continue;
		if (process->busy || process->idle_since_ms == 0)
			process->idle_since_ms = now_ms;
		if (now_ms - process->idle_since_ms > IDLE_MS)
			aside_release(sv, i, false);
		else
			left = true;
	}
	return left;
}
