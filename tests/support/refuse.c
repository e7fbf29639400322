/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under an outer filter that refuses some system calls.
 *
 *   refuse ERRNO|listener NAME[,NAME...] PROGRAM [ARG...]
 *
 * ERRNO is ENOSYS or EPERM. With `listener` the filter has a listener of its own instead, which
 * nobody needs to serve as long as the named calls are not made.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int refuse_all(scmp_filter_ctx filter, uint32_t action, char *names)
{
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		int number = seccomp_syscall_resolve_name(name);
		int r = number == __NR_SCMP_ERROR ? -EINVAL
						  : seccomp_rule_add(filter, action, number, 0);

		if (r < 0) {
			fprintf(stderr, "refuse: %s: %s\n", name, strerror(-r));
			return r;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	uint32_t action;
	int r;

	if (argc < 4 || !filter)
		return 125;
	if (strcmp(argv[1], "listener") == 0)
		action = SCMP_ACT_NOTIFY;
	else
		action = SCMP_ACT_ERRNO(strcmp(argv[1], "EPERM") == 0 ? EPERM : ENOSYS);
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
