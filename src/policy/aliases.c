/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bind mounts as other names of guarded places: see aliases.h.
 *
 * A path is first turned into its place in the file system (device and path from the file system's
 * own root), then that place is looked for behind every other mount of the same device.
 */
#include "policy/aliases.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "base/vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mount {
	char device[24]; /* major:minor */
	char *root, *point;
};

struct pair {
	char *from, *to;
};

struct aliases {
	struct mount *mounts;
	size_t count;
	struct pair *pairs;
	size_t pair_count;
};

/* Reads \040 and the like back, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
		    at[3] >= '0' && at[3] <= '7') {
			*out++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + at[3] - '0');
			at += 3;
		} else {
			*out++ = *at;
		}
	}
	*out = '\0';
}

/* One line: `36 35 98:0 /root /mount/point ...`. Lines of another form are skipped. */
static int add_line(struct aliases *aliases, char *line)
{
	char *field[5], *rest = line;
	struct mount mount;

	for (size_t i = 0; i < COUNT_OF(field); i++)
		if (!(field[i] = strsep(&rest, " ")))
			return 0;
	if (vec_grow(&aliases->mounts, aliases->count) < 0)
		return -ENOMEM;
	snprintf(mount.device, sizeof(mount.device), "%s", field[2]);
	mount.root = strdup(field[3]);
	mount.point = strdup(field[4]);
	if (!mount.root || !mount.point) {
		free(mount.root);
		free(mount.point);
		return -ENOMEM;
	}
	unescape(mount.root);
	unescape(mount.point);
	aliases->mounts[aliases->count++] = mount;
	return 0;
}

int aliases_parse(const char *text, struct aliases **ret)
{
	struct aliases *aliases = calloc(1, sizeof(*aliases));
	cleanup_free char *copy = strdup(text);
	char *rest = copy, *line;

	if (!aliases || !copy) {
		free(aliases);
		return -ENOMEM;
	}
	while ((line = strsep(&rest, "\n"))) {
		if (add_line(aliases, line) == 0)
			continue;
		aliases_free(aliases);
		return -ENOMEM;
	}
	*ret = aliases;
	return 0;
}

int aliases_read(const char *mountinfo, struct aliases **ret)
{
	cleanup_free char *text = NULL;
	size_t capacity = 0;
	FILE *stream = fopen(mountinfo, "re");
	ssize_t length;
	int r;

	if (!stream)
		return -errno;
	length = getdelim(&text, &capacity, '\0', stream);
	r = length < 0 && ferror(stream) ? -EIO : 0;
	fclose(stream);
	return r < 0 ? r : aliases_parse(length > 0 ? text : "", ret);
}

void aliases_free(struct aliases *aliases)
{
	if (!aliases)
		return;
	for (size_t i = 0; i < aliases->count; i++) {
		free(aliases->mounts[i].root);
		free(aliases->mounts[i].point);
	}
	free(aliases->mounts);
	for (size_t i = 0; i < aliases->pair_count; i++) {
		free(aliases->pairs[i].from);
		free(aliases->pairs[i].to);
	}
	free(aliases->pairs);
	free(aliases);
}

int aliases_add(struct aliases *aliases, const char *from, const char *to)
{
	struct pair pair;

	if (vec_grow(&aliases->pairs, aliases->pair_count) < 0)
		return -ENOMEM;
	pair.from = strdup(from);
	pair.to = strdup(to);
	if (!pair.from || !pair.to) {
		free(pair.from);
		free(pair.to);
		return -ENOMEM;
	}
	aliases->pairs[aliases->pair_count++] = pair;
	return 0;
}

/* What is left of path behind dir: empty, or begins with a slash. */
static const char *behind(const char *path, const char *dir)
{
	return strcmp(dir, "/") == 0 ? (path[1] ? path : "") : path + strlen(dir);
}

/* dir + rest; rest is empty or begins with a slash. Return: 1 or -ENOMEM. */
static int put_together(const char *dir, const char *rest, char **ret)
{
	const char *front = strcmp(dir, "/") == 0 && *rest ? "" : dir;

	return asprintf(ret, "%s%s", front, rest) < 0 ? -ENOMEM : 1;
}

/* Return: the mount that a path lies on: the last one with the longest mount point. */
static const struct mount *mount_of(const struct aliases *aliases, const char *path)
{
	const struct mount *found = NULL;

	for (size_t i = 0; i < aliases->count; i++) {
		const struct mount *mount = &aliases->mounts[i];

		if (path_is_under(path, mount->point) &&
		    (!found || strlen(mount->point) >= strlen(found->point)))
			found = mount;
	}
	return found;
}

/* The aliases by mounts; *index counts down. Return: as aliases_get(). */
static int get_by_mount(const struct aliases *aliases, const char *path, size_t *index, char **ret,
			bool *ret_deeper)
{
	const struct mount *own = mount_of(aliases, path);
	cleanup_free char *place = NULL;

	if (!own)
		return 0;
	if (put_together(own->root, behind(path, own->point), &place) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < aliases->count; i++) {
		const struct mount *mount = &aliases->mounts[i];
		bool deeper = !path_is_under(place, mount->root);

		if (mount == own || strcmp(mount->device, own->device) != 0)
			continue;
		if (deeper && !path_is_under(mount->root, place))
			continue;
		if ((*index)-- > 0)
			continue;
		*ret_deeper = deeper;
		return put_together(mount->point, deeper ? "" : behind(place, mount->root), ret);
	}
	return 0;
}

int aliases_get(const struct aliases *aliases, const char *path, size_t index, char **ret,
		bool *ret_deeper)
{
	for (size_t i = 0; i < aliases->pair_count; i++) {
		const struct pair *pair = &aliases->pairs[i];

		if (!path_is_under(path, pair->from) || index-- > 0)
			continue;
		*ret_deeper = false;
		return put_together(pair->to, behind(path, pair->from), ret);
	}
	return get_by_mount(aliases, path, &index, ret, ret_deeper);
}
