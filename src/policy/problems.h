/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of one policy: the first ones are kept, all of them count. */
#ifndef CORDON_POLICY_PROBLEMS_H
#define CORDON_POLICY_PROBLEMS_H

#include <cordon/error.h>

#define PROBLEMS_MAX 20

struct problems {
	struct cordon_error list[PROBLEMS_MAX];
	size_t count; /* may exceed PROBLEMS_MAX */
};

struct place {
	const char *file; /* borrowed */
	int line, column; /* 1-based; 0: not a place in a file */
};

/* Adds one. code: negative errno. Return: code. */
int problems_add(struct problems *problems, int code, const struct place *place, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
/* Copies problem number `index` to *err (may be NULL). Return: its code, or 0 if there is none. */
int problems_get(const struct problems *problems, size_t index, struct cordon_error *err);

#endif
