/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disassembler.
 *
 * Jumps only go forward, so one pass from the first instruction to the last knows at each one what
 * A holds and which numbers can come there: comments are derived from that, not from the builder.
 */
#include "bpf/dump.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A_UNKNOWN UINT32_MAX

/* What is known when control arrives at an instruction. */
struct state {
	bool reached, is_target;
	uint32_t a;	      /* offset in struct seccomp_data of the word in A, or A_UNKNOWN */
	uint32_t first, last; /* numbers that come here */
	unsigned label;	      /* 0: none */
};

static const struct {
	uint32_t action;
	const char *name;
} actions[] = {
	{ SECCOMP_RET_ALLOW, "ALLOW" },
	{ SECCOMP_RET_ERRNO, "ERRNO" },
	{ SECCOMP_RET_KILL_PROCESS, "KILL_PROCESS" },
	{ SECCOMP_RET_KILL_THREAD, "KILL_THREAD" },
	{ SECCOMP_RET_LOG, "LOG" },
	{ SECCOMP_RET_TRACE, "TRACE" },
	{ SECCOMP_RET_TRAP, "TRAP" },
	{ SECCOMP_RET_USER_NOTIF, "USER_NOTIF" },
};

const char *dump_action(uint32_t action, char *buffer, size_t size)
{
	uint32_t data = action & SECCOMP_RET_DATA;
	const char *name = NULL;

	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (actions[i].action == (action & SECCOMP_RET_ACTION_FULL))
			name = actions[i].name;
	}
	if (!name)
		snprintf(buffer, size, "0x%08x", action);
	else if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO && data != 0 &&
		 strerrorname_np((int)data))
		snprintf(buffer, size, "%s(%s)", name, strerrorname_np((int)data));
	else if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO || data != 0)
		snprintf(buffer, size, "%s(%u)", name, data);
	else
		snprintf(buffer, size, "%s", name);
	return buffer;
}

static void merge(struct state *into, const struct state *from)
{
	if (!into->reached) {
		into->reached = true;
		into->a = from->a;
		into->first = from->first;
		into->last = from->last;
		return;
	}
	if (into->a != from->a)
		into->a = A_UNKNOWN;
	into->first = from->first < into->first ? from->first : into->first;
	into->last = from->last > into->last ? from->last : into->last;
}

/* Narrows the numbers to those for which the comparison holds, or does not. */
static void narrow(struct state *s, const struct sock_filter *insn, bool holds)
{
	if (s->a != offsetof(struct seccomp_data, nr))
		return;
	if (BPF_OP(insn->code) == BPF_JEQ && holds)
		s->first = s->last = insn->k;
	else if (BPF_OP(insn->code) == BPF_JGE && holds && insn->k > s->first)
		s->first = insn->k;
	else if (BPF_OP(insn->code) == BPF_JGE && !holds && insn->k != 0 && insn->k - 1 < s->last)
		s->last = insn->k - 1;
}

/* Hands the state of instruction i to instruction `to`, if the program has one. */
static void hand_on(struct state *states, size_t length, const struct state *s, size_t to,
		    bool jump)
{
	if (to >= length)
		return;
	merge(&states[to], s);
	states[to].is_target |= jump;
}

static void hand_on_jump(struct state *states, const struct bpf_program *program, size_t i)
{
	const struct sock_filter *insn = &program->code[i];
	struct state yes = states[i], no = states[i];

	if (BPF_OP(insn->code) == BPF_JA) {
		hand_on(states, program->length, &yes, i + 1 + insn->k, true);
		return;
	}
	narrow(&yes, insn, true);
	narrow(&no, insn, false);
	hand_on(states, program->length, &yes, i + 1 + insn->jt, insn->jt != 0);
	hand_on(states, program->length, &no, i + 1 + insn->jf, insn->jf != 0);
}

/* Fills the states, numbers the labels in the order of the program. */
static void analyse(struct state *states, const struct bpf_program *program)
{
	unsigned label_count = 0;

	if (program->length > 0)
		states[0] = (struct state){ .reached = true, .a = A_UNKNOWN, .last = UINT32_MAX };
	for (size_t i = 0; i < program->length; i++) {
		const struct sock_filter *insn = &program->code[i];
		struct state after = states[i];

		if (states[i].is_target)
			states[i].label = ++label_count;
		if (BPF_CLASS(insn->code) == BPF_RET)
			continue;
		if (BPF_CLASS(insn->code) == BPF_JMP) {
			hand_on_jump(states, program, i);
			continue;
		}
		after.a = insn->code == (BPF_LD | BPF_W | BPF_ABS) ? insn->k : A_UNKNOWN;
		hand_on(states, program->length, &after, i + 1, false);
	}
}

struct dumper {
	struct strbuf *sb;
	const struct bpf_program *program;
	const struct state *states;
	const char *(*name)(int nr, void *arg);
	void *arg;
};

/* "-" for the next instruction, else the label. */
static void add_target(struct dumper *d, size_t to, bool next)
{
	if (next)
		strbuf_add(d->sb, "-");
	else if (to < d->program->length)
		strbuf_add(d->sb, "L%u", d->states[to].label);
	else
		strbuf_add(d->sb, "outside");
}

static void add_load(struct dumper *d, uint32_t offset)
{
	const uint32_t args = offsetof(struct seccomp_data, args);

	strbuf_add(d->sb, "ld   [%u]", offset);
	if (offset == offsetof(struct seccomp_data, nr))
		strbuf_add(d->sb, "\t\t; number");
	else if (offset == offsetof(struct seccomp_data, arch))
		strbuf_add(d->sb, "\t\t; architecture");
	else if (offset >= args)
		strbuf_add(d->sb, "\t\t; argument %u, %s word", (offset - args) / 8,
			   offset % 8 ? "high" : "low");
}

static void add_jump(struct dumper *d, size_t i)
{
	static const char *const names[] = { [BPF_JEQ >> 4] = "jeq",
					     [BPF_JGT >> 4] = "jgt",
					     [BPF_JGE >> 4] = "jge",
					     [BPF_JSET >> 4] = "jset" };
	const struct sock_filter *insn = &d->program->code[i];
	size_t op = BPF_OP(insn->code) >> 4;
	const char *call = NULL;

	if (op == BPF_JA >> 4) {
		strbuf_add(d->sb, "ja   ");
		add_target(d, i + 1 + insn->k, false);
		return;
	}
	strbuf_add(d->sb, "%-4s ", op < COUNT_OF(names) && names[op] ? names[op] : "j???");
	if (d->states[i].a == offsetof(struct seccomp_data, nr)) {
		strbuf_add(d->sb, "%u, ", insn->k);
		call = d->name((int)insn->k, d->arg);
	} else {
		strbuf_add(d->sb, "0x%x, ", insn->k);
	}
	add_target(d, i + 1 + insn->jt, insn->jt == 0);
	strbuf_add(d->sb, ", ");
	add_target(d, i + 1 + insn->jf, insn->jf == 0);
	if (call)
		strbuf_add(d->sb, "\t; %s", call);
}

static void add_insn(struct dumper *d, size_t i)
{
	const struct sock_filter *insn = &d->program->code[i];
	char action[64];

	if (insn->code == (BPF_LD | BPF_W | BPF_ABS))
		add_load(d, insn->k);
	else if (insn->code == (BPF_ALU | BPF_AND | BPF_K))
		strbuf_add(d->sb, "and  0x%x", insn->k);
	else if (BPF_CLASS(insn->code) == BPF_JMP)
		add_jump(d, i);
	else if (insn->code == (BPF_RET | BPF_K))
		strbuf_add(d->sb, "ret  %s", dump_action(insn->k, action, sizeof(action)));
	else
		strbuf_add(d->sb, "0x%x 0x%x", insn->code, insn->k);
}

/* "L7:"; with the call's name where only one number comes. */
static void add_label(struct dumper *d, const struct state *s)
{
	const char *call = s->first == s->last ? d->name((int)s->first, d->arg) : NULL;

	strbuf_add(d->sb, "L%u:", s->label);
	if (call)
		strbuf_add(d->sb, "\t; %s", call);
	strbuf_add(d->sb, "\n");
}

void dump_program(struct strbuf *sb, const struct bpf_program *program,
		  const char *(*name)(int nr, void *arg), void *arg)
{
	cleanup_free struct state *states = calloc(program->length + 1, sizeof(*states));
	struct dumper d = {
		.sb = sb, .program = program, .states = states, .name = name, .arg = arg
	};

	if (!states) {
		sb->failed = true;
		return;
	}
	analyse(states, program);
	for (size_t i = 0; i < program->length; i++) {
		if (states[i].label)
			add_label(&d, &states[i]);
		strbuf_add(sb, "%5zu\t", i);
		add_insn(&d, i);
		strbuf_add(sb, "\n");
	}
}
