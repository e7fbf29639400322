/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one question: see decide.h.
 *
 * Theory of operation for filesystem operations. Three judges are asked in turn, and the first
 * refusal stands:
 *
 *   patterns   deny, then hide, then protect; a pattern that matches the object or a directory
 *              above it beats every grant. For changes of names, a name that matters to a pattern
 *              for what lies beneath it is pinned.
 *   literals   the longest rule that covers the path; at equal length deny, hide, protect, write,
 *              read. A directory with a guarded rule somewhere below is pinned.
 *   identity   an object that is also the object of a guarded literal is judged once more, as if
 *              it had been reached by that rule's path (I7).
 *
 * Pinned means: it may be made as a directory, and that is all; it is never a link or a file, and
 * it is not renamed or removed. Otherwise the rule below would hold for a place that the program
 * no longer uses.
 *
 * Everything starts as a refusal (I4).
 */
#include "policy/decide.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/fs_rules.h"
#include "policy/glob.h"

#include <errno.h>
#include <string.h>

static struct decision allow(const struct fs_rule *rule)
{
	return (struct decision){ .allow = true, .rule = rule ? &rule->rule : NULL };
}

static struct decision refuse(const struct fs_rule *rule)
{
	return (struct decision){ .error = rule && rule->kind == FS_HIDE ? ENOENT : EACCES,
				  .rule = rule ? &rule->rule : NULL };
}

/* How an operation is judged. */
enum effect {
	EFFECT_NONE = 0, /* not about files: refused */
	EFFECT_LOOK,	 /* only deny and hide refuse it */
	EFFECT_READ,
	EFFECT_EXEC,
	EFFECT_CHANGE,
	EFFECT_LINK, /* as a change, but needs no write rule of its own */
};

struct manner {
	enum effect effect;
	bool pins;		    /* refused on the directories above a guarded rule */
	bool pins_unless_directory; /* the same, but only where there is no directory */
	bool names;		    /* changes names of the directory above */
};

static const struct manner manners[OP_COUNT] = {
	[OP_READ] = { .effect = EFFECT_READ },
	[OP_WRITE] = { .effect = EFFECT_CHANGE, .pins_unless_directory = true },
	[OP_EXEC] = { .effect = EFFECT_EXEC },
	[OP_CREATE] = { .effect = EFFECT_CHANGE, .pins = true, .names = true },
	[OP_MKDIR] = { .effect = EFFECT_CHANGE, .names = true },
	[OP_REMOVE] = { .effect = EFFECT_CHANGE, .pins = true, .names = true },
	[OP_RENAME] = { .effect = EFFECT_CHANGE, .pins = true, .names = true },
	[OP_LINK] = { .effect = EFFECT_LINK, .pins_unless_directory = true, .names = true },
	[OP_META] = { .effect = EFFECT_CHANGE },
	[OP_STAT] = { .effect = EFFECT_LOOK },
	[OP_WATCH] = { .effect = EFFECT_LOOK },
};

static bool is_change(enum effect effect)
{
	return effect == EFFECT_CHANGE || effect == EFFECT_LINK;
}

static bool is_pinning(const struct manner *manner, const struct fs_object *object)
{
	return manner->pins ||
	       (manner->pins_unless_directory && !(object->exists && object->is_directory));
}

/* Return: the pattern of this kind that covers the object, or for pins that its name matters to. */
static const struct fs_rule *find_pattern(const struct fs_index *index, enum fs_kind kind,
					  const struct fs_object *object,
					  const struct glob_pairs *pairs, bool pins)
{
	size_t count;
	const struct fs_pattern *patterns = fs_index_patterns(index, kind, &count);

	for (size_t i = 0; i < count; i++) {
		const struct glob *glob = patterns[i].glob;

		if (pins && glob_is_special(glob, object->path, object->length))
			return patterns[i].rule;
		if (!pins && glob_may_match(glob, pairs, object->path, object->length) &&
		    glob_match_beneath(glob, object->path, object->length))
			return patterns[i].rule;
	}
	return NULL;
}

static bool has_patterns(const struct fs_index *index)
{
	size_t total = 0, count;

	for (int kind = FS_DENY; kind <= FS_PROTECT; kind++) {
		fs_index_patterns(index, (enum fs_kind)kind, &count);
		total += count;
	}
	return total > 0;
}

static struct decision by_patterns(const struct fs_index *index, const struct manner *manner,
				   const struct fs_object *object)
{
	int last = is_change(manner->effect) ? FS_PROTECT : FS_HIDE;
	const struct fs_rule *rule;
	struct glob_pairs pairs;

	if (!has_patterns(index))
		return allow(NULL);
	glob_pairs(object->path, object->length, &pairs);
	for (int kind = FS_DENY; kind <= last; kind++) {
		rule = find_pattern(index, (enum fs_kind)kind, object, &pairs, false);
		if (rule)
			return refuse(rule);
	}
	if (!is_pinning(manner, object))
		return allow(NULL);
	for (int kind = FS_DENY; kind <= FS_PROTECT; kind++) {
		rule = find_pattern(index, (enum fs_kind)kind, object, NULL, true);
		if (rule)
			return (struct decision){ .error = EACCES, .rule = &rule->rule };
	}
	return allow(NULL);
}

static bool is_refusal(const struct fs_rule *rule)
{
	return rule && (rule->kind == FS_DENY || rule->kind == FS_HIDE);
}

static struct decision judge_read(const struct fs_object *object, const struct fs_cover *cover)
{
	if (!cover->access || is_refusal(cover->access))
		return refuse(cover->access);
	if (cover->unlisted && object->is_directory)
		return refuse(cover->unlisted);
	return allow(cover->access);
}

static struct decision judge_exec(const struct policy *policy, const struct fs_object *object,
				  const struct fs_cover *cover)
{
	if (!policy->exec_present)
		return judge_read(object, cover);
	if (is_refusal(cover->access) && cover->access_depth >= cover->exec_depth)
		return refuse(cover->access);
	return cover->exec ? allow(cover->exec) : refuse(NULL);
}

/* Return: what keeps the object from being changed although a grant may cover it, or NULL. */
static const struct fs_rule *guard_of(const struct fs_cover *cover)
{
	const struct fs_rule *access = cover->access;

	if (cover->protect &&
	    (cover->protect_depth > cover->access_depth ||
	     (cover->protect_depth == cover->access_depth && !is_refusal(access))))
		return cover->protect;
	if (is_refusal(access))
		return access;
	return access && access->kind == FS_READ && cover->write ? access : NULL;
}

static struct decision judge_change(const struct manner *manner, const struct fs_object *object,
				    const struct fs_cover *cover)
{
	const struct fs_rule *guard = guard_of(cover);

	if (guard)
		return refuse(guard);
	if (manner->names && cover->frozen)
		return refuse(cover->frozen);
	if (manner->effect != EFFECT_LINK && (!cover->access || cover->access->kind != FS_WRITE))
		return refuse(cover->access);
	if (cover->below && is_pinning(manner, object))
		return (struct decision){ .error = EACCES, .rule = &cover->below->rule };
	return allow(cover->access);
}

static struct decision by_literals(const struct policy *policy, const struct manner *manner,
				   const struct fs_object *object, const char *path, size_t length)
{
	struct fs_cover cover;

	fs_index_cover(policy->fs_index, path, length, &cover);
	switch (manner->effect) {
	case EFFECT_LOOK:
		return is_refusal(cover.access) ? refuse(cover.access) : allow(cover.access);
	case EFFECT_READ:
		return judge_read(object, &cover);
	case EFFECT_EXEC:
		return judge_exec(policy, object, &cover);
	case EFFECT_CHANGE:
	case EFFECT_LINK:
		return judge_change(manner, object, &cover);
	case EFFECT_NONE:
		break;
	}
	return refuse(NULL);
}

/* SECURITY: only guarded rules speak here; a place without any rule takes nothing away. */
static struct decision by_identity(const struct policy *policy, const struct manner *manner,
				   const struct fs_object *object)
{
	const char *path;
	size_t at = 0;

	while ((path = fs_index_object(policy->fs_index, object->dev, object->ino, &at))) {
		struct decision decision = by_literals(policy, manner, object, path, strlen(path));

		if (!decision.allow && decision.rule)
			return decision;
	}
	return allow(NULL);
}

static bool has_rules(const struct policy *policy)
{
	return policy->fs_count > 0 || policy->exec_present;
}

struct decision policy_decide_fs(const struct policy *policy, enum op op,
				 const struct fs_object *object)
{
	struct decision decision, other;
	const struct manner *manner;

	if (!has_rules(policy))
		return allow(NULL);
	if (!policy->fs_index || (unsigned)op >= OP_COUNT || object->length == 0)
		return refuse(NULL);
	manner = &manners[op];
	decision = by_patterns(policy->fs_index, manner, object);
	if (!decision.allow)
		return decision;
	decision = by_literals(policy, manner, object, object->path, object->length);
	if (!decision.allow || !object->exists)
		return decision;
	other = by_identity(policy, manner, object);
	return other.allow ? decision : other;
}

bool policy_leads_to_grant(const struct policy *policy, const struct fs_object *directory)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];

		if (rule->kind > FS_PROTECT && rule->exists &&
		    path_is_under(rule->canonical, directory->path))
			return true;
	}
	return false;
}

/* Return: a pattern that treats what is below the two directories differently, or NULL. */
static const struct fs_rule *pattern_between(const struct fs_index *index,
					     const struct fs_object *a, const struct fs_object *b)
{
	for (int kind = FS_DENY; kind <= FS_PROTECT; kind++) {
		size_t count;
		const struct fs_pattern *patterns =
			fs_index_patterns(index, (enum fs_kind)kind, &count);

		for (size_t i = 0; i < count; i++) {
			struct glob_states at_a =
				glob_run_directory(patterns[i].glob, a->path, a->length);
			struct glob_states at_b =
				glob_run_directory(patterns[i].glob, b->path, b->length);

			if (!glob_same(&at_a, &at_b))
				return patterns[i].rule;
		}
	}
	return NULL;
}

struct decision policy_decide_rename(const struct policy *policy, const struct fs_object *from,
				     const struct fs_object *to, bool exchange)
{
	struct decision old = policy_decide_fs(policy, OP_RENAME, from), new;
	bool directories = from->is_directory || (exchange && to->is_directory);
	const struct fs_rule *rule;

	if (!old.allow)
		return old;
	new = policy_decide_fs(policy, exchange ? OP_RENAME : OP_CREATE, to);
	if (!new.allow || !directories || !has_rules(policy))
		return new;
	rule = pattern_between(policy->fs_index, from, to);
	if (rule)
		return (struct decision){ .error = EACCES, .rule = &rule->rule };
	return new;
}

static bool covers_socket(const struct unix_rule *rule, const struct fs_object *object)
{
	const char *dir = rule->canonical ? rule->canonical : rule->path;
	size_t length = strlen(dir);

	if (rule->glob)
		return glob_match_beneath(rule->glob, object->path, object->length);
	if (length == 1)
		return true;
	return object->length >= length && memcmp(object->path, dir, length) == 0 &&
	       (object->length == length || object->path[length] == '/');
}

static const struct rule *find_socket(const struct policy *policy, bool bind,
				      const struct fs_object *object)
{
	for (size_t i = 0; i < policy->unix_count; i++) {
		const struct unix_rule *rule = &policy->unix_rules[i];

		if (rule->bind == bind && !rule->abstract && covers_socket(rule, object))
			return &rule->rule;
	}
	return NULL;
}

struct decision policy_decide_unix_connect(const struct policy *policy,
					   const struct fs_object *object)
{
	struct decision decision = policy_decide_fs(policy, OP_STAT, object);

	if (!decision.allow)
		return decision;
	decision.rule = find_socket(policy, false, object);
	decision.allow = decision.rule != NULL;
	decision.error = decision.allow ? 0 : EACCES;
	return decision;
}

struct decision policy_decide_unix_bind(const struct policy *policy, const struct fs_object *object)
{
	struct decision decision = policy_decide_fs(policy, OP_CREATE, object);

	if (!decision.allow || !policy->unix_bind_present)
		return decision;
	decision.rule = find_socket(policy, true, object);
	decision.allow = decision.rule != NULL;
	decision.error = decision.allow ? 0 : EACCES;
	return decision;
}

struct decision policy_decide_abstract(const struct policy *policy, const char *name, size_t length)
{
	for (size_t i = 0; i < policy->unix_count; i++) {
		const struct unix_rule *rule = &policy->unix_rules[i];

		if (!rule->abstract || rule->bind)
			continue;
		if (rule->glob
			    ? glob_match(rule->glob, name, length)
			    : strlen(rule->path) == length && memcmp(rule->path, name, length) == 0)
			return (struct decision){ .allow = true, .rule = &rule->rule };
	}
	return (struct decision){ .error = EACCES };
}
