/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations of TCP, UDP and ICMP: see inet.h. */
#include "supervisor/handlers/inet.h"

#include "base/cleanup.h"
#include "supervisor/dns.h"
#include "supervisor/handlers/lookup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int option(int fd, int name, int *ret)
{
	socklen_t length = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, name, ret, &length) < 0 ? -errno : 0;
}

static enum socket_class class_of(int domain, int type, int protocol)
{
	static const struct {
		int domain, type, protocol;
		enum socket_class class;
	} known[] = {
		{ AF_INET, SOCK_STREAM, IPPROTO_TCP, SOCKET_TCP },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCP, SOCKET_TCP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDP, SOCKET_UDP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP, SOCKET_UDP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, SOCKET_ICMP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, SOCKET_ICMP },
	};

	if (domain == AF_UNIX)
		return SOCKET_UNIX;
	if (domain == AF_NETLINK)
		return SOCKET_NETLINK;
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (domain == known[i].domain && type == known[i].type &&
		    protocol == known[i].protocol)
			return known[i].class;
	return SOCKET_OTHER;
}

static int classify(int fd, struct socket_kind *ret)
{
	int protocol, r = option(fd, SO_DOMAIN, &ret->domain);

	if (r == 0)
		r = option(fd, SO_TYPE, &ret->type);
	if (r == 0)
		r = option(fd, SO_PROTOCOL, &protocol);
	if (r == 0)
		ret->class = class_of(ret->domain, ret->type, protocol);
	return r;
}

int socket_fetch(struct request *rq, struct socket_kind *ret)
{
	cleanup_fd int fd = request_descriptor(rq, rq->fd);
	int r;

	if (fd < 0)
		return fd;
	r = classify(fd, ret);
	if (r < 0)
		return r;
	if (!request_pending(rq))
		return -EACCES;
	return steal_fd(&fd);
}

union address {
	const struct sockaddr_storage *any;
	const struct sockaddr_in *v4;
	const struct sockaddr_in6 *v6;
};

static int endpoint_v4(union address address, socklen_t length, struct endpoint *ret)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (length < sizeof(*address.v4))
		return -EINVAL;
	memcpy(ret->address, mapped, sizeof(mapped));
	memcpy(ret->address + sizeof(mapped), &address.v4->sin_addr, 4);
	ret->port = ntohs(address.v4->sin_port);
	return 0;
}

static int endpoint_v6(union address address, socklen_t length, struct endpoint *ret)
{
	/* KERNEL: 24 bytes, without the scope id, are enough. The scope only picks an interface. */
	if (length < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	memcpy(ret->address, &address.v6->sin6_addr, 16);
	ret->port = ntohs(address.v6->sin6_port);
	return 0;
}

/*
 * Address as the policy compares it. KERNEL: an IPv6 UDP socket takes IPv4 addresses too; on an IPv4
 * socket a UDP send, and a bind, take AF_UNSPEC for AF_INET.
 * Return: 0; -EAFNOSUPPORT if the family does not fit the socket; -EINVAL if it is too short.
 */
static int endpoint_of(const struct socket_kind *kind, const struct sockaddr_storage *storage,
		       socklen_t length, struct endpoint *ret)
{
	union address address = { storage };
	sa_family_t family = storage->ss_family;

	if (length < sizeof(sa_family_t))
		return -EINVAL;
	if (kind->domain == AF_INET) {
		if (length < sizeof(*address.v4))
			return -EINVAL;
		if (family != AF_INET && family != AF_UNSPEC)
			return -EAFNOSUPPORT;
		return endpoint_v4(address, length, ret);
	}
	if (family == AF_INET && kind->class == SOCKET_UDP)
		return endpoint_v4(address, length, ret);
	if (length < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	return family == AF_INET6 ? endpoint_v6(address, length, ret) : -EAFNOSUPPORT;
}

static const char *scheme_name(enum net_scheme scheme)
{
	return scheme == NET_TCP ? "tcp" : scheme == NET_UDP ? "udp" : "icmp";
}

/* "tcp 192.0.2.1:443 (www.example.org)": with the name that it was answered for, if any. */
static void endpoint_text(const struct endpoint *endpoint, char *buffer, size_t size)
{
	size_t at = 0;
	const char *name = endpoint->names ? name_table_next(endpoint->names, endpoint->address,
							     endpoint->now, &at)
					   : NULL;
	char address[INET6_ADDRSTRLEN] = "?", port[8] = "";
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)endpoint->address);

	inet_ntop(v4 ? AF_INET : AF_INET6, endpoint->address + (v4 ? 12 : 0), address,
		  sizeof(address));
	if (endpoint->scheme != NET_ICMP)
		snprintf(port, sizeof(port), ":%u", endpoint->port);
	snprintf(buffer, size, v4 || !*port ? "%s %s%s%s%s%s" : "%s [%s]%s%s%s%s",
		 scheme_name(endpoint->scheme), address, port, name ? " (" : "", name ? name : "",
		 name ? ")" : "");
}

/*
 * C libraries connect a UDP socket to port 0 of each address that they have found, to see which are
 * reachable; then they send nothing. For addresses that a name led to that is no attempt to report.
 */
static bool is_probe(const struct endpoint *endpoint)
{
	size_t at = 0;

	return endpoint->scheme == NET_UDP && endpoint->port == 0 && endpoint->names &&
	       name_table_next(endpoint->names, endpoint->address, endpoint->now, &at);
}

bool inet_exchanges(const struct supervisor *sv, const struct socket_kind *kind, int socket,
		    const struct sockaddr_storage *address, socklen_t length)
{
	struct endpoint endpoint = { .scheme = NET_UDP };

	return kind->class == SOCKET_UDP && endpoint_of(kind, address, length, &endpoint) == 0 &&
	       dns_takes(sv->dns, &endpoint) && dns_way(sv->dns, &endpoint) == DNS_EXCHANGE &&
	       !dns_owns(sv->dns, socket);
}

bool inet_allowed(struct request *rq, const struct socket_kind *kind, enum op op, int *socket,
		  const struct sockaddr_storage *address, socklen_t length, struct verdict *verdict)
{
	const struct supervisor *sv = rq->caller.sv;
	const struct policy *policy = sv->policy;
	struct endpoint endpoint = { .scheme = kind->class == SOCKET_TCP   ? NET_TCP
					       : kind->class == SOCKET_UDP ? NET_UDP
									   : NET_ICMP };
	struct decision decision;
	char text[NAME_SIZE + 80] = "";
	int r = endpoint_of(kind, address, length, &endpoint);

	if (r < 0) {
		*verdict = verdict_result(r);
		return false;
	}
	/* An ICMP socket's number is not a port. */
	if (endpoint.scheme == NET_ICMP)
		endpoint.port = 0;
	if (op == OP_CONNECT && dns_takes(sv->dns, &endpoint))
		return lookup_takes_over(rq, kind, &endpoint, socket, verdict);
	dns_look_up(sv->dns, &endpoint);
	decision = op == OP_LISTEN ? policy_decide_listen(policy, &endpoint)
				   : policy_decide_connect(policy, &endpoint);
	if (!decision.allow && is_probe(&endpoint)) {
		*verdict = verdict_result(-decision.error);
		return false;
	}
	if (!decision.allow)
		endpoint_text(&endpoint, text, sizeof(text));
	return request_judge(rq, op, &decision, text, verdict) &&
	       lookup_keeps_apart(rq, *socket, verdict);
}
