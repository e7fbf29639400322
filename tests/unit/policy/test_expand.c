/* SPDX-License-Identifier: Apache-2.0 */
/* Which grants are split, into what, and when that is refused. */
#include "tree.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(expand, .timeout = 30);

static struct tree make_tree(void)
{
	struct tree tree = tree_new();

	tree_dir(&tree, "a");
	tree_dir(&tree, "a/b");
	tree_dir(&tree, "a/b/c");
	tree_dir(&tree, "a/x");
	tree_file(&tree, "a/file", "x");
	tree_file(&tree, "a/b/c/secret", "x");
	tree_file(&tree, "a/b/other", "x");
	tree_file(&tree, "a/x/linked", "x");
	tree_hard(&tree, "again", "a/x/linked");
	tree_link(&tree, "a/way", "../target");
	tree_dir(&tree, "target");
	return tree;
}

/* What is granted, as "name:parts ..." in no certain order: each name is looked for. */
static bool is_granted(const struct policy *policy, const struct tree *tree, const char *name,
		       unsigned parts)
{
	cleanup_free char *path = tree_path(tree, name);
	unsigned found = 0;
	struct stat wanted, st;

	cr_assert_eq(stat(path, &wanted), 0, "%s", path);
	for (size_t i = 0; i < policy->fs_count; i++)
		for (size_t k = 0; k < policy->fs[i].piece_count; k++)
			if (fstat(policy->fs[i].pieces[k].fd, &st) == 0 &&
			    st.st_ino == wanted.st_ino && st.st_dev == wanted.st_dev)
				found |= policy->fs[i].pieces[k].parts;
	return found == parts;
}

#define LOOK FS_PART_LOOK
#define BOTH (FS_PART_LOOK | FS_PART_CHANGE)

Test(expand, pieces)
{
	static const struct {
		const char *yaml;
		size_t count, splits;
		struct {
			const char *name;
			unsigned parts;
		} granted[6];
	} rows[] = {
		{ "read: [~/a], deny: [~/a/b]", 2, 1, { { "a/x", LOOK }, { "a/file", LOOK } } },
		{ "write: [~/a], deny: [~/a/b/c]",
		  3,
		  2,
		  { { "a/x", BOTH }, { "a/file", BOTH }, { "a/b/other", BOTH } } },
		/* The grant is the longer one; a longer grant inside what is denied stays. */
		{ "read: [~/a/b], deny: [~/a]", 0, 0, { { "a/b", 0 } } },
		{ "read: [~/a, ~/a/b/c/secret], deny: [~/a/b/c]", 3, 2, { { "a/b/c", 0 } } },
		/* At equal length deny wins: nothing is granted. */
		{ "read: [~/a], deny: [~/a]", 0, 0, { { "a", 0 } } },
		/* Two grants, each split for itself. */
		{ "read: [~/a], write: [~/a/b], deny: [~/a/b/c]",
		  4,
		  2,
		  { { "a/b/other", BOTH }, { "a/x", LOOK } } },
		/* Missing: the deepest directory that exists is split. */
		{ "read: [~/a], deny: [~/a/x/new/deep]",
		  3,
		  2,
		  { { "a/x", 0 }, { "a/x/linked", LOOK }, { "a/b", LOOK } } },
		/* Beneath a file there is nothing yet; the file itself is not denied. */
		{ "write: [~/a], deny: [~/a/file/x]", 3, 1, { { "a/file", BOTH } } },
		/* A link is kept from being exchanged, and only where that is possible. */
		{ "write: [~/a], deny: [~/a/way]",
		  4,
		  1,
		  { { "a", LOOK }, { "a/b", FS_PART_CHANGE }, { "a/file", FS_PART_CHANGE } } },
		{ "read: [~/a], deny: [~/a/way]", 0, 0, { { "a", 0 } } },
		/* Beside every grant. */
		{ "read: [~/a], deny: [~/target]", 0, 0, { { "a", 0 } } },
	};
	struct tree tree = make_tree();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char yaml[300];
		struct policy *policy;
		size_t count = 0;

		snprintf(yaml, sizeof(yaml), "filesystem: { expand: true, %s }", rows[i].yaml);
		policy = tree_policy(&tree, yaml);
		cr_expect(policy->expanded, "%s: %s", yaml,
			  policy->unexpanded ? policy->unexpanded : "");
		for (size_t k = 0; k < policy->fs_count; k++)
			count += policy->fs[k].piece_count;
		cr_expect_eq(count, rows[i].count, "%s: %zu pieces", yaml, count);
		cr_expect_eq(policy->split_count, rows[i].splits, "%s: %zu splits", yaml,
			     policy->split_count);
		for (size_t k = 0; k < COUNT_OF(rows[i].granted) && rows[i].granted[k].name; k++)
			cr_expect(is_granted(policy, &tree, rows[i].granted[k].name,
					     rows[i].granted[k].parts),
				  "%s: %s", yaml, rows[i].granted[k].name);
		cr_expect(!policy_fs_facts(policy, true).deny_or_hide, "%s", yaml);
		policy_free(policy);
	}
	tree_free(&tree);
}

Test(expand, refused)
{
	static const struct {
		const char *yaml, *why;
	} rows[] = {
		{ "read: [~/a], deny: [\"~/a/*.key\"]", "~/a/*.key\" (test:1): a glob" },
		{ "read: [~/a], hide: [~/a/b]", "cannot hide" },
		{ "read: [~/a], deny: [~/a/b, ~/a/x/linked]", "~/a/x/linked" },
		{ "read: [/proc], deny: [/proc/version]", "processes" },
	};
	struct tree tree = make_tree();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char yaml[300];
		struct policy *policy;

		snprintf(yaml, sizeof(yaml), "filesystem: { expand: true, %s }", rows[i].yaml);
		policy = tree_policy(&tree, yaml);
		cr_expect(!policy->expanded && policy->unexpanded, "%s", yaml);
		cr_expect(strstr(policy->unexpanded, rows[i].why), "%s: %s", yaml,
			  policy->unexpanded);
		cr_expect_eq(policy->split_count, 0, "%s", yaml);
		for (size_t k = 0; k < policy->fs_count; k++)
			cr_expect(!policy->fs[k].is_split, "%s", yaml);
		policy_free(policy);
	}
	tree_free(&tree);
}
