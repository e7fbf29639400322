/* SPDX-License-Identifier: Apache-2.0 */
/* Meaning of a filter_spec and directed inputs: see spec_eval.h. */
#include "spec_eval.h"
#include "base/cleanup.h"
#include "bpf/dump.h"
#include "sys/nr.h"

#include <criterion/criterion.h>
#include <linux/audit.h>
#include <stddef.h>

#define VALUES_MAX 512
#define ARGS	   6

uint64_t prng_next(struct prng *prng)
{
	uint64_t z = (prng->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t prng_below(struct prng *prng, uint32_t limit)
{
	return (uint32_t)(prng_next(prng) % limit);
}

static bool test_holds(const struct filter_test *test, const uint64_t *args)
{
	uint64_t all = test->width == 64 ? UINT64_MAX : UINT32_MAX;
	uint64_t value = args[test->arg] & all & (test->mask ? test->mask : all);

	switch (test->cmp) {
	case FILTER_EQ:
		return value == test->value;
	case FILTER_NE:
		return value != test->value;
	case FILTER_IN:
		return value >= test->value && value <= test->value_to;
	}
	return false;
}

static bool rule_holds(const struct filter_rule *rule, const uint64_t *args)
{
	for (size_t i = 0; i < rule->test_count; i++) {
		if (!test_holds(&rule->tests[i], args))
			return false;
	}
	return true;
}

uint32_t spec_eval(const struct filter_spec *spec, const struct seccomp_data *data)
{
	uint64_t args[ARGS];

	for (size_t i = 0; i < ARGS; i++)
		args[i] = data->args[i];
	if (data->arch != spec->arch)
		return spec->foreign_action;
	for (size_t i = 0; i < spec->call_count; i++) {
		const struct filter_call *call = &spec->calls[i];

		if (call->nr != data->nr)
			continue;
		for (size_t r = 0; r < call->rule_count; r++) {
			if (rule_holds(&call->rules[r], args))
				return call->rules[r].action;
		}
		return call->otherwise;
	}
	return spec->unknown_action;
}

/* Values of interest for one argument. */
struct values {
	uint64_t value[VALUES_MAX];
	size_t count;
};

static void add_value(struct values *v, uint64_t value)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->value[i] == value)
			return;
	}
	cr_assert_lt(v->count, VALUES_MAX, "too many values");
	v->value[v->count++] = value;
}

/* The edge itself, its neighbours, and for both words of 64 bits the neighbours of the high one. */
static void add_edge(struct values *v, const struct filter_test *test, uint64_t edge,
		     struct prng *prng)
{
	const uint64_t high = UINT64_C(1) << 32, random = prng_next(prng);

	if (test->width == 32) {
		add_value(v, edge | (random & ~(uint64_t)UINT32_MAX));
		add_value(v, edge + 1);
		add_value(v, edge - 1);
		return;
	}
	for (int around = -1; around <= 1; around++) {
		uint64_t e = edge + (uint64_t)around * high;

		add_value(v, e);
		add_value(v, e + 1);
		add_value(v, e - 1);
	}
}

static void collect_values(const struct filter_call *call, struct values *v, struct prng *prng)
{
	for (size_t r = 0; r < call->rule_count; r++) {
		for (size_t t = 0; t < call->rules[r].test_count; t++) {
			const struct filter_test *test = &call->rules[r].tests[t];
			struct values *of = &v[test->arg];

			add_edge(of, test, test->value, prng);
			if (test->cmp == FILTER_IN)
				add_edge(of, test, test->value_to, prng);
			if (test->mask)
				add_value(of, test->value | (prng_next(prng) & ~test->mask));
			if (test->mask)
				add_value(of, test->value | test->mask);
		}
	}
}

void spec_inputs(const struct filter_spec *spec, const struct filter_call *call, struct prng *prng,
		 spec_visit *visit, void *arg)
{
	cleanup_free struct values *v = calloc(ARGS, sizeof(*v));
	size_t index[ARGS] = { 0 }, carry = 0;

	cr_assert_not_null(v);
	collect_values(call, v, prng);
	while (carry < ARGS) {
		struct seccomp_data data = { .nr = call->nr, .arch = spec->arch };

		for (size_t i = 0; i < ARGS; i++)
			data.args[i] = v[i].count ? v[i].value[index[i]] : prng_next(prng);
		visit(&data, arg);
		/* The next combination, like an odometer. */
		for (carry = 0; carry < ARGS; carry++) {
			if (++index[carry] < v[carry].count)
				break;
			index[carry] = 0;
		}
	}
}

struct check {
	const struct filter_spec *spec;
	struct bpf_sim sim;
};

static void check_one(const struct seccomp_data *data, void *arg)
{
	struct check *check = arg;
	uint32_t want = spec_eval(check->spec, data), got = 0;
	char want_text[64], got_text[64];

	cr_assert_eq(bpf_sim_run(&check->sim, data, &got), 0, "the program is not valid");
	cr_assert_eq(got, want, "arch %x nr %d args %llx %llx %llx %llx %llx %llx: %s, not %s",
		     data->arch, data->nr, data->args[0], data->args[1], data->args[2],
		     data->args[3], data->args[4], data->args[5],
		     dump_action(got, got_text, sizeof(got_text)),
		     dump_action(want, want_text, sizeof(want_text)));
}

static void check_number(struct check *check, uint32_t arch, uint32_t nr, struct prng *prng)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };

	for (size_t i = 0; i < ARGS; i++)
		data.args[i] = prng_next(prng);
	check_one(&data, check);
}

static void check_numbers(struct check *check, struct prng *prng)
{
	static const uint32_t odd[] = { 0x3fffffff, 0x40000000, 0x40000001, 0x40000200,
					0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386,
					  AUDIT_ARCH_ARM,    AUDIT_ARCH_RISCV64, 0 };

	for (size_t a = 0; a < COUNT_OF(archs); a++) {
		for (uint32_t nr = 0; nr < 1024; nr++) {
			check_number(check, archs[a], nr, prng);
			check_number(check, archs[a], nr | 0x40000000, prng);
		}
		for (size_t i = 0; i < COUNT_OF(odd); i++)
			check_number(check, archs[a], odd[i], prng);
	}
}

void spec_check(const struct filter_spec *spec, const struct bpf_program *program, uint64_t seed)
{
	struct prng prng = { seed };
	struct check check = { .spec = spec };

	cr_assert_eq(bpf_sim_init(&check.sim, program), 0);
	check_numbers(&check, &prng);
	for (size_t i = 0; i < spec->call_count; i++) {
		const struct filter_call *call = &spec->calls[i];

		spec_inputs(spec, call, &prng, check_one, &check);
		cr_assert(call->rule_count > 0 || !check.sim.argument_loaded,
			  "call %d loads an argument without need", call->nr);
		cr_assert(call->rule_count > 0 || check.sim.comparison_count <= 12,
			  "call %d needs %zu comparisons", call->nr, check.sim.comparison_count);
	}
	cr_assert_eq(bpf_sim_uncovered(&check.sim), program->length, "instruction %zu never ran",
		     bpf_sim_uncovered(&check.sim));
	bpf_sim_done(&check.sim);
}
