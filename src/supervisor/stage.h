/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of the stage (child/stage.h): namespaces that the keeper and the program join.
 *
 * It stands before the policy is bound, since rules mean what is seen there, and before any Landlock
 * domain, in which nothing could be mounted. It ends after the last process of the tree.
 */
#ifndef CORDON_SUPERVISOR_STAGE_H
#define CORDON_SUPERVISOR_STAGE_H

#include "child/stage.h"

struct sandbox;

struct stage {
	int socket; /* -1: there is no stage; its end is that of the namespaces */
	int first;  /* pidfd of the process that holds them */
	int fds[STAGE_FDS];
	uint64_t told;	    /* LAYER_BIT: the outcome is known */
	uint64_t made;	    /* and it is in force */
	char mountinfo[32]; /* the mounts that the program sees */
};
#define STAGE_INIT                                                                                 \
	{                                                                                          \
		-1, -1, { -1, -1, -1, -1, -1 }, 0, 0, ""                                           \
	}

/*
 * Makes what the policy asks for, if that is anything; each outcome becomes one of the sandbox's layers.
 * Return: 0; -errno with s->error: the policy does not let this fail.
 */
int stage_start(struct sandbox *s);
/* Ends every process in its pid namespace. */
void stage_end(struct stage *stage);

#endif
