/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary directory with some files, for tests; and short ways to build policies in it. */
#ifndef CORDON_TESTS_POLICY_TREE_H
#define CORDON_TESTS_POLICY_TREE_H

#include "policy/decide.h"
#include "policy/load.h"

struct tree {
	char *root;
};

struct tree tree_new(void);
void tree_free(struct tree *tree);
/* root/path, or path itself if it is absolute. From malloc. */
char *tree_path(const struct tree *tree, const char *path);
void tree_dir(const struct tree *tree, const char *path);
void tree_file(const struct tree *tree, const char *path, const char *text);
void tree_link(const struct tree *tree, const char *path, const char *target);
void tree_hard(const struct tree *tree, const char *path, const char *other);

/* A builder whose workspace and home are the tree. */
struct policy_builder *tree_builder(const struct tree *tree);
/* A bound policy from one text; fails the test if it does not load. */
struct policy *tree_policy(const struct tree *tree, const char *yaml);
/* The object at a path as a resolver would hand it over; path is borrowed. */
struct fs_object tree_object(const char *path);

#endif
