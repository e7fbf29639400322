/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that leave out what is denied: see expand.h.
 *
 * Theory of operation. Landlock only grants, and a grant of a directory reaches everything beneath.
 * So a grant that reaches something denied is given up and split: each directory from the grant down
 * to the one that holds the denied name is read once, and every other name in it gets the grant's
 * rights for itself. Nothing below these names is looked at. Where the rules lie is asked of the
 * index: it knows every literal under all its names (links, bind mounts, places that are missing),
 * and the longest rule wins by itself, since a grant is cut only by what lies beneath it.
 *
 *   look     reading, listing and executing; split where something denied is, or could appear
 *   change   all other rights of a write grant; split as well around a symbolic link on the way to
 *            what is denied, since exchanging it would lead the rule's path elsewhere
 *
 * What this means, and explain says: a split directory cannot be listed and its names cannot be
 * made, renamed or removed, because these rights would reach into what is denied; a name that
 * appears in it later has no grant.
 *
 * SECURITY: rights go with the place in the tree, not with the object.
 * expand-1  A denied file with a second name (hard link) could be read by that name: not expanded.
 *           The program cannot make one: that needs REFER on the directory of the denied name.
 * expand-2  All or nothing. If one rule that concerns reads has to stay with the supervisor, every
 *           read is mediated anyway; splitting the grants for the others would only take away.
 * expand-3  What is counted, decided and granted are the same descriptors.
 * expand-4  A symbolic link needs no grant: Landlock judges what it leads to.
 */
#include "policy/expand.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/fs_rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* More would make the start slow and every path check of the kernel longer. */
#define PIECES_MAX 400
/* Descriptors are held for each level. */
#define DEPTH_MAX 64

/* A directory that is split; fs_node_split() is told once nothing can fail any more. */
struct cut_place {
	struct fs_node *node;
	const struct fs_rule *look, *change;
};

struct expansion {
	struct policy *policy;
	struct cut_place *places; /* one for each of policy->splits */
	size_t pieces;
};

/* Why a rule cannot be expanded. Return: 1; -ENOMEM. */
static int refuse(struct expansion *x, const struct fs_rule *rule, const char *why)
{
	struct strbuf sb = { 0 };

	rule_text(&sb, &rule->rule);
	strbuf_add(&sb, ": %s", why);
	free(x->policy->unexpanded);
	x->policy->unexpanded = strbuf_take(&sb);
	return x->policy->unexpanded ? 1 : -ENOMEM;
}

/* Rules that are not about a single place, or about more than one. Return: 0; 1 refused; -ENOMEM. */
static int check_rules(struct expansion *x)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->policy->fs_count; i++) {
		const struct fs_rule *rule = &x->policy->fs[i];

		if (rule->kind == FS_HIDE)
			r = refuse(x, rule, "the kernel cannot hide a name");
		else if (rule->kind == FS_DENY && rule->glob)
			r = refuse(x, rule, "a glob is about names that do not exist yet as well");
		else if (rule->kind == FS_DENY && rule->is_linked)
			r = refuse(
				x, rule,
				"the file has further names (hard links), which the kernel would "
				"not know");
	}
	return r;
}

/* What has to be left out at a place or beneath it: a rule for each part, or NULL. */
struct cuts {
	const struct fs_rule *look, *change;
};

static const struct fs_rule *first_denied(const struct fs_node *node)
{
	const struct fs_rule *rule = fs_node_rule(node, FS_DENY);

	for (node = fs_node_first(node); !rule && node; node = fs_node_next(node))
		rule = first_denied(node);
	return rule;
}

static struct cuts cuts_below(int dir, const struct fs_node *node, unsigned depth);

static struct cuts cuts_at(int dir, const struct fs_node *node, unsigned depth)
{
	cleanup_fd int fd = openat(dir, fs_node_name(node), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	const struct fs_rule *rule = fs_node_rule(node, FS_DENY);
	const struct fs_rule *any = first_denied(node);
	struct cuts all = { any, any };
	struct stat st;

	/* What is missing may be made as anything later. */
	if (!any || fd < 0 || fstat(fd, &st) < 0)
		return all;
	if (S_ISLNK(st.st_mode))
		return (struct cuts){ NULL, any };
	if (rule || !S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return all;
	return cuts_below(fd, node, depth + 1);
}

static struct cuts cuts_below(int dir, const struct fs_node *node, unsigned depth)
{
	struct cuts cuts = { NULL, NULL };

	for (node = fs_node_first(node); node; node = fs_node_next(node)) {
		struct cuts at = cuts_at(dir, node, depth);

		cuts.look = cuts.look ? cuts.look : at.look;
		cuts.change = cuts.change ? cuts.change : at.change;
	}
	return cuts;
}

static int add_piece(struct expansion *x, struct fs_rule *grant, int take_fd, bool is_directory,
		     unsigned parts)
{
	cleanup_fd int fd = take_fd;

	if (fd < 0)
		return -errno;
	if (vec_grow(&grant->pieces, grant->piece_count) < 0)
		return -ENOMEM;
	grant->pieces[grant->piece_count++] =
		(struct fs_piece){ steal_fd(&fd), is_directory, parts };
	x->pieces++;
	return 0;
}

/* Return: the index in policy->splits; -ENOMEM. */
static int note_split(struct expansion *x, struct fs_node *node, const char *path,
		      const struct cuts *cuts, unsigned parts)
{
	struct policy *policy = x->policy;
	size_t i = 0;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as many places as splits */
	while (i < policy->split_count && x->places[i].node != node)
		i++;
	if (i == policy->split_count) {
		char *copy;

		if (vec_grow(&policy->splits, i) < 0 || vec_grow(&x->places, i) < 0)
			return -ENOMEM;
		copy = strdup(path);
		if (!copy)
			return -ENOMEM;
		policy->splits[i] = (struct fs_split){ .path = copy, .is_listed = true };
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		x->places[i] = (struct cut_place){ .node = node };
		policy->split_count++;
	}
	if (parts & FS_PART_LOOK) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		x->places[i].look = cuts->look;
		policy->splits[i].is_listed = false;
	}
	if (parts & FS_PART_CHANGE) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		x->places[i].change = cuts->change;
		policy->splits[i].is_changed = true;
	}
	return (int)i;
}

/* A place that one grant reaches. node: NULL where no rule lies there or beneath. */
struct place {
	struct fs_rule *grant;
	struct fs_node *node;
	const char *path;
	unsigned parts, depth;
};

static int grant_place(struct expansion *x, const struct place *place, int fd, bool is_directory);

/* One name in a directory that is split. Return: 0; 1 refused; -errno. */
static int grant_name(struct expansion *x, const struct place *above, int dir, const char *name,
		      size_t *ret_names)
{
	struct place place = { above->grant, fs_node_child(above->node, name), NULL, above->parts,
			       above->depth + 1 };
	cleanup_free char *path = NULL;
	cleanup_fd int fd = -1;
	struct stat st;

	if (place.node && fs_node_rule(place.node, FS_DENY))
		return 0;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
	if (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return 0;
	if (++*ret_names > PIECES_MAX || x->pieces >= PIECES_MAX)
		return -E2BIG;
	if (asprintf(&path, "%s/%s", strcmp(above->path, "/") == 0 ? "" : above->path, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	place.path = path;
	return grant_place(x, &place, fd, S_ISDIR(st.st_mode));
}

static int grant_names(struct expansion *x, const struct place *place, int fd, size_t *ret_names)
{
	struct dirent *entry;
	DIR *dir;
	int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (list < 0)
		return -errno;
	dir = fdopendir(list);
	if (!dir) {
		close(list);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = grant_name(x, place, list, entry->d_name, ret_names);
	}
	closedir(dir);
	return r;
}

/* Why this directory cannot be split, or NULL. */
static const char *unsplittable(const struct place *place, int fd)
{
	struct statfs fs;

	if (place->depth >= DEPTH_MAX)
		return "the path is too deep";
	if (fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return "the names in /proc come and go with the processes";
	return NULL;
}

static int split_place(struct expansion *x, const struct place *place, int fd,
		       const struct cuts *cuts)
{
	const struct fs_rule *rule = cuts->look ? cuts->look : cuts->change;
	const char *why = unsplittable(place, fd);
	size_t names = 0;
	int index, r;

	if (why)
		return refuse(x, rule, why);
	index = note_split(x, place->node, place->path, cuts, place->parts);
	if (index < 0)
		return index;
	r = grant_names(x, place, fd, &names);
	if (r == -EACCES)
		return refuse(x, rule, "a directory above it cannot be listed");
	if (r == -E2BIG)
		return refuse(x, rule, "too many names lie beside it to be granted one by one");
	x->policy->splits[index].names = names;
	return r;
}

/* Grants what can be granted as a whole, and splits for the rest. Return: 0; 1 refused; -errno. */
static int grant_place(struct expansion *x, const struct place *place, int fd, bool is_directory)
{
	struct cuts cuts = { NULL, NULL };
	struct place rest = *place;
	int r = 0;

	if (place->node && is_directory)
		cuts = cuts_below(fd, place->node, place->depth);
	rest.parts = (cuts.look ? place->parts & FS_PART_LOOK : 0) |
		     (cuts.change ? place->parts & FS_PART_CHANGE : 0);
	if (place->parts & ~rest.parts)
		r = add_piece(x, place->grant, fcntl(fd, F_DUPFD_CLOEXEC, 3), is_directory,
			      place->parts & ~rest.parts);
	if (r == 0 && rest.parts)
		r = split_place(x, &rest, fd, &cuts);
	return r;
}

/* Return: 0; 1 refused; -errno. */
static int split_grant(struct expansion *x, struct fs_rule *grant)
{
	struct place place = { grant, fs_index_node(x->policy->fs_index, grant->canonical),
			       grant->canonical, FS_PART_LOOK, 0 };
	struct cuts cuts;

	if (!place.node)
		return 0;
	if (fs_node_rule(place.node, FS_DENY)) {
		grant->is_split = true;
		return 0;
	}
	if (!grant->is_directory)
		return 0;
	if (grant->kind == FS_WRITE)
		place.parts |= FS_PART_CHANGE;
	cuts = cuts_below(grant->fd, place.node, 0);
	if (!cuts.look && !(cuts.change && grant->kind == FS_WRITE))
		return 0;
	grant->is_split = true;
	return grant_place(x, &place, grant->fd, true);
}

static void undo(struct policy *policy)
{
	policy_drop_pieces(policy);
	for (size_t i = 0; i < policy->fs_count; i++)
		policy->fs[i].is_split = false;
	while (policy->split_count > 0)
		free(policy->splits[--policy->split_count].path);
}

int policy_expand(struct policy *policy)
{
	struct expansion x = { .policy = policy };
	int r = check_rules(&x);

	for (size_t i = 0; r == 0 && i < policy->fs_count; i++) {
		struct fs_rule *grant = &policy->fs[i];

		if (grant->kind > FS_PROTECT && grant->exists)
			r = split_grant(&x, grant);
	}
	for (size_t i = 0; r == 0 && i < policy->split_count; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		fs_node_split(x.places[i].node, x.places[i].look, x.places[i].change);
	if (r != 0)
		undo(policy);
	free(x.places);
	policy->expanded = r == 0;
	return r < 0 ? r : 0;
}
