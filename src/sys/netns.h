/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace whose loopback is every address there is. */
#ifndef CORDON_SYS_NETNS_H
#define CORDON_SYS_NETNS_H

/*
 * To be called inside a new user and network namespace (CLONE_NEWUSER | CLONE_NEWNET). Brings the
 * loopback up and makes every IPv4 and IPv6 address local, so that a service bound to the wildcard
 * address answers at whatever address it is asked, with that address as the source. System calls
 * only. *ret_ipv6: whether IPv6 is there, 0 or 1. Return: 0 or -errno.
 */
int netns_capture(int *ret_ipv6);

#endif
