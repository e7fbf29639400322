/* SPDX-License-Identifier: Apache-2.0 */
/* Lexical paths: see path.h. */
#include "base/path.h"

#include <string.h>

static bool is_dots(const char *name, size_t length)
{
	return (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
}

bool path_is_plain(const char *path, size_t length)
{
	size_t start = length > 0 && path[0] == '/' ? 1 : 0;

	if (length == 0)
		return false;
	if (length == 1 && start == 1)
		return true;
	for (size_t i = start; i <= length; i++) {
		if (i < length && path[i] != '/')
			continue;
		if (i == start || is_dots(path + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

const char *path_next(const char **at, size_t *ret_length)
{
	const char *start = *at + strspn(*at, "/");
	size_t length = strcspn(start, "/");

	*at = start + length;
	*ret_length = length;
	return length > 0 ? start : NULL;
}

size_t path_squeeze(char *path)
{
	const char *at = path, *name;
	char *out = path;
	bool absolute = path[0] == '/';
	size_t length;

	while ((name = path_next(&at, &length))) {
		if (length == 1 && name[0] == '.')
			continue;
		if (out != path || absolute)
			*out++ = '/';
		memmove(out, name, length);
		out += length;
	}
	if (out == path)
		*out++ = absolute ? '/' : '.';
	*out = '\0';
	return (size_t)(out - path);
}

bool path_is_under(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	if (length == 1)
		return true;
	return strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0');
}
