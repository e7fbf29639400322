/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel lets us do, found by trying it. Nothing is inferred from a version. */
#ifndef CORDON_SUPERVISOR_HOST_H
#define CORDON_SUPERVISOR_HOST_H

#include "policy/model.h"

#include <stdbool.h>

struct host {
	int landlock_abi;    /* 0: none */
	bool waits_killable; /* seccomp's WAIT_KILLABLE_RECV */
	bool pidfd_getfd;    /* refused by the default filter of common containers */
	bool net_admin;	     /* this process has CAP_NET_ADMIN, and so has the program */
	bool switch_ids;     /* the program could change its ids: calls on its behalf must follow */
	bool noexec_memory;  /* memory files can be sealed against execution */
	int ptrace_error;    /* 0 or the errno with which ptrace is refused */
};

/*
 * policy: bound; what takes long to find out is found out only if the policy needs it. NULL: everything.
 */
void host_probe(const struct policy *policy, struct host *ret);

#endif
