/* SPDX-License-Identifier: Apache-2.0 */
/* The walk from a path to a place. The theory is in resolve.h. */
#include "supervisor/resolve.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "sys/compat.h"
#include "sys/process.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define MAX_LINKS 40

struct walk {
	struct caller *caller;
	struct place *place;
	int at; /* directory reached so far; owned unless it is the root */
	unsigned flags;
	int links;
	char *todo; /* what is still to be walked: the caller's scratch space */
	const char *next;
};

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

static void leave(struct walk *w)
{
	if (w->at >= 0 && w->at != w->caller->sv->root_fd)
		close(w->at);
	w->at = -1;
}

/* Goes on from another directory; fd is taken, its path is what the kernel says. */
static int enter(struct walk *w, int take_fd)
{
	ssize_t n = held_path(w->caller->sv, take_fd, w->place->path, PATH_MAX);

	leave(w);
	w->at = take_fd;
	if (n < 0)
		return (int)n;
	/* SECURITY: a directory outside the root, or a deleted one, has no place in a rule. */
	if (w->place->path[0] != '/')
		return -ENOENT;
	w->place->length = n == 1 ? 0 : (size_t)n;
	w->place->path[w->place->length] = '\0';
	return 0;
}

static int enter_root(struct walk *w)
{
	const struct supervisor *sv = w->caller->sv;

	if (sv->own_root) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "%d/root", w->caller->tid);
		fd = openat(sv->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -EACCES : enter(w, fd);
	}
	leave(w);
	w->at = sv->root_fd;
	w->place->length = 0;
	w->place->path[0] = '\0';
	return 0;
}

/* The path so far, plus a component. `/` is kept as the empty text until the end. */
static int append(struct place *place, const char *name, size_t length)
{
	if (place->length + length + 2 > sizeof(place->path))
		return -ENAMETOOLONG;
	place->path[place->length++] = '/';
	memcpy(place->path + place->length, name, length);
	place->length += length;
	place->path[place->length] = '\0';
	return 0;
}

/* Puts text in front of what is left to walk. */
static int put_in_front(struct walk *w, const char *text, size_t length)
{
	size_t rest = strlen(w->next);

	if (length + rest + 2 > SCRATCH_SIZE)
		return -ENAMETOOLONG;
	memmove(w->todo + length + 1, w->next, rest + 1);
	memcpy(w->todo, text, length);
	w->todo[length] = '/';
	if (rest == 0)
		w->todo[length] = '\0';
	w->next = w->todo;
	return 0;
}

/* A magic link below /proc/PID: only the kernel can follow it, and only for members. */
static int follow_magic(struct walk *w, const char *name, bool last)
{
	struct caller *caller = w->caller;
	cleanup_fd int fd = -1;
	struct stat st;
	ssize_t n;
	int r = proc_check(caller, w->place->path);

	if (r < 0)
		return r;
	fd = openat(w->at, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!last || S_ISDIR(st.st_mode))
		return enter(w, steal_fd(&fd));
	n = held_path(caller->sv, fd, w->place->path, PATH_MAX);
	if (n < 0)
		return (int)n;
	w->place->length = (size_t)n;
	w->place->object = steal_fd(&fd);
	w->place->st = st;
	return 0;
}

/* Returns 1 if `name` was `self` or `thread-self` of procfs and has been replaced by the caller's.
 */
static int expand_self(struct walk *w, const char *name)
{
	struct supervisor *sv = w->caller->sv;
	char text[48];
	struct stat st;
	pid_t tgid;

	if (strcmp(name, "self") != 0 && strcmp(name, "thread-self") != 0)
		return 0;
	if (fstat(w->at, &st) < 0)
		return -errno;
	if (st.st_dev != sv->proc_dev || st.st_ino != sv->proc_root_ino)
		return 0;
	tgid = caller_tgid(w->caller);
	if (tgid < 0)
		return (int)tgid;
	if (name[0] == 's')
		snprintf(text, sizeof(text), "%d", tgid);
	else
		snprintf(text, sizeof(text), "%d/task/%d", tgid, w->caller->tid);
	return put_in_front(w, text, strlen(text)) < 0 ? -ENAMETOOLONG : 1;
}

static int follow_link(struct walk *w, int link, const struct stat *st, const char *name, bool last)
{
	char target[PATH_MAX];
	ssize_t n;
	int r;

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	if (proc_object(w->caller->sv, link, st) && proc_owner(w->place->path) != 0)
		return follow_magic(w, name, last);
	n = readlinkat(link, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	if (n == 0 || (size_t)n >= sizeof(target))
		return n == 0 ? -ENOENT : -ENAMETOOLONG;
	r = put_in_front(w, target, (size_t)n);
	if (r == 0 && target[0] == '/')
		r = enter_root(w);
	return r;
}

static int step_up(struct walk *w)
{
	struct stat here, root;
	int fd;

	if (w->at == w->caller->sv->root_fd)
		return 0;
	if (w->caller->sv->own_root) {
		char name[32];

		snprintf(name, sizeof(name), "%d/root", w->caller->tid);
		if (fstat(w->at, &here) < 0 || fstatat(w->caller->sv->proc_fd, name, &root, 0) < 0)
			return -EACCES;
		if (here.st_dev == root.st_dev && here.st_ino == root.st_ino)
			return 0;
	}
	fd = openat(w->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : enter(w, fd);
}

static int hold_again(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

/* Hands over the directory that the walk stands on. */
static int take_position(struct walk *w)
{
	int fd = w->at == w->caller->sv->root_fd ? hold_again(w->at) : w->at;

	w->at = -1;
	return fd;
}

/* The last component was reached: fills the place. fd is taken; -1 if nothing has this name. */
static int arrive(struct walk *w, const char *name, size_t length, int take_fd,
		  const struct stat *st)
{
	struct place *place = w->place;

	place->object = take_fd;
	if (take_fd >= 0)
		place->st = *st;
	memcpy(place->leaf, name, length);
	place->leaf[length] = '\0';
	place->parent = take_position(w);
	if (place->parent < 0)
		return place->parent;
	return append(place, name, length);
}

/* The walk ended on a directory without a name of its own: `.`, `..`, `/`, or a magic link. */
static int arrive_at_directory(struct walk *w)
{
	struct place *place = w->place;

	if (w->at < 0)
		return 0;
	place->object = take_position(w);
	if (place->object < 0)
		return place->object;
	return fstat(place->object, &place->st) < 0 ? -errno : 0;
}

/* One component. Return: 1 when the walk is over, 0 to go on, -errno. */
static int step(struct walk *w)
{
	char name[NAME_MAX + 1];
	size_t length;
	const char *start = path_next(&w->next, &length);
	cleanup_fd int fd = -1;
	struct stat st;
	bool last, slash;
	int r;

	if (!start)
		return 1;
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, start, length);
	name[length] = '\0';
	slash = *w->next == '/';
	last = w->next[strspn(w->next, "/")] == '\0';
	if (strcmp(name, ".") == 0)
		return last ? 1 : 0;
	if (strcmp(name, "..") == 0) {
		r = step_up(w);
		return r < 0 ? r : 0;
	}
	r = expand_self(w, name);
	if (r != 0)
		return r < 0 ? r : 0;

	fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT || !last || !(w->flags & RESOLVE_NAME))
			return -errno;
		w->place->trailing_slash = slash;
		r = arrive(w, name, length, -1, NULL);
		return r < 0 ? r : 1;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && (!last || slash || (w->flags & RESOLVE_FOLLOW))) {
		r = follow_link(w, fd, &st, name, last);
		if (r < 0)
			return r;
		return w->place->object >= 0 ? 1 : 0;
	}
	if (!S_ISDIR(st.st_mode) && (!last || slash))
		return -ENOTDIR;
	if (last) {
		w->place->trailing_slash = slash;
		r = arrive(w, name, length, steal_fd(&fd), &st);
		return r < 0 ? r : 1;
	}
	r = append(w->place, name, length);
	leave(w);
	w->at = steal_fd(&fd);
	return r;
}

static int walk_long(struct walk *w)
{
	int r;

	do {
		r = step(w);
	} while (r == 0);
	if (r > 0)
		r = w->place->object < 0 && w->place->parent < 0 ? arrive_at_directory(w) : 0;
	return r;
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
	return append(place, from, strlen(from));
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

static int start(struct walk *w, int dirfd, const char *path)
{
	int fd;

	if (path[0] == '/')
		return enter_root(w);
	fd = caller_open(w->caller, dirfd);
	return fd < 0 ? fd : enter(w, fd);
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
	r = start(&w, dirfd, path);
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
	leave(&w);
	return r < 0 ? r : finish(caller, ret);
}

int resolve_fd(struct caller *caller, int fd, struct place *ret)
{
	ssize_t n;

	ret->object = caller_open(caller, fd);
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
		base = hold_again(caller->sv->root_fd);
	else
		base = caller_open(caller, dirfd);
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
	return append(ret, ret->leaf, strlen(ret->leaf));
}
