/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver: a program that answers the DNS queries of one sandbox.
 *
 * Theory of operation. It is executed inside a network namespace where every address is local
 * (sys/netns.h) with the sockets at port 53 of it; or outside, with sockets at an address of the
 * loopback. There the queries of the sandboxed program arrive: the kernel has copied each message once,
 * and the answer comes from the very address that was asked. The resolver takes a message apart and asks the supervisor about the name. The answer
 * is a code, or a socket that is connected to one of the host's servers; then a query that is
 * written anew goes there. Of what comes back it keeps aliases and addresses, asks the supervisor
 * which of the addresses may be told, and writes the program an answer. So an address is known to the
 * supervisor before the program can use it, and all decisions are made in one place.
 *
 *   WAITING   for what the supervisor says about the name
 *   ASKED     a server, by UDP; then the answer, or the next attempt at the deadline
 *   STREAMING by TCP, since the answer did not fit
 *   JUDGED    an answer is there; waiting for what may be told of it
 *
 * Confinement. It is a program of its own, so it has nothing of the supervisor's memory, and the
 * library that reads messages is loaded into no other process. It has no capability, no network but a
 * loopback, its own one if it can be had, a Landlock domain without any grant, and a filter which lists
 * what it does: among that is no way to make or connect a socket, nor to send elsewhere than to where a
 * socket is connected, or to the program (filter.c).
 *
 * All tables have a fixed size. What does not fit is answered with SERVFAIL.
 */
#ifndef CORDON_RESOLVER_RESOLVER_H
#define CORDON_RESOLVER_RESOLVER_H

/*
 * Descriptors by number, as the program finds them, and as its filter tells them apart: from
 * RESOLVER_FIRST_FREE on are those that come and go. A number that is not used is a duplicate of
 * RESOLVER_CONTROL.
 */
enum resolver_fd {
	RESOLVER_CONTROL = 3,
	RESOLVER_UDP4,
	RESOLVER_UDP6,
	RESOLVER_TCP4,
	RESOLVER_TCP6,
	RESOLVER_FIRST_FREE,
};
#define RESOLVER_LISTENERS 4

#endif
