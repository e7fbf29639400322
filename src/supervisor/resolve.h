/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One resolution (I6): from a path as the program gave it to held descriptors.
 *
 * Theory of operation. A walk starts at the caller's own root, working directory or descriptor and
 * ends in a *place*: the parent directory and a name, the object with its identity, and the
 * canonical path that the policy is asked about. All later work is done on the held descriptors;
 * the text is never used again.
 *
 * Two ways lead there. The short one is a single openat2() that refuses every symbolic link: if
 * it succeeds and the text was plain, the text itself is the canonical path. The long one goes
 * component by component with O_PATH and O_NOFOLLOW, expands symbolic links itself, and translates
 * what procfs means for the *caller* (`self`, `thread-self`); magic links are followed for
 * processes of the sandbox only. Nothing follows a link in the kernel's stead on behalf of another
 * process.
 *
 * The canonical path is text plus what was walked. A directory that moves while it is walked
 * makes `..` and magic links uncertain, so behind these the kernel is asked for the path again.
 * RACE: a rename between the walk and the use moves the object with its descriptor; it cannot put
 * another object behind it. Names inside guarded areas and the directories above them cannot be
 * renamed, and all renames of a sandbox with guarded rules pass through the one thread that walks.
 */
#ifndef CORDON_SUPERVISOR_RESOLVE_H
#define CORDON_SUPERVISOR_RESOLVE_H

#include "policy/decide.h"
#include "supervisor/caller.h"

#include <sys/stat.h>

struct place {
	int parent; /* O_PATH of the directory that holds the name; -1 if reached by descriptor or
		       magic link */
	int object; /* O_PATH; -1: nothing has this name */
	bool anonymous; /* pipe, socket, memory file: no path, never in a rule */
	bool trailing_slash;
	bool refused;	/* the way, or that nothing is there, must not show: the errno is final */
	struct stat st; /* of the object */
	size_t length;
	char path[2 * PATH_MAX]; /* canonical */
	char leaf[NAME_MAX + 2]; /* with the slash behind it, if there was one: the errnos that it
				    makes are the kernel's to give */
};

/* Nothing held. Leaves the text alone: clearing it on every request would cost more than a system
 * call. */
static inline void place_init(struct place *place)
{
	place->parent = place->object = -1;
	place->anonymous = place->trailing_slash = place->refused = false;
	place->length = 0;
	place->path[0] = place->leaf[0] = '\0';
}

enum resolve_flags {
	RESOLVE_FOLLOW = 1, /* a symbolic link at the end is followed */
	RESOLVE_NAME = 2,   /* the caller wants the name: parent and leaf are filled, the object may
			       be missing, and a slash behind it follows no link */
	RESOLVE_EMPTY = 4,  /* an empty path means the descriptor itself */
	RESOLVE_PARENT =
		8, /* parent and leaf are filled as well, if the object was reached by name */
};

/*
 * path: terminated, at most PATH_MAX - 1. If the end is missing, ret->path tells how far the walk came. ret: place_init() before; place_done() afterwards, also
 * on failure. Return: 0 or -errno as the kernel would give it.
 */
int resolve_path(struct caller *caller, int dirfd, const char *path, unsigned flags,
		 struct place *ret);
/* The object behind a descriptor of the caller. Return: 0; -EBADF; -errno. */
int resolve_fd(struct caller *caller, int fd, struct place *ret);
/*
 * For openat2() with RESOLVE_* flags: the kernel walks, from the caller's directory, with these
 * flags and without magic links. Return: as resolve_path().
 */
int resolve_with_kernel(struct caller *caller, int dirfd, const char *path, uint64_t resolve,
			bool follow, bool name, struct place *ret);
void place_done(struct place *place);

/* What the policy is asked about. */
struct fs_object place_object(const struct place *place);
#endif
