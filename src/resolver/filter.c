/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver's filter, on itself. Anything that is not listed kills it.
 *
 * Datagrams with a destination may only leave through the sockets of the program's namespace, and
 * these keep their numbers, since nothing can be closed or duplicated onto them.
 */
#include "resolver/private.h"

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "sys/nr.h"
#include "sys/seccomp.h"

#include <limits.h>
#include <linux/seccomp.h>
#include <sys/mman.h>

#define REGISTER(n, w, ...)                                                                        \
	{                                                                                          \
		.arg = (n), .width = (w), __VA_ARGS__                                              \
	}

static const struct filter_test with_destination =
	REGISTER(0, 32, .cmp = FILTER_IN, .value = RESOLVER_CONTROL, .value_to = RESOLVER_UDP6);
static const struct filter_test without_destination = REGISTER(4, 64, .cmp = FILTER_EQ);
static const struct filter_test passing =
	REGISTER(0, 32, .cmp = FILTER_IN, .value = RESOLVER_FIRST_FREE, .value_to = INT_MAX);
static const struct filter_test no_code = REGISTER(2, 32, .cmp = FILTER_EQ, .mask = PROT_EXEC);

static const struct {
	const char *name;
	const struct filter_test *test; /* NULL: whatever its arguments */
} calls[] = {
	{ "accept4", NULL },
	{ "brk", NULL },
	{ "clock_gettime", NULL },
	{ "close", &passing },
	{ "exit_group", NULL },
	{ "getrandom", NULL },
	{ "madvise", NULL },
	{ "mmap", &no_code },
	{ "mprotect", &no_code },
	{ "mremap", NULL },
	{ "munmap", NULL },
	{ "poll", NULL },
	{ "ppoll", NULL },
	{ "recvfrom", NULL },
	{ "recvmsg", NULL },
	{ "restart_syscall", NULL },
	{ "sendmsg", &with_destination },
	{ "sendto", &without_destination },
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static int make(struct bpf_program *ret)
{
	struct filter_rule rules[COUNT_OF(calls)];
	struct filter_call list[COUNT_OF(calls)];
	struct filter_spec spec = { .arch = NR_ARCH_NATIVE,
				    .foreign_action = SECCOMP_RET_KILL_PROCESS,
				    .unknown_action = SECCOMP_RET_KILL_PROCESS,
				    .calls = list };

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		int nr = nr_by_name(NR_ARCH_NATIVE, calls[i].name);

		/* poll() is missing on newer architectures. */
		if (nr < 0)
			continue;
		rules[i] = (struct filter_rule){ calls[i].test, 1, SECCOMP_RET_ALLOW };
		list[spec.call_count++] = (struct filter_call){
			.nr = nr,
			.rules = &rules[i],
			.rule_count = calls[i].test ? 1 : 0,
			.otherwise = calls[i].test ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW,
		};
	}
	return filter_build(&spec, ret, NULL);
}

int filter_take(void)
{
	struct bpf_program program = { 0 };
	int r;

	/* The runtime of a sanitizer makes calls of its own. */
	if (SANITIZED)
		return 0;
	r = make(&program);
	if (r == 0)
		r = seccomp_install(program.code, program.length, 0);
	bpf_program_done(&program);
	return r;
}
