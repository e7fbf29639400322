/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler: distances, limits, refusals. */
#include "bpf/asm.h"
#include "bpf_sim.h"

#include <criterion/criterion.h>
#include <errno.h>

/* Finishes and frees. Return: that of asm_finish(). */
static int finish(struct assembler *as, struct bpf_program *program)
{
	struct cordon_error err = { 0 };
	int r = asm_finish(as, program, &err);

	cr_assert_eq(err.code, r, "the error says %d", err.code);
	cr_assert(r == 0 || err.text[0], "no text");
	asm_free(as);
	return r;
}

static uint32_t run(struct bpf_sim *sim, uint32_t nr)
{
	struct seccomp_data data = { .nr = (int)nr };
	uint32_t action = 0;

	cr_assert_eq(bpf_sim_run(sim, &data, &action), 0);
	return action;
}

/* One jump over `distance` instructions, in each direction; the near side falls through. */
static void check_distance(size_t distance, bool on_yes)
{
	struct assembler *as = asm_new();
	struct bpf_program program = { 0 };
	asm_label far = asm_label_new(as);
	struct bpf_sim sim;

	asm_load(as, 0);
	asm_jump(as, BPF_JEQ, 7, on_yes ? far : ASM_NEXT, on_yes ? ASM_NEXT : far);
	for (size_t i = 0; i + 1 < distance; i++)
		asm_and(as, UINT32_MAX);
	asm_return(as, 1);
	asm_place(as, far);
	asm_return(as, 2);
	cr_assert_eq(finish(as, &program), 0);
	cr_assert_eq(program.length, 3 + distance + (distance > 255), "distance %zu", distance);
	cr_assert_eq(bpf_sim_init(&sim, &program), 0);
	cr_assert_eq(run(&sim, 7), on_yes ? 2 : 1, "distance %zu", distance);
	cr_assert_eq(run(&sim, 8), on_yes ? 1 : 2, "distance %zu", distance);
	cr_assert_eq(bpf_sim_uncovered(&sim), program.length);
	bpf_sim_done(&sim);
	bpf_program_done(&program);
}

Test(asm, distances_around_the_width_of_a_jump)
{
	static const size_t distances[] = { 1, 2, 253, 254, 255, 256, 257, 258, 510, 1000, 4000 };

	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		check_distance(distances[i], true);
		check_distance(distances[i], false);
	}
}

/* Both targets far, at distances where the extra `ja` of one pushes the other over the edge. */
Test(asm, both_targets_far)
{
	for (size_t first = 250; first <= 260; first++) {
		for (size_t gap = 1; gap <= 8; gap++) {
			struct assembler *as = asm_new();
			struct bpf_program program = { 0 };
			asm_label a = asm_label_new(as), b = asm_label_new(as);
			struct bpf_sim sim;

			asm_load(as, 0);
			asm_jump(as, BPF_JGE, 100, a, ASM_NEXT);
			asm_jump(as, BPF_JEQ, 7, a, b);
			asm_place(as, a);
			for (size_t i = 0; i < first; i++)
				asm_and(as, UINT32_MAX);
			asm_jump(as, BPF_JEQ, 7, b, ASM_NEXT);
			for (size_t i = 0; i + 1 < gap; i++)
				asm_and(as, UINT32_MAX);
			asm_return(as, 1);
			asm_place(as, b);
			asm_return(as, 2);
			cr_assert_eq(finish(as, &program), 0);
			cr_assert_eq(bpf_sim_init(&sim, &program), 0);
			cr_assert_eq(run(&sim, 7), 2);
			cr_assert_eq(run(&sim, 8), 2);
			cr_assert_eq(run(&sim, 200), 1);
			cr_assert_eq(bpf_sim_uncovered(&sim), program.length);
			bpf_sim_done(&sim);
			bpf_program_done(&program);
		}
	}
}

/* Two conditional targets, both beyond reach: two `ja` in a row. */
Test(asm, far_on_both_sides)
{
	for (size_t filler = 250; filler <= 260; filler++) {
		struct assembler *as = asm_new();
		struct bpf_program program = { 0 };
		asm_label yes = asm_label_new(as), no = asm_label_new(as);
		asm_label middle = asm_label_new(as);
		struct bpf_sim sim;

		asm_load(as, 0);
		asm_jump(as, BPF_JGE, 100, middle, ASM_NEXT);
		asm_jump(as, BPF_JEQ, 7, yes, no);
		asm_place(as, middle);
		for (size_t i = 0; i < filler; i++)
			asm_and(as, UINT32_MAX);
		asm_return(as, 3);
		asm_place(as, no);
		asm_return(as, 1);
		asm_place(as, yes);
		asm_return(as, 2);
		cr_assert_eq(finish(as, &program), 0);
		cr_assert_eq(bpf_sim_init(&sim, &program), 0);
		cr_assert_eq(run(&sim, 7), 2);
		cr_assert_eq(run(&sim, 8), 1);
		cr_assert_eq(run(&sim, 100), 3);
		cr_assert_eq(bpf_sim_uncovered(&sim), program.length);
		bpf_sim_done(&sim);
		bpf_program_done(&program);
	}
}

/* Many jumps to one far label share the `ja`s that are in reach. */
Test(asm, far_jumps_share)
{
	struct assembler *as = asm_new();
	struct bpf_program program = { 0 };
	asm_label far = asm_label_new(as);
	struct bpf_sim sim;

	asm_load(as, 0);
	for (uint32_t i = 0; i < 1000; i++)
		asm_jump(as, BPF_JEQ, i, far, ASM_NEXT);
	asm_return(as, 1);
	asm_place(as, far);
	asm_return(as, 2);
	cr_assert_eq(finish(as, &program), 0);
	cr_assert_leq(program.length, 1003 + 4);
	cr_assert_eq(bpf_sim_init(&sim, &program), 0);
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert_eq(run(&sim, i), 2, "%u", i);
	cr_assert_eq(run(&sim, 1000), 1);
	bpf_sim_done(&sim);
	bpf_program_done(&program);
}

static int finish_of_length(size_t length)
{
	struct assembler *as = asm_new();
	struct bpf_program program = { 0 };
	int r;

	for (size_t i = 0; i + 1 < length; i++)
		asm_and(as, UINT32_MAX);
	asm_return(as, 1);
	r = finish(as, &program);
	if (r == 0)
		cr_assert_eq(program.length, length);
	bpf_program_done(&program);
	return r;
}

Test(asm, limit_of_4096)
{
	cr_assert_eq(finish_of_length(1), 0);
	cr_assert_eq(finish_of_length(4095), 0);
	cr_assert_eq(finish_of_length(4096), 0);
	cr_assert_eq(finish_of_length(4097), -E2BIG);
	cr_assert_eq(finish_of_length(10000), -E2BIG);
}

/* The `ja`s of long jumps count too. */
Test(asm, limit_counts_what_is_added)
{
	for (size_t length = 4094; length <= 4097; length++) {
		struct assembler *as = asm_new();
		struct bpf_program program = { 0 };
		asm_label far = asm_label_new(as);

		asm_load(as, 0);
		asm_jump(as, BPF_JEQ, 1, far, ASM_NEXT);
		for (size_t i = 0; i + 5 < length; i++)
			asm_and(as, UINT32_MAX);
		asm_return(as, 1);
		asm_place(as, far);
		asm_return(as, 2);
		cr_assert_eq(finish(as, &program), length <= 4096 ? 0 : -E2BIG, "%zu", length);
		bpf_program_done(&program);
	}
}

Test(asm, goto_crosses_any_distance)
{
	struct assembler *as = asm_new();
	struct bpf_program program = { 0 };
	asm_label far = asm_label_new(as), middle = asm_label_new(as);
	struct bpf_sim sim;

	asm_load(as, 0);
	asm_jump(as, BPF_JSET, 8, middle, ASM_NEXT);
	asm_goto(as, far);
	asm_place(as, middle);
	for (size_t i = 0; i < 2000; i++)
		asm_and(as, UINT32_MAX);
	asm_goto(as, ASM_NEXT);
	asm_jump(as, BPF_JGT, 8, far, ASM_NEXT);
	asm_return(as, 1);
	asm_place(as, far);
	asm_return(as, 2);
	cr_assert_eq(finish(as, &program), 0);
	cr_assert_eq(bpf_sim_init(&sim, &program), 0);
	cr_assert_eq(run(&sim, 0), 2);
	cr_assert_eq(run(&sim, 8), 1);
	cr_assert_eq(run(&sim, 9), 2);
	bpf_sim_done(&sim);
	bpf_program_done(&program);
}

/* Each one is wrong in one way. */
static void empty(struct assembler *as)
{
	(void)as;
}

static void never_placed(struct assembler *as)
{
	asm_label_new(as);
	asm_return(as, 1);
}

static void placed_twice(struct assembler *as)
{
	asm_label label = asm_label_new(as);

	asm_place(as, label);
	asm_place(as, label);
	asm_return(as, 1);
}

static void no_label(struct assembler *as)
{
	asm_place(as, ASM_NEXT);
	asm_return(as, 1);
}

static void foreign_label(struct assembler *as)
{
	asm_goto(as, 7);
	asm_return(as, 1);
}

static void unreachable(struct assembler *as)
{
	asm_return(as, 1);
	asm_return(as, 2);
}

static void unreachable_behind_goto(struct assembler *as)
{
	asm_label end = asm_label_new(as);

	asm_goto(as, end);
	asm_load(as, 0);
	asm_place(as, end);
	asm_return(as, 1);
}

static void backwards(struct assembler *as)
{
	asm_label start = asm_label_new(as);

	asm_place(as, start);
	asm_load(as, 0);
	asm_jump(as, BPF_JEQ, 1, start, ASM_NEXT);
	asm_return(as, 1);
}

static void off_the_end(struct assembler *as)
{
	asm_load(as, 0);
}

static void label_at_the_end(struct assembler *as)
{
	asm_label end = asm_label_new(as);

	asm_jump(as, BPF_JEQ, 1, end, ASM_NEXT);
	asm_return(as, 1);
	asm_place(as, end);
}

static void unaligned_load(struct assembler *as)
{
	asm_load(as, 2);
	asm_return(as, 1);
}

static void load_outside(struct assembler *as)
{
	asm_load(as, sizeof(struct seccomp_data));
	asm_return(as, 1);
}

static void no_condition(struct assembler *as)
{
	asm_jump(as, BPF_JA, 1, ASM_NEXT, ASM_NEXT);
	asm_return(as, 1);
}

Test(asm, refuses)
{
	static const struct {
		const char *what;
		void (*make)(struct assembler *as);
	} rows[] = {
		{ "empty", empty },
		{ "never placed", never_placed },
		{ "placed twice", placed_twice },
		{ "no label", no_label },
		{ "foreign label", foreign_label },
		{ "unreachable", unreachable },
		{ "unreachable behind a goto", unreachable_behind_goto },
		{ "backwards", backwards },
		{ "off the end", off_the_end },
		{ "label at the end", label_at_the_end },
		{ "unaligned load", unaligned_load },
		{ "load outside", load_outside },
		{ "no condition", no_condition },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct assembler *as = asm_new();
		struct bpf_program program = { 0 };

		rows[i].make(as);
		cr_assert_eq(finish(as, &program), -EINVAL, "%s", rows[i].what);
		cr_assert_null(program.code, "%s", rows[i].what);
	}
	asm_free(NULL);
}
