/* SPDX-License-Identifier: Apache-2.0 */
/* From a path to a place: the short way, and what both ways share. The theory is in resolve.h. */
#include "supervisor/resolve.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "supervisor/walk.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

void place_done(struct place *place)
{
	if (place->parent >= 0)
		close(place->parent);
	if (place->object >= 0)
		close(place->object);
	place->parent = place->object = -1;
}

struct fs_object place_object(const struct place *place)
{
	return (struct fs_object){
		.path = place->path,
		.length = place->length,
		.exists = place->object >= 0,
		.is_directory = place->object >= 0 && S_ISDIR(place->st.st_mode),
		.dev = place->st.st_dev,
		.ino = place->st.st_ino,
	};
}

/* The path so far, plus a component. `/` is kept as the empty text until the end. */
int place_append(struct place *place, const char *name, size_t length)
{
	if (place->length + length + 2 > sizeof(place->path))
		return -ENAMETOOLONG;
	place->path[place->length++] = '/';
	memcpy(place->path + place->length, name, length);
	place->length += length;
	place->path[place->length] = '\0';
	return 0;
}

static int openat2_raw(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	long fd;

	/* EAGAIN: a rename elsewhere disturbed `..` or a scoped lookup. */
	for (int tries = 0; tries < 32; tries++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

/*
 * The short way: the kernel walks, and refuses every link. Only for plain text, where the path that
 * was walked is the text itself. Return: 0; -ELOOP if the long way must be taken; -errno.
 */
static int walk_short(struct walk *w, const char *text, size_t length)
{
	struct place *place = w->place;
	const char *slash = strrchr(text, '/');
	const char *leaf = slash ? slash + 1 : text;
	uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	const char *from = text[0] == '/' ? text + 1 : text;
	uint64_t flags = O_PATH;

	if (w->caller->sv->own_root || place->length + length + 2 > sizeof(place->path) ||
	    strlen(leaf) > NAME_MAX || !*from)
		return -ELOOP;
	if (w->flags & RESOLVE_NAME) {
		char *directory = w->caller->scratch;
		size_t n = leaf > from ? (size_t)(leaf - from) : 0;

		memcpy(directory, from, n);
		memcpy(directory + n, ".", 2);
		place->parent = openat2_raw(w->at, directory, O_PATH | O_DIRECTORY, resolve);
		if (place->parent < 0) {
			int r = place->parent;

			place->parent = -1;
			return r;
		}
		strcpy(place->leaf, leaf);
		place->object = openat(place->parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (place->object < 0 && errno != ENOENT)
			return -errno;
	} else {
		if (!(w->flags & RESOLVE_FOLLOW))
			flags |= O_NOFOLLOW;
		place->object = openat2_raw(w->at, from, flags, resolve);
		if (place->object < 0) {
			int r = place->object;

			place->object = -1;
			if (r == -ENOENT || r == -ENOTDIR)
				place_append(place, from, strlen(from));
			return r;
		}
	}
	if (place->object >= 0) {
		if (fstat(place->object, &place->st) < 0)
			return -errno;
		/* procfs depends on who asks; a link has to be followed by hand. */
		if (proc_object(w->caller->sv, place->object, &place->st) ||
		    (S_ISLNK(place->st.st_mode) && (w->flags & RESOLVE_FOLLOW)))
			return -ELOOP;
	}
	return place_append(place, from, strlen(from));
}

/* Common end: what procfs shows, names without a path, the root's own name. */
static int finish(struct caller *caller, struct place *place)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;

	if (place->length == 0 && (place->object >= 0 || place->parent >= 0)) {
		strcpy(place->path, "/");
		place->length = 1;
	}
	if (place->object < 0)
		return 0;
	if (proc_object(caller->sv, place->object, &place->st))
		return proc_check(caller, place->path);
	if (place->parent >= 0)
		return 0;
	if (place->st.st_nlink == 0 && place->length > tail &&
	    strcmp(place->path + place->length - tail, deleted) == 0) {
		place->length -= tail;
		place->path[place->length] = '\0';
		place->anonymous = strncmp(place->path, "/memfd:", 7) == 0;
	}
	/* "pipe:[1]", "socket:[1]", "anon_inode:x": not in any directory. */
	if (place->path[0] != '/')
		place->anonymous = true;
	return 0;
}

int resolve_path(struct caller *caller, int dirfd, const char *path, unsigned flags,
		 struct place *ret)
{
	struct walk w = {
		.caller = caller, .place = ret, .at = -1, .flags = flags, .todo = caller->scratch
	};
	size_t length = strlen(path);
	int r;

	if (length == 0) {
		if (!(flags & RESOLVE_EMPTY))
			return -ENOENT;
		return resolve_fd(caller, dirfd, ret);
	}
	r = walk_start(&w, dirfd, path);
	if (r == 0) {
		size_t base = ret->length;

		r = path_is_plain(path, length) ? walk_short(&w, path, length) : -ELOOP;
		if (r == -ELOOP) {
			place_done(ret);
			ret->length = base;
			ret->path[base] = '\0';
			memcpy(w.todo, path, length + 1);
			w.next = w.todo;
			r = walk_long(&w);
		}
	}
	walk_leave(&w);
	return r < 0 ? r : finish(caller, ret);
}

int resolve_fd(struct caller *caller, int fd, struct place *ret)
{
	ssize_t n;

	ret->object = caller_open(caller, fd, 0);
	if (ret->object < 0) {
		int r = ret->object;

		ret->object = -1;
		return r;
	}
	if (fstat(ret->object, &ret->st) < 0)
		return -errno;
	n = held_path(caller->sv, ret->object, ret->path, PATH_MAX);
	if (n < 0)
		return (int)n;
	ret->length = (size_t)n;
	return finish(caller, ret);
}

int resolve_with_kernel(struct caller *caller, int dirfd, const char *path, uint64_t resolve,
			bool follow, bool name, struct place *ret)
{
	cleanup_fd int base = -1;
	const char *slash = strrchr(path, '/');
	char *directory = caller->scratch;
	ssize_t n;

	/* An absolute path starts at the directory only under these two. */
	if (path[0] == '/' && !(resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH)))
		base = held_copy(caller->sv->root_fd);
	else
		base = caller_open(caller, dirfd, O_DIRECTORY);
	if (base < 0)
		return base;
	resolve |= RESOLVE_NO_MAGICLINKS;
	ret->object = openat2_raw(base, path, O_PATH | (follow ? 0 : O_NOFOLLOW), resolve);
	if (ret->object >= 0) {
		if (fstat(ret->object, &ret->st) < 0)
			return -errno;
		n = held_path(caller->sv, ret->object, ret->path, PATH_MAX);
		ret->length = n < 0 ? 0 : (size_t)n;
		return n < 0 ? (int)n : finish(caller, ret);
	}
	n = ret->object;
	ret->object = -1;
	if (n != -ENOENT || !name || (slash && !slash[1]))
		return (int)n;
	/* A new name: the kernel walks to its directory. */
	memcpy(directory, path, slash ? (size_t)(slash - path) + 1 : 0);
	strcpy(directory + (slash ? slash - path + 1 : 0), ".");
	if (strlen(slash ? slash + 1 : path) > NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(ret->leaf, slash ? slash + 1 : path);
	ret->parent = openat2_raw(base, directory, O_PATH | O_DIRECTORY, resolve);
	if (ret->parent < 0) {
		n = ret->parent;
		ret->parent = -1;
		return (int)n;
	}
	n = held_path(caller->sv, ret->parent, ret->path, PATH_MAX);
	if (n < 0)
		return (int)n;
	ret->length = n == 1 ? 0 : (size_t)n;
	return place_append(ret, ret->leaf, strlen(ret->leaf));
}
