/* SPDX-License-Identifier: Apache-2.0 */
/* When the keeper looks at what the tree uses: see keeper_parts.h. System calls only (I11). */
#include "child/keeper_parts.h"

#include "child/raw.h"

#include <sys/resource.h>
#include <time.h>

/* For looks: the shortest slice of processor time that the kernel grants, and a nice value. */
#define SLICE_NS 100000
#define NICE	 (-10)

/* The first version of the kernel's struct sched_attr, which the C library does not have. */
struct scheduling {
	uint32_t size, policy; /* 0: the ordinary one */
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

uint64_t keeper_clock_ns(void)
{
	struct timespec now = { 0, 0 };

	raw(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * A bomb makes thousands of processes that want the processor; each new one is served before those
 * that have waited, so that without a priority of our own the look would come last. What helps is
 * taken where it is granted: a short slice, which moves us forward among equals (KERNEL(6.12), any
 * user), and a nice value (root).
 */
static void ask_for_precedence(void)
{
	struct scheduling scheduling = { .size = sizeof(scheduling), .runtime = SLICE_NS };

	raw(SYS_setpriority, PRIO_PROCESS, 0, NICE);
	scheduling.nice = 20 - (int32_t)raw(SYS_getpriority, PRIO_PROCESS, 0);
	raw(SYS_sched_setattr, 0, &scheduling, 0);
}

void keeper_begin_looks(struct keeper *k)
{
	if (k->looker.proc < 0)
		return;
	ask_for_precedence();
	if (k->looker.limits.memory_kib > 0 || k->looker.limits.processes > 0)
		k->next_look_ns = keeper_clock_ns() + k->looker.interval_ns;
	keeper_share_begin(k);
}

void keeper_set_limits(struct keeper *k, const struct tree_limits *limits)
{
	/* Without a limit in the plan nothing is prepared for looks. */
	if (k->looker.proc < 0)
		return;
	k->looker.limits = *limits;
	k->looker.interval_ns = LOOK_MIN_NS;
	if (k->next_look_ns != 0)
		k->next_look_ns = keeper_clock_ns();
	keeper_share_set(k, limits->cpu_percent);
}

void keeper_look_if_due(struct keeper *k)
{
	uint64_t begin = k->next_look_ns ? keeper_clock_ns() : 0;
	uint64_t memory = k->looker.memory_kib, processes = k->looker.processes, now;
	enum looked found;

	if (k->ending || k->next_look_ns == 0 || begin < k->next_look_ns)
		return;
	found = look(&k->looker);
	if (found != LOOKED_WELL) {
		keeper_end(k);
		keeper_report_news(k, KEEPER_LIMIT, (int)found);
		return;
	}
	now = keeper_clock_ns();
	k->next_look_ns = now + look_interval(&k->looker, memory, processes, now - begin);
}
