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

int tmpdir_make(struct tmpdir *ret, struct cordon_error *err)
{
	const char *parent = parent_path();
	int r = -EEXIST;

	*ret = (struct tmpdir){ .parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (ret->parent < 0)
		return err_sys(err, -errno, "$TMP: open '%s'", parent);
	for (int i = 0; i < TRIES && r == -EEXIST; i++) {
		uint64_t number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
			r = -EIO;
			break;
		}
		snprintf(ret->leaf, sizeof(ret->leaf), "cordon-%016llx",
			 (unsigned long long)number);
		r = mkdirat(ret->parent, ret->leaf, MODE) < 0 ? -errno : 0;
	}
	/* The umask may have taken away what the program needs. */
	if (r == 0 && fchmodat(ret->parent, ret->leaf, MODE, 0) < 0)
		r = -errno;
	if (r == 0 && asprintf(&ret->path, "%s/%s", parent, ret->leaf) < 0) {
		ret->path = NULL;
		r = -ENOMEM;
	}
	if (r < 0) {
		close(ret->parent);
		ret->parent = -1;
		return err_sys(err, r, "$TMP: make a directory in '%s'", parent);
	}
	return 0;
}

void tmpdir_give(const struct tmpdir *tmp, int64_t uid, int64_t gid)
{
	/* What fails here fails again, and is reported, when the program's ids are changed. */
	if (uid >= 0 || gid >= 0)
		(void)!fchownat(tmp->parent, tmp->leaf, (uid_t)uid, (gid_t)gid,
				AT_SYMLINK_NOFOLLOW);
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

	if (fd < 0 && errno == EACCES && fchmodat(dir, name, MODE, 0) == 0)
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
	struct removal removal = { .progress = true };
	cleanup_fd int top = -1;
	struct stat st;

	if (fstatat(tmp->parent, tmp->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	removal.dev = st.st_dev;
	top = open_directory(&removal, tmp->parent, tmp->leaf);
	removal.top = top;
	while (top >= 0 && removal.progress && unlinkat(tmp->parent, tmp->leaf, AT_REMOVEDIR) < 0) {
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
	close(tmp->parent);
	free(tmp->path);
	tmp->path = NULL;
	tmp->parent = -1;
}
