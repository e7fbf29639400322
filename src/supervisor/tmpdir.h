/* SPDX-License-Identifier: Apache-2.0 */
/* $TMP: a private, empty directory for one run. */
#ifndef CORDON_SUPERVISOR_TMPDIR_H
#define CORDON_SUPERVISOR_TMPDIR_H

#include <cordon/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* No descriptor is held for it: a host may have very many runs. */
struct tmpdir {
	char *path;	      /* NULL: none */
	size_t parent_length; /* of path */
	dev_t parent_dev;     /* the name is removed from this directory and no other */
	ino_t parent_ino;
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
