/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's descriptors in the plan: see prepare.h.
 *
 * The host's assignments are one parallel assignment on top of process.fds. The child needs two
 * lists: what must survive the first closing, that is all sources, and what the program ends with.
 */
#include "supervisor/prepare.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <string.h>
#include <sys/resource.h>

static int compare_numbers(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Of two assignments to one number the later one counts. */
static int copy_ops(struct prepared *p, const struct cordon_fd *fds, size_t count, uint64_t limit,
		    struct cordon_error *err)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		if (fds[i].target < 0 || (uint64_t)fds[i].target >= limit)
			return err_set(err, -EBADF,
				       "descriptor %d: numbers from 0 to %llu can be given",
				       fds[i].target, (unsigned long long)limit - 1);
		while (at < p->plan.fd_op_count && p->fd_ops[at].target != fds[i].target)
			at++;
		if (at == PLAN_FD_OPS_MAX)
			return err_set(err, -E2BIG, "more than %d descriptors are given",
				       PLAN_FD_OPS_MAX);
		p->fd_ops[at] = (struct plan_fd_op){ fds[i].target, fds[i].source };
		if (at == p->plan.fd_op_count)
			p->plan.fd_op_count++;
	}
	return 0;
}

static uint64_t number_limit(const struct policy *policy)
{
	const uint64_t wanted = policy->limits[LIMIT_OPEN_FILES].value;
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	return wanted < limit.rlim_cur ? wanted : limit.rlim_cur;
}

/* Sorted and without repetition. Return: how many are left. */
static size_t tidy(int *numbers, size_t count)
{
	size_t kept = 0;

	qsort(numbers, count, sizeof(*numbers), compare_numbers);
	for (size_t i = 0; i < count; i++)
		if (numbers[i] > 2 && (kept == 0 || numbers[kept - 1] != numbers[i]))
			numbers[kept++] = numbers[i];
	return kept;
}

int prepare_fds(const struct policy *policy, const struct cordon_fd *fds, size_t count,
		struct prepared *p, struct cordon_error *err)
{
	struct spawn_plan *plan = &p->plan;
	size_t early = 0, last = 0, room = policy->fd_count + count + 1;
	int r;

	plan->fd_ops = p->fd_ops;
	r = copy_ops(p, fds, count, number_limit(policy), err);
	if (r < 0)
		return r;
	p->early_fds = calloc(room, sizeof(int));
	p->keep_fds = calloc(room, sizeof(int));
	if (!p->early_fds || !p->keep_fds)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < policy->fd_count; i++)
		if (!plan_assigns(plan, policy->fds[i]))
			p->early_fds[early++] = p->keep_fds[last++] = policy->fds[i];
	for (size_t i = 0; i < plan->fd_op_count; i++) {
		if (p->fd_ops[i].source < 0)
			continue;
		p->early_fds[early++] = p->fd_ops[i].source;
		p->keep_fds[last++] = p->fd_ops[i].target;
	}
	plan->early_fds = p->early_fds;
	plan->early_fd_count = tidy(p->early_fds, early);
	plan->keep_fds = p->keep_fds;
	plan->keep_fd_count = tidy(p->keep_fds, last);
	return 0;
}
