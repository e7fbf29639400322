/* SPDX-License-Identifier: Apache-2.0 */
/* The walk, one component at a time: see resolve.h for the theory. */
#include "supervisor/walk.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/decide.h"
#include "supervisor/ids.h"
#include "supervisor/slow.h"
#include "supervisor/sticky.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_LINKS 40
/* Links whose targets are long multiply: one request must not keep the thread for minutes. */
#define MAX_STEPS 8192

void walk_leave(struct walk *w)
{
	if (w->at >= 0 && w->at != w->caller->sv->root_fd)
		close(w->at);
	w->at = -1;
}

/* Goes on from another directory; fd is taken, its path is what the kernel says. */
static int enter(struct walk *w, int take_fd)
{
	ssize_t n = held_path(w->caller->sv, take_fd, w->place->path, PATH_MAX);

	walk_leave(w);
	w->at = take_fd;
	if (n < 0)
		return (int)n;
	if (slow_check(w->caller, w->at) < 0)
		return -SLOW;
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
		int fd = caller_open_root(w->caller);

		return fd < 0 ? fd : enter(w, fd);
	}
	walk_leave(w);
	w->at = sv->root_fd;
	w->place->length = 0;
	w->place->path[0] = '\0';
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
static int follow_magic(struct walk *w, const char *name, const struct stat *link, bool last)
{
	struct caller *caller = w->caller;
	cleanup_ids struct supervisor *own = caller_look(caller, w->place->path);
	cleanup_fd int fd = -1;
	struct stat st;
	ssize_t n;
	int r = proc_check(caller, w->place->path, link);

	if (r < 0)
		return r;
	fd = openat(w->at, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (slow_check(caller, fd) < 0)
		return -SLOW;
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
	struct process_numbers own;
	int r;

	if (strcmp(name, "self") != 0 && strcmp(name, "thread-self") != 0)
		return 0;
	if (fstat(w->at, &st) < 0)
		return -errno;
	if (st.st_dev != sv->proc_dev || st.st_ino != sv->proc_root_ino)
		return 0;
	r = caller_shown(w->caller, &own);
	if (r < 0)
		return r;
	if (name[0] == 's')
		snprintf(text, sizeof(text), "%d", own.tgid);
	else
		snprintf(text, sizeof(text), "%d/task/%d", own.tgid, own.tid);
	return put_in_front(w, text, strlen(text)) < 0 ? -ENAMETOOLONG : 1;
}

/* A link in a place that is denied or hidden leads nowhere: following it would tell where it
 * points. */
static int check_link(const struct walk *w, const struct stat *st, const char *name)
{
	struct place *place = w->place;
	size_t length = place->length;
	struct fs_object object = { .exists = true, .dev = st->st_dev, .ino = st->st_ino };
	struct decision decision;
	int r = place_append(place, name, strlen(name));

	if (r < 0)
		return r;
	object.path = place->path;
	object.length = place->length;
	decision = policy_decide_fs(w->caller->sv->policy, OP_STAT, &object);
	place->length = length;
	place->path[length] = '\0';
	if (decision.allow)
		return 0;
	place->refused = true;
	return -decision.error;
}

static int follow_link(struct walk *w, int link, const struct stat *st, const char *name, bool last)
{
	char target[PATH_MAX];
	ssize_t n;
	int r;

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	r = check_link(w, st, name);
	if (r == 0 && last)
		r = sticky_follow(w->caller->sv, w->at, st);
	if (r < 0)
		return r;
	if (proc_object(w->caller->sv, link, st) && proc_owner(w->place->path) != 0)
		return follow_magic(w, name, st, last);
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

int walk_check_up(const struct walk *w)
{
	struct place *place = w->place;
	struct fs_object object = { .path = place->path, .length = place->length };
	struct decision decision;

	if (place->length == 0)
		return 0;
	decision = policy_decide_fs(w->caller->sv->policy, OP_STAT, &object);
	if (decision.allow || policy_leads_to_grant(w->caller->sv->policy, &object))
		return 0;
	place->refused = true;
	return -decision.error;
}

static int step_up(struct walk *w)
{
	struct stat here, root;
	int fd, r;

	if (w->at == w->caller->sv->root_fd)
		return 0;
	r = walk_check_up(w);
	if (r < 0)
		return r;
	if (w->caller->sv->own_root) {
		cleanup_fd int top = caller_open_root(w->caller);

		if (top < 0 || fstat(w->at, &here) < 0 || fstat(top, &root) < 0)
			return -EACCES;
		if (here.st_dev == root.st_dev && here.st_ino == root.st_ino)
			return 0;
	}
	fd = openat(w->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : enter(w, fd);
}

/* Hands over the directory that the walk stands on. */
static int take_position(struct walk *w)
{
	int fd = w->at == w->caller->sv->root_fd ? held_copy(w->at) : w->at;

	w->at = -1;
	return fd;
}

/* The last component was reached: fills the place. fd is taken; -1 if nothing has this name. */
static int arrive(struct walk *w, const char *name, size_t length, bool slash, int take_fd,
		  const struct stat *st)
{
	struct place *place = w->place;

	place->object = take_fd;
	if (take_fd >= 0)
		place->st = *st;
	memcpy(place->leaf, name, length);
	place->leaf[length] = slash ? '/' : '\0';
	place->leaf[length + 1] = '\0';
	place->trailing_slash = slash;
	place->parent = take_position(w);
	if (place->parent < 0)
		return place->parent;
	return place_append(place, name, length);
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

/* The walk ends at this component: the path tells how far it came. Return: r. */
static int fail_at(struct walk *w, const char *name, size_t length, int r)
{
	place_append(w->place, name, length);
	return r;
}

/* One component. Return: 1 when the walk is over, 0 to go on, -errno. */
static int step(struct walk *w)
{
	char name[NAME_MAX + 1];
	size_t length;
	const char *start = path_next(&w->next, &length);
	cleanup_fd int fd = -1;
	struct stat st;
	bool last, slash, follow;
	int r;

	if (!start)
		return 1;
	if (length > NAME_MAX)
		return fail_at(w, start, length, -ENAMETOOLONG);
	memcpy(name, start, length);
	name[length] = '\0';
	slash = *w->next == '/';
	last = w->next[strspn(w->next, "/")] == '\0';
	follow = !last || (slash ? !(w->flags & RESOLVE_NAME) : w->flags & RESOLVE_FOLLOW);
	if (strcmp(name, ".") == 0) {
		/* It names nothing new, but only who may search the directory may say it. */
		if (fstatat(w->at, name, &st, 0) < 0)
			return -errno;
		return last ? 1 : 0;
	}
	if (strcmp(name, "..") == 0) {
		r = step_up(w);
		return r < 0 ? r : 0;
	}
	/* A link that nobody follows is looked at itself. */
	r = follow ? expand_self(w, name) : 0;
	if (r != 0)
		return r < 0 ? r : 0;

	fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT || !last || !(w->flags & RESOLVE_NAME))
			return fail_at(w, name, length, -errno);
		r = arrive(w, name, length, slash, -1, NULL);
		return r < 0 ? r : 1;
	}
	if (slow_check(w->caller, fd) < 0)
		return -SLOW;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && follow) {
		r = follow_link(w, fd, &st, name, last);
		if (r < 0)
			return r;
		return w->place->object >= 0 ? 1 : 0;
	}
	if (!S_ISDIR(st.st_mode) && (!last || (slash && !(w->flags & RESOLVE_NAME))))
		return fail_at(w, name, length, -ENOTDIR);
	if (last) {
		r = arrive(w, name, length, slash, steal_fd(&fd), &st);
		return r < 0 ? r : 1;
	}
	r = place_append(w->place, name, length);
	walk_leave(w);
	w->at = steal_fd(&fd);
	return r;
}

int walk_long(struct walk *w)
{
	int r;

	do {
		r = ++w->steps > MAX_STEPS ? -ELOOP : step(w);
	} while (r == 0);
	if (r > 0)
		r = w->place->object < 0 && w->place->parent < 0 ? arrive_at_directory(w) : 0;
	return r;
}

int walk_start(struct walk *w, int dirfd, const char *path)
{
	int fd;

	if (path[0] == '/')
		return enter_root(w);
	fd = caller_open(w->caller, dirfd, O_DIRECTORY);
	return fd < 0 ? fd : enter(w, fd);
}
