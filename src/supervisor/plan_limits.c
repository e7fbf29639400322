/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the plan: see prepare.h. */
#include "supervisor/prepare.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>

/* Clamped to the hard limit that we have ourselves; raising it is not ours to do. */
static void add_rlimit(struct prepared *p, int resource, const struct rlimit_wish *wish)
{
	struct plan_rlimit *limit = &p->rlimits[p->plan.rlimit_count++];
	struct rlimit inherited = { RLIM_INFINITY, RLIM_INFINITY };

	getrlimit((__rlimit_resource_t)resource, &inherited);
	limit->resource = resource;
	limit->value.rlim_max = wish->hard < inherited.rlim_max ? wish->hard : inherited.rlim_max;
	limit->value.rlim_cur =
		wish->soft < limit->value.rlim_max ? wish->soft : limit->value.rlim_max;
}

/* Where crashes go to a program, the kernel takes 0 for "no limit there" and 1 for "no dump". */
static uint64_t no_core_limit(void)
{
	cleanup_fd int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	char first = 0;

	return fd >= 0 && read(fd, &first, 1) == 1 && first == '|' ? 1 : 0;
}

static void ask(struct rlimit_wish *wish, uint64_t soft, uint64_t hard)
{
	*wish = (struct rlimit_wish){ true, soft, hard };
}

/* What the policy says, and what a policy brings along without saying so. */
static void collect(const struct policy *policy, const struct assignment *a,
		    struct rlimit_wish wishes[])
{
	static const struct {
		enum limit_kind kind;
		int resource;
		uint64_t
			grace; /* between the soft limit, which asks, and the hard one, which ends */
	} rows[] = {
		{ LIMIT_CPU, RLIMIT_CPU, 1 },
		{ LIMIT_FILE_SIZE, RLIMIT_FSIZE, 0 },
		{ LIMIT_ADDRESS_SPACE, RLIMIT_AS, 0 },
		{ LIMIT_OPEN_FILES, RLIMIT_NOFILE, 0 },
	};

	memcpy(wishes, policy->rlimits, sizeof(policy->rlimits));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value = policy->limits[rows[i].kind].value;

		if (value != LIMIT_UNSET)
			ask(&wishes[rows[i].resource], value, value + rows[i].grace);
	}
	/* SECURITY: the kernel writes a dump past every rule that only the supervisor holds. */
	if (policy->core_dumps == NO ||
	    (policy->core_dumps == UNSET && (a->when & WHEN_GUARD_WRITE)))
		ask(&wishes[RLIMIT_CORE], no_core_limit(), no_core_limit());
}

void prepare_limits(const struct policy *policy, const struct assignment *a, struct prepared *p)
{
	const struct limit *limits = policy->limits;
	struct rlimit_wish wishes[RLIMITS];

	collect(policy, a, wishes);
	for (int resource = 0; resource < RLIMITS; resource++)
		if (wishes[resource].asked && resource != RLIMIT_NOFILE)
			add_rlimit(p, resource, &wishes[resource]);
	/* Last: the others may need a descriptor. */
	if (wishes[RLIMIT_NOFILE].asked)
		add_rlimit(p, RLIMIT_NOFILE, &wishes[RLIMIT_NOFILE]);
	p->plan.rlimits = p->rlimits;
	if (limits[LIMIT_MEMORY].value != LIMIT_UNSET)
		p->plan.tree.memory_kib = (limits[LIMIT_MEMORY].value + 1023) / 1024;
	if (limits[LIMIT_PROCESSES].value != LIMIT_UNSET)
		p->plan.tree.processes = limits[LIMIT_PROCESSES].value;
	if (limits[LIMIT_CPU_PERCENT].value != LIMIT_UNSET)
		p->plan.tree.cpu_percent = limits[LIMIT_CPU_PERCENT].value;
}

void prepare_open_files(const struct policy *policy, uint64_t soft, struct prepared *prepared)
{
	if (soft > 0 && policy->limits[LIMIT_OPEN_FILES].value == LIMIT_UNSET)
		add_rlimit(prepared, RLIMIT_NOFILE,
			   &(struct rlimit_wish){ true, soft, RLIM_INFINITY });
}
