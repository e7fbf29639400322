/* SPDX-License-Identifier: Apache-2.0 */
/* Closing all descriptors but a few, by system calls only (I11). */
#ifndef CORDON_CHILD_FDS_H
#define CORDON_CHILD_FDS_H

#include "child/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* Two lists of numbers to keep, the first ascending; -1 entries in the second are nothing. */
struct fds_kept {
	const int *sorted;
	size_t sorted_count;
	const int *few;
	size_t few_count;
};

/*
 * Closes every descriptor from `first` on that is not kept. unshare: leave a table shared with
 * others first; theirs stays as it is. Return: 0 or -errno.
 */
int fds_close_others(unsigned first, const struct fds_kept *kept, bool unshare);

/*
 * Carries the assignments out, all at once: a source is what it was before any of them. *internal are
 * descriptors of our own, which are moved out of the way of every number that is named.
 * Return: 0 or -errno.
 */
int fds_assign(const struct plan_fd_op *ops, size_t count, int **internal, size_t internal_count);

#endif
