/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership of locals: cleanup attributes, and the hand-over on success. */
#ifndef CORDON_BASE_CLEANUP_H
#define CORDON_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free_(void *pp)
{
	int saved = errno;

	free(*(void **)pp);
	errno = saved;
}

static inline void cleanup_fd_(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

/* Frees the pointer when the variable leaves its scope. */
#define cleanup_free __attribute__((cleanup(cleanup_free_)))
/* Closes the descriptor when the variable leaves its scope; -1 is nothing. */
#define cleanup_fd __attribute__((cleanup(cleanup_fd_)))

/* Takes the pointer out of a variable, so that its cleanup finds NULL. */
#define steal_ptr(pp)                                                                              \
	__extension__({                                                                            \
		__typeof__(*(pp)) got_ = *(pp);                                                    \
		*(pp) = NULL;                                                                      \
		got_;                                                                              \
	})

/* Takes the descriptor out of a variable, so that its cleanup finds -1. */
static inline int steal_fd(int *fd)
{
	int got = *fd;

	*fd = -1;
	return got;
}

#endif
