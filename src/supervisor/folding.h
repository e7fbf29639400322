/* SPDX-License-Identifier: Apache-2.0 */
/* Directories in which several spellings are the same name. */
#ifndef CORDON_SUPERVISOR_FOLDING_H
#define CORDON_SUPERVISOR_FOLDING_H

#include "supervisor/assign.h"

/*
 * Notes which grants lie in such a directory, where some rule guards something: a literal on a file that
 * exists holds by identity, patterns and paths hold by the spelling that they have. Return: 0 or -ENOMEM.
 */
int folding_note(const struct policy *policy, struct assignment *assignment);

#endif
