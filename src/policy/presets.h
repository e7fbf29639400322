/* SPDX-License-Identifier: Apache-2.0 */
/* Presets: the shipped ones, which are part of the library, and those of the user. */
#ifndef CORDON_POLICY_PRESETS_H
#define CORDON_POLICY_PRESETS_H

#include "policy/load.h"

#include <stdbool.h>

struct preset_text {
	const char *name, *text;
};

/* Made from policies/ by tools/embed-presets; sorted, ends with a NULL name. */
extern const struct preset_text preset_texts[];

/* Whether -p and `extends` mean a preset by this: no slash, no suffix of a policy file. */
bool preset_is_name(const char *text);

/*
 * Finds a preset. Return: 0 with the text from malloc; -ENOENT; -EPERM for a file that others may
 * write, with *ret_path set; -errno.
 */
int preset_read(const struct policy_context *context, const char *name, char **ret_text,
		size_t *ret_length, char **ret_path);
/* The nearest known name, or NULL. */
const char *preset_nearest(const char *name);

/* Reads a whole file, at most READ_MAX_BYTES + 1 bytes. trusted: others must not be able to write
 * it. Return: 0 or -errno. */
int preset_read_file(const char *path, bool trusted, char **ret_text, size_t *ret_length);

#endif
