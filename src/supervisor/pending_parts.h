/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the table of pending.c, for the files that carry requests out. Private to them. */
#ifndef CORDON_SUPERVISOR_PENDING_PARTS_H
#define CORDON_SUPERVISOR_PENDING_PARTS_H

#include "supervisor/pending.h"
#include "supervisor/worker.h"

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

/* A new entry, which is looked after from now on. Return: NULL if there is no room. */
struct pending *pending_entry(struct request *rq);
/* The end of one: what it holds is closed, its worker killed, and there may be room for others. */
void pending_end(struct pending *p);
/* The same for one that was never begun: it has made no room for others. */
void pending_drop(struct pending *p);
/* That it was refused, and why. */
void pending_report(struct pending *p, const char *reason);

/* pending_aside.c: a process has news of the request that it serves. arg: the entry. */
void pending_aside_ready(void *arg, short events);

#endif
