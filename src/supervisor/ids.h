/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acting with the caller's ids (I5).
 *
 * A program that was started by root can run parts of itself under other ids. What this thread does
 * for such a caller it does with the caller's filesystem ids and groups; the kernel takes the
 * capabilities that override file permissions away together with id 0. Set by raw calls: libc's
 * wrappers change every thread of the process.
 */
#ifndef CORDON_SUPERVISOR_IDS_H
#define CORDON_SUPERVISOR_IDS_H

#include "supervisor/supervisor.h"

/* Takes the caller's ids if they differ from ours. Return: 1 if taken, 0 if equal, -errno. */
int ids_take(const struct supervisor *sv, pid_t tid);
/* Back to our own. Return: 0; -errno, after which this thread must not act any more. */
int ids_restore(const struct supervisor *sv);

#endif
