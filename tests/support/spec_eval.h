/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a filter_spec means, said without BPF, and inputs that reach every corner of it.
 */
#ifndef CORDON_TESTS_SPEC_EVAL_H
#define CORDON_TESTS_SPEC_EVAL_H

#include "bpf/filter.h"
#include "bpf_sim.h"

/* Small generator with a fixed sequence for each seed, so that a failure can be repeated. */
struct prng {
	uint64_t state;
};

uint64_t prng_next(struct prng *prng);
/* Below limit. */
uint32_t prng_below(struct prng *prng, uint32_t limit);

/* The action the spec asks for. */
uint32_t spec_eval(const struct filter_spec *spec, const struct seccomp_data *data);

/* Called for each input. */
typedef void spec_visit(const struct seccomp_data *data, void *arg);

/*
 * Visits inputs for one call: every combination of values on, beside and beyond the edges of its
 * tests, high words changed too. The other arguments are random.
 */
void spec_inputs(const struct filter_spec *spec, const struct filter_call *call, struct prng *prng,
		 spec_visit *visit, void *arg);

/*
 * Runs the program on directed inputs for every call and on every number below 1024, foreign
 * architectures and x32 included, and compares with spec_eval(). A difference, an instruction that
 * no input reached, or a constant ALLOW that loads an argument fails the test.
 */
void spec_check(const struct filter_spec *spec, const struct bpf_program *program, uint64_t seed);

#endif
