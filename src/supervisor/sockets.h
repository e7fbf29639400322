/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets made on behalf of the program, for hosts that refuse pidfd_getfd.
 *
 * Without that call the socket behind a descriptor of the program cannot be fetched. So socket()
 * itself is mediated: the socket is made here, injected, and a duplicate is kept. It is found again
 * by the inode that procfs shows for the program's descriptor, never by number. A stream's is
 * dropped with its first successful connect or listen, so that closing it reaches the peer; the inodes of
 * those that were connected are remembered, to answer a second connect. Others are dropped once no process of the tree holds the socket any more, which is looked at every second, and
 * before a port is said to be in use. The table is bounded; the oldest entry goes first. What is
 * asked of a socket that is not kept any more is refused.
 */
#ifndef CORDON_SUPERVISOR_SOCKETS_H
#define CORDON_SUPERVISOR_SOCKETS_H

#include "supervisor/caller.h"

/* Makes sv->sockets; sv->loop is there. Return: 0 or -errno. */
int sockets_new(struct supervisor *sv);
void sockets_free(struct socket_table *table);
/* Keeps a duplicate of a socket that is about to be injected. Return: 0 or -errno. */
int sockets_keep(struct socket_table *table, int fd);
/* Drops the kept duplicate of the same socket: it listens now. table: may be NULL, as below. */
void sockets_drop(struct socket_table *table, int fd);
/* The same, since it has a peer. */
void sockets_connected(struct socket_table *table, int fd);
/* Its connect goes on without anybody waiting: drops the duplicate as soon as it has a peer. */
void sockets_connecting(struct socket_table *table, int fd);
/* Drops what no process of the tree holds. */
void sockets_sweep(struct socket_table *table);
/* A duplicate of the socket behind the caller's descriptor. Return: fd; -EBADF; -ENOTSOCK; -EACCES
 * if it was not kept. */
int sockets_find(struct caller *caller, int fd);
/* Whether that was because it has a peer. */
bool sockets_has_peer(struct caller *caller, int fd);

/* Calls fn for each descriptor of a socket in the tree, until it returns false. Return: 0 or -errno. */
typedef bool (*sockets_fn)(void *arg, pid_t pid, int fd, ino_t ino);
int sockets_each(struct supervisor *sv, sockets_fn fn, void *arg);

#endif
