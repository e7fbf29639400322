/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assembler for classic BPF.
 *
 * Theory of operation
 *
 * Instructions are kept with labels instead of distances. asm_finish() checks them (check_code) and
 * then lays them out from the last to the first (lay_out): since jumps only go forward, everything
 * that an instruction can jump to has its final place by then, counted from the end, and a distance
 * never has to be revised.
 *
 * A conditional jump has 8 bits for a distance. A target further away is reached through a `ja`
 * (32 bits) right behind the jump; control never falls into it, because a conditional jump always
 * jumps. The latest such `ja` of each label is remembered, and used by jumps further up while it is
 * near enough.
 */
#include "bpf/asm.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>

static_assert(BPF_MAXINSNS == 4096, "the kernel's limit");

#define NOT_PLACED SIZE_MAX
#define NEAR_MAX   UINT8_MAX

struct insn {
	uint16_t code;
	uint32_t k;
	asm_label yes, no; /* jumps; a `ja` uses yes */
};

struct assembler {
	struct insn *insns;
	size_t insn_count;
	size_t *labels; /* instruction that label n stands before is labels[n - 1] */
	size_t label_count;
	int failed;	 /* first failure, reported by asm_finish() */
	const char *why; /* its text */
};

/* Places are counted from the end: how many instructions follow, the instruction itself included.
 */
struct layout {
	struct sock_filter *code; /* last instruction first */
	size_t length;
	size_t *places; /* by instruction of the source */
	size_t *hops;	/* by label - 1: the nearest `ja` to it; 0: none */
};

void bpf_program_done(struct bpf_program *program)
{
	free(program->code);
	*program = (struct bpf_program){ 0 };
}

struct assembler *asm_new(void)
{
	return calloc(1, sizeof(struct assembler));
}

void asm_free(struct assembler *as)
{
	if (!as)
		return;
	free(as->insns);
	free(as->labels);
	free(as);
}

static void fail(struct assembler *as, int code, const char *why)
{
	if (as->failed)
		return;
	as->failed = code;
	as->why = why;
}

static void append(struct assembler *as, struct insn insn)
{
	if (as->failed)
		return;
	if (insn.yes > as->label_count || insn.no > as->label_count)
		fail(as, -EINVAL, "a label of another program");
	else if (as->insn_count >= BPF_MAXINSNS)
		fail(as, -E2BIG, "more than 4096 instructions");
	else if (vec_grow(&as->insns, as->insn_count) < 0)
		fail(as, -ENOMEM, "out of memory");
	else
		as->insns[as->insn_count++] = insn;
}

asm_label asm_label_new(struct assembler *as)
{
	if (as->failed)
		return ASM_NEXT;
	if (vec_grow(&as->labels, as->label_count) < 0) {
		fail(as, -ENOMEM, "out of memory");
		return ASM_NEXT;
	}
	as->labels[as->label_count++] = NOT_PLACED;
	return (asm_label)as->label_count;
}

void asm_place(struct assembler *as, asm_label label)
{
	if (as->failed)
		return;
	if (label == ASM_NEXT || label > as->label_count)
		fail(as, -EINVAL, "no such label");
	else if (as->labels[label - 1] != NOT_PLACED)
		fail(as, -EINVAL, "a label was placed twice");
	else
		as->labels[label - 1] = as->insn_count;
}

void asm_load(struct assembler *as, uint32_t offset)
{
	if (offset % sizeof(uint32_t) != 0 || offset >= sizeof(struct seccomp_data))
		fail(as, -EINVAL, "a load outside the system call's data");
	append(as, (struct insn){ .code = BPF_LD | BPF_W | BPF_ABS, .k = offset });
}

void asm_and(struct assembler *as, uint32_t mask)
{
	append(as, (struct insn){ .code = BPF_ALU | BPF_AND | BPF_K, .k = mask });
}

void asm_jump(struct assembler *as, uint16_t code, uint32_t k, asm_label yes, asm_label no)
{
	if (code != BPF_JEQ && code != BPF_JGT && code != BPF_JGE && code != BPF_JSET)
		fail(as, -EINVAL, "not a conditional jump");
	append(as,
	       (struct insn){
		       .code = (uint16_t)(BPF_JMP | code | BPF_K), .k = k, .yes = yes, .no = no });
}

void asm_goto(struct assembler *as, asm_label label)
{
	append(as, (struct insn){ .code = BPF_JMP | BPF_JA, .yes = label });
}

void asm_return(struct assembler *as, uint32_t action)
{
	append(as, (struct insn){ .code = BPF_RET | BPF_K, .k = action });
}

static bool is_conditional(const struct insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_JMP && BPF_OP(insn->code) != BPF_JA;
}

/* Index of the instruction a jump at `from` leads to. */
static size_t target(const struct assembler *as, size_t from, asm_label label)
{
	return label == ASM_NEXT ? from + 1 : as->labels[label - 1];
}

/* Marks where a jump leads. Return: what is wrong with it, or NULL. */
static const char *follow(const struct assembler *as, size_t from, asm_label label, bool *reached)
{
	size_t to = target(as, from, label);

	if (to <= from)
		return "a jump backwards";
	if (to >= as->insn_count)
		return "the program runs off its end";
	reached[to] = true;
	return NULL;
}

/* Return: what is wrong with the program, or NULL. reached: all false, one for each instruction. */
static const char *check_code(const struct assembler *as, bool *reached)
{
	const char *why = NULL;

	for (size_t i = 0; i < as->label_count; i++) {
		if (as->labels[i] == NOT_PLACED)
			return "a label was never placed";
	}
	if (as->insn_count == 0)
		return "an empty program";
	reached[0] = true;
	for (size_t i = 0; i < as->insn_count && !why; i++) {
		const struct insn *insn = &as->insns[i];

		if (!reached[i])
			return "code that no path reaches";
		if (BPF_CLASS(insn->code) == BPF_RET)
			continue;
		/* For what is no jump, yes is ASM_NEXT. */
		why = follow(as, i, insn->yes, reached);
		if (!why && is_conditional(insn))
			why = follow(as, i, insn->no, reached);
	}
	return why;
}

static void emit(struct layout *lay, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	assert(yes <= NEAR_MAX && no <= NEAR_MAX);
	lay->code[lay->length++] =
		(struct sock_filter){ .code = code, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k };
}

/* Emits a `ja` to the label and remembers it. */
static void emit_hop(const struct assembler *as, struct layout *lay, asm_label label)
{
	size_t place = lay->places[as->labels[label - 1]];

	emit(lay, BPF_JMP | BPF_JA, (uint32_t)(lay->length - place), 0, 0);
	lay->hops[label - 1] = lay->length;
}

/* From the instruction that is emitted next; next: the place of what follows it in the source. */
static size_t distance(const struct assembler *as, const struct layout *lay, asm_label label,
		       size_t next)
{
	size_t direct;

	if (label == ASM_NEXT)
		return lay->length - next;
	direct = lay->length - lay->places[as->labels[label - 1]];
	if (direct > NEAR_MAX && lay->hops[label - 1] != 0)
		return lay->length - lay->hops[label - 1];
	return direct;
}

static void emit_conditional(const struct assembler *as, struct layout *lay,
			     const struct insn *insn)
{
	size_t next = lay->length;

	/* Each `ja` that is put in between moves the other target further away, hence two looks. */
	for (int look = 0; look < 2; look++) {
		if (distance(as, lay, insn->no, next) > NEAR_MAX)
			emit_hop(as, lay, insn->no);
		if (distance(as, lay, insn->yes, next) > NEAR_MAX)
			emit_hop(as, lay, insn->yes);
	}
	emit(lay, insn->code, insn->k, distance(as, lay, insn->yes, next),
	     distance(as, lay, insn->no, next));
}

static void lay_out(const struct assembler *as, struct layout *lay)
{
	for (size_t i = as->insn_count; i-- > 0;) {
		const struct insn *insn = &as->insns[i];

		if (is_conditional(insn))
			emit_conditional(as, lay, insn);
		else if (insn->code == (BPF_JMP | BPF_JA) && insn->yes != ASM_NEXT)
			emit_hop(as, lay, insn->yes);
		else
			emit(lay, insn->code, insn->k, 0, 0);
		lay->places[i] = lay->length;
	}
}

static void reverse(struct sock_filter *code, size_t length)
{
	for (size_t i = 0; i < length / 2; i++) {
		struct sock_filter first = code[i];

		code[i] = code[length - 1 - i];
		code[length - 1 - i] = first;
	}
}

int asm_finish(struct assembler *as, struct bpf_program *ret, struct cordon_error *err)
{
	cleanup_free bool *reached = calloc(as->insn_count + 1, sizeof(*reached));
	cleanup_free size_t *places = calloc(as->insn_count + 1, sizeof(*places));
	cleanup_free size_t *hops = calloc(as->label_count + 1, sizeof(*hops));
	/* A conditional jump becomes three instructions at most. */
	cleanup_free struct sock_filter *code = calloc(as->insn_count * 3 + 1, sizeof(*code));
	struct layout lay = { .code = code, .places = places, .hops = hops };
	const char *why;

	if (!reached || !places || !hops || !code)
		return err_set(err, -ENOMEM, "assemble BPF: out of memory");
	if (as->failed)
		return err_set(err, as->failed, "assemble BPF: %s", as->why);
	why = check_code(as, reached);
	if (why)
		return err_set(err, -EINVAL, "assemble BPF: %s", why);
	lay_out(as, &lay);
	if (lay.length > BPF_MAXINSNS)
		return err_set(err, -E2BIG, "assemble BPF: %zu instructions, the kernel takes 4096",
			       lay.length);
	reverse(code, lay.length);
	ret->code = steal_ptr(&code);
	ret->length = lay.length;
	return 0;
}
