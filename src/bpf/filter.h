/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a list of system calls with actions and argument tests to a program.
 *
 * The program: architecture, x32, then a balanced search over the numbers in which neighbours with
 * the same constant action share a leaf, so that the kernel can cache constant ALLOWs (no argument
 * is loaded before the number is known). A call with tests gets its own block.
 */
#ifndef CORDON_BPF_FILTER_H
#define CORDON_BPF_FILTER_H

#include "bpf/asm.h"

#include <stdbool.h>

/* How one argument is compared; the mask applies to the argument first. All unsigned. */
enum filter_cmp {
	FILTER_EQ, /* (argument & mask) == value */
	FILTER_NE, /* (argument & mask) != value */
	FILTER_IN, /* value <= (argument & mask) <= value_to */
};

/*
 * width is the width of the argument's C type: an int is compared by its low word alone, since the
 * kernel ignores the high one and a program can put anything there.
 */
struct filter_test {
	uint8_t arg;   /* 0 to 5 */
	uint8_t width; /* 32 or 64 */
	enum filter_cmp cmp;
	uint64_t mask; /* 0 means all bits of the width */
	uint64_t value;
	uint64_t value_to; /* FILTER_IN only */
};

/* All tests must hold. */
struct filter_rule {
	const struct filter_test *tests;
	size_t test_count; /* at least 1 */
	uint32_t action;   /* SECCOMP_RET_* with data */
};

/* The first rule that holds decides, else `otherwise`. */
struct filter_call {
	int nr;
	const struct filter_rule *rules;
	size_t rule_count;
	uint32_t otherwise;
};

struct filter_spec {
	uint32_t arch;			 /* AUDIT_ARCH_* of the only architecture that is let in */
	uint32_t foreign_action;	 /* any other architecture */
	uint32_t unknown_action;	 /* numbers that are not listed, x32 included */
	const struct filter_call *calls; /* borrowed; any order; a number may stand once */
	size_t call_count;
};

/*
 * Builds the program.
 * Return: 0; -EINVAL for a number twice, a test on argument 6 and up, a width other than 32 or 64,
 * a value outside the mask (it could never hold); -E2BIG above 4096 instructions; -ENOMEM.
 */
int filter_build(const struct filter_spec *spec, struct bpf_program *ret, struct cordon_error *err);

#endif
