/* SPDX-License-Identifier: Apache-2.0 */
/* Where a workspace keeps its repository when `.git` is a file: worktrees and submodules. */
#ifndef CORDON_POLICY_GIT_PLACES_H
#define CORDON_POLICY_GIT_PLACES_H

#include "policy/aliases.h"

/*
 * Rules below $WORKSPACE/.git then hold for the git directory that the file names, and for the
 * common directory of a worktree, which has the hooks and the configuration.
 * root: as in sys/rooted.h. Return: 0, also where there is none; -ENOMEM.
 */
int git_places_add(struct aliases *aliases, int root, const char *workspace);

#endif
