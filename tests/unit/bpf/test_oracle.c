/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random filters against libseccomp: the same rules, both programs in the interpreter, every number
 * and arguments around the edges of the tests.
 *
 * What libseccomp cannot say is left out: rules of one call are tried in no fixed order there, so
 * they exclude each other; what no rule matches gets the filter's default; an int is compared by a
 * mask; an x32 number is a foreign architecture. So is what it gets wrong: up to 2.6.0 it merges
 * overlapping rules of a call, ranges most of all, into something weaker.
 */
#include "base/cleanup.h"
#include "bpf/dump.h"
#include "spec_eval.h"
#include "sys/nr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#define RULES_MAX 4
#define TESTS_MAX 3
#define FILTERS	  60
#define FAIL(err) (SECCOMP_RET_ERRNO | (err))

struct random_call {
	struct filter_test tests[RULES_MAX][TESTS_MAX];
	struct filter_rule rules[RULES_MAX];
};

static const uint32_t actions[] = { SECCOMP_RET_ALLOW, FAIL(EPERM), FAIL(EACCES), SECCOMP_RET_LOG,
				    SECCOMP_RET_TRAP };

static uint32_t random_action(struct prng *prng)
{
	return actions[prng_below(prng, COUNT_OF(actions))];
}

static uint64_t random_value(struct prng *prng)
{
	static const uint64_t values[] = { 0,	       1,	    5,		 0xff,
					   UINT32_MAX, 0x100000000, 0x500000005, UINT64_MAX };

	return prng_below(prng, 2) ? values[prng_below(prng, COUNT_OF(values))] : prng_next(prng);
}

static struct filter_test random_test(struct prng *prng, uint8_t arg)
{
	struct filter_test test = { .arg = arg, .width = 64, .value = random_value(prng) };

	switch (prng_below(prng, 6)) {
	case 0:
		test.width = 32;
		test.value &= UINT32_MAX;
		break;
	case 1:
		test.width = 32;
		test.mask = (prng_next(prng) & UINT32_MAX) | 1;
		test.value &= test.mask;
		break;
	case 2:
		test.mask = prng_next(prng) | 1;
		test.value &= test.mask;
		break;
	case 3:
		test.cmp = FILTER_NE;
		break;
	case 4:
		test.cmp = FILTER_IN;
		test.value_to = test.value == UINT64_MAX ? 3 : test.value;
		test.value = 0;
		break;
	default:
		test.cmp = FILTER_IN;
		test.value = test.value ? test.value : 3;
		test.value_to = UINT64_MAX;
		break;
	}
	return test;
}

/* One rule with tests on different arguments, or one value each of one argument. */
static void random_rules(struct prng *prng, struct random_call *rc, struct filter_call *call)
{
	bool exclusive = prng_below(prng, 2);
	uint8_t first = (uint8_t)prng_below(prng, 6);

	call->rules = rc->rules;
	call->rule_count = exclusive ? 1 + prng_below(prng, RULES_MAX) : 1;
	for (size_t r = 0; r < call->rule_count; r++) {
		size_t count = exclusive ? 1 : 1 + prng_below(prng, TESTS_MAX);

		for (size_t t = 0; t < count; t++)
			rc->tests[r][t] = random_test(prng, (uint8_t)((first + t) % 6));
		if (exclusive)
			rc->tests[r][0] = (struct filter_test){ .arg = first,
								.width = 32,
								.value = r * 1000 };
		rc->rules[r] = (struct filter_rule){ rc->tests[r], count, random_action(prng) };
	}
}

static struct scmp_arg_cmp oracle_test(const struct filter_test *test)
{
	uint64_t mask = test->mask ? test->mask : test->width == 64 ? UINT64_MAX : UINT32_MAX;
	struct scmp_arg_cmp cmp = { .arg = test->arg, .datum_a = test->value };

	if (test->cmp == FILTER_NE) {
		cmp.op = SCMP_CMP_NE;
	} else if (test->cmp == FILTER_IN && test->value != 0) {
		cmp.op = SCMP_CMP_GE;
	} else if (test->cmp == FILTER_IN) {
		cmp.op = SCMP_CMP_LE;
		cmp.datum_a = test->value_to;
	} else {
		cmp.op = SCMP_CMP_MASKED_EQ;
		cmp.datum_a = mask;
		cmp.datum_b = test->value;
	}
	return cmp;
}

static void oracle_call(scmp_filter_ctx ctx, const struct filter_spec *spec,
			const struct filter_call *call)
{
	/* libseccomp takes numbers of the machine it runs on, and translates them. */
	const char *name = nr_name(spec->arch, call->nr);
	int nr = seccomp_syscall_resolve_name(name);
	int r;

	if (call->rule_count == 0 && call->otherwise != spec->unknown_action) {
		r = seccomp_rule_add(ctx, call->otherwise, nr, 0);
		cr_assert_eq(r, 0, "%s: %d", name, r);
	}
	for (size_t i = 0; i < call->rule_count; i++) {
		struct scmp_arg_cmp tests[TESTS_MAX];
		const struct filter_rule *rule = &call->rules[i];

		for (size_t t = 0; t < rule->test_count; t++)
			tests[t] = oracle_test(&rule->tests[t]);
		r = seccomp_rule_add_array(ctx, rule->action, nr, (unsigned)rule->test_count,
					   tests);
		cr_assert_eq(r, 0, "%s: %d", name, r);
	}
}

static void oracle_build(const struct filter_spec *spec, struct bpf_program *ret)
{
	scmp_filter_ctx ctx = seccomp_init(spec->unknown_action);
	int fd = memfd_create("oracle", MFD_CLOEXEC);
	off_t size;

	cr_assert_not_null(ctx);
	if (spec->arch != seccomp_arch_native()) {
		cr_assert_eq(seccomp_arch_add(ctx, spec->arch), 0);
		cr_assert_eq(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	}
	cr_assert_eq(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, spec->foreign_action), 0);
	for (size_t i = 0; i < spec->call_count; i++)
		oracle_call(ctx, spec, &spec->calls[i]);
	cr_assert_eq(seccomp_export_bpf(ctx, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	ret->length = (size_t)size / sizeof(*ret->code);
	ret->code = calloc(ret->length, sizeof(*ret->code));
	cr_assert_eq(pread(fd, ret->code, (size_t)size, 0), size);
	close(fd);
	seccomp_release(ctx);
}

struct pair {
	struct bpf_sim ours, oracle;
	unsigned filter;
};

static void compare(const struct seccomp_data *data, void *arg)
{
	struct pair *pair = arg;
	uint32_t ours = 0, oracle = 0;
	char a[64], b[64];

	cr_assert_eq(bpf_sim_run(&pair->ours, data, &ours), 0);
	cr_assert_eq(bpf_sim_run(&pair->oracle, data, &oracle), 0);
	cr_assert_eq(ours, oracle, "filter %u nr %d args %llx %llx %llx %llx %llx %llx: %s, not %s",
		     pair->filter, data->nr, data->args[0], data->args[1], data->args[2],
		     data->args[3], data->args[4], data->args[5], dump_action(ours, a, sizeof(a)),
		     dump_action(oracle, b, sizeof(b)));
}

static void compare_numbers(struct pair *pair, struct prng *prng)
{
	static const uint32_t archs[] = { NR_ARCH_X86_64, NR_ARCH_AARCH64, SCMP_ARCH_X86 };

	for (size_t a = 0; a < COUNT_OF(archs); a++) {
		for (int nr = 0; nr < nr_limit() + 200; nr++) {
			struct seccomp_data data = { .nr = nr, .arch = archs[a] };

			for (size_t i = 0; i < 6; i++)
				data.args[i] = random_value(prng);
			compare(&data, pair);
		}
	}
}

static void check_filter(uint32_t arch, unsigned seed)
{
	struct prng prng = { seed };
	cleanup_free struct filter_call *calls = calloc((size_t)nr_limit(), sizeof(*calls));
	cleanup_free struct random_call *random = calloc((size_t)nr_limit(), sizeof(*random));
	struct filter_spec spec = { .arch = arch,
				    .foreign_action = SECCOMP_RET_KILL_PROCESS,
				    .unknown_action = FAIL(ENOSYS),
				    .calls = calls };
	struct bpf_program ours = { 0 }, oracle = { 0 };
	struct pair pair = { .filter = seed };
	uint32_t density = 1 + prng_below(&prng, 10);

	for (int nr = 0; nr < nr_limit(); nr++) {
		struct filter_call *call = &calls[spec.call_count];
		const char *name = nr_name(arch, nr);

		/* Only what the oracle knows, natively too. */
		if (!name || seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR ||
		    prng_below(&prng, 10) >= density)
			continue;
		*call = (struct filter_call){ .nr = nr, .otherwise = random_action(&prng) };
		if (prng_below(&prng, 4) == 0) {
			call->otherwise = spec.unknown_action;
			random_rules(&prng, &random[spec.call_count], call);
		}
		spec.call_count++;
	}
	cr_assert_eq(filter_build(&spec, &ours, NULL), 0);
	oracle_build(&spec, &oracle);
	cr_assert_eq(bpf_sim_init(&pair.ours, &ours), 0);
	cr_assert_eq(bpf_sim_init(&pair.oracle, &oracle), 0);
	compare_numbers(&pair, &prng);
	for (size_t i = 0; i < spec.call_count; i++)
		spec_inputs(&spec, &calls[i], &prng, compare, &pair);
	bpf_sim_done(&pair.ours);
	bpf_sim_done(&pair.oracle);
	bpf_program_done(&ours);
	bpf_program_done(&oracle);
}

Test(oracle, random_filters_x86_64)
{
	seccomp_api_set(6);
	for (unsigned seed = 1; seed <= FILTERS; seed++)
		check_filter(NR_ARCH_X86_64, seed);
}

Test(oracle, random_filters_aarch64)
{
	seccomp_api_set(6);
	for (unsigned seed = 1001; seed <= 1000 + FILTERS; seed++)
		check_filter(NR_ARCH_AARCH64, seed);
}
