/* SPDX-License-Identifier: Apache-2.0 */
/* From a path to a place: the short way, and what both ways share. The theory is in resolve.h. */
#include "supervisor/resolve.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "supervisor/slow.h"
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

	/* EAGAIN: a rename elsewhere disturbed `..` or a scoped lookup; or the cache does not tell. */
	for (int tries = 0; tries < 32; tries++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN || resolve & RESOLVE_CACHED)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

/* KERNEL(5.6): openat2; some filters of containers refuse it. The long way does without. */
static bool is_absent(int r)
{
	return r == -ENOSYS || r == -EPERM;
}

/*
 * The path that the text means where no component is a link: `.` and `//` left out, `..` taken back.
 * Return: 1 if there was a `..`, else 0; -errno.
 */
static int fold(const struct walk *w, const char *text)
{
	struct place *place = w->place;
	const char *name;
	size_t length;
	bool up = false;
	int r = 0;

	while (r == 0 && (name = path_next(&text, &length))) {
		if (length == 1 && name[0] == '.')
			continue;
		if (length != 2 || name[0] != '.' || name[1] != '.') {
			r = place_append(place, name, length);
			continue;
		}
		up = true;
		r = walk_check_up(w);
		while (r == 0 && place->length > 0 && place->path[--place->length] != '/')
			continue;
		place->path[place->length] = '\0';
	}
	return r < 0 ? r : up;
}

/* The end of the short way, for a caller who wants an object. Return: as walk_short(). */
static int open_object(struct walk *w, const char *from, uint64_t resolve)
{
	struct place *place = w->place;
	int up = fold(w, from), fd;
	ssize_t n;

	if (up < 0)
		return up;
	fd = openat2_raw(w->at, from, O_PATH | (w->flags & RESOLVE_FOLLOW ? 0 : O_NOFOLLOW),
			 resolve);
	if (fd < 0)
		return fd;
	place->object = fd;
	if (!up)
		return 0;
	/* RACE: a directory that was moved meanwhile has another one above it: the kernel knows. */
	n = held_path(w->caller->sv, fd, place->path, PATH_MAX);
	if (n < 0)
		return (int)n;
	place->length = n == 1 ? 0 : (size_t)n;
	return 0;
}

/* The same for one who wants the name. Only for plain text. */
static int open_name(struct walk *w, const char *from, uint64_t resolve)
{
	struct place *place = w->place;
	const char *slash = strrchr(from, '/');
	const char *leaf = slash ? slash + 1 : from;
	char *directory = w->caller->scratch;
	size_t n = (size_t)(leaf - from);
	int fd, r;

	if (strlen(leaf) > NAME_MAX)
		return -ELOOP;
	memcpy(directory, from, n);
	memcpy(directory + n, ".", 2);
	r = place_append(place, from, strlen(from));
	if (r < 0)
		return r;
	fd = openat2_raw(w->at, directory, O_PATH | O_DIRECTORY, resolve);
	if (fd < 0) {
		if (fd != -ELOOP)
			place_append(place, from, strlen(from));
		return fd;
	}
	place->parent = fd;
	strcpy(place->leaf, leaf);
	r = slow_check(w->caller, fd);
	if (r < 0)
		return r;
	place->object = openat(place->parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place->object < 0 && (errno != ENOENT || !(w->flags & RESOLVE_NAME)))
		return -errno;
	return 0;
}

/*
 * The short way: the kernel walks, and refuses every link, so that the text says what was walked.
 * Return: 0; -ELOOP if the long way must be taken; -errno.
 */
static int walk_short(struct walk *w, const char *text)
{
	uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	const char *from = text + strspn(text, "/");
	struct place *place = w->place;
	int r;

	if (w->caller->sv->own_root || place->length + strlen(from) + 2 > sizeof(place->path) ||
	    !*from)
		return -ELOOP;
	if (w->caller->careful)
		resolve |= RESOLVE_CACHED;
	if (!(w->flags & (RESOLVE_NAME | RESOLVE_PARENT)))
		r = open_object(w, from, resolve);
	else
		r = path_is_plain(from, strlen(from)) ? open_name(w, from, resolve) : -ELOOP;
	/* KERNEL(5.12): RESOLVE_CACHED, EINVAL before. */
	if (is_absent(r) || (w->caller->careful && (r == -EAGAIN || r == -EINVAL)))
		return -ELOOP;
	if (r == 0 && place->object >= 0)
		r = slow_check(w->caller, place->object);
	if (r < 0 || place->object < 0)
		return r;
	if (fstat(place->object, &place->st) < 0)
		return -errno;
	/* procfs depends on who asks; a link has to be followed by hand. */
	if (proc_object(w->caller->sv, place->object, &place->st) ||
	    (S_ISLNK(place->st.st_mode) && (w->flags & RESOLVE_FOLLOW)))
		return -ELOOP;
	return 0;
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
		return proc_check(caller, place->path, &place->st);
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

		r = walk_short(&w, path);
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
	if (slow_check(caller, ret->object) < 0)
		return -SLOW;
	if (fstat(ret->object, &ret->st) < 0)
		return -errno;
	n = held_path(caller->sv, ret->object, ret->path, PATH_MAX);
	if (n < 0)
		return (int)n;
	ret->length = (size_t)n;
	return finish(caller, ret);
}

/*
 * Where the kernel's walk begins. SECURITY: it takes an absolute path, and what an absolute link says,
 * from the root of this thread. Where the program has another one, that is made the bound of the walk;
 * a walk from another directory then crosses no link.
 */
static int open_base(struct caller *caller, int dirfd, bool absolute, uint64_t *resolve)
{
	const struct supervisor *sv = caller->sv;
	bool other_root = sv->own_root || sv->policy->root_fd >= 0;

	/* An absolute path starts at the directory only here. */
	if (!absolute || *resolve & RESOLVE_IN_ROOT) {
		if (other_root && !(*resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH)))
			*resolve |= RESOLVE_NO_SYMLINKS;
		return caller_open(caller, dirfd, O_DIRECTORY);
	}
	if (other_root)
		*resolve |= RESOLVE_IN_ROOT;
	return sv->own_root ? caller_open_root(caller) : held_copy(sv->root_fd);
}

int resolve_with_kernel(struct caller *caller, int dirfd, const char *path, uint64_t resolve,
			bool follow, bool name, struct place *ret)
{
	cleanup_fd int base = -1;
	const char *slash = strrchr(path, '/');
	char *directory = caller->scratch;
	ssize_t n;

	if (!path[0])
		return -ENOENT;
	if (path[0] == '/' && resolve & RESOLVE_BENEATH)
		return -EXDEV;
	base = open_base(caller, dirfd, path[0] == '/', &resolve);
	if (base < 0)
		return base;
	/* What the kernel walks by these flags may lead anywhere. */
	if (caller->careful)
		return -SLOW;
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
