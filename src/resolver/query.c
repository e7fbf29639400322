/* SPDX-License-Identifier: Apache-2.0 */
/* One question from its arrival to its answer: see resolver.h. */
#include "resolver/private.h"

#include "base/cleanup.h"

#include <string.h>
#include <sys/random.h>

/* The supervisor answers at once, unless it is stopped. */
#define SUPERVISOR_MS 5000

static void reply_code(struct resolver *r, const struct asker *asker,
		       const struct dns_question *question, unsigned code)
{
	const struct dns_answer answer = { .code = code };

	asker_reply(r, asker, question, &answer);
}

static void release(struct query *q)
{
	if (q->fd >= 0)
		close(q->fd);
	free(q->buffer);
	q->buffer = NULL;
	q->fd = -1;
	q->state = QUERY_FREE;
}

/* Asks the supervisor what is to be done for the name; the attempt chooses the server. */
static void ask(struct query *q, size_t slot)
{
	struct resolver_record record = { .kind = RESOLVER_QUERY,
					  .slot = (uint32_t)slot,
					  .generation = ++q->generation,
					  .number = q->attempt,
					  .type = q->question.type,
					  .stream = q->by_stream };

	if (q->fd >= 0)
		close(steal_fd(&q->fd));
	q->state = QUERY_WAITING;
	q->deadline = resolver_now() + SUPERVISOR_MS;
	strcpy(record.name, q->question.name);
	resolver_tell(&record);
}

static void next_attempt(struct resolver *r, struct query *q)
{
	q->attempt++;
	ask(q, (size_t)(q - r->queries));
}

void query_take(struct resolver *r, const struct asker *asker, const uint8_t *data, size_t size)
{
	struct dns_question question;
	int code = dns_query_read(data, size, &question);

	if (code < 0)
		return;
	if (code > 0) {
		reply_code(r, asker, &question, (unsigned)code);
		return;
	}
	for (size_t i = 0; i < QUERIES_MAX; i++) {
		struct query *q = &r->queries[i];

		if (q->state != QUERY_FREE)
			continue;
		q->asker = *asker;
		q->question = question;
		q->attempt = 0;
		q->by_stream = false;
		ask(q, i);
		return;
	}
	reply_code(r, asker, &question, DNS_FAILED);
}

static int start_stream(struct query *q, const uint8_t *wire, size_t size)
{
	q->buffer = realloc(q->buffer, 2 + DNS_MESSAGE_MAX);
	if (!q->buffer)
		return -ENOMEM;
	q->buffer[0] = (uint8_t)(size >> 8);
	q->buffer[1] = (uint8_t)size;
	memcpy(q->buffer + 2, wire, size);
	q->have = 0;
	q->want = 2 + size;
	q->sent = false;
	q->state = QUERY_STREAMING;
	return 0;
}

static void start(struct resolver *r, struct query *q, int take_fd, uint32_t wait_ms)
{
	cleanup_free uint8_t *wire = NULL;
	size_t size;
	int e;

	q->fd = take_fd;
	q->deadline = resolver_now() + wait_ms;
	/* A fresh id and, since the socket is fresh, a fresh port: answers cannot be guessed. */
	if (q->fd < 0 || getrandom(&q->id, sizeof(q->id), 0) != (ssize_t)sizeof(q->id) ||
	    dns_query_write(&q->question, q->id, &wire, &size) < 0) {
		next_attempt(r, q);
		return;
	}
	q->state = q->by_stream ? QUERY_STREAMING : QUERY_ASKED;
	if (q->by_stream)
		e = start_stream(q, wire, size);
	else
		e = send(q->fd, wire, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
	if (e < 0)
		next_attempt(r, q);
}

static void finish(struct resolver *r, struct query *q)
{
	asker_reply(r, &q->asker, &q->question, &q->answer);
	release(q);
}

static void take_addresses(struct query *q, const struct resolver_record *record)
{
	size_t count = record->count < DNS_ADDRESSES_MAX ? record->count : DNS_ADDRESSES_MAX;

	memcpy(q->answer.addresses, record->addresses, count * sizeof(record->addresses[0]));
	q->answer.address_count = count;
}

void query_told(struct resolver *r, const struct resolver_record *record, int take_fd)
{
	cleanup_fd int fd = take_fd;
	struct query *q = &r->queries[record->slot % QUERIES_MAX];
	bool waits = q->state == QUERY_WAITING || q->state == QUERY_JUDGED;

	if (!waits || q->generation != record->generation)
		return;
	if (record->kind == RESOLVER_SOCKET && q->state == QUERY_WAITING) {
		start(r, q, steal_fd(&fd), record->number);
		return;
	}
	if (q->state == QUERY_WAITING)
		q->answer = (struct dns_answer){ 0 };
	if (record->kind == RESOLVER_CODE)
		q->answer = (struct dns_answer){ .code = record->number };
	else if (record->kind == RESOLVER_POINTER)
		memcpy(q->answer.pointer, record->name, sizeof(q->answer.pointer));
	else if (record->kind == RESOLVER_ADDRESSES)
		take_addresses(q, record);
	else
		return;
	finish(r, q);
}

/* Asks what of the answer the program may be told. */
static void judge(struct resolver *r, struct query *q)
{
	struct resolver_record record = { .kind = RESOLVER_ANSWER,
					  .slot = (uint32_t)(q - r->queries),
					  .generation = ++q->generation,
					  .count = (uint32_t)q->answer.address_count,
					  .alias_count = (uint32_t)q->answer.alias_count };

	for (size_t i = 0; i < q->answer.alias_count; i++)
		strcpy(record.aliases[i], q->answer.aliases[i].name);
	close(steal_fd(&q->fd));
	q->state = QUERY_JUDGED;
	q->deadline = resolver_now() + SUPERVISOR_MS;
	memcpy(record.addresses, q->answer.addresses, sizeof(record.addresses));
	strcpy(record.name, q->question.name);
	resolver_tell(&record);
}

static void take_answer(struct resolver *r, struct query *q, const uint8_t *data, size_t size)
{
	/* Whatever is no answer to this is somebody's guess: the right one may still come. */
	if (dns_answer_read(data, size, &q->question, q->id, &q->answer) < 0)
		return;
	if (q->answer.truncated && !q->by_stream) {
		q->by_stream = true;
		ask(q, (size_t)(q - r->queries));
	} else if (q->answer.code != DNS_OK && q->answer.code != DNS_UNKNOWN) {
		next_attempt(r, q);
	} else if (q->answer.address_count > 0) {
		judge(r, q);
	} else {
		finish(r, q);
	}
}

short query_events(const struct query *q)
{
	if (q->state == QUERY_STREAMING && !q->sent)
		return POLLOUT;
	return POLLIN;
}

/* Moves bytes of the buffer. Return: 0 if all are there; -EAGAIN; -errno. */
static int move(struct query *q)
{
	ssize_t n = q->sent ? recv(q->fd, q->buffer + q->have, q->want - q->have, MSG_DONTWAIT)
			    : send(q->fd, q->buffer + q->have, q->want - q->have,
				   MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	q->have += (size_t)n;
	return q->have == q->want ? 0 : -EAGAIN;
}

static void stream_ready(struct resolver *r, struct query *q)
{
	int error = move(q);

	if (error == -EAGAIN || error == -EINTR)
		return;
	if (error < 0) {
		next_attempt(r, q);
	} else if (!q->sent) {
		q->sent = true;
		q->have = 0;
		q->want = 2;
	} else if (q->want == 2) {
		q->want = 2 + ((size_t)q->buffer[0] << 8 | q->buffer[1]);
		if (q->want == 2)
			next_attempt(r, q);
	} else {
		uint32_t generation = q->generation;

		take_answer(r, q, q->buffer + 2, q->want - 2);
		if (q->state == QUERY_STREAMING && q->generation == generation)
			next_attempt(r, q);
	}
}

void query_ready(struct resolver *r, struct query *q)
{
	ssize_t n;

	if (q->state == QUERY_STREAMING) {
		stream_ready(r, q);
		return;
	}
	n = recv(q->fd, r->room, sizeof(r->room), MSG_DONTWAIT);
	if (n > 0)
		take_answer(r, q, r->room, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		next_attempt(r, q);
}

static void overdue(struct resolver *r, struct query *q)
{
	if (q->state != QUERY_WAITING && q->state != QUERY_JUDGED) {
		next_attempt(r, q);
		return;
	}
	q->answer = (struct dns_answer){ .code = DNS_FAILED };
	finish(r, q);
}

int query_deadlines(struct resolver *r)
{
	uint64_t now = resolver_now(), next = UINT64_MAX;

	for (int i = 0; i < QUERIES_MAX; i++) {
		struct query *q = &r->queries[i];

		if (q->state != QUERY_FREE && q->deadline <= now)
			overdue(r, q);
		if (q->state != QUERY_FREE && q->deadline < next)
			next = q->deadline;
	}
	if (next == UINT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}
