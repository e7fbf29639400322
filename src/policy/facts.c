/* SPDX-License-Identifier: Apache-2.0 */
/* What the plan asks of the filesystem rules: see policy_fs_facts() in model.h. */
#include "policy/glob.h"
#include "policy/model.h"

#include <string.h>

/* Where a rule can concern something: a directory or file, or what a pattern begins with. */
struct area {
	const char *path;
	size_t length; /* of the part that is certain; 0 for everywhere */
};

static struct area area_of(const struct fs_rule *rule)
{
	struct area area = { rule->canonical ? rule->canonical : rule->path, 0 };

	area.length = strlen(area.path);
	if (!rule->glob)
		return area;
	area.length = glob_literal_length(area.path);
	while (area.length > 0 && area.path[area.length - 1] != '/')
		area.length--;
	if (area.length > 0)
		area.length--;
	return area;
}

static bool is_within(const struct area *inner, const struct area *outer)
{
	if (outer->length <= 1)
		return true;
	return inner->length >= outer->length &&
	       memcmp(inner->path, outer->path, outer->length) == 0 &&
	       (inner->length == outer->length || inner->path[outer->length] == '/');
}

/*
 * Whether a guarded rule can concern an object inside a grant. A literal above the grant does not:
 * the grant is the longer one. A file with several names may have one of them anywhere,
 * and so may an object with a second path.
 */
static bool reaches(const struct fs_rule *guard, const struct fs_rule *grant)
{
	struct area a = area_of(guard), b = area_of(grant);

	if (guard->is_linked || guard->is_aliased || guard->canonical_link || is_within(&a, &b))
		return true;
	return guard->glob && is_within(&b, &a);
}

static bool is_narrowing(const struct policy *policy, const struct fs_rule *read)
{
	struct area inner = area_of(read);

	for (size_t i = 0; i < policy->fs_count; i++) {
		struct area outer;

		if (policy->fs[i].kind != FS_WRITE)
			continue;
		outer = area_of(&policy->fs[i]);
		if (inner.length > outer.length && is_within(&inner, &outer))
			return true;
	}
	return false;
}

static bool is_executable(const struct policy *policy, const struct fs_rule *rule)
{
	if (policy->exec_present)
		return rule->kind == FS_EXEC;
	return rule->kind == FS_READ || rule->kind == FS_WRITE;
}

static void add_guard(const struct policy *policy, const struct fs_rule *guard,
		      struct fs_facts *facts)
{
	bool refuses = guard->kind == FS_DENY || guard->kind == FS_HIDE;

	facts->guard = true;
	facts->deny_or_hide |= refuses;
	facts->hide |= guard->kind == FS_HIDE;
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *grant = &policy->fs[i];

		if (grant->kind == FS_WRITE && reaches(guard, grant))
			facts->guard_in_write = true;
		if (refuses && !facts->exec_guard && is_executable(policy, grant) &&
		    reaches(guard, grant))
			facts->exec_guard = &guard->rule;
	}
}

struct fs_facts policy_fs_facts(const struct policy *policy, bool expanded)
{
	struct fs_facts facts = { .any = policy->fs_count > 0 || policy->exec_present,
				  .no_exec = policy->exec_present };

	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];

		if (rule->kind == FS_EXEC)
			facts.no_exec = false;
		if (expanded && rule->kind == FS_DENY)
			continue;
		if (rule->kind <= FS_PROTECT ||
		    (rule->kind == FS_READ && is_narrowing(policy, rule)))
			add_guard(policy, rule, &facts);
	}
	facts.deny_in_exec = facts.exec_guard != NULL;
	return facts;
}
