/* SPDX-License-Identifier: Apache-2.0 */
/* Search tree over the leaves, then the blocks, then one `ret` for each action: see filter.c. */
#include "bpf/tree.h"
#include "base/err.h"
#include "base/vec.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>

struct action {
	uint32_t value;
	asm_label label;
};

struct emitter {
	struct assembler *as;
	struct action *actions;
	size_t action_count;
	bool out_of_memory;
};

/* The label of the `ret` with that action. */
static asm_label action_label(uint32_t value, void *arg)
{
	struct emitter *em = arg;

	for (size_t i = 0; i < em->action_count; i++) {
		if (em->actions[i].value == value)
			return em->actions[i].label;
	}
	if (vec_grow(&em->actions, em->action_count) < 0) {
		em->out_of_memory = true;
		return ASM_NEXT;
	}
	em->actions[em->action_count] =
		(struct action){ .value = value, .label = asm_label_new(em->as) };
	return em->actions[em->action_count++].label;
}

/*
 * Emits the search over leaves[0] to leaves[count - 1], count at least 2; A holds the number. A
 * half of one leaf is jumped to, the lower half of more follows right behind its node.
 */
static void emit_search(struct emitter *em, const struct tree_leaf *leaves, size_t count)
{
	size_t lower = count / 2, upper = count - lower;
	asm_label above = upper == 1 ? leaves[lower].label : asm_label_new(em->as);

	asm_jump(em->as, BPF_JGE, leaves[lower].first, above,
		 lower == 1 ? leaves[0].label : ASM_NEXT);
	if (lower > 1)
		emit_search(em, leaves, lower);
	if (upper > 1) {
		asm_place(em->as, above);
		emit_search(em, leaves + lower, upper);
	}
}

static void emit_all(struct emitter *em, struct tree *tree)
{
	asm_label foreign = action_label(tree->foreign_action, em);
	bool search = tree->leaf_count > 1;

	for (size_t i = 0; i < tree->leaf_count; i++) {
		struct tree_leaf *leaf = &tree->leaves[i];

		leaf->label = leaf->block ? asm_label_new(em->as) : action_label(leaf->action, em);
	}
	asm_load(em->as, offsetof(struct seccomp_data, arch));
	asm_jump(em->as, BPF_JEQ, tree->arch, search ? ASM_NEXT : tree->leaves[0].label, foreign);
	if (search) {
		asm_load(em->as, offsetof(struct seccomp_data, nr));
		emit_search(em, tree->leaves, tree->leaf_count);
	}
	for (size_t i = 0; i < tree->leaf_count; i++) {
		const struct tree_leaf *leaf = &tree->leaves[i];

		if (!leaf->block)
			continue;
		asm_place(em->as, leaf->label);
		block_emit(em->as, leaf->block, action_label, em);
	}
	for (size_t i = 0; i < em->action_count; i++) {
		asm_place(em->as, em->actions[i].label);
		asm_return(em->as, em->actions[i].value);
	}
}

int tree_emit(struct tree *tree, struct bpf_program *ret, struct cordon_error *err)
{
	struct emitter em = { .as = asm_new() };
	int r;

	if (!em.as)
		return err_set(err, -ENOMEM, "out of memory");
	emit_all(&em, tree);
	r = em.out_of_memory ? err_set(err, -ENOMEM, "out of memory") : asm_finish(em.as, ret, err);
	free(em.actions);
	asm_free(em.as);
	return r;
}
