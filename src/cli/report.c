/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --report FILE.
 *
 * SECURITY: the program may be able to change the directory's path meanwhile, and would like us to
 * write elsewhere for it. So the directory is held from before the start, and the new file is made
 * in it under a name that must not exist and takes the place of whatever bears the final name.
 */
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int report_open(struct report_file *file, const char *path)
{
	char directory[PATH_MAX];
	const char *slash;
	size_t length;

	*file = (struct report_file){ .directory = -1 };
	if (!path)
		return 0;
	slash = strrchr(path, '/');
	file->name = slash ? slash + 1 : path;
	if (!*file->name || strcmp(file->name, ".") == 0 || strcmp(file->name, "..") == 0)
		return -EISDIR;
	length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
	if (length >= sizeof(directory) || strlen(file->name) > NAME_MAX - 32)
		return -ENAMETOOLONG;
	memcpy(directory, path, length);
	directory[length] = '\0';
	file->directory = open(length ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->directory < 0 ? -errno : 0;
}

static int fill(int fd, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

int report_write(const struct report_file *file, const char *text)
{
	char name[NAME_MAX + 1];
	int fd, r;

	if (file->directory < 0)
		return 0;
	snprintf(name, sizeof(name), ".%s.%d", file->name, (int)getpid());
	fd = openat(file->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return -errno;
	r = fill(fd, text);
	close(fd);
	if (r == 0 && renameat(file->directory, name, file->directory, file->name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(file->directory, name, 0);
	return r;
}

void report_done(struct report_file *file)
{
	if (file->directory >= 0)
		close(file->directory);
	file->directory = -1;
}
