/* SPDX-License-Identifier: Apache-2.0 */
/* Disassembler for seccomp programs. */
#ifndef CORDON_BPF_DUMP_H
#define CORDON_BPF_DUMP_H

#include "base/str.h"
#include "bpf/asm.h"

/*
 * Adds the program as text, one instruction a line, with labels at jump targets and, where a number
 * is compared, the call's name.
 * name: gives the name of a number or NULL; arg: passed to it. Failure shows in sb->failed.
 */
void dump_program(struct strbuf *sb, const struct bpf_program *program,
		  const char *(*name)(int nr, void *arg), void *arg);
/* "ALLOW", "ERRNO(EPERM)", "USER_NOTIF", "KILL_PROCESS" ... Return: buffer. */
const char *dump_action(uint32_t action, char *buffer, size_t size);

#endif
