/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which arguments of otherwise allowed calls are refused, as data.
 *
 * The rows of one call stand together; the first that is in force and whose tests all hold decides.
 * A row without tests always holds and is the last one of its call. If none holds, the call passes
 * on to what the policy makes of it. ALLOW in a row means just that too: no further row is asked.
 */
#ifndef CORDON_SUPERVISOR_ARGFILTER_H
#define CORDON_SUPERVISOR_ARGFILTER_H

#include "bpf/filter.h"

#define ARG_TESTS_MAX 4

/* Circumstances that switch rows on or off. */
enum arg_condition {
	ARG_SUPERVISED = 1 << 0,    /* a supervisor decides about this sandbox */
	ARG_OFF = 1 << 1,	    /* none does; exactly one of the two holds */
	ARG_HAS_LISTENER = 1 << 2,  /* the filter is installed with a listener */
	ARG_EXEC_LIST = 1 << 3,	    /* the policy lists what may be executed */
	ARG_NO_NETLINK = 1 << 4,    /* CAP_NET_ADMIN is kept without an own network namespace */
	ARG_UNIX_HELD = 1 << 5,	    /* off mode, but the kernel holds connects to outside unix
				      sockets (Landlock ABI 9), or the policy allows all of them */
	ARG_UDP = 1 << 6,	    /* UDP destinations or ports are decided, or all are allowed */
	ARG_ICMP = 1 << 7,	    /* the same for ping sockets */
	ARG_UNIX_DATAGRAM = 1 << 8, /* the same for peers of unix datagram sockets */
	ARG_NAMES_HELD = 1 << 9,    /* the supervisor makes names, and refuses device nodes after it
				      has looked at the path, as the kernel does */
	ARG_NO_SCOPE = 1 << 10, /* signals are decided by registers, for want of a signal scope */
	ARG_MEMORY = 1 << 11,	/* the policy limits the memory of the tree */
	/* Derived by filterspec.c, not given: */
	ARG_IFINFO = 1 << 16,  /* @ifinfo is re-admitted */
	ARG_NO_UNIX = 1 << 17, /* off mode without ARG_UNIX_HELD */
};

struct arg_rule {
	const char *call;
	struct filter_test tests[ARG_TESTS_MAX];
	size_t test_count;
	uint32_t action;
	unsigned when;	 /* all of these must hold */
	unsigned unless; /* none of these may hold */
	const char *why;
};

size_t argfilter_count(void);
/* Return: static storage; NULL from argfilter_count() on. */
const struct arg_rule *argfilter_at(size_t index);
/* Whether a row counts under these conditions. */
bool argfilter_in_force(const struct arg_rule *rule, unsigned conditions);

#endif
