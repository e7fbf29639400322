/* SPDX-License-Identifier: Apache-2.0 */
/* Where the program finds what the host knows by a path: isolation.root and isolation.mounts. */
#ifndef CORDON_POLICY_INSIDE_H
#define CORDON_POLICY_INSIDE_H

#include "policy/model.h"

/* Whether the program sees other directories than the host. */
static inline bool policy_has_view(const struct policy *policy)
{
	return policy->root || policy->mount_count > 0 ||
	       (policy->namespaces & LAYER_BIT(LAYER_MOUNT_NS));
}

/*
 * path: real, of the host. *ret: from malloc, or NULL where the program does not see it. Of mounts that
 * show it the one with the deepest source counts, of these the last. Return: 0 or -ENOMEM.
 */
int policy_inside(const struct policy *policy, const char *path, char **ret);

/*
 * Every name that it has inside: number, below the count, stands for the root or a mount that may show it.
 * *ret: from malloc, or NULL where that one does not. Return: 0 or -ENOMEM.
 */
size_t policy_inside_count(const struct policy *policy);
int policy_inside_by(const struct policy *policy, const char *path, size_t number, char **ret);

/* $TMP under a new root, which has no other place for it. */
#define INSIDE_TMP "/tmp"

#endif
