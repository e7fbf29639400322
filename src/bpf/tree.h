/* SPDX-License-Identifier: Apache-2.0 */
/* The code behind filter.h: search tree, blocks and actions from a list of leaves. */
#ifndef CORDON_BPF_TREE_H
#define CORDON_BPF_TREE_H

#include "bpf/filter.h"

/* A range of numbers with one answer: from `first` to the next leaf's. */
struct tree_leaf {
	uint32_t first;
	const struct filter_call *block; /* its rules decide; NULL: `action` */
	uint32_t action;
	asm_label label; /* set by tree_emit() */
};

struct tree {
	struct tree_leaf *leaves; /* ascending; the first one begins at 0 */
	size_t leaf_count;	  /* at least 1 */
	uint32_t arch, foreign_action;
};

/* Emits the program; the tests have been checked. Return: as asm_finish(). */
int tree_emit(struct tree *tree, struct bpf_program *ret, struct cordon_error *err);

/*
 * Emits the rules of a call.
 * action_label: gives the label of an action; arg is passed to it.
 */
void block_emit(struct assembler *as, const struct filter_call *call,
		asm_label (*action_label)(uint32_t action, void *arg), void *arg);

#endif
