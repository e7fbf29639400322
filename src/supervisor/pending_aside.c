/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a process of ours serves whole: see pending.h and aside.h. */
#include "supervisor/pending_parts.h"

#include "supervisor/aside.h"

#include <errno.h>

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

void pending_aside_ready(void *arg, short events)
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
		pending_report(p, "the process that served it has ended");
	}
	pending_end(p);
}

struct verdict pending_aside(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;
	struct pending *p = pending_entry(rq);
	int r;

	if (!p)
		return verdict_again();
	p->output = rq->output;
	r = p->aside = aside_start(rq);
	if (r >= 0)
		r = p->source = loop_add(sv->loop, aside_worker(sv, p->aside)->result,
					 pending_aside_ready, p);
	if (r >= 0)
		return verdict_later();
	/* Those that wait are asked for again when the timer looks: at once they would fare no better, for ever. */
	pending_drop(p);
	return r == -EAGAIN ? verdict_again()
			    : request_failed(rq, EACCES, "no process for a call that may hang");
}
