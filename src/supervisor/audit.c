/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue: see audit.h. */
#include "supervisor/audit.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

/* One block: freeing the event frees everything. */
struct queued {
	struct cordon_event event;
	struct queued *next;
	char text[];
};

struct audit {
	pthread_mutex_t lock;
	struct queued *first, **last;
	size_t count;
	uint64_t sequence, dropped, dropped_total, denied;
	bool closed;
	int fd;
	char name[];
};

int audit_new(const char *name, struct audit **ret)
{
	size_t size = strlen(name) + 1;
	struct audit *audit = calloc(1, sizeof(*audit) + size);

	if (!audit)
		return -ENOMEM;
	memcpy(audit->name, name, size);
	audit->last = &audit->first;
	audit->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (audit->fd < 0) {
		int r = -errno;

		free(audit);
		return r;
	}
	pthread_mutex_init(&audit->lock, NULL);
	*ret = audit;
	return 0;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	while (audit->first) {
		struct queued *q = audit->first;

		audit->first = q->next;
		free(q);
	}
	close(audit->fd);
	pthread_mutex_destroy(&audit->lock);
	free(audit);
}

int audit_fd(const struct audit *audit)
{
	return audit->fd;
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Copies one string behind the others; NULL stays NULL. */
static const char *put(char **at, const char *text)
{
	size_t size;
	char *start = *at;

	if (!text)
		return NULL;
	size = strlen(text) + 1;
	memcpy(start, text, size);
	*at += size;
	return start;
}

static size_t size_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static struct queued *make(struct audit *audit, const struct audit_facts *f)
{
	char exe[512] = "";
	const struct rule *rule = f->rule;
	struct queued *q;
	size_t size = size_of(f->operation) + size_of(f->syscall) + size_of(f->target) +
		      size_of(f->given) + size_of(f->reason) + size_of(audit->name);
	char *at;

	if (rule)
		size += size_of(rule->key) + size_of(rule->text) + size_of(rule->origin.file);
	if (f->tid > 0 && f->proc_fd >= 0) {
		char link[32];
		ssize_t n;

		snprintf(link, sizeof(link), "%d/exe", f->tid);
		n = readlinkat(f->proc_fd, link, exe, sizeof(exe) - 1);
		exe[n > 0 ? n : 0] = '\0';
	}
	size += size_of(exe);
	q = calloc(1, sizeof(*q) + size);
	if (!q)
		return NULL;
	at = q->text;
	q->event = (struct cordon_event){
		.size = sizeof(q->event),
		.kind = f->kind,
		.realtime_ns = now(CLOCK_REALTIME),
		.monotonic_ns = now(CLOCK_MONOTONIC),
		.sandbox = put(&at, audit->name),
		.pid = f->pid,
		.tid = f->tid,
		.exe = exe[0] ? put(&at, exe) : NULL,
		.operation = put(&at, f->operation),
		.syscall = put(&at, f->syscall),
		.target = put(&at, f->target),
		.given = put(&at, f->given),
		.error = f->error,
		.rule_key = rule ? put(&at, rule->key) : NULL,
		.rule_text = rule ? put(&at, rule->text) : NULL,
		.rule_file = rule ? put(&at, rule->origin.file) : NULL,
		.rule_line = rule ? rule->origin.line : 0,
		.reason = put(&at, f->reason),
		.number = f->number,
	};
	return q;
}

/* With the lock held. */
static void enqueue(struct audit *audit, struct queued *q)
{
	static const uint64_t one = 1;

	q->event.sequence = ++audit->sequence;
	*audit->last = q;
	audit->last = &q->next;
	if (audit->count++ == 0 && write(audit->fd, &one, sizeof(one)) < 0)
		return; /* the counter is already up, so the descriptor is readable */
}

void audit_add(struct audit *audit, const struct audit_facts *facts)
{
	struct queued *q = make(audit, facts), *lost = NULL;

	pthread_mutex_lock(&audit->lock);
	audit->denied += facts->kind == CORDON_EVENT_DENIED;
	if (audit->dropped > 0 && audit->count < AUDIT_QUEUE_MAX) {
		struct audit_facts gap = { .kind = CORDON_EVENT_DROPPED,
					   .proc_fd = -1,
					   .number = (int64_t)audit->dropped };

		lost = make(audit, &gap);
		if (lost) {
			audit->dropped = 0;
			enqueue(audit, lost);
		}
	}
	/* The end is never dropped. */
	if (q && (audit->count < AUDIT_QUEUE_MAX || facts->kind == CORDON_EVENT_END)) {
		enqueue(audit, steal_ptr(&q));
	} else {
		audit->dropped++;
		audit->dropped_total++;
	}
	pthread_mutex_unlock(&audit->lock);
	free(q);
}

void audit_close(struct audit *audit)
{
	static const uint64_t one = 1;

	pthread_mutex_lock(&audit->lock);
	audit->closed = true;
	if (write(audit->fd, &one, sizeof(one)) < 0)
		audit->closed = true; /* readable already */
	pthread_mutex_unlock(&audit->lock);
}

struct cordon_event *audit_take(struct audit *audit)
{
	struct queued *q;
	uint64_t value;

	pthread_mutex_lock(&audit->lock);
	q = audit->first;
	if (q) {
		audit->first = q->next;
		if (!audit->first)
			audit->last = &audit->first;
		audit->count--;
	}
	if (!audit->first && !audit->closed && read(audit->fd, &value, sizeof(value)) < 0)
		value = 0; /* nothing to clear */
	pthread_mutex_unlock(&audit->lock);
	return q ? &q->event : NULL;
}

uint64_t audit_denied(struct audit *audit)
{
	uint64_t n;

	pthread_mutex_lock(&audit->lock);
	n = audit->denied;
	pthread_mutex_unlock(&audit->lock);
	return n;
}

uint64_t audit_dropped(struct audit *audit)
{
	uint64_t n;

	pthread_mutex_lock(&audit->lock);
	n = audit->dropped_total;
	pthread_mutex_unlock(&audit->lock);
	return n;
}
