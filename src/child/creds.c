/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids and capabilities: see steps.h. System calls only (I11).
 *
 * The order is what the kernel allows. The bounding set and the secure bits need CAP_SETPCAP, so
 * they come first. Groups and group id need CAP_SETGID, which the change of the user id takes away,
 * except that KEEPCAPS leaves the permitted set; one capset() makes three sets final at once, and
 * the ambient set may only hold what is permitted and inheritable by then.
 *
 * The kernel's own calls are used and not the C library's: those tell every thread of the process,
 * and the threads here are a copy of somebody else's (I11).
 */
#include "child/steps.h"

#include "child/raw.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#define WORDS 2

int step_bounding(struct setup *s)
{
	const struct plan_caps *caps = &s->plan->caps;

	if (!caps->bounding_asked)
		return NOT_ASKED;
	for (unsigned cap = 0; !caps->bounding_unreachable && cap <= caps->last; cap++) {
		bool keep = caps->bounding & (1ull << cap);
		long r = raw(SYS_prctl, PR_CAPBSET_READ, cap);

		if (r == 1 && !keep) {
			r = raw(SYS_prctl, PR_CAPBSET_DROP, cap);
			if (r == 0)
				r = raw(SYS_prctl, PR_CAPBSET_READ, cap);
		}
		if (setup_compare(r, keep) < 0)
			return setup_compare(r, keep);
	}
	return 0;
}

int step_securebits(struct setup *s)
{
	const struct plan_caps *caps = &s->plan->caps;
	long r;

	if (caps->securebits_asked) {
		r = raw(SYS_prctl, PR_SET_SECUREBITS, caps->securebits);
		if (r < 0)
			return (int)r;
		r = setup_compare(raw(SYS_prctl, PR_GET_SECUREBITS), caps->securebits);
		if (r < 0)
			return (int)r;
	}
	/* No part of the layer: it only lasts until the program is executed. */
	if (caps->sets_asked && s->plan->uid_asked) {
		r = raw(SYS_prctl, PR_SET_KEEPCAPS, 1);
		if (r < 0)
			return (int)r;
	}
	return caps->securebits_asked ? 0 : NOT_ASKED;
}

int step_groups(struct setup *s)
{
	const struct spawn_plan *plan = s->plan;
	long r;

	if (!plan->groups_asked)
		return NOT_ASKED;
	r = raw(SYS_setgroups, plan->group_count, plan->groups);
	if (r < 0)
		return (int)r;
	/* The scratch list has room for one more, so that more than wanted is seen. */
	r = raw(SYS_getgroups, plan->group_count + 1, plan->group_scratch);
	if (r < 0 || (size_t)r != plan->group_count)
		return r < 0 && r != -EINVAL ? (int)r : -EPERM;
	for (size_t i = 0; i < plan->group_count; i++)
		if (plan->group_scratch[i] != plan->groups[i])
			return -EPERM;
	return 0;
}

static int compare_three(long r, const unsigned *got, unsigned wanted)
{
	if (r < 0)
		return (int)r;
	return got[0] == wanted && got[1] == wanted && got[2] == wanted ? 0 : -EPERM;
}

int step_gid(struct setup *s)
{
	unsigned got[3] = { 0 };
	gid_t gid = s->plan->gid;
	long r;

	if (!s->plan->gid_asked)
		return NOT_ASKED;
	r = raw(SYS_setresgid, gid, gid, gid);
	if (r == 0)
		r = raw(SYS_getresgid, &got[0], &got[1], &got[2]);
	return compare_three(r, got, gid);
}

int step_uid(struct setup *s)
{
	unsigned got[3] = { 0 };
	uid_t uid = s->plan->uid;
	long r;

	if (!s->plan->uid_asked)
		return NOT_ASKED;
	r = raw(SYS_setresuid, uid, uid, uid);
	if (r == 0)
		r = raw(SYS_getresuid, &got[0], &got[1], &got[2]);
	return compare_three(r, got, uid);
}

static uint32_t word(uint64_t set, int i)
{
	return (uint32_t)(set >> (32 * i));
}

int step_caps(struct setup *s)
{
	const struct plan_caps *caps = &s->plan->caps;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[WORDS];
	long r;

	if (!caps->sets_asked)
		return NOT_ASKED;
	for (int i = 0; i < WORDS; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = word(caps->effective, i),
			.permitted = word(caps->permitted, i),
			.inheritable = word(caps->inheritable, i),
		};
	r = raw(SYS_capset, &header, data);
	if (r == 0)
		r = raw(SYS_capget, &header, data);
	if (r < 0)
		return (int)r;
	for (int i = 0; i < WORDS; i++)
		if (data[i].effective != word(caps->effective, i) ||
		    data[i].permitted != word(caps->permitted, i) ||
		    data[i].inheritable != word(caps->inheritable, i))
			return -EPERM;
	return 0;
}

int step_ambient(struct setup *s)
{
	const struct plan_caps *caps = &s->plan->caps;
	long r;

	if (!caps->ambient_asked)
		return NOT_ASKED;
	r = raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	if (r == -EINVAL && caps->ambient == 0)
		return 0; /* KERNEL(4.3): none are known, so there are none */
	if (r < 0)
		return (int)r;
	for (unsigned cap = 0; cap <= caps->last; cap++) {
		bool keep = caps->ambient & (1ull << cap);

		if (keep)
			r = raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
		if (r < 0)
			return (int)r;
		r = setup_compare(raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap), keep);
		if (r < 0)
			return (int)r;
	}
	return 0;
}
