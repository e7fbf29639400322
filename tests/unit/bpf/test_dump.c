/* SPDX-License-Identifier: Apache-2.0 */
/* The disassembler. */
#include "bpf/dump.h"
#include "bpf/filter.h"
#include "sys/nr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

static const char *name(int nr, void *arg)
{
	(void)arg;
	return nr_name(NR_ARCH_X86_64, nr);
}

Test(dump, actions)
{
	static const struct {
		uint32_t action;
		const char *text;
	} rows[] = {
		{ SECCOMP_RET_ALLOW, "ALLOW" },
		{ SECCOMP_RET_ERRNO | EPERM, "ERRNO(EPERM)" },
		{ SECCOMP_RET_ERRNO | ENOSYS, "ERRNO(ENOSYS)" },
		{ SECCOMP_RET_ERRNO, "ERRNO(0)" },
		{ SECCOMP_RET_ERRNO | 4000, "ERRNO(4000)" },
		{ SECCOMP_RET_USER_NOTIF, "USER_NOTIF" },
		{ SECCOMP_RET_KILL_PROCESS, "KILL_PROCESS" },
		{ SECCOMP_RET_KILL_THREAD, "KILL_THREAD" },
		{ SECCOMP_RET_LOG, "LOG" },
		{ SECCOMP_RET_TRAP, "TRAP" },
		{ SECCOMP_RET_TRACE | 7, "TRACE(7)" },
		{ 0x12340000, "0x12340000" },
	};
	char buffer[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_str_eq(dump_action(rows[i].action, buffer, sizeof(buffer)), rows[i].text);
}

Test(dump, program)
{
	static const struct filter_test test = { .arg = 1, .width = 32, .value = 0x5412 };
	static const struct filter_rule rule = { &test, 1, SECCOMP_RET_ERRNO | EPERM };
	static const struct filter_call calls[] = { { 0, NULL, 0, SECCOMP_RET_ALLOW },
						    { 16, &rule, 1, SECCOMP_RET_ALLOW } };
	static const struct filter_spec spec = { .arch = NR_ARCH_X86_64,
						 .foreign_action = SECCOMP_RET_KILL_PROCESS,
						 .unknown_action = SECCOMP_RET_ERRNO | ENOSYS,
						 .calls = calls,
						 .call_count = 2 };
	static const char want[] = "    0\tld   [4]\t\t; architecture\n"
				   "    1\tjeq  0xc000003e, -, L2\n"
				   "    2\tld   [0]\t\t; number\n"
				   "    3\tjge  16, L1, -\t; ioctl\n"
				   "    4\tjge  1, L4, L3\t; write\n"
				   "L1:\n"
				   "    5\tjge  17, L4, -\t; pread64\n"
				   "    6\tld   [24]\t\t; argument 1, low word\n"
				   "    7\tjeq  0x5412, L5, L3\n"
				   "L2:\n"
				   "    8\tret  KILL_PROCESS\n"
				   "L3:\n"
				   "    9\tret  ALLOW\n"
				   "L4:\n"
				   "   10\tret  ERRNO(ENOSYS)\n"
				   "L5:\t; ioctl\n"
				   "   11\tret  ERRNO(EPERM)\n";
	struct bpf_program program = { 0 };
	struct strbuf sb = { 0 };

	cr_assert_eq(filter_build(&spec, &program, NULL), 0);
	dump_program(&sb, &program, name, NULL);
	cr_assert_not(sb.failed);
	cr_assert_str_eq(sb.text, want);
	strbuf_done(&sb);
	bpf_program_done(&program);
}
