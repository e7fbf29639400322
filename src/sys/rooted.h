/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths below a root that is not ours: absolute links and `..` stay in it. root: a held directory, or
 * -1 for our own root; paths are absolute. KERNEL(5.6): openat2, needed for a root only.
 */
#ifndef CORDON_SYS_ROOTED_H
#define CORDON_SYS_ROOTED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* flags: of open(); always close-on-exec. resolve: RESOLVE_* in addition. Return: fd or -errno. */
int rooted_open(int root, const char *path, int flags, unsigned resolve);
/* Return: 0 or -errno. */
int rooted_stat(int root, const char *path, bool follow, struct stat *ret);
/* Return: length or -errno. */
ssize_t rooted_readlink(int root, const char *path, char *buffer, size_t size);
/* The path of a held object as it is below the root, from malloc. Return: 0; -ENOMEM; -errno. */
int rooted_path(int root, int fd, char **ret);
/* The same for what a path leads to, links followed. */
int rooted_real(int root, const char *path, char **ret);

#endif
