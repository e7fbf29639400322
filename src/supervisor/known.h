/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of every known system call: what happens to it unless the policy says otherwise.
 *
 * A policy can re-admit the groups that get EPERM, whole or by name, and of those that get ENOSYS
 * @memory-secret and @ldt. The others never: known_never() says why. A number that is not in the
 * table gets ENOSYS (I2).
 */
#ifndef CORDON_SUPERVISOR_KNOWN_H
#define CORDON_SUPERVISOR_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

/* A group that holds requests of ioctl that read interface data, and no call. */
#define KNOWN_IFINFO "@ifinfo"

enum known_verdict {
	KNOWN_ALLOW,	/* harmless, or held by the kernel's other checks */
	KNOWN_FILTERED, /* judged by its arguments (argfilter.c); may be mediated as well */
	KNOWN_MEDIATED, /* allowed unless a rule of the policy needs the supervisor's answer */
	KNOWN_EPERM,	/* refused */
	KNOWN_ENOSYS,	/* refused as if the kernel had none, so that libraries fall back */
};

struct known_call {
	const char *name;
	const char *group; /* with its @ */
	enum known_verdict verdict;
};

size_t known_count(void);
/* Return: static storage; NULL from known_count() on. */
const struct known_call *known_at(size_t index);
/* Return: static storage; NULL if there is no such call on any architecture. */
const struct known_call *known_find(const char *name);
/* Whether there is such a group; the name is given with its @. */
bool known_group(const char *group);
/* Member number `index` of a group. Return: static storage; NULL behind the last one. */
const struct known_call *known_member(const char *group, size_t index);
/* Why no policy can re-admit the group. Return: static text; NULL if one can, or need not. */
const char *known_never(const char *group);
/* All names of calls and groups, for str_nearest(). */
const char *known_candidate(size_t index, const void *unused);

#endif
