/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acting with the caller's ids (I5).
 *
 * A program that was started by root can run parts of itself under other ids. What this thread does
 * for such a caller it does with the caller's filesystem ids, groups and effective capabilities. Set
 * by raw calls: libc's wrappers change every thread of the process.
 */
#ifndef CORDON_SUPERVISOR_IDS_H
#define CORDON_SUPERVISOR_IDS_H

#include "supervisor/supervisor.h"

/* Takes the caller's ids and capabilities if they differ from ours. Return: 1 if taken, 0 if equal, -errno. */
int ids_take(const struct supervisor *sv, pid_t tid);
/* Back to our own. Return: 0; -errno, after which this thread must not act any more. */
int ids_restore(const struct supervisor *sv);
/* Effective capabilities of this thread, for sv->own_effective. Return: 0 or -errno. */
int ids_own_effective(uint64_t *ret);

#endif
