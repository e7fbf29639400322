/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreter for classic BPF: see bpf_sim.h. */
#include "bpf_sim.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
	size_t pc; /* of the next instruction */
};

int bpf_sim_init(struct bpf_sim *sim, const struct bpf_program *program)
{
	*sim = (struct bpf_sim){ .program = program };
	sim->covered = calloc(program->length + 1, sizeof(bool));
	return sim->covered ? 0 : -ENOMEM;
}

void bpf_sim_done(struct bpf_sim *sim)
{
	free(sim->covered);
	*sim = (struct bpf_sim){ 0 };
}

static int load(struct bpf_sim *sim, const struct seccomp_data *data, uint32_t offset,
		uint32_t *ret)
{
	if (offset % sizeof(*ret) != 0 || offset >= sizeof(*data))
		return -EINVAL;
	memcpy(ret, (const char *)data + offset, sizeof(*ret));
	sim->argument_loaded |= offset >= offsetof(struct seccomp_data, instruction_pointer);
	return 0;
}

static int jump(struct bpf_sim *sim, struct machine *m, const struct sock_filter *insn)
{
	uint32_t operand = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;
	bool holds;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		m->pc += insn->k;
		return 0;
	case BPF_JEQ:
		holds = m->a == operand;
		break;
	case BPF_JGT:
		holds = m->a > operand;
		break;
	case BPF_JGE:
		holds = m->a >= operand;
		break;
	case BPF_JSET:
		holds = (m->a & operand) != 0;
		break;
	default:
		return -EINVAL;
	}
	sim->comparison_count++;
	m->pc += holds ? insn->jt : insn->jf;
	return 0;
}

/* An instruction that neither jumps nor returns. */
static int step(struct bpf_sim *sim, struct machine *m, const struct seccomp_data *data,
		const struct sock_filter *insn)
{
	switch (insn->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return load(sim, data, insn->k, &m->a);
	case BPF_LD | BPF_IMM:
		m->a = insn->k;
		return 0;
	case BPF_LDX | BPF_IMM:
		m->x = insn->k;
		return 0;
	case BPF_ALU | BPF_AND | BPF_K:
		m->a &= insn->k;
		return 0;
	case BPF_ALU | BPF_AND | BPF_X:
		m->a &= m->x;
		return 0;
	case BPF_MISC | BPF_TAX:
		m->x = m->a;
		return 0;
	case BPF_MISC | BPF_TXA:
		m->a = m->x;
		return 0;
	default:
		break;
	}
	if (insn->k >= BPF_MEMWORDS)
		return -EINVAL;
	switch (insn->code) {
	case BPF_LD | BPF_MEM:
		m->a = m->memory[insn->k];
		return 0;
	case BPF_LDX | BPF_MEM:
		m->x = m->memory[insn->k];
		return 0;
	case BPF_ST:
		m->memory[insn->k] = m->a;
		return 0;
	case BPF_STX:
		m->memory[insn->k] = m->x;
		return 0;
	default:
		return -EINVAL;
	}
}

int bpf_sim_run(struct bpf_sim *sim, const struct seccomp_data *data, uint32_t *ret_action)
{
	struct machine m = { 0 };
	int r = 0;

	sim->comparison_count = 0;
	sim->argument_loaded = false;
	while (r == 0 && m.pc < sim->program->length) {
		const struct sock_filter *insn = &sim->program->code[m.pc];

		sim->covered[m.pc++] = true;
		if (insn->code == (BPF_RET | BPF_K) || insn->code == (BPF_RET | BPF_A)) {
			*ret_action = BPF_RVAL(insn->code) == BPF_A ? m.a : insn->k;
			return 0;
		}
		if (BPF_CLASS(insn->code) == BPF_JMP)
			r = jump(sim, &m, insn);
		else
			r = step(sim, &m, data, insn);
	}
	return -EINVAL;
}

size_t bpf_sim_uncovered(const struct bpf_sim *sim)
{
	size_t i = 0;

	while (i < sim->program->length && sim->covered[i])
		i++;
	return i;
}
