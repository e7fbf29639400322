/* SPDX-License-Identifier: Apache-2.0 */
/* From paths of the host to those of the program: see inside.h. */
#include "policy/inside.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What shows something of the host: number 0 is the root, then come the mounts. */
static void shown_by(const struct policy *policy, size_t number, const char **ret_source,
		     const char **ret_target)
{
	const struct mount_rule *mount = number > 0 ? &policy->mounts[number - 1] : NULL;

	*ret_source = policy->root ? policy->root : "/";
	*ret_target = "";
	if (mount) {
		*ret_source = mount->type == MOUNT_BIND ? mount->source : NULL;
		*ret_target = mount->target;
	}
}

/* *ret: NULL if it is not beneath the source. *ret_depth: the length of that. Return: 0 or -ENOMEM. */
static int name_by(const struct policy *policy, const char *path, size_t number, char **ret,
		   size_t *ret_depth)
{
	const char *source, *target, *rest;
	cleanup_free char *real = NULL;

	*ret = NULL;
	shown_by(policy, number, &source, &target);
	real = source ? realpath(source, NULL) : NULL;
	if (!real || !path_is_under(path, real))
		return 0;
	*ret_depth = strlen(real);
	rest = *ret_depth == 1 ? path : path + *ret_depth; /* the source may be `/` */
	if (strcmp(rest, "/") == 0)
		rest = "";
	if (!*target && !*rest)
		target = "/"; /* the root itself */
	if (asprintf(ret, "%s%s", target, rest) < 0)
		*ret = NULL;
	return *ret ? 0 : -ENOMEM;
}

size_t policy_inside_count(const struct policy *policy)
{
	return policy->mount_count + 1;
}

int policy_inside_by(const struct policy *policy, const char *path, size_t number, char **ret)
{
	size_t depth;

	return name_by(policy, path, number, ret, &depth);
}

int policy_inside(const struct policy *policy, const char *path, char **ret)
{
	size_t deepest = 0, depth;

	*ret = NULL;
	if (!policy->root) {
		*ret = strdup(path);
		return *ret ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < policy_inside_count(policy); i++) {
		char *name;
		int r = name_by(policy, path, i, &name, &depth);

		if (r == 0 && (!name || depth < deepest)) {
			free(name);
			continue;
		}
		free(*ret);
		*ret = name;
		if (r < 0)
			return r;
		deepest = depth;
	}
	return 0;
}
