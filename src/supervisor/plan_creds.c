/* SPDX-License-Identifier: Apache-2.0 */
/* Ids and capabilities of the plan: see prepare.h. */
#include "supervisor/prepare.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/inside.h"
#include "sys/caps.h"
#include "sys/fds.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int compare_groups(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

/* The kernel gives groups back in ascending order. Return: 0 or -ENOMEM. */
static int plan_groups(const struct policy *policy, struct prepared *p)
{
	struct spawn_plan *plan = &p->plan;
	size_t count = policy->group_count;

	plan->groups_asked = policy->groups_present || plan->uid_asked || plan->gid_asked;
	if (!plan->groups_asked)
		return 0;
	p->groups = calloc(2 * count + 1, sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	if (count > 0)
		memcpy(p->groups, policy->groups, count * sizeof(*p->groups));
	qsort(p->groups, count, sizeof(*p->groups), compare_groups);
	plan->groups = p->groups;
	plan->group_count = count;
	plan->group_scratch = p->groups + count;
	return 0;
}

/* Nobody can keep what he does not have: said before anything runs, whatever on_failure says. */
static int check_kept(const struct policy *policy, uint64_t own, struct cordon_error *err)
{
	char name[32];
	uint64_t wanted = 0;

	for (int set = CAPS_PERMITTED; set <= CAPS_AMBIENT; set++) {
		uint64_t mask;

		if (policy_caps(policy, (enum cap_set)set, &mask))
			wanted |= mask;
	}
	for (unsigned cap = 0; cap < 64; cap++)
		if (wanted & ~own & (1ull << cap))
			return err_set(err, -EPERM,
				       "process.capabilities: this process does not have %s, so it "
				       "cannot be kept",
				       caps_name(cap, name));
	return 0;
}

static void plan_sets(const struct policy *policy, const struct caps_own *own,
		      struct plan_caps *caps)
{
	caps->last = caps_last();
	caps->permitted = own->permitted;
	caps->effective = own->effective;
	caps->inheritable = own->inheritable;
	caps->sets_asked = policy_caps(policy, CAPS_PERMITTED, &caps->permitted);
	caps->sets_asked |= policy_caps(policy, CAPS_EFFECTIVE, &caps->effective);
	caps->sets_asked |= policy_caps(policy, CAPS_INHERITABLE, &caps->inheritable);
	caps->effective &= caps->permitted;
	caps->ambient_asked = policy_caps(policy, CAPS_AMBIENT, &caps->ambient);
	caps->bounding_asked = policy_caps(policy, CAPS_BOUNDING, &caps->bounding);
	caps->securebits_asked = policy->securebits_present;
	caps->securebits = policy->securebits;
}

uint64_t prepare_namespaces(const struct policy *policy, const struct caps_own *own)
{
	uint64_t namespaces = policy->namespaces;

	if (policy->hostname)
		namespaces |= LAYER_BIT(LAYER_UTS_NS);
	if (policy_has_view(policy))
		namespaces |= LAYER_BIT(LAYER_MOUNT_NS);
	if (namespaces && !(own->effective & (1ull << CAP_SYS_ADMIN)))
		namespaces |= LAYER_BIT(LAYER_USER_NS);
	return namespaces;
}

void prepare_maps(const struct policy *policy, const struct caps_own *own, struct id_maps *ret)
{
	int64_t gid = policy->gid >= 0 ? policy->gid : policy->user_gid;

	ret->uid = policy->uid >= 0 ? (unsigned)policy->uid : geteuid();
	ret->gid = gid >= 0 ? (unsigned)gid : getegid();
	ret->keeps_setgroups = own->effective & (1ull << CAP_SETGID);
}

/* Pinned before anything runs: what the file is called later makes no difference. */
static int open_joined(const struct join_rule *join, int flag, int *ret, struct cordon_error *err)
{
	cleanup_fd int fd = open(join->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && ioctl(fd, NS_GET_NSTYPE) != flag)
		r = -EINVAL;
	if (r == 0)
		r = fd_move_up(&fd);
	if (r < 0) {
		err_set(err, r, "isolation.join: '%s': %s", join->path,
			r == -EINVAL ? "not a namespace of that kind" : strerrordesc_np(-r));
		if (err)
			err_place(err, join->rule.origin.file, join->rule.origin.line,
				  join->rule.origin.column);
		return r;
	}
	*ret = steal_fd(&fd);
	return 0;
}

static int plan_joins(const struct policy *policy, struct spawn_plan *plan,
		      struct cordon_error *err)
{
	const struct {
		int flag, *fd;
	} rows[JOINS] = {
		[JOIN_NET] = { CLONE_NEWNET, &plan->join_net },
		[JOIN_IPC] = { CLONE_NEWIPC, &plan->join_ipc },
		[JOIN_UTS] = { CLONE_NEWUTS, &plan->join_uts },
		[JOIN_CGROUP] = { CLONE_NEWCGROUP, &plan->join_cgroup },
	};
	int r = 0;

	for (size_t i = 0; i < JOINS && r == 0; i++)
		if (policy->joins[i].path)
			r = open_joined(&policy->joins[i], rows[i].flag, rows[i].fd, err);
	return r;
}

/* Return: 0; -EOPNOTSUPP; -errno. */
static int plan_namespaces(const struct policy *policy, const struct assignment *a,
			   const struct caps_own *own, struct prepared *p, struct cordon_error *err)
{
	struct spawn_plan *plan = &p->plan;

	plan->namespaces = prepare_namespaces(policy, own);
	plan->hostname = policy->hostname;
	plan->hostname_length = policy->hostname ? strlen(policy->hostname) : 0;
	if (policy->inner_user_ns >= 0) {
		int r = process_namespace(getpid(), "user", &plan->outer_user_ns);

		if (r < 0)
			return err_sys(err, r, "isolation.max_user_namespaces: look at /proc");
		plan->inner_user_ns_length =
			(size_t)snprintf(p->inner_user_ns, sizeof(p->inner_user_ns), "%d",
					 (int)policy->inner_user_ns);
		plan->inner_user_ns = p->inner_user_ns;
	}
	/* SECURITY: what is made here would be a socket of the host's network. */
	if ((plan->namespaces & LAYER_BIT(LAYER_NET_NS)) && a->supervised && !a->host.pidfd_getfd)
		return err_set(err, -EOPNOTSUPP,
			       "isolation.namespaces: net: this host refuses pidfd_getfd, so that "
			       "sockets would be the host's; --no-supervisor does without");
	return plan_joins(policy, plan, err);
}

/*
 * Ids in a user namespace are what the map makes of the caller's own: nothing is changed afterwards,
 * and without privilege the groups cannot be. Every capability that is used for the set-up is gone
 * at the end unless the policy keeps it.
 */
static void inside_user_ns(const struct policy *policy, const struct caps_own *own,
			   struct prepared *p)
{
	struct spawn_plan *plan = &p->plan;

	prepare_maps(policy, own, &p->maps);
	if (!p->maps.keeps_setgroups && plan->group_count == 0)
		plan->groups_asked = false;
	for (int set = CAPS_KEEP; set < CAPS_COUNT; set++)
		if (policy->caps_present[set])
			return;
	plan->caps.sets_asked = plan->caps.ambient_asked = plan->caps.bounding_asked = true;
	plan->caps.permitted = plan->caps.effective = plan->caps.inheritable = 0;
}

int prepare_creds(const struct policy *policy, const struct assignment *a, struct prepared *p,
		  struct cordon_error *err)
{
	struct spawn_plan *plan = &p->plan;
	struct caps_own own, outside;
	int64_t gid = policy->gid >= 0 ? policy->gid : policy->user_gid;
	int r = caps_own(&own);

	outside = own;
	if (r == 0) {
		plan->uid_asked = policy->uid >= 0;
		plan->gid_asked = gid >= 0;
		plan->uid = (uid_t)policy->uid;
		plan->gid = (gid_t)gid;
		r = plan_groups(policy, p);
	}
	if (r < 0)
		return err_sys(err, r, "ids and capabilities");
	r = plan_namespaces(policy, a, &own, p, err);
	if (r < 0)
		return r;
	if (plan->namespaces & LAYER_BIT(LAYER_USER_NS))
		own.permitted = own.effective = own.bounding = ~0ull >> (63 - caps_last());
	r = check_kept(policy, own.permitted, err);
	if (r < 0)
		return r;
	plan_sets(policy, &own, &plan->caps);
	if (plan->namespaces & LAYER_BIT(LAYER_USER_NS))
		inside_user_ns(policy, &outside, p);
	plan->caps.bounding_unreachable = plan->caps.bounding_asked &&
					  plan->caps.bounding != own.bounding &&
					  !(own.effective & (1ull << CAP_SETPCAP));
	return 0;
}
