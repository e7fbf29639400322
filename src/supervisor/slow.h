/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File systems whose calls may never end, because somebody else has to answer: FUSE, network file systems, automounts (I9).
 *
 * Theory of operation. Everything but a short list of local types is taken for one. Which mounts are such is read
 * once, and again when the kernel says that mounts have changed. On a host with none nothing is ever asked.
 *
 * Where there are some, requests about files are *careful*: what was reached is looked at, by the number of its
 * mount alone, before anything is asked of the file system itself. The short walk takes what the kernel has at
 * hand (RESOLVE_CACHED); the long one looks at each component, and a name in a local directory is looked up locally,
 * whatever is mounted there. At the first thing that lies on a slow mount the walk gives up with SLOW, and the
 * whole request is served by a process of its own: aside.h.
 */
#ifndef CORDON_SUPERVISOR_SLOW_H
#define CORDON_SUPERVISOR_SLOW_H

#include "supervisor/caller.h"

/* In place of an errno, up to the dispatcher. No errno is as high, so that a leak would be EACCES. */
#define SLOW 5000

/* Reads the mounts, and watches them from now on. sv->loop and sv->proc_fd exist. Return: 0 or -errno. */
int slow_new(struct supervisor *sv);
void slow_free(struct supervisor *sv);
/* For a careful caller: whether what a descriptor of ours holds may hang. Never waits. Return: 0 or -SLOW. */
int slow_check(const struct caller *caller, int fd);

#endif
