/* SPDX-License-Identifier: Apache-2.0 */
/* Other paths under which the same thing can be found: bind mounts, and places told by hand. */
#ifndef CORDON_POLICY_ALIASES_H
#define CORDON_POLICY_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

struct aliases;

/* Reads the mounts from a file of procfs. Return: 0; -ENOMEM; -errno if they cannot be read. */
int aliases_read(const char *mountinfo, struct aliases **ret);
/* The same from text in the form of /proc/self/mountinfo. */
int aliases_parse(const char *text, struct aliases **ret);
void aliases_free(struct aliases *aliases);

/* What lies below `from` is also looked for below `to`. Both are copied. Return: 0 or -ENOMEM. */
int aliases_add(struct aliases *aliases, const char *from, const char *to);

/*
 * Alias number `index` of a canonical path. *ret_deeper is set where the mount shows only a
 * directory below the path; all of it belongs to the path then.
 * Return: 1 with *ret from malloc; 0 past the last; -ENOMEM.
 */
int aliases_get(const struct aliases *aliases, const char *path, size_t index, char **ret,
		bool *ret_deeper);

#endif
