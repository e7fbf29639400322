/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: a small process between supervisor and program; see keeper.c. */
#ifndef CORDON_CHILD_KEEPER_H
#define CORDON_CHILD_KEEPER_H

#include "child/plan.h"

#include <sys/types.h>

/* Beside the messages of spawn.h; these two never leave spawn_start(). */
#define KEEPER_STARTED 100 /* report: value is the program's pid or -errno */
#define KEEPER_BEGIN   100 /* command: the supervisor holds the program, reaping may begin */

struct keeper_start {
	const struct spawn_plan *plan;
	void *stack_top;		     /* for the program until it executes */
	void *join_top;			     /* for the process that clones the keeper elsewhere */
	pid_t supervisor, supervisor_thread; /* process and thread that call */
	int supervisor_pidfd;
	int socket;	   /* the keeper's end */
	int status_reader; /* tells the keeper of the exec by its hang-up */
	int status, ready; /* the program's ends */
};

/*
 * Clones the keeper, which never returns from here. The caller has blocked all signals.
 * Return: its pid, with *ret_pidfd, or -errno.
 */
pid_t keeper_clone(const struct keeper_start *start, int *ret_pidfd);

#endif
