/* SPDX-License-Identifier: Apache-2.0 */
/* What the stage mounts, from the policy: see child/mounts.h. */
#ifndef CORDON_SUPERVISOR_STAGE_VIEW_H
#define CORDON_SUPERVISOR_STAGE_VIEW_H

#include "child/mounts.h"
#include "policy/model.h"

#include <cordon/error.h>

struct stage_view {
	struct view_plan plan;
	struct view_mount mounts[VIEW_MOUNTS_MAX];
	const struct mount_rule *rules[VIEW_MOUNTS_MAX]; /* what each comes from; NULL: our own */
	char *texts[2 * VIEW_MOUNTS_MAX + 1];
	size_t text_count;
	bool hide;
};

/*
 * tmp: $TMP of the run as the host calls it, or NULL. hide: what is not the program's is left out of procfs. ret: to be freed with stage_view_done(), also after a
 * failure. Return: 0; -errno with *err: a source or root that is not there.
 */
int stage_view_make(const struct policy *policy, const char *tmp, bool hide, struct stage_view *ret,
		    struct cordon_error *err);
void stage_view_done(struct stage_view *view);

#endif
