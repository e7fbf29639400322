/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lookup structure for filesystem rules: a trie of the names of literal rules, patterns by
 * kind, and the identities of guarded objects. Built once by policy_bind(), then only read.
 */
#ifndef CORDON_POLICY_FS_RULES_H
#define CORDON_POLICY_FS_RULES_H

#include "policy/glob.h"
#include "policy/model.h"

struct fs_pattern {
	const struct fs_rule *rule;
	const struct glob *glob;
};

struct fs_index;

int fs_index_new(struct fs_index **ret);
void fs_index_free(struct fs_index *index);

/* Adds a literal rule at a canonical path, which is copied. Return: 0 or -ENOMEM. */
int fs_index_add(struct fs_index *index, const struct fs_rule *rule, const char *path);
/* Adds a pattern. glob: borrowed. Return: 0 or -ENOMEM. */
int fs_index_add_glob(struct fs_index *index, const struct fs_rule *rule, const struct glob *glob);
/* The same for a pattern that the index makes and owns. Return: as glob_new(). */
int fs_index_add_pattern(struct fs_index *index, const struct fs_rule *rule, const char *pattern);
/* The object of a guarded rule at a canonical path, which is copied. Return: 0 or -ENOMEM. */
int fs_index_add_object(struct fs_index *index, const char *path, dev_t dev, ino_t ino);
/* Call once after the last addition. Return: 0 or -ENOMEM. */
int fs_index_seal(struct fs_index *index);

/* What the literal rules say about a path. Rules are NULL where none covers it. */
struct fs_cover {
	const struct fs_rule *access;  /* longest of deny, hide, write, read */
	const struct fs_rule *protect; /* longest protect */
	const struct fs_rule *exec;    /* longest exec */
	const struct fs_rule *write;   /* longest write */
	const struct fs_rule *below;   /* a guarded rule strictly below the path */
	/* The deny rule for which the kernel's grant was split (expand.h): the path is a directory
	 * that cannot be listed; names in the directory above it cannot change. */
	const struct fs_rule *unlisted, *frozen;
	unsigned access_depth, protect_depth, exec_depth;
};
void fs_index_cover(const struct fs_index *index, const char *path, size_t length,
		    struct fs_cover *ret);

/* The names of literal rules as a tree; nodes stay the index's own. */
struct fs_node;
/* Return: the node of a canonical path, or NULL if no rule lies there or beneath. */
struct fs_node *fs_index_node(const struct fs_index *index, const char *path);
struct fs_node *fs_node_child(const struct fs_node *node, const char *name);
struct fs_node *fs_node_first(const struct fs_node *node);
struct fs_node *fs_node_next(const struct fs_node *node);
const char *fs_node_name(const struct fs_node *node);
const struct fs_rule *fs_node_rule(const struct fs_node *node, enum fs_kind kind);
/* What fs_index_cover() says of the directory from now on, and of names in it. */
void fs_node_split(struct fs_node *node, const struct fs_rule *unlisted,
		   const struct fs_rule *frozen);

/* Patterns of one guarded kind. */
const struct fs_pattern *fs_index_patterns(const struct fs_index *index, enum fs_kind kind,
					   size_t *ret_count);

/*
 * Canonical path number `at` (counted by the caller from 0) of guarded rules with this identity.
 * Return: the path, or NULL when there are no more.
 */
const char *fs_index_object(const struct fs_index *index, dev_t dev, ino_t ino, size_t *at);

#endif
