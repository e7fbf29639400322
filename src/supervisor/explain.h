/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: the plan of a policy on this host, the filter it gives, what the host can
 * enforce. */
#ifndef CORDON_SUPERVISOR_EXPLAIN_H
#define CORDON_SUPERVISOR_EXPLAIN_H

#include "policy/model.h"

#include <cordon/error.h>

#include <stdbool.h>

/*
 * For each rule the mechanism that holds it here, the mediated calls with the rule that makes them
 * so, what is not held, and notes. policy: bound. ret_text: from malloc, given whenever memory
 * allows. Return: 0, or -EOPNOTSUPP with *err as a run would be refused.
 */
int explain_policy(const struct policy *policy, bool json, char **ret_text,
		   struct cordon_error *err);
/* The program that would be installed, disassembled. policy: bound. ret_text: from malloc. */
int explain_filter(const struct policy *policy, char **ret_text, struct cordon_error *err);
/*
 * Proves each facility once in a throw-away child. ret_text: from malloc.
 * Return: 0: the default policy can be held in full; 1: not; -errno.
 */
int explain_host(bool json, char **ret_text, struct cordon_error *err);

#endif
