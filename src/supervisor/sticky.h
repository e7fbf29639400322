/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel refuses in directories that belong to everybody: fs.protected_symlinks, _regular, _fifos.
 *
 * The kernel checks these where it follows a link itself, and where it is asked to create what exists. For a
 * mediated call neither happens: links are followed by the walk, and what exists is opened as it is held.
 */
#ifndef CORDON_SUPERVISOR_STICKY_H
#define CORDON_SUPERVISOR_STICKY_H

#include "supervisor/supervisor.h"

#include <sys/stat.h>

/* Reads how far this host goes. What cannot be read is taken as switched on. */
void sticky_read(struct supervisor *sv);
/* Whether this thread may follow a link at the end of a path. directory: holds it. Return: 0 or -errno. */
int sticky_follow(const struct supervisor *sv, int directory, const struct stat *link);
/* Whether open() with O_CREAT may open what is already there. Return: 0 or -errno. */
int sticky_open(const struct supervisor *sv, int directory, const struct stat *object);

#endif
