/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assembler for classic BPF as seccomp runs it: labels, jumps of any distance, checked widths.
 *
 * Instructions are appended in order. A conditional jump names two labels; one that lies further
 * than 255 instructions away is reached through a `ja`. Jumps only go forward. Nothing is
 * truncated: what does not fit is an error of asm_finish().
 */
#ifndef CORDON_BPF_ASM_H
#define CORDON_BPF_ASM_H

#include <cordon/error.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* A finished program; `code` is from malloc. */
struct bpf_program {
	struct sock_filter *code;
	size_t length;
};

void bpf_program_done(struct bpf_program *program);

struct assembler;
typedef uint32_t asm_label;

/* The label of the next instruction; for "fall through". */
#define ASM_NEXT ((asm_label)0)

struct assembler *asm_new(void);
void asm_free(struct assembler *as);
/* A label that is not placed yet. Allocation failures are kept and returned by asm_finish(). */
asm_label asm_label_new(struct assembler *as);
/* Places the label at the next instruction. */
void asm_place(struct assembler *as, asm_label label);
/* A = the 32-bit word of struct seccomp_data at that byte offset. */
void asm_load(struct assembler *as, uint32_t offset);
void asm_and(struct assembler *as, uint32_t mask);
/* code: BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET; compares A with k. */
void asm_jump(struct assembler *as, uint16_t code, uint32_t k, asm_label yes, asm_label no);
void asm_goto(struct assembler *as, asm_label label);
void asm_return(struct assembler *as, uint32_t action);
/*
 * Resolves the labels. ret: filled on success.
 * Return: 0; -ENOMEM; -E2BIG above 4096 instructions; -EINVAL for an empty program, a label that
 * was never placed, a jump backwards, or code that can be reached by no path.
 */
int asm_finish(struct assembler *as, struct bpf_program *ret, struct cordon_error *err);

#endif
