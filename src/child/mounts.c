/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of the program: see mounts.h. System calls only (I11).
 *
 * Theory of operation. All of it happens in a mount namespace that nobody else is in and whose mounts
 * are private, so that what fails in the middle leaves nothing behind. A tree is cloned detached, made
 * read-only where that is asked for, and only then attached: it is never seen writable.
 *
 *   private      no mount or unmount travels to another namespace, or from there
 *   sources      are cloned before anything could lie over them
 *   root         a clone of the directory, attached upon itself, so that it is a mount of its own
 *   mounts       in order, targets below the root
 *   enter        pivot_root() with both arguments the same directory: the old root lies upon the new
 *                one then, and is taken off together with all below it
 *
 * mounts-1: RACE: a source may be exchanged after the plan was made. What was opened is compared with
 *           what was seen then.
 * mounts-2: RACE: so may a target. It is resolved once, below the root, without any symbolic link, and
 *           held; the mount goes onto what is held. What is missing is made, directory by directory,
 *           only where that is ours: in the mount of a root that was named, or in a tmpfs of this run.
 * mounts-3: flags that the kernel has locked (nosuid, nodev, noexec in a user namespace) stay: only
 *           `read-only` is added, to every mount of the tree in one call (KERNEL(5.12)).
 */
#include "child/mounts.h"

#include "base/cleanup.h"
#include "child/raw.h"
#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NO_LINKS  (RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define NAME_SIZE 256

static void close_fd(long fd)
{
	if (fd >= 0)
		raw(SYS_close, fd);
}

static long open_below(long dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };

	return raw(SYS_openat2, dir, path, &how, sizeof(how));
}

int mounts_private(void)
{
	return (int)raw(SYS_mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* mounts-1. Return: fd as given, or -errno; it is closed then. */
static long check_object(long fd, const struct view_object *object)
{
	struct stat st = { 0 };
	long r;

	if (fd < 0)
		return fd;
	r = raw(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH);
	if (r == 0 && (st.st_dev != object->dev || st.st_ino != object->ino))
		r = -ESTALE;
	if (r == 0)
		return fd;
	close_fd(fd);
	return r;
}

/* A detached copy of what is mounted at and below the object. */
static long clone_tree(const struct view_object *object)
{
	return check_object(raw(SYS_open_tree, AT_FDCWD, object->path,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE),
			    object);
}

static long make_read_only(long tree)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };

	return raw(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
		   sizeof(attributes));
}

static long attach(long tree, long target)
{
	return raw(SYS_move_mount, tree, "", target, "",
		   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mounts_take_sources(struct view *view, const struct view_plan *plan, size_t *ret_failed)
{
	view->plan = plan;
	view->root = -1;
	view->own_count = 0;
	for (size_t i = 0; i < plan->count; i++) {
		const struct view_mount *mount = &plan->mounts[i];
		long r = -1;

		if (mount->kind == VIEW_BIND) {
			r = clone_tree(&mount->source);
			if (r >= 0 && mount->read_only) {
				long done = make_read_only(r);

				r = done < 0 ? done : r;
			}
		}
		if (r < 0 && mount->kind == VIEW_BIND) {
			*ret_failed = i;
			return (int)r;
		}
		view->trees[i] = (int)r;
	}
	return 0;
}

int mounts_root(struct view *view)
{
	const struct view_object *root = &view->plan->root;
	long tree, target, r;

	tree = root->path ? clone_tree(root)
			  : raw(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0)
		return (int)tree;
	view->root = (int)tree;
	if (!root->path)
		return 0;
	target = check_object(
		raw(SYS_openat, AT_FDCWD, root->path, O_PATH | O_DIRECTORY | O_CLOEXEC), root);
	r = target < 0 ? target : attach(tree, target);
	close_fd(target);
	return (int)r;
}

/* Return: its number, which is never 0; -errno. */
static int64_t mount_of(long fd)
{
	struct statx st = { 0 };
	long r = raw(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);

	return r < 0 ? r : (int64_t)st.stx_mnt_id;
}

/* mounts-2. SECURITY: a source that is mounted below the root is the host's. */
static bool may_make(const struct view *view, long dir)
{
	struct stat st = { 0 };

	if (view->plan->root.path && mount_of(dir) == mount_of(view->root))
		return true;
	if (raw(SYS_newfstatat, dir, "", &st, AT_EMPTY_PATH) < 0)
		return false;
	for (size_t i = 0; i < view->own_count; i++)
		if (view->own[i] == st.st_dev)
			return true;
	return false;
}

/* The next component of *path, which moves behind it. Return: its length; 0 at the end. */
static size_t next_name(const char **path, char name[NAME_SIZE])
{
	size_t length = 0;

	while (**path == '/')
		++*path;
	while (**path && **path != '/' && length < NAME_SIZE - 1)
		name[length++] = *(*path)++;
	name[length] = '\0';
	return length;
}

static long make_one(long dir, const char *name, bool directory)
{
	long fd;

	if (directory)
		return raw(SYS_mkdirat, dir, name, 0755);
	fd = raw(SYS_openat, dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	close_fd(fd);
	return fd < 0 ? fd : 0;
}

/* Return: the target, held; -errno. */
static long open_target(const struct view *view, const char *path, bool directory)
{
	char name[NAME_SIZE];
	long at = open_below(view->root, path, O_PATH, NO_LINKS), next, r;

	if (at != -ENOENT)
		return at;
	at = open_below(view->root, ".", O_PATH | O_DIRECTORY, NO_LINKS);
	while (at >= 0 && next_name(&path, name) > 0) {
		bool last = *path == '\0';

		next = open_below(at, name, O_PATH | O_NOFOLLOW, NO_LINKS);
		if (next == -ENOENT) {
			r = may_make(view, at) ? make_one(at, name, !last || directory) : -ENOENT;
			next = r < 0 ? r : open_below(at, name, O_PATH | O_NOFOLLOW, NO_LINKS);
		}
		close_fd(at);
		at = next;
	}
	return at;
}

static long attach_at(const struct view *view, const struct view_mount *mount, long tree,
		      bool directory)
{
	long target = open_target(view, mount->target, directory), r;
	struct stat st = { 0 };

	if (target < 0)
		return target;
	r = raw(SYS_newfstatat, target, "", &st, AT_EMPTY_PATH);
	/* The kernel says EINVAL, which stands for much. */
	if (r == 0 && directory != S_ISDIR(st.st_mode))
		r = directory ? -ENOTDIR : -EISDIR;
	if (r == 0)
		r = attach(tree, target);
	close_fd(target);
	return r;
}

static long add_bind(struct view *view, const struct view_mount *mount, int tree)
{
	return attach_at(view, mount, tree, mount->is_directory);
}

/* Where the host has a link, as /lib leads to usr/lib, the root gets the same. */
static long add_link(struct view *view, const struct view_mount *mount, int tree)
{
	long r = raw(SYS_symlinkat, mount->text, view->root, mount->target + 1);

	(void)tree;
	return r == -EEXIST ? 0 : r;
}

struct option {
	const char *name, *value;
};

/* A fresh file system, not attached. An option without which it will do has a value of NULL. */
static long fresh(const char *type, const struct option *options, size_t count, uint64_t attributes)
{
	long context = raw(SYS_fsopen, type, FSOPEN_CLOEXEC), r = 0;

	if (context < 0)
		return context;
	for (size_t i = 0; r == 0 && i < count; i++)
		if (options[i].value)
			r = raw(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[i].name,
				options[i].value, 0);
	if (r == 0)
		r = raw(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = raw(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
	close_fd(context);
	return r;
}

/* It is the program's own: what is missing in it may be made. */
static long attach_tmpfs(struct view *view, const struct view_mount *mount, long tree)
{
	struct stat st = { 0 };
	long r = tree < 0 ? tree : raw(SYS_newfstatat, tree, "", &st, AT_EMPTY_PATH);

	if (r == 0)
		r = attach_at(view, mount, tree, true);
	if (r == 0)
		view->own[view->own_count++] = st.st_dev;
	return r;
}

static long add_tmpfs(struct view *view, const struct view_mount *mount, int none)
{
	const struct option options[] = { { "size", mount->text }, { "mode", "1777" } };
	long tree = fresh("tmpfs", options, COUNT_OF(options),
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				  (mount->read_only ? MOUNT_ATTR_RDONLY : 0));
	long r = attach_tmpfs(view, mount, tree);

	(void)none;
	close_fd(tree);
	return r;
}

/* Where it hides what a process may not trace, cordon's own are not seen. */
static long add_proc(struct view *view, const struct view_mount *mount, int none)
{
	static const struct option hidden[] = { { "hidepid", "4" }, { "hidepid", "2" } };
	const uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	long tree = fresh("proc", &hidden[0], mount->hides, attributes), r;

	(void)none;
	/* KERNEL(5.8): an option of the mount; root's group is exempt from the weaker one. */
	if (tree == -EINVAL && mount->hides)
		tree = fresh("proc", &hidden[1], 1, attributes);
	if (tree == -EINVAL)
		tree = fresh("proc", NULL, 0, attributes);
	r = tree < 0 ? tree : attach_at(view, mount, tree, true);
	close_fd(tree);
	return r;
}

/* SECURITY: a name in /dev of the host may be anything; only the device of that number is shown. */
static long take_device(const char *path, unsigned number)
{
	long tree = raw(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), r;
	struct stat st = { 0 };

	if (tree < 0)
		return tree;
	r = raw(SYS_newfstatat, tree, "", &st, AT_EMPTY_PATH);
	if (r == 0 && (!S_ISCHR(st.st_mode) || st.st_rdev != number))
		r = -ENODEV;
	if (r == 0)
		return tree;
	close_fd(tree);
	return r;
}

static long put_device(long dev, const char *name, long tree)
{
	long target, r = make_one(dev, name, false);

	if (r < 0)
		return r;
	target = open_below(dev, name, O_PATH | O_NOFOLLOW, NO_LINKS);
	r = target < 0 ? target : attach(tree, target);
	close_fd(target);
	return r;
}

static long add_terminals(long dev)
{
	const struct option options[] = { { "ptmxmode", "0666" }, { "mode", "0620" } };
	long tree =
		fresh("devpts", options, COUNT_OF(options), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	long target = -1, r = tree < 0 ? tree : make_one(dev, "pts", true);

	if (r == 0)
		target = open_below(dev, "pts", O_PATH | O_DIRECTORY, NO_LINKS);
	if (r == 0)
		r = target < 0 ? target : attach(tree, target);
	close_fd(target);
	close_fd(tree);
	return r < 0 ? r : raw(SYS_symlinkat, "pts/ptmx", dev, "ptmx");
}

/* What programs expect, and nothing else. */
static const struct {
	const char *name, *path;
	unsigned major, minor;
} devices[] = {
	{ "null", "/dev/null", 1, 3 },	     { "zero", "/dev/zero", 1, 5 },
	{ "full", "/dev/full", 1, 7 },	     { "random", "/dev/random", 1, 8 },
	{ "urandom", "/dev/urandom", 1, 9 }, { "tty", "/dev/tty", 5, 0 },
};

static long fill_dev(long dev, const long *trees)
{
	static const struct option links[] = {
		{ "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" },
	};
	long r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(devices); i++)
		r = put_device(dev, devices[i].name, trees[i]);
	if (r == 0)
		r = add_terminals(dev);
	for (size_t i = 0; r == 0 && i < COUNT_OF(links); i++)
		r = raw(SYS_symlinkat, links[i].value, dev, links[i].name);
	if (r == 0)
		r = make_one(dev, "shm", true);
	return r < 0 ? r : raw(SYS_fchmodat, dev, "shm", 01777);
}

/* The devices are taken first: it may come to lie over the host's. */
static long add_dev(struct view *view, const struct view_mount *mount, int none)
{
	const struct option mode = { "mode", "0755" };
	long trees[COUNT_OF(devices)], tree = -1, r = 0;
	size_t count = 0;

	(void)none;
	for (; r == 0 && count < COUNT_OF(devices); count++) {
		trees[count] =
			take_device(devices[count].path,
				    (unsigned)makedev(devices[count].major, devices[count].minor));
		r = trees[count] < 0 ? trees[count] : 0;
	}
	if (r == 0) {
		tree = fresh("tmpfs", &mode, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
		r = attach_tmpfs(view, mount, tree);
	}
	if (r == 0)
		r = fill_dev(tree, trees);
	for (size_t i = 0; i < count; i++)
		close_fd(trees[i]);
	close_fd(tree);
	return r;
}

int mounts_add(struct view *view, size_t number)
{
	static long (*const kinds[])(struct view *, const struct view_mount *, int) = {
		[VIEW_BIND] = add_bind, [VIEW_LINK] = add_link, [VIEW_TMPFS] = add_tmpfs,
		[VIEW_PROC] = add_proc, [VIEW_DEV] = add_dev,
	};
	const struct view_mount *mount = &view->plan->mounts[number];

	return (int)kinds[mount->kind](view, mount, view->trees[number]);
}

int mounts_enter(const struct view *view)
{
	const struct view_object *root = &view->plan->root;
	struct stat st = { 0 };
	long r;

	if (!root->path)
		return 0;
	r = raw(SYS_fchdir, view->root);
	if (r == 0)
		r = raw(SYS_pivot_root, ".", ".");
	if (r == 0)
		r = raw(SYS_umount2, ".", MNT_DETACH);
	if (r == 0)
		r = raw(SYS_chdir, "/");
	if (r == 0)
		r = raw(SYS_newfstatat, AT_FDCWD, "/", &st, 0);
	if (r == 0 && (st.st_dev != root->dev || st.st_ino != root->ino))
		r = -EPERM;
	return (int)r;
}
