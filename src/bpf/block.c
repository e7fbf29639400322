/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block of one call: its rules in order, each a chain of tests; see filter.c.
 *
 * A seccomp program sees an argument as two words. A test of width 32 looks at the low one alone;
 * one of width 64 looks at both, except at a word that the mask excludes. What A holds is tracked,
 * so that rules on the same argument load it once.
 */
#include "bpf/tree.h"

#include <assert.h>
#include <linux/seccomp.h>
#include <stddef.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low word comes first");

#define LOW(value)  ((uint32_t)(value))
#define HIGH(value) ((uint32_t)((value) >> 32))

/* What A holds at one place of the program. */
struct accumulator {
	bool known;
	uint32_t offset, mask;
};

struct block {
	struct assembler *as;
	struct accumulator now;
	/* Where a failed test leads, and what A holds on all the ways there. */
	asm_label next;
	struct accumulator at_next;
	bool next_used;
};

/* A = word & mask, unless it is there already. */
static void load_word(struct block *b, uint32_t offset, uint32_t mask)
{
	if (b->now.known && b->now.offset == offset && b->now.mask == mask)
		return;
	asm_load(b->as, offset);
	if (mask != UINT32_MAX)
		asm_and(b->as, mask);
	b->now = (struct accumulator){ .known = true, .offset = offset, .mask = mask };
}

/* To be called for each jump to b->next. Return: that label. */
static asm_label to_next(struct block *b)
{
	if (!b->next_used)
		b->at_next = b->now;
	else if (b->at_next.offset != b->now.offset || b->at_next.mask != b->now.mask)
		b->at_next.known = false;
	b->at_next.known = b->at_next.known && b->now.known;
	b->next_used = true;
	return b->next;
}

static uint32_t low_offset(const struct filter_test *test)
{
	return (uint32_t)(offsetof(struct seccomp_data, args) + test->arg * sizeof(uint64_t));
}

static uint32_t high_offset(const struct filter_test *test)
{
	return low_offset(test) + (uint32_t)sizeof(uint32_t);
}

static uint64_t full_mask(const struct filter_test *test)
{
	if (test->mask)
		return test->mask;
	return test->width == 64 ? UINT64_MAX : UINT32_MAX;
}

/* FILTER_EQ and FILTER_NE. yes: where a test that holds leads. */
static void emit_equal(struct block *b, const struct filter_test *test, asm_label yes)
{
	uint64_t mask = full_mask(test);
	bool low = LOW(mask) != 0, high = HIGH(mask) != 0;
	bool equal = test->cmp == FILTER_EQ;

	if (high) {
		load_word(b, high_offset(test), HIGH(mask));
		if (equal)
			asm_jump(b->as, BPF_JEQ, HIGH(test->value), low ? ASM_NEXT : yes,
				 to_next(b));
		else
			asm_jump(b->as, BPF_JEQ, HIGH(test->value), low ? ASM_NEXT : to_next(b),
				 yes);
	}
	if (low) {
		load_word(b, low_offset(test), LOW(mask));
		if (equal)
			asm_jump(b->as, BPF_JEQ, LOW(test->value), yes, to_next(b));
		else
			asm_jump(b->as, BPF_JEQ, LOW(test->value), to_next(b), yes);
	}
}

static void emit_range_32(struct block *b, const struct filter_test *test, asm_label yes)
{
	uint32_t mask = LOW(full_mask(test));
	bool ends = LOW(test->value_to) != mask;

	load_word(b, low_offset(test), mask);
	if (test->value != 0)
		asm_jump(b->as, BPF_JGE, LOW(test->value), ends ? ASM_NEXT : yes, to_next(b));
	if (ends)
		asm_jump(b->as, BPF_JGT, LOW(test->value_to), to_next(b), yes);
}

/* Both words: greater in the high one, or equal there and enough in the low one. */
static void emit_range_64(struct block *b, const struct filter_test *test, asm_label yes)
{
	uint64_t mask = full_mask(test);
	bool ends = test->value_to != mask;

	if (test->value != 0) {
		asm_label enough = ends ? asm_label_new(b->as) : yes;

		load_word(b, high_offset(test), HIGH(mask));
		asm_jump(b->as, BPF_JGT, HIGH(test->value), enough, ASM_NEXT);
		asm_jump(b->as, BPF_JEQ, HIGH(test->value), ASM_NEXT, to_next(b));
		load_word(b, low_offset(test), LOW(mask));
		asm_jump(b->as, BPF_JGE, LOW(test->value), enough, to_next(b));
		if (ends)
			asm_place(b->as, enough);
		b->now.known = false;
	}
	if (ends) {
		load_word(b, high_offset(test), HIGH(mask));
		asm_jump(b->as, BPF_JGE, HIGH(test->value_to), ASM_NEXT, yes);
		asm_jump(b->as, BPF_JGT, HIGH(test->value_to), to_next(b), ASM_NEXT);
		load_word(b, low_offset(test), LOW(mask));
		asm_jump(b->as, BPF_JGT, LOW(test->value_to), to_next(b), yes);
	}
}

static void emit_test(struct block *b, const struct filter_test *test, asm_label yes)
{
	if (test->cmp != FILTER_IN)
		emit_equal(b, test, yes);
	else if (HIGH(full_mask(test)) == 0)
		emit_range_32(b, test, yes);
	else
		emit_range_64(b, test, yes);
}

/* hit: where a rule that holds leads. */
static void emit_rule(struct block *b, const struct filter_rule *rule, asm_label hit)
{
	for (size_t i = 0; i + 1 < rule->test_count; i++) {
		/* A test may hold on several ways with different words in A. */
		asm_label held = asm_label_new(b->as);

		emit_test(b, &rule->tests[i], held);
		asm_place(b->as, held);
		if (rule->tests[i].width == 64)
			b->now.known = false;
	}
	emit_test(b, &rule->tests[rule->test_count - 1], hit);
}

void block_emit(struct assembler *as, const struct filter_call *call,
		asm_label (*action_label)(uint32_t action, void *arg), void *arg)
{
	struct block b = { .as = as };

	for (size_t i = 0; i < call->rule_count; i++) {
		bool last = i + 1 == call->rule_count;

		b.next = last ? action_label(call->otherwise, arg) : asm_label_new(as);
		b.next_used = false;
		emit_rule(&b, &call->rules[i], action_label(call->rules[i].action, arg));
		if (last)
			break;
		asm_place(as, b.next);
		b.now = b.at_next;
	}
}
