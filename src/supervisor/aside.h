/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole requests that are served by a process of their own, since what they are about may hang: slow.h.
 *
 * Theory of operation. Such a process is a fork of the supervising thread: it has its Landlock domain, its ids, the
 * policy, and the descriptors that a handler needs. It is given what was decoded of a request, does all the rest
 * as the thread itself would, and answers with a descriptor of its own; every other result, what is to be written
 * into the caller's memory and the events go back to the thread. Pointers in between are good: both have the
 * same memory up to the fork, and neither frees what they lead to.
 *
 *   thread                         process
 *   serve: SLOW -- order --------> ids, resolve, decide, act (may hang)
 *   goes on                        a descriptor: ADDFD, close (which may hang as well)
 *   events, output, reply <------- outcome
 *
 * KERNEL: a process that is interrupted, or killed, while it waits for the caller to take a descriptor leaves the
 * caller with the result 0 and no descriptor. And from the moment of the answer on the caller does not seem to wait
 * any more. So it is announced: what has been announced is neither interrupted nor killed.
 *
 * A process is used again, so that a file system that is merely slow costs two more switches and not a fork;
 * one that was idle for a while is ended. It makes system calls only and never allocates, since the host may have
 * had threads. KERNEL: one that hangs in a request that a server of FUSE has read cannot even be killed. So the end
 * of none is waited for: see bury().
 */
#ifndef CORDON_SUPERVISOR_ASIDE_H
#define CORDON_SUPERVISOR_ASIDE_H

#include "supervisor/audit.h"
#include "supervisor/request.h"
#include "supervisor/worker.h"

#define ASIDE_MAX	 64
#define ASIDE_EVENTS_MAX 2

/* Of one request, on its way back. */
struct outcome {
	bool announced; /* nothing but the message that the process is about to answer */
	struct verdict verdict;
	bool answered;
	enum limit_kind limit; /* that was hit; LIMIT_COUNT: none */
	size_t output_length;
	unsigned event_count;
	struct outcome_event {
		struct audit_facts facts;
		char target[PATH_MAX], given[PATH_MAX];
	} events[ASIDE_EVENTS_MAX];
	unsigned char output[INPUT_MAX];
};

/* Return: 0 or -errno. */
int aside_new(struct supervisor *sv);
/* Ends all processes. */
void aside_free(struct supervisor *sv);

/* Gives a request to a process. Return: its number; -EAGAIN: all are busy; -errno. */
int aside_start(struct request *rq);
const struct worker *aside_worker(const struct supervisor *sv, int number);
/* Whether aside_worker()->result is readable. */
bool aside_has_news(const struct supervisor *sv, int number);
/* Then: what came of it, or an announcement. Return: NULL if the process died; good until the next call. */
const struct outcome *aside_outcome(struct supervisor *sv, int number);
/* alive: it has given its outcome, and takes the next request. Else it is ended. */
void aside_release(struct supervisor *sv, int number, bool alive);
/* Ends those that have been idle for long. Return: whether any are left. */
bool aside_tidy(struct supervisor *sv, uint64_t now_ms);

/* In such a process: keeps an event, or what is to be written, for the thread. */
void outcome_event(struct outcome *outcome, const struct audit_facts *facts);
void outcome_output(struct outcome *outcome, const void *data, size_t length);

#endif
