/* SPDX-License-Identifier: Apache-2.0 */
/* From a bound policy and an assignment to the finished plan that the child gets. */
#ifndef CORDON_SUPERVISOR_PREPARE_H
#define CORDON_SUPERVISOR_PREPARE_H

#include "child/plan.h"
#include "policy/model.h"
#include "supervisor/assign.h"

#include <cordon/error.h>

/* Owns what the plan borrows. */
struct prepared {
	struct spawn_plan plan;
	char **argv, **envp;
	char *path;
	cpu_set_t affinity;
	struct plan_rlimit rlimits[8];
	int *keep_fds;
	int supervisor_ruleset; /* of the thread that acts for the sandbox; -1: none is needed */
};

/*
 * tmp: the run's $TMP or NULL; name: of the sandbox; argv: copied.
 * Return: 0; -ENOENT, -EACCES ... if the program cannot be found or executed (*ret_exec is set);
 * -errno.
 */
int prepare_plan(const struct policy *policy, const struct assignment *assignment, const char *tmp,
		 const char *name, char *const argv[], struct prepared *ret, bool *ret_exec,
		 struct cordon_error *err);
void prepared_done(struct prepared *prepared);

#endif
