/* SPDX-License-Identifier: Apache-2.0 */
/* The lookup structure for filesystem rules: see fs_rules.h. */
#include "policy/fs_rules.h"

#include "base/path.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fs_node {
	struct fs_node *child, *sibling;
	const struct fs_rule *rules[FS_KIND_COUNT];
	const struct fs_rule *below;		 /* a guarded rule strictly below */
	const struct fs_rule *unlisted, *frozen; /* see struct fs_cover */
	uint32_t key; /* length and first bytes of the name, compared first */
	size_t length;
	char name[];
};

struct object {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct fs_index {
	struct fs_node *root;
	struct fs_pattern *patterns[FS_PROTECT + 1];
	size_t pattern_count[FS_PROTECT + 1];
	struct glob **owned;
	size_t owned_count;
	struct object *objects; /* sorted by inode */
	size_t object_count;
};

static uint32_t key_of(const char *name, size_t length)
{
	uint32_t key = (uint32_t)length << 24;

	for (size_t i = 0; i < length && i < 3; i++)
		key |= (uint32_t)(unsigned char)name[i] << (8 * i);
	return key;
}

static struct fs_node *node_new(const char *name, size_t length)
{
	struct fs_node *node = calloc(1, sizeof(*node) + length + 1);

	if (!node)
		return NULL;
	memcpy(node->name, name, length);
	node->length = length;
	node->key = key_of(name, length);
	return node;
}

static inline struct fs_node *node_child(const struct fs_node *node, const char *name,
					 size_t length)
{
	uint32_t key = key_of(name, length);

	for (struct fs_node *child = node->child; child; child = child->sibling)
		if (child->key == key && child->length == length &&
		    memcmp(child->name, name, length) == 0)
			return child;
	return NULL;
}

int fs_index_new(struct fs_index **ret)
{
	struct fs_index *index = calloc(1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	index->root = node_new("", 0);
	if (!index->root) {
		free(index);
		return -ENOMEM;
	}
	*ret = index;
	return 0;
}

/* Frees without recursion: a path may have thousands of components. */
static void node_free(struct fs_node *node)
{
	while (node) {
		struct fs_node *next = node->child;

		if (next) {
			struct fs_node *last = next;

			while (last->sibling)
				last = last->sibling;
			last->sibling = node->sibling;
		} else {
			next = node->sibling;
		}
		free(node);
		node = next;
	}
}

void fs_index_free(struct fs_index *index)
{
	if (!index)
		return;
	node_free(index->root);
	for (size_t i = 0; i <= FS_PROTECT; i++)
		free(index->patterns[i]);
	for (size_t i = 0; i < index->owned_count; i++)
		glob_free(index->owned[i]);
	free(index->owned);
	for (size_t i = 0; i < index->object_count; i++)
		free(index->objects[i].path);
	free(index->objects);
	free(index);
}

int fs_index_add(struct fs_index *index, const struct fs_rule *rule, const char *path)
{
	struct fs_node *node = index->root;
	const char *at = path, *name;
	size_t length;

	while ((name = path_next(&at, &length))) {
		struct fs_node *child = node_child(node, name, length);

		if (!child) {
			child = node_new(name, length);
			if (!child)
				return -ENOMEM;
			child->sibling = node->child;
			node->child = child;
		}
		node = child;
	}
	if (!node->rules[rule->kind])
		node->rules[rule->kind] = rule;
	return 0;
}

int fs_index_add_glob(struct fs_index *index, const struct fs_rule *rule, const struct glob *glob)
{
	size_t *count = &index->pattern_count[rule->kind];
	int r = vec_grow(&index->patterns[rule->kind], *count);

	if (r < 0)
		return r;
	index->patterns[rule->kind][(*count)++] = (struct fs_pattern){ rule, glob };
	return 0;
}

int fs_index_add_pattern(struct fs_index *index, const struct fs_rule *rule, const char *pattern)
{
	struct glob *glob;
	int r = vec_grow(&index->owned, index->owned_count);

	if (r < 0)
		return r;
	r = glob_new(pattern, &glob);
	if (r < 0)
		return r;
	index->owned[index->owned_count++] = glob;
	return fs_index_add_glob(index, rule, glob);
}

int fs_index_add_object(struct fs_index *index, const char *path, dev_t dev, ino_t ino)
{
	char *copy;
	int r = vec_grow(&index->objects, index->object_count);

	if (r < 0)
		return r;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	index->objects[index->object_count++] = (struct object){ dev, ino, copy };
	return 0;
}

static int by_inode(const void *pa, const void *pb)
{
	const struct object *a = pa, *b = pb;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->dev < b->dev ? -1 : a->dev > b->dev;
}

static const struct fs_rule *guard_at(const struct fs_node *node, bool in_write)
{
	for (size_t kind = FS_DENY; kind <= FS_PROTECT; kind++)
		if (node->rules[kind])
			return node->rules[kind];
	/* A read rule inside a write rule takes something away as well. */
	return in_write && !node->rules[FS_WRITE] ? node->rules[FS_READ] : NULL;
}

struct visit {
	struct fs_node *node;
	size_t parent; /* index of the visit above */
	bool in_write;
};

/* Lists all nodes, parents before children. */
static int list_nodes(struct fs_node *root, struct visit **ret, size_t *ret_count)
{
	struct visit *visits = malloc(sizeof(*visits));
	size_t count = 1;

	if (!visits)
		return -ENOMEM;
	visits[0] = (struct visit){ root, 0, root->rules[FS_WRITE] != NULL };
	for (size_t i = 0; i < count; i++) {
		struct fs_node *child = visits[i].node->child;

		for (; child; child = child->sibling) {
			bool in_write = visits[i].in_write || child->rules[FS_WRITE];

			if (vec_grow(&visits, count) < 0) {
				free(visits);
				return -ENOMEM;
			}
			visits[count++] = (struct visit){ child, i, in_write };
		}
	}
	*ret = visits;
	*ret_count = count;
	return 0;
}

int fs_index_seal(struct fs_index *index)
{
	struct visit *visits;
	size_t count;
	int r = list_nodes(index->root, &visits, &count);

	if (r < 0)
		return r;
	for (size_t i = count; i-- > 1;) {
		struct fs_node *above = visits[visits[i].parent].node;
		const struct fs_rule *guard = guard_at(visits[i].node, visits[i].in_write);

		if (!above->below)
			above->below = guard ? guard : visits[i].node->below;
	}
	free(visits);
	if (index->object_count > 0)
		qsort(index->objects, index->object_count, sizeof(*index->objects), by_inode);
	return 0;
}

static void cover_node(const struct fs_node *node, unsigned depth, struct fs_cover *ret)
{
	static const enum fs_kind order[] = { FS_DENY, FS_HIDE, FS_WRITE, FS_READ };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!node->rules[order[i]])
			continue;
		ret->access = node->rules[order[i]];
		ret->access_depth = depth;
		break;
	}
	if (node->rules[FS_WRITE])
		ret->write = node->rules[FS_WRITE];
	if (node->rules[FS_PROTECT]) {
		ret->protect = node->rules[FS_PROTECT];
		ret->protect_depth = depth;
	}
	if (node->rules[FS_EXEC]) {
		ret->exec = node->rules[FS_EXEC];
		ret->exec_depth = depth;
	}
}

void fs_index_cover(const struct fs_index *index, const char *path, size_t length,
		    struct fs_cover *ret)
{
	const struct fs_node *node = index->root;
	const char *at = path, *end = path + length;
	unsigned depth = 0;

	memset(ret, 0, sizeof(*ret));
	for (;;) {
		const char *slash;

		cover_node(node, ++depth, ret);
		while (at < end && *at == '/')
			at++;
		if (at >= end)
			break;
		slash = memchr(at, '/', (size_t)(end - at));
		if (!slash)
			slash = end;
		if (slash == end)
			ret->frozen = node->frozen;
		node = node_child(node, at, (size_t)(slash - at));
		if (!node)
			return;
		at = slash;
	}
	ret->below = node->below;
	ret->unlisted = node->unlisted;
}

struct fs_node *fs_index_node(const struct fs_index *index, const char *path)
{
	struct fs_node *node = index->root;
	const char *name;
	size_t length;

	while (node && (name = path_next(&path, &length)))
		node = node_child(node, name, length);
	return node;
}

struct fs_node *fs_node_child(const struct fs_node *node, const char *name)
{
	return node_child(node, name, strlen(name));
}

struct fs_node *fs_node_first(const struct fs_node *node)
{
	return node->child;
}

struct fs_node *fs_node_next(const struct fs_node *node)
{
	return node->sibling;
}

const char *fs_node_name(const struct fs_node *node)
{
	return node->name;
}

const struct fs_rule *fs_node_rule(const struct fs_node *node, enum fs_kind kind)
{
	return node->rules[kind];
}

void fs_node_split(struct fs_node *node, const struct fs_rule *unlisted,
		   const struct fs_rule *frozen)
{
	node->unlisted = unlisted;
	node->frozen = frozen;
}

const struct fs_pattern *fs_index_patterns(const struct fs_index *index, enum fs_kind kind,
					   size_t *ret_count)
{
	*ret_count = index->pattern_count[kind];
	return index->patterns[kind];
}

const char *fs_index_object(const struct fs_index *index, dev_t dev, ino_t ino, size_t *at)
{
	size_t low = 0, high = index->object_count;
	struct object wanted = { .dev = dev, .ino = ino };

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_inode(&index->objects[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	low += *at;
	if (low >= index->object_count || by_inode(&index->objects[low], &wanted) != 0)
		return NULL;
	++*at;
	return index->objects[low].path;
}
