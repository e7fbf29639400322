/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be taken back: no_new_privs and Landlock. See steps.h. System calls only (I11). */
#include "child/steps.h"

#include "base/cleanup.h"
#include "child/raw.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/stat.h>

int step_no_new_privs(struct setup *s)
{
	long r = raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);

	(void)s;
	if (r < 0)
		return (int)r;
	return setup_compare(raw(SYS_prctl, PR_GET_NO_NEW_PRIVS), 1);
}

/* What the ruleset does not grant must fail now. Return: 0 or -EPERM. */
static int look_at_files(const struct spawn_plan *plan)
{
	if (plan->landlock_canary &&
	    raw(SYS_openat, AT_FDCWD, plan->landlock_canary, O_RDONLY | O_CLOEXEC) != -EACCES)
		return -EPERM;
	if (!plan->landlock_node)
		return 0;
	/* Device 0:0 needs no privilege, and no ruleset of ours grants to make one. */
	if (raw(SYS_mknodat, AT_FDCWD, plan->landlock_node, S_IFCHR, 0) == -EACCES)
		return 0;
	raw(SYS_unlinkat, AT_FDCWD, plan->landlock_node, 0);
	return -EPERM;
}

static int look_at_ports(const struct spawn_plan *plan)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(plan->landlock_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	long fd, r;

	if (plan->landlock_port == 0)
		return 0;
	fd = raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (fd < 0)
		return fd == -EAFNOSUPPORT ? 0
					   : (int)fd; /* where there is no TCP there is no port */
	r = raw(plan->landlock_port_connect ? SYS_connect : SYS_bind, fd, &address,
		sizeof(address));
	raw(SYS_close, fd);
	return r == -EACCES ? 0 : -EPERM;
}

/* The kernel refuses scopes that it does not know; there is nothing to see from a single process. */
static int look_at_nothing(const struct spawn_plan *plan)
{
	(void)plan;
	return 0;
}

/* A ruleset is one layer to the kernel and up to three in the records. */
int step_landlock(struct setup *s)
{
	const struct spawn_plan *plan = s->plan;
	const struct {
		bool asked;
		unsigned layer;
		int (*look)(const struct spawn_plan *plan);
	} part[] = {
		{ plan->landlock_fs, LAYER_LANDLOCK_FS, look_at_files },
		{ plan->landlock_net, LAYER_LANDLOCK_NET, look_at_ports },
		{ plan->landlock_scope, LAYER_LANDLOCK_SCOPE, look_at_nothing },
	};
	long r;

	if (s->ruleset < 0)
		return NOT_ASKED;
	r = raw(SYS_landlock_restrict_self, s->ruleset, 0);
	for (size_t i = 0; i < COUNT_OF(part); i++)
		if (part[i].asked)
			setup_note(s, part[i].layer, false, r < 0 ? r : part[i].look(plan));
	return NOT_ASKED;
}
