/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of `probe try` that reach beyond the program; each succeeds where nothing forbids it. */
#ifndef CORDON_TESTS_ATTACKS_H
#define CORDON_TESTS_ATTACKS_H

#include <stddef.h>

struct attempt {
	const char *name;
	/* 0, or the errno. Arguments that are not given are empty strings. */
	int (*run)(char **args);
};

extern const struct attempt attacks[];
extern const size_t attack_count;

/* Lets everybody trace it, prints its pid, and when its input ends whether its memory is whole. */
int attack_victim(void);

#endif
