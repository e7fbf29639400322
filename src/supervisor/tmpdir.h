/* SPDX-License-Identifier: Apache-2.0 */
/* $TMP: a private, empty directory for one run. */
#ifndef CORDON_SUPERVISOR_TMPDIR_H
#define CORDON_SUPERVISOR_TMPDIR_H

#include <cordon/error.h>

struct tmpdir {
	char *path; /* NULL: none */
	int parent; /* held: the name is removed from here */
	char leaf[32];
};

/* Makes a directory of mode 0700 with a name nobody can guess. Return: 0 or -errno. */
int tmpdir_make(struct tmpdir *ret, struct cordon_error *err);
/* Removes it with everything in it, without following a link or leaving its device. */
void tmpdir_remove(struct tmpdir *tmp);

#endif
