/* SPDX-License-Identifier: Apache-2.0 */
/* A stack for a process that shares our memory. */
#ifndef CORDON_SYS_STACK_H
#define CORDON_SYS_STACK_H

#include <stddef.h>

struct stack {
	void *base; /* NULL: none */
	size_t size;
};

/* With a page below it that cannot be touched. Return: 0 or -errno; then nothing is mapped. */
int stack_map(size_t size, struct stack *ret);
/* Where it begins, for clone(); NULL if there is none. */
void *stack_top(const struct stack *stack);
void stack_unmap(struct stack *stack);

#endif
