/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets by what they are, and the destinations of TCP, UDP and ICMP. */
#ifndef CORDON_SUPERVISOR_HANDLERS_INET_H
#define CORDON_SUPERVISOR_HANDLERS_INET_H

#include "supervisor/request.h"

enum socket_class {
	SOCKET_OTHER, /* made outside, and handed in: nothing is decided for it */
	SOCKET_TCP,
	SOCKET_UDP,
	SOCKET_ICMP, /* ping sockets; raw ones are SOCKET_OTHER */
	SOCKET_UNIX,
	SOCKET_NETLINK,
};

struct socket_kind {
	enum socket_class class;
	int domain, type;
};

/*
 * Fetches the caller's socket rq->fd and says what it is, whatever address came along (T-045).
 * SECURITY: also checks that the caller still waits, so effects are possible from here on.
 * Return: our duplicate, or -errno.
 */
int socket_fetch(struct request *rq, struct socket_kind *ret);

/*
 * Whether the socket may connect to, send to (OP_CONNECT) or be bound to (OP_LISTEN) the address.
 * On a refusal, or for an address that does not fit the socket, *verdict is the answer. *socket: our
 * duplicate; another one afterwards, the program's new one, if the address is that of a name server
 * and the policy has names. For a connect the address in the request may be another one afterwards.
 */
bool inet_allowed(struct request *rq, const struct socket_kind *kind, enum op op, int *socket,
		  const struct sockaddr_storage *address, socklen_t length,
		  struct verdict *verdict);

/*
 * Whether sending to the address would exchange the socket for one of the lookup namespace: what was
 * meant for others before must not go through that.
 */
bool inet_exchanges(const struct supervisor *sv, const struct socket_kind *kind, int socket,
		    const struct sockaddr_storage *address, socklen_t length);

static inline bool is_inet(const struct socket_kind *kind)
{
	return kind->class == SOCKET_TCP || kind->class == SOCKET_UDP || kind->class == SOCKET_ICMP;
}

#endif
