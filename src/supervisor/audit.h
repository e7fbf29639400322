/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way from the supervising thread to the host: a bounded queue.
 *
 * The supervising thread never waits for the host. When the queue is full, events are counted
 * instead, and the count is delivered as an event of its own as soon as there is room.
 */
#ifndef CORDON_SUPERVISOR_AUDIT_H
#define CORDON_SUPERVISOR_AUDIT_H

#include "policy/model.h"
#include "policy/op.h"

#include <cordon/event.h>

#include <stdbool.h>

#define AUDIT_QUEUE_MAX 4096

struct audit;

/* name: copied. Return: 0 or -errno. */
int audit_new(const char *name, struct audit **ret);
void audit_free(struct audit *audit);
/* Readable while something is queued, and for ever after audit_close(). */
int audit_fd(const struct audit *audit);

/* Borrowed facts of one event; unused fields are zero. */
struct audit_facts {
	enum cordon_event_kind kind;
	int proc_fd; /* to name the caller's program; -1: no caller */
	pid_t pid, tid;
	const char *operation, *syscall, *target, *given, *reason;
	int error;
	const struct rule *rule;
	int64_t number;
};
void audit_add(struct audit *audit, const struct audit_facts *facts);
/* No event comes after this one. */
void audit_close(struct audit *audit);
/* The oldest event, to be freed with free(), or NULL. */
struct cordon_event *audit_take(struct audit *audit);
uint64_t audit_denied(struct audit *audit);
uint64_t audit_dropped(struct audit *audit);

#endif
