/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the lookup structure from bound rules: see bind.h. */
#include "policy/bind.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "policy/fs_rules.h"
#include "policy/glob.h"
#include "policy/links.h"
#include "policy/load.h"
#include "sys/rooted.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Adds one alias. Where the rule's own object exists, the alias must show it: another mount may lie
 * over it. Where it does not, what the alias shows is guarded as well.
 */
static int add_alias(int root, struct fs_index *index, struct fs_rule *rule, const char *alias)
{
	struct stat st;
	bool exists = rooted_stat(root, alias, true, &st) == 0;
	int r;

	if (rule->exists && !(exists && st.st_dev == rule->dev && st.st_ino == rule->ino))
		return 0;
	r = fs_index_add(index, rule, alias);
	if (r == 0 && !rule->exists && exists)
		r = fs_index_add_object(index, alias, st.st_dev, st.st_ino);
	return r;
}

static int add_aliases(int root, struct fs_index *index, struct fs_rule *rule, const char *path,
		       const struct aliases *aliases)
{
	char *alias;
	bool deeper;
	int r;

	for (size_t i = 0; (r = aliases_get(aliases, path, i, &alias, &deeper)) > 0; i++) {
		rule->is_aliased = true;
		r = deeper ? fs_index_add(index, rule, alias) : add_alias(root, index, rule, alias);
		free(alias);
		if (r < 0)
			break;
	}
	return r;
}

/* A rule for which the links on its way are looked up. */
struct spelled {
	struct fs_index *index;
	struct fs_rule *rule;
	const char
		*rest; /* of a pattern, behind the directory that is looked up; NULL: a literal */
};

static int add_pattern_at(struct fs_index *index, const struct fs_rule *rule, const char *dir,
			  const char *rest);

/*
 * A link on the way to what is guarded is guarded in its place, like a directory there: whoever
 * exchanges it moves the rule away from what the path means.
 */
static int add_spelling(const char *spelling, void *arg)
{
	const struct spelled *spelled = arg;

	spelled->rule->is_aliased = true;
	if (spelled->rest)
		return add_pattern_at(spelled->index, spelled->rule, spelling, spelled->rest);
	return fs_index_add(spelled->index, spelled->rule, spelling);
}

static int index_guard(int root, struct fs_index *index, struct fs_rule *rule,
		       const struct aliases *aliases)
{
	int r = fs_index_add(index, rule, rule->canonical);

	if (r == 0 && rule->canonical_link)
		r = fs_index_add(index, rule, rule->canonical_link);
	if (r == 0 && rule->exists)
		r = fs_index_add_object(index, rule->canonical, rule->dev, rule->ino);
	if (r == 0 && aliases)
		r = add_aliases(root, index, rule, rule->canonical, aliases);
	if (r == 0 && aliases && rule->canonical_link)
		r = add_aliases(root, index, rule, rule->canonical_link, aliases);
	if (r == 0)
		r = links_each(root, rule->path, add_spelling,
			       &(struct spelled){ index, rule, NULL });
	return r;
}

/* rest: behind the directory part, begins with a slash. */
static int add_pattern_at(struct fs_index *index, const struct fs_rule *rule, const char *dir,
			  const char *rest)
{
	cleanup_strbuf struct strbuf sb = { 0 };

	if (strcmp(dir, "/") != 0)
		glob_quote(&sb, dir);
	strbuf_add(&sb, "%s", rest);
	return sb.failed ? -ENOMEM : fs_index_add_pattern(index, rule, sb.text);
}

/* Finds the links on the way to the literal part of the pattern. */
static int index_glob_links(int root, struct fs_index *index, struct fs_rule *rule)
{
	size_t length;
	cleanup_free char *dir = glob_directory(rule->path, &length);

	if (!dir)
		return -ENOMEM;
	return links_each(root, dir, add_spelling,
			  &(struct spelled){ index, rule, rule->path + length });
}

static int index_glob(int root, struct fs_index *index, struct fs_rule *rule,
		      const struct aliases *aliases)
{
	cleanup_free char *dir = NULL;
	size_t length;
	char *alias;
	bool deeper;
	int r = fs_index_add_glob(index, rule, rule->glob);

	if (r == 0 && strcmp(rule->canonical, rule->path) != 0)
		r = fs_index_add_pattern(index, rule, rule->path);
	if (r == 0)
		r = index_glob_links(root, index, rule);
	if (r < 0 || !aliases)
		return r;
	dir = glob_directory(rule->canonical, &length);
	if (!dir)
		return -ENOMEM;
	if (length == 0)
		return 0;
	for (size_t i = 0; (r = aliases_get(aliases, dir, i, &alias, &deeper)) > 0; i++) {
		const char *rest = rule->canonical + length;

		rule->is_aliased = true;
		r = deeper && strcmp(rest, "/**") != 0 ? 0
						       : add_pattern_at(index, rule, alias, rest);
		free(alias);
		if (r < 0)
			break;
	}
	return r;
}

bool bind_narrows(const struct policy *policy, const struct fs_rule *rule)
{
	if (rule->kind != FS_READ)
		return false;
	for (size_t i = 0; i < policy->fs_count; i++)
		if (policy->fs[i].kind == FS_WRITE &&
		    path_is_under(rule->canonical, policy->fs[i].canonical))
			return true;
	return false;
}

/* What is missing now is not granted later, but a read rule inside a write rule takes away. */
static int index_grant(const struct policy *policy, struct fs_index *index, struct fs_rule *rule,
		       const struct aliases *aliases)
{
	bool narrows = bind_narrows(policy, rule);
	int r;

	if (!rule->exists && !narrows)
		return 0;
	r = fs_index_add(index, rule, rule->canonical);
	if (r == 0 && narrows && rule->exists)
		r = fs_index_add_object(index, rule->canonical, rule->dev, rule->ino);
	if (r == 0 && narrows && aliases)
		r = add_aliases(policy->root_fd, index, rule, rule->canonical, aliases);
	return r;
}

int bind_index(struct policy *policy, const struct aliases *aliases)
{
	struct fs_index *index;
	int r = fs_index_new(&index);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < policy->fs_count; i++) {
		struct fs_rule *rule = &policy->fs[i];

		if (rule->glob)
			r = index_glob(policy->root_fd, index, rule, aliases);
		else if (rule->kind <= FS_PROTECT)
			r = index_guard(policy->root_fd, index, rule, aliases);
		else
			r = index_grant(policy, index, rule, aliases);
	}
	if (r == 0)
		r = fs_index_seal(index);
	if (r < 0) {
		fs_index_free(index);
		return r;
	}
	policy->fs_index = index;
	return 0;
}

void policy_drop_handles(struct policy *policy, bool decided)
{
	policy_drop_pieces(policy);
	for (size_t i = 0; i < policy->fs_count; i++) {
		struct fs_rule *rule = &policy->fs[i];

		if (rule->fd < 0 ||
		    (decided && (rule->kind <= FS_PROTECT || bind_narrows(policy, rule))))
			continue;
		close(rule->fd);
		rule->fd = -1;
	}
}
