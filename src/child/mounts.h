/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program sees of the file system, made inside a mount namespace of its own by system calls
 * only (I11): binds, fresh file systems, and the root.
 */
#ifndef CORDON_CHILD_MOUNTS_H
#define CORDON_CHILD_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An object as it was when the plan was made; a path that leads to another one is refused. */
struct view_object {
	const char *path; /* real, as the host calls it */
	dev_t dev;
	ino_t ino;
};

enum view_kind {
	VIEW_BIND,
	VIEW_LINK, /* a symbolic link, unless something is there */
	VIEW_TMPFS,
	VIEW_PROC,
	VIEW_DEV,
};

struct view_mount {
	enum view_kind kind;
	struct view_object source; /* VIEW_BIND */
	bool is_directory;
	const char *target; /* plain, absolute, as the program calls it */
	const char *text;   /* VIEW_LINK: where it leads; VIEW_TMPFS: its size or NULL */
	bool read_only;
	bool hides;	/* VIEW_PROC: shows only what the reader may trace */
	bool of_pid_ns; /* left out where there is no pid namespace after all */
};

#define VIEW_MOUNTS_MAX 128
struct view_plan {
	struct view_object root; /* path NULL: the host's */
	const struct view_mount *mounts;
	size_t count; /* at most VIEW_MOUNTS_MAX */
};

struct view {
	const struct view_plan *plan;
	int root;		    /* what will be the root */
	int trees[VIEW_MOUNTS_MAX]; /* sources, detached; -1: none */
	dev_t own[VIEW_MOUNTS_MAX]; /* file systems in which targets may be made */
	size_t own_count;
};

/*
 * In this order, each once. Return: 0 or -errno. private: nothing that happens here reaches another mount
 * namespace.
 */
int mounts_private(void);
/* *ret_failed: the number of the mount that could not be had. */
int mounts_take_sources(struct view *view, const struct view_plan *plan, size_t *ret_failed);
int mounts_root(struct view *view);
int mounts_add(struct view *view, size_t number);
/* What is mounted on the root's directory becomes the root, and nothing else is left. */
int mounts_enter(const struct view *view);

#endif
