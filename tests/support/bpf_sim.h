/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreter for classic BPF as seccomp runs it, with a counter of the instructions that ran. */
#ifndef CORDON_TESTS_BPF_SIM_H
#define CORDON_TESTS_BPF_SIM_H

#include "bpf/asm.h"

#include <linux/seccomp.h>
#include <stdbool.h>

struct bpf_sim {
	const struct bpf_program *program; /* borrowed */
	bool *covered;			   /* one for each instruction */
	size_t comparison_count;	   /* of the last run */
	bool argument_loaded;		   /* in the last run */
};

/* Return: 0 or -ENOMEM. */
int bpf_sim_init(struct bpf_sim *sim, const struct bpf_program *program);
void bpf_sim_done(struct bpf_sim *sim);
/*
 * Runs the program once.
 * Return: 0; -EINVAL for an instruction that seccomp refuses, a load outside the data, or a program
 * that runs off its end.
 */
int bpf_sim_run(struct bpf_sim *sim, const struct seccomp_data *data, uint32_t *ret_action);
/* Return: the first instruction that never ran, or the length of the program. */
size_t bpf_sim_uncovered(const struct bpf_sim *sim);

#endif
