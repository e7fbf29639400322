/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories outside of their workspace: see git_places.h.
 *
 * SECURITY: the files that are read here may come from the program of an earlier run. All that they
 * can do is make rules hold for one more place.
 */
#include "policy/git_places.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The first line of a small regular file, or NULL. */
static char *first_line(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[PATH_MAX + 16];
	struct stat st;
	ssize_t length;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	length = read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return NULL;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strdup(text);
}

/* The real path of dir/path, or NULL. */
static char *real_path(const char *dir, const char *path)
{
	cleanup_free char *joined = NULL;

	if (path[0] == '/')
		return realpath(path, NULL);
	if (asprintf(&joined, "%s/%s", dir, path) < 0)
		return NULL;
	return realpath(joined, NULL);
}

int git_places_add(struct aliases *aliases, const char *workspace)
{
	static const char mark[] = "gitdir: ";
	cleanup_free char *file = NULL, *line = NULL, *git = NULL, *pointer = NULL;
	cleanup_free char *shared_line = NULL, *shared = NULL;
	int r;

	if (asprintf(&file, "%s/.git", workspace) < 0)
		return -ENOMEM;
	line = first_line(file);
	if (!line || strncmp(line, mark, strlen(mark)) != 0)
		return 0;
	git = real_path(workspace, line + strlen(mark));
	if (!git)
		return 0;
	r = aliases_add(aliases, file, git);
	if (r < 0)
		return r;
	if (asprintf(&pointer, "%s/commondir", git) < 0)
		return -ENOMEM;
	shared_line = first_line(pointer);
	shared = shared_line ? real_path(git, shared_line) : NULL;
	return shared ? aliases_add(aliases, file, shared) : 0;
}
