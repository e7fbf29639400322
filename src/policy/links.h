/* SPDX-License-Identifier: Apache-2.0 */
/* The symbolic links that a path crosses. */
#ifndef CORDON_POLICY_LINKS_H
#define CORDON_POLICY_LINKS_H

/* spelling: the canonical place of a link, with what the path says behind it. Return: 0 or -errno. */
typedef int (*links_fn)(const char *spelling, void *arg);

/*
 * Calls fn for each link on the way of an absolute path, those inside the targets of links included,
 * as far as the path exists. root: as in sys/rooted.h. Return: 0; what fn returned if it was negative; -ENAMETOOLONG.
 */
int links_each(int root, const char *path, links_fn fn, void *arg);

#endif
