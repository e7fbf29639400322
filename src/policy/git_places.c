/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories outside of their workspace: see git_places.h.
 *
 * SECURITY: the files that are read here may come from the program of an earlier run. All that they
 * can do is make rules hold for one more place.
 */
#include "policy/git_places.h"

#include "base/cleanup.h"
#include "sys/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The first line of a small regular file, or NULL. */
static char *first_line(int root, const char *path)
{
	cleanup_fd int fd = rooted_open(root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
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
static char *real_path(int root, const char *dir, const char *path)
{
	cleanup_free char *joined = NULL;
	char *real = NULL;

	if (asprintf(&joined, "%s/%s", path[0] == '/' ? "" : dir, path) < 0)
		return NULL;
	return rooted_real(root, joined, &real) < 0 ? NULL : real;
}

int git_places_add(struct aliases *aliases, int root, const char *workspace)
{
	static const char mark[] = "gitdir: ";
	cleanup_free char *file = NULL, *line = NULL, *git = NULL, *pointer = NULL;
	cleanup_free char *shared_line = NULL, *shared = NULL;
	int r;

	if (asprintf(&file, "%s/.git", workspace) < 0)
		return -ENOMEM;
	line = first_line(root, file);
	if (!line || strncmp(line, mark, strlen(mark)) != 0)
		return 0;
	git = real_path(root, workspace, line + strlen(mark));
	if (!git)
		return 0;
	r = aliases_add(aliases, file, git);
	if (r < 0)
		return r;
	if (asprintf(&pointer, "%s/commondir", git) < 0)
		return -ENOMEM;
	shared_line = first_line(root, pointer);
	shared = shared_line ? real_path(root, git, shared_line) : NULL;
	return shared ? aliases_add(aliases, file, shared) : 0;
}
