/* SPDX-License-Identifier: Apache-2.0 */
/* The program's environment: what is passed on, what is set, what cordon adds. */
#ifndef CORDON_SUPERVISOR_ENVIRONMENT_H
#define CORDON_SUPERVISOR_ENVIRONMENT_H

#include "policy/model.h"

/*
 * inherited: the caller's environment. tmp: becomes TMPDIR; NULL: TMPDIR is not set. name: becomes
 * CORDON. Return: a terminated list, freed with environment_free(); NULL if memory ran out.
 */
char **environment_build(const struct policy *policy, char *const inherited[], const char *tmp,
			 const char *name);
void environment_free(char **list);

#endif
