/* SPDX-License-Identifier: Apache-2.0 */
/* The steps between clone and exec, for the table in setup.c. Private to the child's own code. */
#ifndef CORDON_CHILD_STEPS_H
#define CORDON_CHILD_STEPS_H

#include "child/plan.h"
#include "child/record.h"

#include <errno.h>
#include <sys/types.h>

#define NOTES_MAX  64
#define EXIT_SETUP 125

struct setup {
	const struct spawn_plan *plan;
	pid_t keeper;
	int status, ready, ruleset, program; /* descriptors of our own */
	uint64_t entered; /* LAYER_BIT of the namespaces that the process is in */
	size_t note_count;
	struct status_record notes[NOTES_MAX];
};

/* What a step returns: 0 applied, -errno, or this. */
#define NOT_ASKED 1

/* Takes the outcome of a layer down, or ends the start. always: whatever the policy says. */
void setup_note(struct setup *s, unsigned layer, bool always, long result);

/* Writes what was taken down so far. */
void setup_flush(struct setup *s);

/* What the kernel says of a thing against what it should be; an errno stays what it is. */
static inline int setup_compare(long got, long wanted)
{
	if (got < 0)
		return (int)got;
	return got == wanted ? 0 : -EPERM;
}

/* Every signal as for a program that has just been executed; a copy of a host has the host's handlers. */
void dispositions_default(void);

/* Inode of a namespace, by its file. Return: -errno. */
long namespace_inode(const char *path);
/* Leaves the namespace that the file shows for a new one. Return: 0; -EPERM if it is still the same; -errno. */
int namespace_enter(int flag, const char *path);

typedef int step_fn(struct setup *s);
/* steps.c: the process and its surroundings. */
step_fn step_dispositions, step_session, step_terminal, step_foreground, step_umask,
	step_descriptors, step_affinity, step_sched, step_huge_pages, step_aslr, step_rlimits,
	step_cwd, step_pdeathsig;
/* namespaces.c */
step_fn step_join, step_user_ns, step_inner_user_ns, step_namespaces, step_hostname, step_view;
/* creds.c: ids and capabilities. */
step_fn step_bounding, step_securebits, step_groups, step_gid, step_uid, step_caps, step_ambient;
/* confine.c: what cannot be taken back. */
step_fn step_no_new_privs, step_landlock;

#endif
