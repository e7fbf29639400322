/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under an outer filter that refuses some system calls.
 *
 *   refuse ERRNO|fake|listener CALL[,CALL...] PROGRAM [ARG...]
 *
 * ERRNO is the name of one. With `fake` the calls are not made and yet seem to succeed. With
 * `listener` the filter has a listener of its own instead, which nobody needs to serve as long as
 * the named calls are not made. CALL is NAME; NAME@VALUE for calls whose first argument is VALUE;
 * or NAME@ARG&MASK=VALUE for those whose argument number ARG has this value under the mask
 * (numbers as in C).
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Return: 0 or -errno. */
static int refuse_one(scmp_filter_ctx filter, uint32_t action, const char *call)
{
	unsigned argument = 0;
	/* Only the low word: the upper one is not read by calls that take an int. */
	long long first = 0, mask = 0xffffffff, value = 0;
	char name[64];
	int fields = sscanf(call, "%63[a-z0-9_]@%lli&%lli=%lli", name, &first, &mask, &value);
	int number = fields < 1 ? __NR_SCMP_ERROR : seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR || fields == 3)
		return -EINVAL;
	if (fields == 1)
		return seccomp_rule_add(filter, action, number, 0);
	if (fields == 2)
		value = first;
	else
		argument = (unsigned)first;
	return seccomp_rule_add(
		filter, action, number, 1,
		SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, (scmp_datum_t)mask, (scmp_datum_t)value));
}

static int refuse_all(scmp_filter_ctx filter, uint32_t action, char *calls)
{
	for (char *call = strtok(calls, ","); call; call = strtok(NULL, ",")) {
		int r = refuse_one(filter, action, call);

		if (r < 0) {
			fprintf(stderr, "refuse: %s: %s\n", call, strerror(-r));
			return r;
		}
	}
	return 0;
}

/* Return: the action, or 0 for an unknown word. */
static uint32_t action_of(const char *word)
{
	if (strcmp(word, "fake") == 0)
		return SCMP_ACT_ERRNO(0);
	if (strcmp(word, "listener") == 0)
		return SCMP_ACT_NOTIFY;
	for (unsigned error = 1; error < 134; error++) {
		const char *known = strerrorname_np((int)error);

		if (known && strcmp(known, word) == 0)
			return SCMP_ACT_ERRNO(error);
	}
	return 0;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	uint32_t action = argc > 1 ? action_of(argv[1]) : 0;
	int r;

	if (argc < 4 || !filter || action == 0)
		return 125;
	if (refuse_all(filter, action, argv[2]) < 0)
		return 125;
	r = seccomp_load(filter);
	if (r < 0) {
		fprintf(stderr, "refuse: %s\n", strerror(-r));
		return 125;
	}
	/* The listener is one as long as it is open: the program inherits it. */
	if (action == SCMP_ACT_NOTIFY)
		fcntl(seccomp_notify_fd(filter), F_SETFD, 0);
	execvp(argv[3], argv + 3);
	fprintf(stderr, "refuse: %s: %s\n", argv[3], strerror(errno));
	return 125;
}
