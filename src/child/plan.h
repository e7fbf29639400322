/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything the child needs between clone and exec, computed by the parent (I11).
 *
 * A plan is data: the child reads it and makes system calls. Pointers are borrowed from whoever
 * made the plan and must live until the spawn has succeeded or failed.
 */
#ifndef CORDON_CHILD_PLAN_H
#define CORDON_CHILD_PLAN_H

#include "base/layer.h"
#include "bpf/asm.h"

#include <cordon/error.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct plan_rlimit {
	int resource;
	struct rlimit value; /* already clamped to the inherited hard limit by the parent */
};

/* Of the whole tree, watched by the keeper; 0: no limit. */
struct tree_limits {
	uint64_t memory_kib, processes;
	uint64_t cpu_percent; /* 100: one processor */
};

/* The descriptor `target` becomes a copy of `source`, or is closed if that is -1. */
struct plan_fd_op {
	int target, source;
};
#define PLAN_FD_OPS_MAX 64

/* Sets are masks. What is not asked for is left alone. */
struct plan_caps {
	bool bounding_asked, sets_asked, ambient_asked, securebits_asked;
	bool bounding_unreachable; /* it cannot be dropped, and no_new_privs makes it count for
				      nothing */
	unsigned last;		   /* the highest number */
	unsigned securebits;
	uint64_t bounding, permitted, effective, inheritable, ambient;
};

struct spawn_plan {
	/* Program: found by the parent (program.h). */
	const char *path; /* execve's first argument */
	int program_fd;	  /* above 2: executed in place of path */
	bool script;	  /* it is one, whose interpreter opens the descriptor again */
	/* Called in place of an execution, in a copy of the host's memory. */
	int (*function)(void *arg);
	void *function_arg;
	char *const *argv;
	char *const *envp;
	const char *cwd; /* NULL: inherited */

	bool new_session, terminal; /* terminal: TIOCSCTTY on descriptor 0 */
	bool foreground;	    /* the program's group gets the terminal on descriptor 0 */
	int umask;		    /* -1: inherited */
	uint64_t namespaces;	    /* LAYER_BIT of each */
	uint64_t staged;	    /* those of them that are there already, to be joined */
	int join_mount, join_root;  /* by the program's process, and the root that it shows then */
	int join_user, join_pid;    /* these by the keeper; -1: none */
	int join_time;		    /* and this, in which the program is born */
	int join_net, join_ipc, join_uts, join_cgroup; /* those of others, above 2; 0: none */
	const char *inner_user_ns; /* how many can be made in the program's own; NULL: untouched */
	size_t inner_user_ns_length;
	uint64_t outer_user_ns; /* inode of ours */
	const char *hostname;	/* NULL: untouched; needs the uts namespace */
	size_t hostname_length;
	bool uid_asked, gid_asked, groups_asked;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;  /* ascending */
	gid_t *group_scratch; /* for group_count + 1, written by the child alone */
	size_t group_count;
	struct plan_caps caps;
	const cpu_set_t *affinity; /* NULL: untouched */
	bool thp_disable, aslr_disable;
	bool nice_asked;
	int nice;
	uint64_t signal_mask, signal_ignore; /* bit 0 is signal 1 */
	const struct plan_rlimit *rlimits;   /* open_files last */
	size_t rlimit_count;
	struct tree_limits tree;
	const int *streams; /* three: what becomes 0, 1, 2, each a number above 2 of its own, or -1;
			       NULL: all are inherited */
	/* Bits: of the host's 0, 1 and 2 those that were not open; what is there now is ours. */
	unsigned closed_streams;
	const int *keep_fds; /* above 2, ascending; all others are closed */
	size_t keep_fd_count;
	const struct plan_fd_op *fd_ops; /* one parallel assignment, each target once */
	size_t fd_op_count;
	const int *early_fds; /* with fd_ops: what keep_fds is until they are carried out */
	size_t early_fd_count;

	int ruleset; /* Landlock: grants, ports and scopes in one; -1: no layer */
	bool landlock_fs, landlock_net,
		landlock_scope;	     /* what the ruleset handles, for the records */
	const char *landlock_canary; /* an existing file that no rule grants: once confined, opening
					it must give EACCES; NULL: not looked at */
	const char *landlock_node; /* where / is granted: a new name in a directory of the program's
				      own; making a device there must give EACCES; or NULL */
	uint16_t landlock_port; /* host order; not granted: binding, or if only connecting is held,
				   connecting to it must give EACCES; 0: not looked at */
	bool landlock_port_connect;
	int keeper_ruleset; /* only the signal scope: bounds the keeper's kill(-1); -1: kernel lacks
			       it */

	const struct bpf_program *filter;
	bool listener;	    /* NEW_LISTENER */
	bool wait_killable; /* ask for WAIT_KILLABLE_RECV, fall back on EINVAL */
	bool share_files;   /* hand the listener over through a shared descriptor table (T-362) */
	uint64_t tolerate;  /* LAYER_BIT of those whose failure does not end the start */
	unsigned self_test; /* nonzero: the number of a mediated call, made once after `ready` with
			       SELF_TEST_PATH as its second argument; only a supervisor can answer
			       it with a descriptor */
	bool unkept;	 /* no keeper: the caller is the parent, and nothing is said by `ready` */
	unsigned ablate; /* test builds only: bits of `enum ablate` below; 0 otherwise */
};

/* LAYER_BIT of the layers that this plan asks for. */
uint64_t plan_requested(const struct spawn_plan *plan);
/* A descriptor that is not open is an error before anything is cloned. Return: 0 or -errno with *err. */
int plan_check_open(const struct spawn_plan *plan, struct cordon_error *err);

/* A call that no policy needs to be without: as the self-test makes it, it is about no socket. */
#define SELF_TEST_CALL "connect"
/* No such file exists, nor can one: nothing can be made directly in the root of procfs. */
#define SELF_TEST_PATH "/proc/.cordon-self-test"

/* Layers that a test build leaves out, to show which attack each of them stops. */
enum ablate {
	ABLATE_LANDLOCK = 1 << 0,
	ABLATE_SECCOMP = 1 << 1,
	ABLATE_CLOSE_FDS = 1 << 2,
	ABLATE_PDEATHSIG = 1 << 3,
	ABLATE_RLIMITS = 1 << 4,
	ABLATE_STACK = 1 << 5, /* no layer: the child overruns its stack */
};

/* Whether the host gives or takes that number. */
static inline bool plan_assigns(const struct spawn_plan *plan, int fd)
{
	for (size_t i = 0; i < plan->fd_op_count; i++)
		if (plan->fd_ops[i].target == fd)
			return true;
	return false;
}

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
