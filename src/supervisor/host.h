/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel lets us do, found by trying it. Nothing is inferred from a version. */
#ifndef CORDON_SUPERVISOR_HOST_H
#define CORDON_SUPERVISOR_HOST_H

#include <stdbool.h>

struct host {
	int landlock_abi; /* 0: none */
	bool pidfd_getfd; /* refused by the default filter of common containers */
	bool net_admin;	  /* this process has CAP_NET_ADMIN, and so has the program */
	bool switch_ids;  /* the program could change its ids: calls on its behalf must follow */
};

void host_probe(struct host *ret);

#endif
