/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary directories for tests: see tree.h. */
#include "tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree tree_new(void)
{
	char path[] = "/tmp/cordon-policy-XXXXXX";
	struct tree tree;

	cr_assert_not_null(mkdtemp(path));
	tree.root = realpath(path, NULL);
	return tree;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_free(struct tree *tree)
{
	nftw(tree->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(tree->root);
}

char *tree_path(const struct tree *tree, const char *path)
{
	char *full;

	if (path[0] == '/')
		return strdup(path);
	cr_assert_geq(asprintf(&full, "%s/%s", tree->root, path), 0);
	return full;
}

void tree_dir(const struct tree *tree, const char *path)
{
	char *full = tree_path(tree, path);

	cr_assert_eq(mkdir(full, 0755), 0, "%s", full);
	free(full);
}

void tree_file(const struct tree *tree, const char *path, const char *text)
{
	char *full = tree_path(tree, path);
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s", full);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	free(full);
}

void tree_link(const struct tree *tree, const char *path, const char *target)
{
	char *full = tree_path(tree, path);

	cr_assert_eq(symlink(target, full), 0, "%s", full);
	free(full);
}

void tree_hard(const struct tree *tree, const char *path, const char *other)
{
	char *to = tree_path(tree, path), *from = tree_path(tree, other);

	cr_assert_eq(link(from, to), 0, "%s", to);
	free(to);
	free(from);
}

struct policy_builder *tree_builder(const struct tree *tree)
{
	struct policy_context context = { .workspace = tree->root, .home = tree->root };
	struct policy_builder *builder;

	cr_assert_eq(policy_builder_new(&context, &builder, NULL), 0);
	return builder;
}

struct policy *tree_policy(const struct tree *tree, const char *yaml)
{
	struct policy_builder *builder = tree_builder(tree);
	struct cordon_error error = { 0 };
	struct policy *policy = NULL;
	int r = policy_builder_add_text(builder, "test", yaml, strlen(yaml), &error);

	if (r == 0)
		r = policy_build(builder, &policy, &error);
	if (r == 0)
		r = policy_bind(policy, NULL, &error);
	cr_assert_eq(r, 0, "%s:%d:%d: %s", error.source, error.line, error.column, error.text);
	policy_builder_free(builder);
	return policy;
}

struct fs_object tree_object(const char *path)
{
	struct fs_object object = { .path = path, .length = strlen(path) };
	struct stat st;

	if (lstat(path, &st) < 0)
		return object;
	object.exists = true;
	object.is_directory = S_ISDIR(st.st_mode);
	object.dev = st.st_dev;
	object.ino = st.st_ino;
	return object;
}
