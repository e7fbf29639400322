/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the program without a keeper: the host itself is its parent. */
#ifndef CORDON_CHILD_DIRECT_H
#define CORDON_CHILD_DIRECT_H

#include "child/spawn.h"

/*
 * Why a plan cannot be started by a process that shares the host's memory until the exec; NULL if it can:
 * the kernel keeps something of what the plan asks for with the memory, and the host would have it too.
 */
const char *direct_needs_copy(const struct spawn_plan *plan);
/*
 * Clones the program from the calling thread; the plan is `unkept` and has no listener. share_memory: the
 * thread stands still until the exec. *ret holds program, program_pidfd and status, to be read to its end by
 * spawned_read(), which may wait; the program is to be reaped by direct_reap().
 * Return: 0 or -errno with the reason in *err; nothing is left then.
 */
int direct_start(const struct spawn_plan *plan, bool share_memory, struct spawned *ret,
		 struct cordon_error *err);

struct direct_end {
	int wait_status;	     /* as wait() has it */
	uint64_t user_us, system_us; /* of the program and the children that it waited for */
	uint64_t max_rss_kib;
};
/*
 * Reaps the program. wait: until it has ended. Return: 1 with *ret; 0: it runs; -ECHILD: somebody else has
 * reaped it; -errno.
 */
int direct_reap(const struct spawned *spawned, bool wait, struct direct_end *ret);

#endif
