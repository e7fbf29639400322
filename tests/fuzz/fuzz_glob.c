/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern, a newline, a path: the ways to ask must agree. */
#include "policy/glob.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct glob *glob, const char *path, size_t length)
{
	bool match = glob_match(glob, path, length);
	bool beneath = glob_match_beneath(glob, path, length);
	struct glob_states states = glob_run(glob, path, length);
	struct glob_pairs pairs;

	glob_pairs(path, length, &pairs);
	if (match && (!beneath || !glob_alive(&states)))
		abort();
	if (beneath && !glob_may_match(glob, &pairs, path, length))
		abort();
	glob_is_special(glob, path, length);
	states = glob_run_directory(glob, path, length);
	if (!glob_same(&states, &states))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *newline = size ? memchr(data, '\n', size) : NULL;
	size_t length = newline ? (size_t)(newline - (const char *)data) : size;
	struct glob *glob;
	char *pattern;

	if (!newline)
		return 0;
	pattern = strndup((const char *)data, length);
	if (!pattern)
		return 0;
	if (glob_new(pattern, &glob) == 0) {
		check(glob, newline + 1, size - length - 1);
		glob_free(glob);
	}
	free(pattern);
	return 0;
}
