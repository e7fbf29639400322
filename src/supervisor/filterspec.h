/* SPDX-License-Identifier: Apache-2.0 */
/* From the tables of known calls and argument filters, and what a policy adds, to a filter_spec. */
#ifndef CORDON_SUPERVISOR_FILTERSPEC_H
#define CORDON_SUPERVISOR_FILTERSPEC_H

#include "bpf/filter.h"
#include "supervisor/argfilter.h"

#include <cordon/error.h>

/*
 * What becomes of a call instead of its default. The argument filters stay in front: only what none
 * of them decides meets these rules. What one of them allows gets `action` at once, so a call whose
 * arguments are listed as allowed (socket) can be notified too.
 */
struct filterspec_override {
	const char *name;		 /* a call; each at most once */
	const struct filter_rule *rules; /* asked in order */
	size_t rule_count;		 /* 0: `action` alone */
	uint32_t action;		 /* if no rule holds: SECCOMP_RET_* with data */
};

/* Names in the lists are those of calls, or of groups with their @, as the policy has them. */
struct filterspec_options {
	uint32_t arch;	     /* NR_ARCH_* */
	unsigned conditions; /* enum arg_condition, those that are given */
	bool path_rules;     /* the policy has filesystem rules */
	const struct filterspec_override *overrides;
	size_t override_count;
	const char *const *allow; /* re-admitted: default refusals alone are changed by it */
	size_t allow_count;
	const char *const *deny; /* refused, whatever else says otherwise */
	size_t deny_count;
	/* `only` admits nothing that is refused anyway. */
	bool only_present; /* what `only`, filterspec_needed() and `allow` do not name is refused */
	const char *const *only;
	size_t only_count;
};

struct filterspec;

/*
 * Makes the spec. What decides about a call, first to last: `deny` (EPERM, or the errno it is
 * refused with anyway), `allow` of a call that is refused by default (ALLOW), `only` (what it leaves
 * out: as `deny`), an override, the default. A name that only another architecture has is accepted
 * and changes nothing. opt: borrowed, the rules and tests of the overrides until filterspec_free().
 * ret: from malloc. Return: 0; -EINVAL for an unknown name, with the nearest one, for one that is
 * never re-admitted, with the reason, for one under `only` that is refused by default, for an
 * override that stands twice or that would admit a refused call, for conditions that contradict each
 * other; -ENOMEM.
 */
int filterspec_build(const struct filterspec_options *opt, struct filterspec **ret,
		     struct cordon_error *err);
/*
 * What a program cannot start or end without, however it is linked: part of every `only`.
 * Return: static storage; NULL behind the last one.
 */
const char *filterspec_needed(size_t index);
/* Return: borrowed, for filter_build(). */
const struct filter_spec *filterspec_get(const struct filterspec *fs);
void filterspec_free(struct filterspec *fs);

#endif
