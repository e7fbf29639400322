/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --report FILE.
 *
 * SECURITY: the program may be able to change the directory's path meanwhile, and would like us to
 * write elsewhere for it. So the directory is held from before the start, and the new file is made
 * in it under a name that must not exist and takes the place of whatever bears the final name then.
 * What is no regular file at the start, /dev/stderr say, is opened at the start and written to.
 */
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int hold_directory(struct report_file *file, const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	/* Room for the number in the name of the new file. */
	if (length >= sizeof(directory) || strlen(name) > NAME_MAX - 32)
		return -ENAMETOOLONG;
	memcpy(directory, path, length);
	directory[length] = '\0';
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->directory = open(length ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->directory < 0 ? -errno : 0;
}

/* A symbolic link, or something that is no regular file. */
static int open_special(struct report_file *file, const char *path)
{
	char *resolved;
	struct stat st;
	int r;

	file->stream = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (file->stream < 0)
		return -errno;
	if (fstat(file->stream, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	resolved = realpath(path, NULL);
	if (!resolved)
		return -errno;
	close(file->stream);
	file->stream = -1;
	r = hold_directory(file, resolved);
	free(resolved);
	return r;
}

int report_open(struct report_file *file, const char *path)
{
	struct stat st;

	*file = (struct report_file)REPORT_NONE;
	if (!path)
		return 0;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return open_special(file, path);
	return hold_directory(file, path);
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int fill(int fd, const char *text)
{
	int r = write_all(fd, text, strlen(text));

	return r < 0 ? r : write_all(fd, "\n", 1);
}

static int replace(const struct report_file *file, const char *text)
{
	char name[sizeof(file->name) + 32];
	int fd, r;

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

int report_write(const struct report_file *file, const char *text)
{
	if (file->stream >= 0)
		return fill(file->stream, text);
	return file->directory >= 0 ? replace(file, text) : 0;
}

void report_done(struct report_file *file)
{
	if (file->directory >= 0)
		close(file->directory);
	if (file->stream >= 0)
		close(file->stream);
	*file = (struct report_file)REPORT_NONE;
}
