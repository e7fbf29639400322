/* SPDX-License-Identifier: Apache-2.0 */
/* The program's side between clone and exec; see setup.c. */
#ifndef CORDON_CHILD_SETUP_H
#define CORDON_CHILD_SETUP_H

#include "child/plan.h"

#include <sys/types.h>

struct setup_start {
	const struct spawn_plan *plan;
	pid_t keeper;
	int status, ready;
};

/* Runs in the cloned process on its own stack; arg: struct setup_start. Never returns. */
int setup_main(void *arg);

#endif
