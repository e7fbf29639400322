/* SPDX-License-Identifier: Apache-2.0 */
/* From a bound policy and an assignment to the finished plan that the child gets. */
#ifndef CORDON_SUPERVISOR_PREPARE_H
#define CORDON_SUPERVISOR_PREPARE_H

#include "child/plan.h"
#include "policy/model.h"
#include "supervisor/assign.h"
#include "sys/caps.h"

#include <cordon/error.h>
#include <cordon/sandbox.h>

/* What the caller is in a user namespace of the run's own. */
struct id_maps {
	unsigned uid, gid;
	bool keeps_setgroups; /* the groups may still be changed */
};
void prepare_maps(const struct policy *policy, const struct caps_own *own, struct id_maps *ret);
/* LAYER_BIT of the namespaces that are asked for, and of those that these need. */
uint64_t prepare_namespaces(const struct policy *policy, const struct caps_own *own);

/* What is run. With a memory file or a function argv is what the program sees as its own, and no file is looked for. */
struct command {
	char *const *argv;
	int memory; /* descriptor of a sealed memory file; -1 */
	int (*function)(void *arg);
	void *function_arg;
};

/* Owns what the plan borrows. */
struct prepared {
	struct spawn_plan plan;
	char **argv, **envp;
	char *path;
	cpu_set_t affinity;
	struct plan_rlimit rlimits[RLIMITS];
	struct image_files
		program; /* with its interpreter and loader, where only it may be executed */
	int *keep_fds, *early_fds;
	struct plan_fd_op fd_ops[PLAN_FD_OPS_MAX];
	gid_t *groups;
	struct id_maps maps; /* with a user namespace */
	uint64_t requested,
		unavailable; /* LAYER_BIT: asked for; and of these known to be lacking */
	char *canary_node;
	char inner_user_ns[16];
	int supervisor_ruleset; /* of the thread that acts for the sandbox; -1: none is needed */
};

/*
 * tmp: the run's $TMP or NULL; name: of the sandbox; command: argv is copied, the rest borrowed.
 * Return: 0; -ENOENT, -EACCES ... if the program cannot be found or executed (*ret_exec is set);
 * -errno.
 */
int prepare_plan(const struct policy *policy, const struct assignment *assignment, const char *tmp,
		 const char *name, const struct command *command, struct prepared *ret,
		 bool *ret_exec, struct cordon_error *err);
/* After prepare_plan(): the program's soft limit of descriptors, where the policy sets none; 0: the host's. */
void prepare_open_files(const struct policy *policy, uint64_t soft, struct prepared *prepared);
/* Part of prepare_plan(): ids, capabilities, namespaces. Return: 0; -EPERM for a capability that cannot be
 * kept; -errno. */
int prepare_creds(const struct policy *policy, const struct assignment *assignment,
		  struct prepared *prepared, struct cordon_error *err);
/* Part of prepare_plan(): limits, those that a policy brings along without saying so among them. */
void prepare_limits(const struct policy *policy, const struct assignment *assignment,
		    struct prepared *prepared);
/*
 * After prepare_plan(), for a run with a keeper: its own bound, so that what it kills with kill(-1) can only be
 * the tree. Return: 0 or -errno with *err.
 */
int prepare_keeper(const struct assignment *assignment, struct prepared *prepared,
		   struct cordon_error *err);
/*
 * After prepare_plan(): the program's descriptors. Return: 0; -EBADF for a number that cannot be given;
 * -E2BIG; -ENOMEM.
 */
int prepare_fds(const struct policy *policy, const struct cordon_fd *fds, size_t count,
		struct prepared *prepared, struct cordon_error *err);
/* Closes what was needed to start. */
void prepared_drop_fds(struct prepared *prepared);
void prepared_done(struct prepared *prepared);

#endif
