/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of any type. */
#ifndef CORDON_BASE_VEC_H
#define CORDON_BASE_VEC_H

#include <errno.h>
#include <stdlib.h>

/*
 * Makes room for one more element. items: address of the array pointer; count: how many it holds;
 * size: of one element. Capacities are powers of two, so none has to be stored.
 * Return: 0 or -ENOMEM.
 */
static inline int vec_grow_(void **items, size_t count, size_t size)
{
	void *more;

	if (count != 0 && (count & (count - 1)) != 0)
		return 0;
	more = reallocarray(*items, count ? count * 2 : 1, size);
	if (!more)
		return -ENOMEM;
	*items = more;
	return 0;
}

/* vec_grow(&array, count): room for element number `count`. Return: 0 or -ENOMEM. */
#define vec_grow(items, count)                                                                     \
	__extension__({                                                                            \
		void *vec_ = *(items);                                                             \
		int r_ = vec_grow_(&vec_, (count), sizeof(**(items)));                             \
		if (r_ == 0)                                                                       \
			*(items) = vec_;                                                           \
		r_;                                                                                \
	})

#endif
