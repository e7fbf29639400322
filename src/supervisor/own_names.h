/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Abstract names that the tree has bound itself, where the kernel does not keep those of the outside away.
 *
 * A name is free again when its socket is closed, and somebody outside may take it. So before it is
 * used the socket is looked for in the tree and held: as long as it is, the name is its own.
 */
#ifndef CORDON_SUPERVISOR_OWN_NAMES_H
#define CORDON_SUPERVISOR_OWN_NAMES_H

#include "supervisor/caller.h"

/* Remembers the name of a socket that was bound; the oldest is forgotten when there are too many. */
void own_names_add(struct supervisor *sv, int socket);
/*
 * name: without the NUL in front. Return: a descriptor of the tree's socket that has the name; -ENOENT if
 * there is none, or if sockets of others cannot be taken here (pidfd_getfd).
 */
int own_names_hold(struct supervisor *sv, const char *name, size_t length);

#endif
