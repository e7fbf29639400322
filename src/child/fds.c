/* SPDX-License-Identifier: Apache-2.0 */
/* Closing all descriptors but a few, and giving them other numbers: see fds.h. */
#include "child/fds.h"

#include "child/raw.h"
#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/resource.h>

/* The highest kept number in [first, limit), or -1. */
static int highest_kept(const struct fds_kept *kept, unsigned first, unsigned limit)
{
	int best = -1;

	for (size_t i = kept->sorted_count; i > 0; i--) {
		int fd = kept->sorted[i - 1];

		if (fd >= 0 && (unsigned)fd >= first && (unsigned)fd < limit) {
			best = fd;
			break;
		}
	}
	for (size_t i = 0; i < kept->few_count; i++) {
		int fd = kept->few[i];

		if (fd > best && (unsigned)fd >= first && (unsigned)fd < limit)
			best = fd;
	}
	return best;
}

/* Where close_range() is missing or refused by an outer filter. */
static int close_each(unsigned first, unsigned last)
{
	struct rlimit limit;
	long r = raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);

	if (r < 0)
		return (int)r;
	/* A descriptor can lie above a soft limit that was lowered later; the hard one is what can
	 * be relied on. */
	if (limit.rlim_max < last)
		last = (unsigned)limit.rlim_max;
	for (unsigned fd = first; fd <= last && fd <= INT_MAX; fd++)
		raw(SYS_close, fd);
	return 0;
}

static int close_gap(unsigned first, unsigned last, bool unshare)
{
	long r = raw(SYS_close_range, first, last, unshare ? CLOSE_RANGE_UNSHARE : 0);

	if (r != -ENOSYS && r != -EPERM)
		return (int)r;
	if (unshare) {
		r = raw(SYS_unshare, CLONE_FILES);
		if (r < 0)
			return (int)r;
	}
	return close_each(first, last);
}

int fds_close_others(unsigned first, const struct fds_kept *kept, bool unshare)
{
	unsigned end = UINT_MAX; /* first number of what is done already */
	int r;

	/* From above: the first range has no end, so that a table to be left behind is copied no
	 * further than needed. */
	for (;;) {
		int fd = highest_kept(kept, first, end);
		unsigned from = fd >= 0 ? (unsigned)fd + 1 : first;

		if (from < end) {
			r = close_gap(from, end == UINT_MAX ? end : end - 1, unshare);
			if (r < 0)
				return r;
			unshare = false;
		}
		if (fd < 0)
			return 0;
		end = (unsigned)fd;
	}
}

/* Moves a descriptor to the first free number from `first` on, close-on-exec. */
static int move(int *fd, int first)
{
	long r = raw(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, first);

	if (r < 0)
		return (int)r;
	raw(SYS_close, *fd);
	*fd = (int)r;
	return 0;
}

static int above_all(const struct plan_fd_op *ops, size_t count)
{
	int top = 2;

	for (size_t i = 0; i < count; i++) {
		top = ops[i].target > top ? ops[i].target : top;
		top = ops[i].source > top ? ops[i].source : top;
	}
	return top + 1;
}

int fds_assign(const struct plan_fd_op *ops, size_t count, int **internal, size_t internal_count)
{
	const int first = above_all(ops, count);
	int held[PLAN_FD_OPS_MAX];
	long r = 0;

	for (size_t i = 0; i < internal_count && r == 0; i++)
		if (*internal[i] >= 0)
			r = move(internal[i], first);
	for (size_t i = 0; i < count && r >= 0; i++) {
		held[i] = -1;
		if (ops[i].source >= 0)
			r = held[i] = (int)raw(SYS_fcntl, ops[i].source, F_DUPFD_CLOEXEC, first);
	}
	for (size_t i = 0; i < count && r >= 0; i++) {
		if (held[i] < 0) {
			raw(SYS_close, ops[i].target); /* closing a closed one is no error */
			continue;
		}
		r = raw(SYS_dup3, held[i], ops[i].target, 0);
		raw(SYS_close, held[i]);
	}
	return r < 0 ? (int)r : 0;
}
