/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything the child needs between clone and exec, computed by the parent (I11).
 *
 * A plan is data: the child reads it and makes system calls. Pointers are borrowed from whoever
 * made the plan and must live until the spawn has succeeded or failed.
 */
#ifndef CORDON_CHILD_PLAN_H
#define CORDON_CHILD_PLAN_H

#include "bpf/asm.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* Layers in the numbering of the status record; names are those of on_failure and the report. */
enum layer {
	LAYER_KEEPER = 2,
	LAYER_SESSION = 3,
	LAYER_TERMINAL = 4,
	LAYER_UMASK = 5,
	LAYER_AFFINITY = 18,
	LAYER_HUGE_PAGES = 20,
	LAYER_ASLR = 21,
	LAYER_RLIMIT = 22, /* 22 + resource number */
	LAYER_CWD = 45,
	LAYER_PDEATHSIG = 46,
	LAYER_NO_NEW_PRIVS = 47,
	LAYER_LANDLOCK_FS = 48,
	LAYER_LANDLOCK_NET = 49,
	LAYER_LANDLOCK_SCOPE = 50,
	LAYER_SECCOMP = 51,
	LAYER_LISTENER = 52,
	LAYER_DESCRIPTORS = 53,
	LAYER_EXEC = 54,
};
/* "landlock_fs", "rlimit_nofile", ... Return: static storage, never NULL. */
const char *layer_name(unsigned layer);
bool layer_known(unsigned layer);

enum layer_state { STATE_SKIPPED, STATE_APPLIED, STATE_FAILED, STATE_UNAVAILABLE };

struct plan_rlimit {
	int resource;
	struct rlimit value; /* already clamped to the inherited hard limit by the parent */
};

struct spawn_plan {
	/* Program: found by the parent (program.h). */
	const char *path; /* execve's first argument */
	char *const *argv;
	char *const *envp;
	const char *cwd; /* NULL: inherited */

	bool new_session, terminal; /* terminal: TIOCSCTTY on descriptor 0 */
	bool foreground;	    /* the program's group gets the terminal on descriptor 0 */
	int umask;		    /* -1: inherited */
	const cpu_set_t *affinity;  /* NULL: untouched */
	bool thp_disable, aslr_disable;
	const struct plan_rlimit *rlimits; /* open_files last */
	size_t rlimit_count;
	const int *keep_fds; /* above 2, ascending; all others are closed */
	size_t keep_fd_count;

	int ruleset; /* Landlock: grants, ports and scopes in one; -1: no layer */
	bool landlock_fs, landlock_net,
		landlock_scope;	     /* what the ruleset handles, for the records */
	const char *landlock_canary; /* an existing file that no rule grants: once confined, opening
					it must give EACCES; NULL: not looked at */
	int keeper_ruleset; /* only the signal scope: bounds the keeper's kill(-1); -1: kernel lacks
			       it */

	const struct bpf_program *filter;
	bool listener;	    /* NEW_LISTENER */
	bool wait_killable; /* ask for WAIT_KILLABLE_RECV, fall back on EINVAL */
	bool share_files;   /* hand the listener over through a shared descriptor table (T-362) */
	bool failure_is_fatal; /* isolation.on_failure: refuse */
	unsigned self_test; /* nonzero: the number of a mediated call, made once after `ready` with
			       SELF_TEST_PATH as its second argument; only a supervisor can answer
			       it with a descriptor */
	unsigned ablate;    /* test builds only: bits of `enum ablate` below; 0 otherwise */
};

/* No such file exists, nor can one: nothing can be made directly in the root of procfs. */
#define SELF_TEST_PATH "/proc/.cordon-self-test"

/* Layers that a test build leaves out, to show which attack each of them stops. */
enum ablate {
	ABLATE_LANDLOCK = 1 << 0,
	ABLATE_SECCOMP = 1 << 1,
	ABLATE_CLOSE_FDS = 1 << 2,
	ABLATE_PDEATHSIG = 1 << 3,
	ABLATE_RLIMITS = 1 << 4,
};

/*
 * Whether the limit is set from outside just before `ready`: making the listener takes a free
 * descriptor, below the limit, in a table that may still be shared with the host.
 */
static inline bool rlimit_is_late(const struct spawn_plan *plan, const struct plan_rlimit *limit)
{
	return limit->resource == RLIMIT_NOFILE && plan->listener &&
	       (plan->share_files || limit->value.rlim_cur < 8 + plan->keep_fd_count);
}

#endif
