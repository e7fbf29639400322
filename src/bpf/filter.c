/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a list of system calls to a program.
 *
 * Theory of operation
 *
 *	load arch;	other architecture -> foreign action
 *	load nr;	balanced search over leaves
 *	blocks		one for each call with rules: loads arguments, tests, jumps to an action
 *	actions		one `ret` for each distinct action
 *
 * A leaf is a range of numbers with one answer. The leaves cover 0 to 0xffffffff: what is not
 * listed, the numbers of x32 among them (0x40000000 and up; on x86_64 also 512 to 547), is a leaf
 * with the unknown action. Neighbours with the same constant action are one leaf. A node of the
 * search is one `jge` against the first number of its upper half, so the number of comparisons is
 * the logarithm of the number of leaves.
 *
 * SECURITY: no argument is loaded before the number is known to be one whose answer depends on it.
 * The kernel caches the numbers that reach ALLOW without a look at anything but number and
 * architecture, and never runs the program for them again.
 */
#include "bpf/filter.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "bpf/tree.h"
#include "sys/nr.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>

#define X32_BIT	      0x40000000u
#define X32_OLD_FIRST 512u
#define X32_OLD_LAST  547u

#define TEST_MAX (sizeof(((struct seccomp_data *)NULL)->args) / sizeof(uint64_t))

static uint64_t width_mask(const struct filter_test *test)
{
	return test->width == 64 ? UINT64_MAX : UINT32_MAX;
}

/* Return: what is wrong with the test, or NULL. */
static const char *check_test(const struct filter_test *test)
{
	uint64_t all, mask;

	if (test->arg >= TEST_MAX)
		return "no such argument";
	if (test->width != 32 && test->width != 64)
		return "a width other than 32 or 64";
	all = width_mask(test);
	mask = test->mask ? test->mask : all;
	if (mask & ~all)
		return "a mask wider than the argument";
	if (test->value & ~mask)
		return "a value outside the mask";
	if (test->cmp != FILTER_IN)
		return NULL;
	if (test->value_to > mask || test->value > test->value_to)
		return "a range that is empty or outside the mask";
	if (test->value == 0 && test->value_to == mask)
		return "a range that always holds";
	return NULL;
}

static const char *check_call(const struct filter_spec *spec, const struct filter_call *call)
{
	uint32_t nr = (uint32_t)call->nr;
	const char *why = NULL;

	if (nr >= X32_BIT)
		return "a number of no system call";
	if (spec->arch == NR_ARCH_X86_64 && nr >= X32_OLD_FIRST && nr <= X32_OLD_LAST)
		return "a number of the x32 architecture";
	for (size_t r = 0; r < call->rule_count && !why; r++) {
		const struct filter_rule *rule = &call->rules[r];

		if (rule->test_count == 0)
			return "a rule without a test";
		for (size_t t = 0; t < rule->test_count && !why; t++)
			why = check_test(&rule->tests[t]);
	}
	return why;
}

static int compare_calls(const void *a, const void *b)
{
	const struct filter_call *const *x = a, *const *y = b;

	return ((*x)->nr > (*y)->nr) - ((*x)->nr < (*y)->nr);
}

/* Checks the calls. sorted: filled with pointers to them by number. */
static int sort_calls(const struct filter_spec *spec, const struct filter_call **sorted,
		      struct cordon_error *err)
{
	for (size_t i = 0; i < spec->call_count; i++)
		sorted[i] = &spec->calls[i];
	qsort(sorted, spec->call_count, sizeof(sorted[0]), compare_calls);
	for (size_t i = 0; i < spec->call_count; i++) {
		const char *why = check_call(spec, sorted[i]);

		if (!why && i > 0 && sorted[i]->nr == sorted[i - 1]->nr)
			why = "it stands twice";
		if (why)
			return err_set(err, -EINVAL, "filter: call %d: %s", sorted[i]->nr, why);
	}
	return 0;
}

/* Adds a leaf, or extends the last one if it gives the same constant answer. */
static void add_leaf(struct tree *tree, uint32_t first, const struct filter_call *block,
		     uint32_t action)
{
	const struct tree_leaf *last =
		tree->leaf_count ? &tree->leaves[tree->leaf_count - 1] : NULL;

	if (last && !last->block && !block && last->action == action)
		return;
	tree->leaves[tree->leaf_count++] =
		(struct tree_leaf){ .first = first, .block = block, .action = action };
}

/* tree->leaves has room for two leaves a call and one more. */
static void make_leaves(const struct filter_spec *spec, const struct filter_call **sorted,
			struct tree *tree)
{
	uint32_t next = 0;

	for (size_t i = 0; i < spec->call_count; i++) {
		uint32_t nr = (uint32_t)sorted[i]->nr;

		if (nr > next)
			add_leaf(tree, next, NULL, spec->unknown_action);
		add_leaf(tree, nr, sorted[i]->rule_count ? sorted[i] : NULL, sorted[i]->otherwise);
		next = nr + 1;
	}
	add_leaf(tree, next, NULL, spec->unknown_action);
}

int filter_build(const struct filter_spec *spec, struct bpf_program *ret, struct cordon_error *err)
{
	cleanup_free const struct filter_call **sorted =
		calloc(spec->call_count + 1, sizeof(const struct filter_call *));
	cleanup_free struct tree_leaf *leaves =
		calloc(spec->call_count * 2 + 1, sizeof(struct tree_leaf));
	struct tree tree = { .leaves = leaves,
			     .arch = spec->arch,
			     .foreign_action = spec->foreign_action };
	int r;

	if (!sorted || !leaves)
		return err_set(err, -ENOMEM, "filter: out of memory");
	r = sort_calls(spec, sorted, err);
	if (r < 0)
		return r;
	make_leaves(spec, sorted, &tree);
	r = tree_emit(&tree, ret, err);
	if (r < 0)
		err_wrap(err, "filter");
	return r;
}
