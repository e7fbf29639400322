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
/* The program chooses how deep its directories lie. */
#define DEPTH_MAX 512

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

static void empty(int take_fd, dev_t dev, int depth);

static void remove_entry(int dir, const char *name, dev_t dev, int depth)
{
	struct stat st;
	int fd;

	if (unlinkat(dir, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(dir, name, MODE, 0) == 0)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || st.st_dev != dev || depth >= DEPTH_MAX) {
		close(fd);
		return;
	}
	if (!(st.st_mode & S_IWUSR))
		fchmod(fd, MODE);
	empty(fd, dev, depth + 1);
	unlinkat(dir, name, AT_REMOVEDIR);
}

static void empty(int take_fd, dev_t dev, int depth)
{
	DIR *dir = fdopendir(take_fd);
	struct dirent *entry;

	if (!dir) {
		close(take_fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_entry(dirfd(dir), entry->d_name, dev, depth);
	closedir(dir);
}

void tmpdir_remove(struct tmpdir *tmp)
{
	struct stat st;

	if (!tmp->path)
		return;
	if (fstatat(tmp->parent, tmp->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		remove_entry(tmp->parent, tmp->leaf, st.st_dev, 0);
	close(tmp->parent);
	free(tmp->path);
	tmp->path = NULL;
	tmp->parent = -1;
}
