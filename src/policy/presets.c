/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where presets come from: see presets.h.
 *
 * SECURITY: a preset name is never looked up in the current directory, and a user's preset never
 * takes the place of a shipped one (T-440). The shipped ones are compiled in: library and presets
 * always fit together, and no file has to be trusted. Their copies in the data directory are for
 * reading.
 */
#include "policy/presets.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/read.h"
#include "policy/vars.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".yaml"

bool preset_is_name(const char *text)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t length = strlen(text);

	if (strchr(text, '/') || length == 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (length >= n && strcmp(text + length - n, suffixes[i]) == 0)
			return false;
	}
	return true;
}

static bool is_well_formed(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

int preset_read_file(const char *path, bool trusted, char **ret_text, size_t *ret_length)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *text = NULL;
	size_t length = 0, capacity = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (trusted && (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	while (length <= READ_MAX_BYTES) {
		ssize_t n;

		if (length == capacity) {
			char *more;

			capacity = capacity ? capacity * 2 : 4096;
			more = realloc(text, capacity + 1);
			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + length, capacity - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	*ret_text = steal_ptr(&text);
	*ret_length = length;
	return 0;
}

static const struct preset_text *shipped(const char *name)
{
	for (const struct preset_text *at = preset_texts; at->name; at++)
		if (strcmp(at->name, name) == 0)
			return at;
	return NULL;
}

/* The directories for files: those of the context, else the user's. From malloc, may be empty. */
static char *directories(const struct policy_context *context)
{
	const char *config = vars_environment("XDG_CONFIG_HOME");
	char *dirs = NULL;

	if (context->preset_dirs)
		return strdup(context->preset_dirs);
	if (config && config[0] == '/') {
		if (asprintf(&dirs, "%s/cordon/presets", config) < 0)
			return NULL;
	} else if (context->home) {
		if (asprintf(&dirs, "%s/.config/cordon/presets", context->home) < 0)
			return NULL;
	} else {
		dirs = strdup("");
	}
	return dirs;
}

static int read_from(const char *dirs, const char *name, char **ret_text, size_t *ret_length,
		     char **ret_path)
{
	cleanup_free char *copy = strdup(dirs);
	char *rest = copy, *dir;

	if (!copy)
		return -ENOMEM;
	while ((dir = strsep(&rest, ":"))) {
		cleanup_free char *path = NULL;
		int r;

		if (dir[0] != '/')
			continue;
		if (asprintf(&path, "%s/%s" SUFFIX, dir, name) < 0)
			return -ENOMEM;
		r = preset_read_file(path, true, ret_text, ret_length);
		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		*ret_path = steal_ptr(&path);
		return r;
	}
	return -ENOENT;
}

int preset_read(const struct policy_context *context, const char *name, char **ret_text,
		size_t *ret_length, char **ret_path)
{
	const struct preset_text *found = context->preset_dirs ? NULL : shipped(name);
	cleanup_free char *dirs = NULL;

	*ret_path = NULL;
	if (!is_well_formed(name))
		return -ENOENT;
	if (found) {
		*ret_text = strdup(found->text);
		*ret_length = strlen(found->text);
		return *ret_text ? 0 : -ENOMEM;
	}
	dirs = directories(context);
	return dirs ? read_from(dirs, name, ret_text, ret_length, ret_path) : -ENOMEM;
}

static const char *candidate(size_t index, const void *unused)
{
	(void)unused;
	return preset_texts[index].name;
}

const char *preset_nearest(const char *name)
{
	return str_nearest(name, candidate, NULL);
}

/* The first comment line that is not the licence. */
static char *summary_of(const char *text)
{
	while (text[0] == '#') {
		size_t length = strcspn(text, "\n");

		if (!memmem(text, length, "SPDX-", 5))
			return strndup(text + 1 + (text[1] == ' '),
				       length - 1 - (size_t)(text[1] == ' '));
		text += length + (text[length] == '\n');
	}
	return strdup("");
}

struct found {
	char *name, *path;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

static int add_found(struct found **list, size_t *count, const char *name, size_t length,
		     const char *dir)
{
	struct found found = { .name = strndup(name, length) };

	for (size_t i = 0; found.name && i < *count; i++) {
		if (strcmp((*list)[i].name, found.name) != 0)
			continue;
		free(found.name);
		return 0;
	}
	if (!found.name || asprintf(&found.path, "%s/%.*s" SUFFIX, dir, (int)length, name) < 0) {
		free(found.name);
		return -ENOMEM;
	}
	if (vec_grow(list, *count) < 0) {
		free(found.name);
		free(found.path);
		return -ENOMEM;
	}
	(*list)[(*count)++] = found;
	return 0;
}

static int list_directory(const char *dir, struct found **list, size_t *count)
{
	DIR *stream = dir[0] == '/' ? opendir(dir) : NULL;
	struct dirent *entry;
	int r = 0;

	while (stream && r == 0 && (entry = readdir(stream))) {
		size_t length = strlen(entry->d_name);
		cleanup_free char *name = NULL;

		if (length <= strlen(SUFFIX) ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		name = strndup(entry->d_name, length - strlen(SUFFIX));
		if (name && is_well_formed(name))
			r = add_found(list, count, name, strlen(name), dir);
	}
	if (stream)
		closedir(stream);
	return r;
}

static int list_all(const struct policy_context *context, struct found **list, size_t *count)
{
	cleanup_free char *dirs = directories(context);
	char *rest = dirs, *dir;
	int r = dirs ? 0 : -ENOMEM;

	if (!context->preset_dirs)
		for (const struct preset_text *at = preset_texts; r == 0 && at->name; at++)
			r = add_found(list, count, at->name, strlen(at->name), PRESET_DIR);
	while (r == 0 && (dir = strsep(&rest, ":")))
		r = list_directory(dir, list, count);
	if (*count > 0)
		qsort(*list, *count, sizeof(**list), by_name);
	return r;
}

int policy_preset(const struct policy_context *context, size_t index, char **ret_name,
		  char **ret_path, char **ret_summary)
{
	struct policy_context filled = context ? *context : (struct policy_context){ 0 };
	cleanup_free char *text = NULL, *path = NULL;
	struct found *list = NULL;
	size_t count = 0, length;
	int r;

	if (!filled.home)
		filled.home = vars_environment("HOME");
	r = list_all(&filled, &list, &count);
	if (r == 0 && index >= count)
		r = -ENOENT;
	if (r == 0) {
		/* One that cannot be read is listed all the same, without a summary. */
		if (preset_read(&filled, list[index].name, &text, &length, &path) < 0)
			text = strdup("");
		*ret_summary = text ? summary_of(text) : NULL;
		*ret_name = steal_ptr(&list[index].name);
		*ret_path = steal_ptr(&list[index].path);
	}
	for (size_t i = 0; i < count; i++) {
		free(list[i].name);
		free(list[i].path);
	}
	free(list);
	return r;
}
