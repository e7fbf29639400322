/* SPDX-License-Identifier: Apache-2.0 */
/* Whether ptrace may be used here. */
#ifndef CORDON_SYS_TRACE_H
#define CORDON_SYS_TRACE_H

/*
 * Lets a process seize its own child, for a moment, away from the caller's own children. What stands in
 * the way: Yama's scopes 2 and 3, an outer seccomp filter, a security module, a caller that is not
 * dumpable. Return: 0 or the -errno of the refusal.
 */
int trace_try(void);

#endif
