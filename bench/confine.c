/* SPDX-License-Identifier: Apache-2.0 */
/* See confine.h. */
#include "confine.h"

#include "sys/landlock.h"
#include "sys/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void die(const char *what)
{
	perror(what);
	exit(125);
}

static void grant(int ruleset, const char *path)
{
	bool everything = path[0] == '+';
	uint64_t rights = everything ? landlock_fs_rights(landlock_abi())
				     : LL_READ_FILE | LL_READ_DIR | LL_EXECUTE;
	struct stat st;
	int fd = open(path + everything, O_PATH | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	if (S_ISCHR(st.st_mode))
		rights |= LL_WRITE_FILE;
	if (landlock_add_path(ruleset, fd, S_ISDIR(st.st_mode), rights) < 0)
		die("landlock_add_rule");
	close(fd);
}

int confine(int argc, char **argv)
{
	int abi = landlock_abi();
	int ruleset = landlock_create(landlock_fs_rights(abi),
				      landlock_net_rights(abi) & ~LL_NET_CONNECT_TCP, 0);
	int i;

	if (ruleset < 0)
		die("landlock_create_ruleset");
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		grant(ruleset, argv[i]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		die("no_new_privs");
	if (landlock_restrict(ruleset) < 0)
		die("landlock_restrict_self");
	close(ruleset);
	return i < argc ? i + 1 : argc;
}

int install(struct sock_filter *code, size_t length, unsigned flags)
{
	int r = seccomp_install(code, length, flags);

	if (r < 0) {
		errno = -r;
		die("seccomp");
	}
	return r;
}
