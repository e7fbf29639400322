/* SPDX-License-Identifier: Apache-2.0 */
/* $TMP: see tmpdir.h. */
#include "supervisor/tmpdir.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define MODE  0700
#define TRIES 16
/* Of descriptors held at a time. */
#define DEPTH_MAX 64

static const char *parent_path(void)
{
	const char *given = secure_getenv("TMPDIR");

	return given && given[0] == '/' ? given : "/tmp";
}

/* Return: 0; -errno; nothing is left then. */
static int make(int parent, const char *parent_path, struct tmpdir *ret)
{
	char leaf[32];
	struct stat st;
	int r = fstat(parent, &st) < 0 ? -errno : -EEXIST;

	for (int i = 0; i < TRIES && r == -EEXIST; i++) {
		uint64_t number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -EIO;
		snprintf(leaf, sizeof(leaf), "cordon-%016llx", (unsigned long long)number);
		r = mkdirat(parent, leaf, MODE) < 0 ? -errno : 0;
	}
	if (r < 0)
		return r;
	/* The umask may have taken away what the program needs. */
	if (fchmodat(parent, leaf, MODE, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	*ret = (struct tmpdir){ .parent_length = strlen(parent_path),
				.parent_dev = st.st_dev,
				.parent_ino = st.st_ino };
	if (r == 0 && asprintf(&ret->path, "%s/%s", parent_path, leaf) < 0) {
		ret->path = NULL;
		r = -ENOMEM;
	}
	if (r < 0)
		unlinkat(parent, leaf, AT_REMOVEDIR);
	return r;
}

int tmpdir_make(struct tmpdir *ret, struct cordon_error *err)
{
	const char *parent = parent_path();
	cleanup_fd int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	*ret = (struct tmpdir){ .path = NULL };
	if (fd < 0)
		return err_sys(err, -errno, "$TMP: open '%s'", parent);
	r = make(fd, parent, ret);
	return r < 0 ? err_sys(err, r, "$TMP: make a directory in '%s'", parent) : 0;
}

static const char *leaf_of(const struct tmpdir *tmp)
{
	return tmp->path + tmp->parent_length + 1;
}

/* Return: a descriptor, or -1: another directory has its name now. */
static int open_parent(const struct tmpdir *tmp)
{
	cleanup_free char *path = strndup(tmp->path, tmp->parent_length);
	cleanup_fd int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != tmp->parent_dev ||
	    st.st_ino != tmp->parent_ino)
		return -1;
	return steal_fd(&fd);
}

void tmpdir_give(const struct tmpdir *tmp, int64_t uid, int64_t gid)
{
	cleanup_fd int parent = uid >= 0 || gid >= 0 ? open_parent(tmp) : -1;

	/* What fails here fails again, and is reported, when the program's ids are changed. */
	if (parent >= 0)
		(void)!fchownat(parent, leaf_of(tmp), (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW);
}

/*
 * Removal. The program chose what is in there: names, modes, and how deep directories lie. A
 * directory that lies too deep is moved up to the top and waits there for the next pass, so that a
 * bounded number of descriptors is enough for any depth. Passes go on while they achieve something.
 */
struct removal {
	int top;
	dev_t dev;
	unsigned moved; /* directories moved up so far: their new names */
	bool progress;
};

static void empty(struct removal *removal, int take_fd, int depth);

/* Return: a descriptor of the directory, made readable if need be; -1. */
static int open_directory(const struct removal *removal, int dir, const char *name)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	/* RACE: the name may be a link by now. */
	if (fd < 0 && errno == EACCES && fchmodat(dir, name, MODE, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != removal->dev)
		return -1;
	if ((st.st_mode & MODE) != MODE)
		fchmod(fd, MODE);
	return steal_fd(&fd);
}

static void remove_entry(struct removal *removal, int dir, const char *name, int depth)
{
	char up[32];
	int fd;

	if (unlinkat(dir, name, 0) == 0) {
		removal->progress = true;
		return;
	}
	if (errno != EISDIR && errno != EPERM)
		return;
	fd = open_directory(removal, dir, name);
	if (fd < 0)
		return;
	if (depth < DEPTH_MAX) {
		empty(removal, fd, depth + 1);
		removal->progress |= unlinkat(dir, name, AT_REMOVEDIR) == 0;
		return;
	}
	close(fd);
	snprintf(up, sizeof(up), ".%u", removal->moved++);
	removal->progress |=
		renameat2(dir, name, removal->top, up, RENAME_NOREPLACE) == 0 || errno == EEXIST;
}

static void empty(struct removal *removal, int take_fd, int depth)
{
	DIR *dir = fdopendir(take_fd);
	struct dirent *entry;

	if (!dir) {
		close(take_fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_entry(removal, dirfd(dir), entry->d_name, depth);
	closedir(dir);
}

static void remove_tree(const struct tmpdir *tmp)
{
	const char *leaf = leaf_of(tmp);
	struct removal removal = { .progress = true };
	cleanup_fd int parent = open_parent(tmp), top = -1;
	struct stat st;

	if (parent < 0 || fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	removal.dev = st.st_dev;
	top = open_directory(&removal, parent, leaf);
	removal.top = top;
	while (top >= 0 && removal.progress && unlinkat(parent, leaf, AT_REMOVEDIR) < 0) {
		removal.progress = false;
		empty(&removal, openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	}
}

void tmpdir_remove(struct tmpdir *tmp)
{
	if (!tmp->path)
		return;
	if (!tmp->keep)
		remove_tree(tmp);
	free(tmp->path);
	tmp->path = NULL;
}
