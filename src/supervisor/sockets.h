/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets made on behalf of the program, for hosts that refuse pidfd_getfd.
 *
 * Without that call the socket behind a descriptor of the program cannot be fetched. So socket()
 * itself is mediated: the socket is made here, injected, and a duplicate is kept until its first
 * successful connect or listen. It is found again by the inode that procfs shows for the program's
 * descriptor, never by number. The table is bounded; the oldest entry goes first, and a later
 * connect on it is refused.
 */
#ifndef CORDON_SUPERVISOR_SOCKETS_H
#define CORDON_SUPERVISOR_SOCKETS_H

#include "supervisor/caller.h"

/* Return: 0 or -ENOMEM. */
int sockets_new(struct socket_table **ret);
void sockets_free(struct socket_table *table);
/* Keeps a duplicate of a socket that is about to be injected. Return: 0 or -errno. */
int sockets_keep(struct socket_table *table, int fd);
/* Drops the kept duplicate of the same socket: it has a peer or listens now. */
void sockets_drop(struct socket_table *table, int fd);
/* A duplicate of the socket behind the caller's descriptor. Return: fd; -EBADF; -ENOTSOCK; -EACCES
 * if it was not kept. */
int sockets_find(struct caller *caller, int fd);

#endif
