/* SPDX-License-Identifier: Apache-2.0 */
/* The long way from a path to a place, one component at a time: see resolve.h. */
#ifndef CORDON_SUPERVISOR_WALK_H
#define CORDON_SUPERVISOR_WALK_H

#include "supervisor/resolve.h"

struct walk {
	struct caller *caller;
	struct place *place;
	int at; /* directory reached so far; owned unless it is the root */
	unsigned flags;
	int links;
	int steps;  /* components walked */
	char *todo; /* what is still to be walked: the caller's scratch space */
	const char *next;
};

/* Stands on the directory where the path begins. Return: 0 or -errno. */
int walk_start(struct walk *w, int dirfd, const char *path);
/* Walks w->next to its end and fills the place. Return: 0 or -errno. */
int walk_long(struct walk *w);
/*
 * SECURITY: whether `..` may be taken from where the path stands: whoever goes up from a directory that
 * is denied or hidden would learn that it exists. Return: 0 or -errno.
 */
int walk_check_up(const struct walk *w);
/* Lets go of the directory that the walk stands on. */
void walk_leave(struct walk *w);

/* Adds a component to the path of a place. Return: 0 or -ENAMETOOLONG. */
int place_append(struct place *place, const char *name, size_t length);

#endif
