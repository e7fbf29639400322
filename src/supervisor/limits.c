/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that were hit: what is told at once, and what the run comes to in the end. */
#include "supervisor/run.h"

#include "base/cleanup.h"

#include <assert.h>
#include <signal.h>

static_assert((int)LIMIT_COUNT == (int)CORDON_LIMIT_COUNT, "the public enum is a copy");

static const struct {
	enum cordon_reason reason;
	int status;
} endings[LIMIT_COUNT] = {
	[LIMIT_WALL] = { CORDON_TIMEOUT_WALL, 124 },
	[LIMIT_CPU] = { CORDON_TIMEOUT_CPU, 0 }, /* 128 and the signal */
	[LIMIT_MEMORY] = { CORDON_MEMORY, 137 },
	[LIMIT_PROCESSES] = { CORDON_PROCESSES, 137 },
};

void run_limit(struct sandbox *s, enum limit_kind kind)
{
	const struct limit *limit = &s->policy->limits[kind];
	bool ends = endings[kind].reason != CORDON_EXITED;

	/* Output is counted on a thread of the host. */
	if (atomic_fetch_or(&s->limits_hit, 1u << kind) & 1u << kind)
		return;
	if (ends && s->ended_by == LIMIT_COUNT)
		s->ended_by = kind;
	audit_add(s->audit, &(struct audit_facts){ .kind = CORDON_EVENT_LIMIT,
						   .proc_fd = -1,
						   .rule = &limit->rule,
						   .reason = ends ? NULL : "the run goes on",
						   .number = (int64_t)limit->value });
}

void run_limit_seen(void *arg, enum limit_kind kind)
{
	struct sandbox *s = arg;

	if (s->policy->limits[kind].value != LIMIT_UNSET)
		run_limit(s, kind);
}

void run_limits_at_end(struct sandbox *s, int signal)
{
	uint64_t cpu_s = s->policy->limits[LIMIT_CPU].value;

	if (s->usage.size_limit_hit)
		run_limit_seen(s, LIMIT_FILE_SIZE);
	/* RLIMIT_CPU ends a program by SIGXCPU, or by SIGKILL if it goes on. Both can come from
	 * elsewhere: only the time that was used says that it was the limit. The limit counts whole
	 * ticks of the clock, the usage is exact, and on a busy machine they are far apart. */
	if (cpu_s != LIMIT_UNSET && (signal == SIGXCPU || signal == SIGKILL) &&
	    s->usage.program_us >= cpu_s * 1000000 / 2)
		run_limit(s, LIMIT_CPU);
}

bool run_limit_ending(const struct sandbox *s, enum cordon_reason *ret_reason, int *ret_status)
{
	if (s->ended_by == LIMIT_COUNT)
		return false;
	*ret_reason = endings[s->ended_by].reason;
	*ret_status = endings[s->ended_by].status;
	return true;
}
