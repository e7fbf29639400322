/* SPDX-License-Identifier: Apache-2.0 */
/* $TMP: a private, empty directory for one run. */
#ifndef CORDON_SUPERVISOR_TMPDIR_H
#define CORDON_SUPERVISOR_TMPDIR_H

#include <cordon/error.h>
#include <stdint.h>

#include <stdbool.h>

struct tmpdir {
	char *path; /* NULL: none */
	int parent; /* held: the name is removed from here */
	char leaf[32];
	bool keep; /* filesystem.keep_tmp */
};

/* Makes a directory of mode 0700 with a name nobody can guess. Return: 0 or -errno. */
int tmpdir_make(struct tmpdir *ret, struct cordon_error *err);
/* Gives it to another user or group; -1: unchanged. One who may not do that keeps it. */
void tmpdir_give(const struct tmpdir *tmp, int64_t uid, int64_t gid);
/* Removes it with everything in it, however deep, without following a link or leaving its device;
 * unless it is kept. */
void tmpdir_remove(struct tmpdir *tmp);

#endif
