/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as text. Nothing here looks at a file system. */
#ifndef CORDON_BASE_PATH_H
#define CORDON_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether an absolute or relative path is already in its shortest form: no empty, `.` or `..`
 * component and no slash at the end (`/` itself is in its shortest form).
 */
bool path_is_plain(const char *path, size_t length);

/*
 * Removes repeated and trailing slashes and `.` components, in place. `..` stays: only a walk of
 * the file system can tell what it means. Return: the new length.
 */
size_t path_squeeze(char *path);

/* Whether path equals dir or lies beneath it; both plain and absolute. */
bool path_is_under(const char *path, const char *dir);

/*
 * The next component. *at moves behind it. Return: its start, or NULL at the end; *ret_length is
 * its length. Slashes in front are skipped.
 */
const char *path_next(const char **at, size_t *ret_length);

#endif
