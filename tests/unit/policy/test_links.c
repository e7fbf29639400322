/* SPDX-License-Identifier: Apache-2.0 */
/* The links that a path crosses. */
#include "policy/links.h"
#include "tree.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

struct seen {
	const struct tree *tree;
	struct strbuf text;
};

static int note(const char *spelling, void *arg)
{
	struct seen *seen = arg;

	strbuf_add(&seen->text, "%s ", spelling + strlen(seen->tree->root) + 1);
	return 0;
}

Test(links, crossed)
{
	static const struct {
		const char *path, *crossed;
	} rows[] = {
		{ "real/file", "" },
		{ "missing/file", "" },
		{ "dir/file", "dir/file " },
		{ "dir", "dir " },
		{ "far/file", "far/file dir/file " },
		{ "real/../dir/./file", "dir/./file " },
		{ "dir/up/real/file", "dir/up/real/file real/up/real/file " },
		{ "absolute/x", "absolute/x " },
		{ "dangling/x", "dangling/x " },
	};
	struct tree tree = tree_new();
	char *target = tree_path(&tree, "real");

	tree_dir(&tree, "real");
	tree_file(&tree, "real/file", "");
	tree_link(&tree, "dir", "real");
	tree_link(&tree, "far", "./dir");
	tree_link(&tree, "real/up", "..");
	tree_link(&tree, "absolute", target);
	tree_link(&tree, "dangling", "nowhere");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct seen seen = { .tree = &tree };
		char *path = tree_path(&tree, rows[i].path);

		cr_expect_eq(links_each(-1, path, note, &seen), 0, "%s", rows[i].path);
		cr_expect_str_eq(seen.text.text ? seen.text.text : "", rows[i].crossed, "%s",
				 rows[i].path);
		free(path);
		strbuf_done(&seen.text);
	}
	free(target);
	tree_free(&tree);
}

static int refuse(const char *spelling, void *arg)
{
	(void)spelling;
	(void)arg;
	return -ENOMEM;
}

Test(links, ends)
{
	struct tree tree = tree_new();
	struct seen seen = { .tree = &tree };
	char *path;

	tree_link(&tree, "a", "b");
	tree_link(&tree, "b", "a");
	path = tree_path(&tree, "a/x");
	cr_expect_eq(links_each(-1, path, note, &seen), 0, "a loop leads nowhere");
	cr_expect_eq(links_each(-1, path, refuse, NULL), -ENOMEM);
	free(path);
	strbuf_done(&seen.text);
	tree_free(&tree);
}
