/* SPDX-License-Identifier: Apache-2.0 */
/* filesystem.expand: grants that leave out what is denied, so that the kernel alone holds it. */
#ifndef CORDON_POLICY_EXPAND_H
#define CORDON_POLICY_EXPAND_H

#include "policy/model.h"

/*
 * Splits the grants of a policy whose rules are bound and indexed. Sets policy->expanded, or
 * policy->unexpanded with the reason why it cannot be done; then the supervisor holds the rules.
 * Return: 0; -ENOMEM; -errno if a directory or its names could not be opened for want of resources.
 */
int policy_expand(struct policy *policy);

#endif
