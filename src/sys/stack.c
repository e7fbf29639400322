/* SPDX-License-Identifier: Apache-2.0 */
/* A stack for a process that shares our memory: see stack.h. */
#include "sys/stack.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int stack_map(size_t size, struct stack *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct stack stack = { .size = page + (size + page - 1) / page * page };
	int error;

	stack.base =
		mmap(NULL, stack.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.base == MAP_FAILED)
		return -errno;
	if (mprotect((char *)stack.base + page, stack.size - page, PROT_READ | PROT_WRITE) < 0) {
		error = errno;
		munmap(stack.base, stack.size);
		return -error;
	}
	*ret = stack;
	return 0;
}

void *stack_top(const struct stack *stack)
{
	return stack->base ? (char *)stack->base + stack->size : NULL;
}

void stack_unmap(struct stack *stack)
{
	if (stack->base)
		munmap(stack->base, stack->size);
	*stack = (struct stack){ NULL, 0 };
}
