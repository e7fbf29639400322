/* SPDX-License-Identifier: Apache-2.0 */
/* Paths below a root that is not ours: see rooted.h. */
#include "sys/rooted.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* A rename elsewhere disturbs lookups that must not leave their root. */
#define TRIES 32

int rooted_open(int root, const char *path, int flags, unsigned resolve)
{
	const uint64_t inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.resolve = root < 0 ? resolve : resolve | inside };
	long fd = -1;

	if (root < 0 && resolve == 0) {
		fd = open(path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : (int)fd;
	}
	for (int i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, root < 0 ? AT_FDCWD : root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int rooted_stat(int root, const char *path, bool follow, struct stat *ret)
{
	cleanup_fd int fd = -1;

	if (root < 0)
		return (follow ? stat(path, ret) : lstat(path, ret)) < 0 ? -errno : 0;
	fd = rooted_open(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

ssize_t rooted_readlink(int root, const char *path, char *buffer, size_t size)
{
	cleanup_fd int fd = -1;
	ssize_t n;

	if (root < 0) {
		n = readlink(path, buffer, size);
		return n < 0 ? -errno : n;
	}
	fd = rooted_open(root, path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", buffer, size);
	/* KERNEL: for what is no link this says ENOENT. */
	return n < 0 ? (errno == ENOENT ? -EINVAL : -errno) : n;
}

static int name_of(int fd, char path[PATH_MAX])
{
	char link[sizeof("/proc/self/fd/2147483647")];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX);
	if (length < 0)
		return -errno;
	if (length == PATH_MAX)
		return -ENAMETOOLONG;
	path[length] = '\0';
	return 0;
}

int rooted_path(int root, int fd, char **ret)
{
	char path[PATH_MAX], top[PATH_MAX] = "/";
	const char *below = path;
	int r = name_of(fd, path);

	if (r == 0 && root >= 0)
		r = name_of(root, top);
	if (r < 0)
		return r;
	/* In a mount namespace of its own the kernel names it from there: the root is `/`. */
	if (strcmp(top, "/") != 0) {
		if (!path_is_under(path, top))
			return -ENOENT;
		below = path + strlen(top);
	}
	*ret = strdup(*below ? below : "/");
	return *ret ? 0 : -ENOMEM;
}

int rooted_real(int root, const char *path, char **ret)
{
	cleanup_fd int fd = rooted_open(root, path, O_PATH, 0);

	return fd < 0 ? fd : rooted_path(root, fd, ret);
}
