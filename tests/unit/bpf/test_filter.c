/* SPDX-License-Identifier: Apache-2.0 */
/* The filter builder: programs against the meaning of their spec. */
#include "base/cleanup.h"
#include "bpf/filter.h"
#include "spec_eval.h"
#include "sys/nr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#define FAIL(err) (SECCOMP_RET_ERRNO | (err))

static const struct filter_spec base = { .arch = NR_ARCH_X86_64,
					 .foreign_action = SECCOMP_RET_KILL_PROCESS,
					 .unknown_action = FAIL(ENOSYS) };

static void build_and_check(const struct filter_spec *spec, uint64_t seed)
{
	struct bpf_program program = { 0 };
	struct cordon_error err = { 0 };

	cr_assert_eq(filter_build(spec, &program, &err), 0, "%s", err.text);
	spec_check(spec, &program, seed);
	bpf_program_done(&program);
}

/* count calls; constants and calls with rules, next to each other and with gaps. */
static void check_size(uint32_t arch, size_t count, int stride)
{
	static const struct filter_test tests[] = {
		{ .arg = 0, .width = 32, .cmp = FILTER_EQ, .value = 5 },
		{ .arg = 3, .width = 64, .cmp = FILTER_IN, .value = 9, .value_to = 0x700000000 },
		{ .arg = 1, .width = 32, .cmp = FILTER_NE, .mask = 0xf0, .value = 0x30 },
	};
	static const struct filter_rule rules[] = { { tests, 1, FAIL(EPERM) },
						    { tests + 1, 2, SECCOMP_RET_USER_NOTIF } };
	static const uint32_t actions[] = { SECCOMP_RET_ALLOW, FAIL(EPERM), FAIL(ENOSYS),
					    SECCOMP_RET_ALLOW, SECCOMP_RET_LOG };
	cleanup_free struct filter_call *calls = calloc(count + 1, sizeof(*calls));
	struct filter_spec spec = base;

	for (size_t i = 0; i < count; i++) {
		int nr = (int)i * stride;

		if (nr >= 512)
			nr += 548 - 512;
		calls[i] = (struct filter_call){ .nr = nr, .otherwise = actions[i % 5] };
		if (i % 7 == 3) {
			calls[i].rules = rules + i % 2;
			calls[i].rule_count = 2 - i % 2;
		}
	}
	spec.arch = arch;
	spec.calls = calls;
	spec.call_count = count;
	build_and_check(&spec, count);
}

Test(filter, sizes)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 254, 255, 256, 257, 258, 400, 1000 };

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		check_size(NR_ARCH_X86_64, sizes[i], 1);
		check_size(NR_ARCH_AARCH64, sizes[i], 1);
		check_size(NR_ARCH_X86_64, sizes[i], 2);
	}
}

/* Every comparison, width, masks of one and both words, values at the ends of the range. */
Test(filter, tests_of_all_kinds)
{
	static const struct filter_test tests[] = {
		{ .width = 32, .cmp = FILTER_EQ, .value = 0 },
		{ .width = 32, .cmp = FILTER_EQ, .value = UINT32_MAX },
		{ .width = 32, .cmp = FILTER_EQ, .mask = 0x6, .value = 0 },
		{ .width = 32, .cmp = FILTER_NE, .value = 77 },
		{ .width = 32, .cmp = FILTER_NE, .mask = 0x7e020080, .value = 0 },
		{ .width = 32, .cmp = FILTER_IN, .value = 0x8909, .value_to = 0x89ff },
		{ .width = 32, .cmp = FILTER_IN, .value = 0, .value_to = 9 },
		{ .width = 32, .cmp = FILTER_IN, .value = 9, .value_to = UINT32_MAX },
		{ .width = 32, .cmp = FILTER_IN, .mask = 0xff, .value = 3, .value_to = 7 },
		{ .width = 64, .cmp = FILTER_EQ, .value = 0 },
		{ .width = 64, .cmp = FILTER_EQ, .value = 0x500000005 },
		{ .width = 64, .cmp = FILTER_EQ, .value = UINT64_MAX },
		{ .width = 64, .cmp = FILTER_EQ, .mask = 0xff, .value = 0x5 },
		{ .width = 64, .cmp = FILTER_EQ, .mask = 0xff00000000, .value = 0x500000000 },
		{ .width = 64, .cmp = FILTER_EQ, .mask = 0xff0000000f, .value = 0x500000005 },
		{ .width = 64, .cmp = FILTER_NE, .value = 0x500000005 },
		{ .width = 64, .cmp = FILTER_NE, .value = 0 },
		{ .width = 64, .cmp = FILTER_NE, .mask = 0xff00000000, .value = 0 },
		{ .width = 64, .cmp = FILTER_IN, .value = 5, .value_to = 9 },
		{ .width = 64, .cmp = FILTER_IN, .value = 0, .value_to = 0x500000005 },
		{ .width = 64, .cmp = FILTER_IN, .value = 0x500000005, .value_to = UINT64_MAX },
		{ .width = 64, .cmp = FILTER_IN, .value = 0x5ffffffff, .value_to = 0x700000000 },
		{ .width = 64, .cmp = FILTER_IN, .value = 0x500000000, .value_to = 0x500000000 },
		{ .width = 64,
		  .cmp = FILTER_IN,
		  .mask = 0xff000000ff,
		  .value = 0x500000005,
		  .value_to = 0x700000001 },
	};

	for (size_t i = 0; i < COUNT_OF(tests); i++) {
		for (uint8_t arg = 0; arg < 6; arg++) {
			struct filter_test test = tests[i];
			struct filter_rule rule = { &test, 1, FAIL(EPERM) };
			struct filter_call call = { 9, &rule, 1, SECCOMP_RET_ALLOW };
			struct filter_spec spec = base;

			test.arg = arg;
			spec.calls = &call;
			spec.call_count = 1;
			build_and_check(&spec, i);
		}
	}
}

/* The first rule that holds decides; tests of one rule are all needed; one argument twice. */
Test(filter, order_of_rules)
{
	static const struct filter_test tests[] = {
		{ .arg = 1, .width = 32, .cmp = FILTER_EQ, .value = 4 },
		{ .arg = 0, .width = 64, .cmp = FILTER_EQ, .value = 1 },
		{ .arg = 1, .width = 32, .cmp = FILTER_IN, .value = 3, .value_to = 6 },
		{ .arg = 1, .width = 32, .cmp = FILTER_NE, .mask = 1, .value = 0 },
		{ .arg = 0, .width = 64, .cmp = FILTER_IN, .value = 1, .value_to = 1ull << 40 },
	};
	static const struct filter_rule rules[] = { { tests, 2, FAIL(1) },
						    { tests, 1, FAIL(2) },
						    { tests + 2, 2, FAIL(3) },
						    { tests + 2, 1, FAIL(4) },
						    { tests + 4, 1, FAIL(5) } };
	static const struct filter_call calls[] = { { 16, rules, 5, SECCOMP_RET_ALLOW },
						    { 17, rules + 2, 2, SECCOMP_RET_ALLOW } };
	struct filter_spec spec = base;

	spec.calls = calls;
	spec.call_count = COUNT_OF(calls);
	build_and_check(&spec, 1);
}

Test(filter, same_action_everywhere)
{
	struct filter_spec spec = base;

	spec.unknown_action = spec.foreign_action = FAIL(EPERM);
	build_and_check(&spec, 1);
}

/* The order in which calls are listed changes nothing, not even the program. */
Test(filter, order_of_calls)
{
	enum { COUNT = 300 };
	struct filter_call calls[COUNT];
	struct prng prng = { 11 };
	struct filter_spec spec = base;
	struct bpf_program first = { 0 };

	for (int i = 0; i < COUNT; i++)
		calls[i] = (struct filter_call){ .nr = i, .otherwise = FAIL((unsigned)i % 5) };
	spec.calls = calls;
	spec.call_count = COUNT;
	cr_assert_eq(filter_build(&spec, &first, NULL), 0);
	for (int round = 0; round < 20; round++) {
		struct bpf_program other = { 0 };

		for (uint32_t i = COUNT - 1; i > 0; i--) {
			uint32_t with = prng_below(&prng, i + 1);
			struct filter_call call = calls[i];

			calls[i] = calls[with];
			calls[with] = call;
		}
		cr_assert_eq(filter_build(&spec, &other, NULL), 0);
		cr_assert_eq(other.length, first.length);
		cr_assert_eq(memcmp(other.code, first.code, first.length * sizeof(*first.code)), 0);
		bpf_program_done(&other);
	}
	bpf_program_done(&first);
}

/* Runs of equal constants, gaps included, cost one leaf. */
Test(filter, neighbours_merge)
{
	struct filter_call calls[200];
	struct bpf_program program = { 0 };
	struct filter_spec spec = base;

	for (int i = 0; i < 200; i++)
		calls[i] = (struct filter_call){ .nr = i,
						 .otherwise = i < 100 ? SECCOMP_RET_ALLOW
								      : spec.unknown_action };
	spec.calls = calls;
	spec.call_count = 200;
	cr_assert_eq(filter_build(&spec, &program, NULL), 0);
	/* arch, nr, one comparison each, three actions */
	cr_assert_eq(program.length, 7);
	spec_check(&spec, &program, 3);
	bpf_program_done(&program);
}

static int build_one(struct filter_test test, int nr)
{
	struct filter_rule rule = { &test, 1, FAIL(EPERM) };
	struct filter_call call = { nr, &rule, 1, SECCOMP_RET_ALLOW };
	struct filter_spec spec = base;
	struct bpf_program program = { 0 };
	struct cordon_error err = { 0 };
	int r;

	spec.calls = &call;
	spec.call_count = 1;
	r = filter_build(&spec, &program, &err);
	cr_assert_eq(err.code, r);
	bpf_program_done(&program);
	return r;
}

Test(filter, refuses)
{
	static const struct filter_test bad[] = {
		{ .arg = 6, .width = 32 },
		{ .width = 16 },
		{ .width = 0 },
		{ .width = 32, .value = 1ull << 32 },
		{ .width = 32, .mask = 1ull << 32 },
		{ .width = 32, .mask = 6, .value = 1 },
		{ .width = 32, .cmp = FILTER_NE, .mask = 6, .value = 8 },
		{ .width = 32, .cmp = FILTER_IN, .value = 3, .value_to = 2 },
		{ .width = 32, .cmp = FILTER_IN, .value = 3, .value_to = 1ull << 32 },
		{ .width = 32, .cmp = FILTER_IN, .value = 0, .value_to = UINT32_MAX },
		{ .width = 64, .cmp = FILTER_IN, .value = 0, .value_to = UINT64_MAX },
		{ .width = 32, .cmp = FILTER_IN, .mask = 0xff, .value_to = 0x100 },
	};
	static const struct filter_test good = { .width = 32, .value = 1 };
	static const struct filter_call twice[] = { { .nr = 3 }, { .nr = 4 }, { .nr = 3 } };
	static const struct filter_rule no_test = { NULL, 0, FAIL(EPERM) };
	static const struct filter_call call = { 3, &no_test, 1, SECCOMP_RET_ALLOW };
	struct filter_spec spec = base;
	struct bpf_program program = { 0 };

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		cr_assert_eq(build_one(bad[i], 3), -EINVAL, "row %zu", i);
	cr_assert_eq(build_one(good, 3), 0);
	cr_assert_eq(build_one(good, -1), -EINVAL);
	cr_assert_eq(build_one(good, 0x40000000), -EINVAL);
	cr_assert_eq(build_one(good, 512), -EINVAL);
	cr_assert_eq(build_one(good, 547), -EINVAL);
	cr_assert_eq(build_one(good, 511), 0);
	cr_assert_eq(build_one(good, 548), 0);
	spec.calls = twice;
	spec.call_count = 3;
	cr_assert_eq(filter_build(&spec, &program, NULL), -EINVAL);
	spec.calls = &call;
	spec.call_count = 1;
	cr_assert_eq(filter_build(&spec, &program, NULL), -EINVAL);
}

/* Rules until the program is full: the last size that fits gives a right program, no cut one. */
Test(filter, too_large_is_an_error)
{
	enum { COUNT = 5000 };
	cleanup_free struct filter_test *tests = calloc(COUNT, sizeof(*tests));
	cleanup_free struct filter_rule *rules = calloc(COUNT, sizeof(*rules));
	struct filter_call call = { 7, rules, 0, SECCOMP_RET_ALLOW };
	struct filter_spec spec = base;
	size_t fits = 0;

	for (size_t i = 0; i < COUNT; i++) {
		tests[i] = (struct filter_test){ .width = 32, .value = i * 3 };
		rules[i] = (struct filter_rule){ &tests[i], 1, FAIL(EPERM) };
	}
	spec.calls = &call;
	spec.call_count = 1;
	for (call.rule_count = 4000; call.rule_count < COUNT; call.rule_count++) {
		struct bpf_program program = { 0 };
		int r = filter_build(&spec, &program, NULL);

		cr_assert(r == 0 || r == -E2BIG);
		if (r < 0)
			break;
		cr_assert_leq(program.length, 4096);
		fits = program.length;
		bpf_program_done(&program);
	}
	cr_assert_eq(fits, 4096);
}
