/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of policy_bind(): paths and identities (bind.c), and the index (bind_index.c). */
#ifndef CORDON_POLICY_BIND_H
#define CORDON_POLICY_BIND_H

#include "policy/aliases.h"
#include "policy/model.h"

/* Whether a bound read rule lies inside a write rule and so takes something away. */
bool bind_narrows(const struct policy *policy, const struct fs_rule *rule);

/*
 * Puts every bound rule into policy->fs_index, guarded ones under all their names.
 * aliases: NULL where nothing is guarded. Return: 0; -ENOMEM; -E2BIG for an alias of a pattern that
 * is too long.
 */
int bind_index(struct policy *policy, const struct aliases *aliases);

#endif
