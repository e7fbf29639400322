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

/* access() asks for the real ids, and for the capabilities that go with them; all else for those of the file system. */
enum ids_kind { IDS_FILESYSTEM, IDS_REAL };

/*
 * Takes the caller's ids and capabilities if they differ from ours. Also after a failure, which may have changed
 * some of them, ids_restore() has to follow. Return: 0 or -errno.
 */
int ids_take(struct supervisor *sv, pid_t tid, enum ids_kind kind);
/* Back to our own, if any were taken. Return: 0; -errno, after which this thread must not act any more. */
int ids_restore(struct supervisor *sv);

/*
 * The caller's process is looked at with our own capabilities: one that has changed its ids is closed to the new
 * ones as well. Until the end of the scope:
 *	cleanup_ids struct supervisor *own = ids_look(sv);
 */
struct supervisor *ids_look(struct supervisor *sv);
void ids_look_end(struct supervisor *const *sv);
#define cleanup_ids __attribute__((unused, cleanup(ids_look_end)))
/* Whether these are real, effective or saved ids of the caller. Return: 1, 0, or -errno. */
int ids_include(const struct supervisor *sv, pid_t tid, uid_t uid, gid_t gid);
/* Effective capabilities of this thread, for sv->own_effective. Return: 0 or -errno. */
int ids_own_effective(uint64_t *ret);

#endif
