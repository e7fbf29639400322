/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that were hit: what is told at once, and what the run comes to in the end. And new ones meanwhile. */
#include "supervisor/run.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <assert.h>
#include <inttypes.h>
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
						   .number = (int64_t)s->limits[kind] });
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

/* What the keeper holds, and the wall clock: they are looked at again and again. */
static const unsigned changeable =
	1u << LIMIT_WALL | 1u << LIMIT_MEMORY | 1u << LIMIT_PROCESSES | 1u << LIMIT_CPU_PERCENT;

static uint64_t in_force(const struct sandbox *s, enum limit_kind kind)
{
	return s->limits[kind] == LIMIT_UNSET ? 0 : s->limits[kind];
}

static int tell_keeper(const struct sandbox *s)
{
	const struct tree_limits limits = {
		.memory_kib = (in_force(s, LIMIT_MEMORY) + 1023) / 1024,
		.processes = in_force(s, LIMIT_PROCESSES),
		.cpu_percent = in_force(s, LIMIT_CPU_PERCENT),
	};

	return keeper_limit(s->spawned.keeper_socket, &limits);
}

/* Under the lock. Return: 0 or -errno. */
static int change(struct sandbox *s, enum limit_kind kind, uint64_t value)
{
	uint64_t before;
	int r;

	if (s->state != RUN_RUNNING || s->spawned.keeper_socket < 0)
		return -ESRCH;
	/* It is over: the grace must not become longer. */
	if (kind == LIMIT_WALL && s->limits_hit & 1u << LIMIT_WALL)
		return 0;
	before = s->limits[kind];
	s->limits[kind] = value;
	r = kind == LIMIT_WALL ? run_arm_wall(s) : tell_keeper(s);
	if (r < 0)
		s->limits[kind] = before;
	return r;
}

int sandbox_set_limit(struct sandbox *s, enum cordon_limit limit, uint64_t value,
		      struct cordon_error *err)
{
	enum limit_kind kind = (enum limit_kind)limit;
	const struct limit *given;
	int r;

	if ((unsigned)kind >= LIMIT_COUNT || !(changeable & 1u << kind))
		return err_set(err, -EOPNOTSUPP,
			       "only limits.wall, memory, processes and cpu_percent can be changed "
			       "while the program runs");
	given = &s->policy->limits[kind];
	if (given->value == LIMIT_UNSET)
		return err_set(err, -EOPNOTSUPP,
			       "the policy does not set this limit, so that nobody looks after it "
			       "(give it a high one)");
	if (value == 0 || value > given->value)
		return err_set(err, -EINVAL,
			       "%s: from 1 to what the policy says, which is %" PRIu64,
			       given->rule.key, given->value);
	pthread_mutex_lock(&s->lock);
	r = change(s, kind, value);
	pthread_mutex_unlock(&s->lock);
	return r < 0 ? err_sys(err, r, "%s", given->rule.key) : 0;
}
