/* SPDX-License-Identifier: Apache-2.0 */
/* The symbolic links that a path crosses: see links.h. */
#include "policy/links.h"

#include "base/path.h"
#include "sys/rooted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 40

struct way {
	int root;
	char at[PATH_MAX];   /* canonical so far; empty at the root */
	char todo[PATH_MAX]; /* still to be walked */
	int links;
};

static void up(char *at)
{
	char *slash = strrchr(at, '/');

	if (slash)
		*slash = '\0';
}

/* Puts the target of the link in front of what is left. */
static int expand(struct way *way, const char *link, const char *rest)
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = rooted_readlink(way->root, link, target, sizeof(target) - 1);

	if (n < 0)
		return (int)n;
	target[n] = '\0';
	snprintf(joined, sizeof(joined), "%s%s", target, rest);
	if (strlen(joined) >= sizeof(way->todo))
		return -ENAMETOOLONG;
	if (target[0] == '/')
		way->at[0] = '\0';
	strcpy(way->todo, joined);
	return 0;
}

/* One component. Return: 1 to go on, 0 at the end, -errno. */
static int step(struct way *way, links_fn fn, void *arg)
{
	char place[PATH_MAX + NAME_MAX + 2], spelling[2 * PATH_MAX + NAME_MAX + 2], rest[PATH_MAX];
	const char *next = way->todo, *name;
	size_t length;
	struct stat st;
	int r;

	name = path_next(&next, &length);
	if (!name)
		return 0;
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(rest, next);
	if (length == 2 && name[0] == '.' && name[1] == '.')
		up(way->at);
	if (name[0] != '.' || length > 2 || (length == 2 && name[1] != '.')) {
		snprintf(place, sizeof(place), "%s/%.*s", way->at, (int)length, name);
		if (strlen(place) >= sizeof(way->at) ||
		    rooted_stat(way->root, place, false, &st) < 0)
			return 0;
		if (S_ISLNK(st.st_mode)) {
			snprintf(spelling, sizeof(spelling), "%s%s", place, rest);
			r = ++way->links > LINKS_MAX ? -ELOOP : fn(spelling, arg);
			if (r == 0)
				r = expand(way, place, rest);
			return r < 0 ? r : 1;
		}
		strcpy(way->at, place);
	}
	strcpy(way->todo, rest);
	return 1;
}

int links_each(int root, const char *path, links_fn fn, void *arg)
{
	struct way way = { .root = root };
	int r;

	if (strlen(path) >= sizeof(way.todo))
		return -ENAMETOOLONG;
	strcpy(way.todo, path);
	do {
		r = step(&way, fn, arg);
	} while (r > 0);
	/* A loop of links leads nowhere, so nothing is left to guard. */
	return r == -ELOOP ? 0 : r;
}
