/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket, connect, bind, listen, sendto.
 *
 * RACE: a descriptor number can be given to another socket at any time, and an address can change
 * in memory. So the socket is fetched once, classified by what it is and not by the address family
 * that came along, and the call is made on that very socket with the copied address.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/handlers/unix.h"
#include "supervisor/pending.h"
#include "supervisor/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct socket_kind {
	int domain, type, protocol;
};

static int option(int fd, int name, int *ret)
{
	socklen_t length = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, name, ret, &length) < 0 ? -errno : 0;
}

static int classify(int fd, struct socket_kind *ret)
{
	int r = option(fd, SO_DOMAIN, &ret->domain);

	if (r == 0)
		r = option(fd, SO_TYPE, &ret->type);
	if (r == 0)
		r = option(fd, SO_PROTOCOL, &ret->protocol);
	return r;
}

static bool is_tcp(const struct socket_kind *kind)
{
	return (kind->domain == AF_INET || kind->domain == AF_INET6) && kind->type == SOCK_STREAM &&
	       kind->protocol == IPPROTO_TCP;
}

/*
 * Address as the policy compares it. Return: 0; -EAFNOSUPPORT if the family does not fit the
 * socket; -EINVAL if it is too short.
 */
static int endpoint_of(const struct request *rq, const struct socket_kind *kind,
		       struct endpoint *ret)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	union {
		const struct sockaddr_storage *any;
		const struct sockaddr_in *v4;
		const struct sockaddr_in6 *v6;
	} address = { &rq->address };

	if (rq->address_length < sizeof(sa_family_t))
		return -EINVAL;
	ret->scheme = NET_TCP;
	if (kind->domain == AF_INET) {
		if (rq->address_length < sizeof(*address.v4))
			return -EINVAL;
		if (rq->address.ss_family != AF_INET)
			return -EAFNOSUPPORT;
		memcpy(ret->address, mapped, sizeof(mapped));
		memcpy(ret->address + 12, &address.v4->sin_addr, 4);
		ret->port = ntohs(address.v4->sin_port);
		return 0;
	}
	/* KERNEL: 24 bytes, without the scope id, are enough. */
	if (rq->address_length < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	if (rq->address.ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(ret->address, &address.v6->sin6_addr, 16);
	ret->port = ntohs(address.v6->sin6_port);
	return 0;
}

static const char *endpoint_text(const struct endpoint *endpoint, char *buffer, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "?";
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)endpoint->address);

	inet_ntop(v4 ? AF_INET : AF_INET6, endpoint->address + (v4 ? 12 : 0), address,
		  sizeof(address));
	snprintf(buffer, size, v4 ? "tcp %s:%u" : "tcp [%s]:%u", address, endpoint->port);
	return buffer;
}

static const struct sockaddr *sockaddr_of(const struct request *rq)
{
	return (const struct sockaddr *)&rq->address;
}

/* Fetches and classifies the caller's socket. Return: our duplicate, or -errno. */
static int fetch(struct request *rq, struct socket_kind *ret)
{
	cleanup_fd int fd = request_descriptor(rq, rq->fd);
	int r;

	if (fd < 0)
		return fd;
	r = classify(fd, ret);
	if (r < 0)
		return r;
	/* From here on effects are possible. */
	if (!request_pending(rq))
		return -EACCES;
	return steal_fd(&fd);
}

/*
 * Connects without ever waiting here. RACE: the flags of the socket are shared with the program, so
 * O_NONBLOCK may be gone by the time of the call; they only choose who makes it.
 */
static struct verdict do_connect(struct request *rq, int take_socket,
				 const struct sockaddr *address, socklen_t length)
{
	cleanup_fd int fd = take_socket;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return verdict_of(flags);
	if (address->sa_family == AF_UNSPEC)
		return verdict_of(connect(fd, address, length));
	return pending_connect(rq, flags & O_NONBLOCK, steal_fd(&fd),
			       steal_fd(&rq->place[0].object), address, length);
}

struct verdict handle_connect(struct request *rq)
{
	struct socket_kind kind;
	cleanup_fd int fd = fetch(rq, &kind);
	struct decision decision;
	struct endpoint endpoint;
	char text[80];
	struct verdict v;
	int r;

	if (fd < 0)
		return verdict_result(fd);
	if (kind.domain == AF_UNIX) {
		struct unix_target target;

		if (!unix_connect_target(rq, &target, &v))
			return v;
		v = do_connect(rq, steal_fd(&fd), (const struct sockaddr *)&target.address,
			       target.length);
		return v;
	}
	/* Netlink can only name the kernel: other peers need a capability. */
	if (kind.domain == AF_NETLINK)
		return verdict_of(connect(fd, sockaddr_of(rq), rq->address_length));
	if (!is_tcp(&kind))
		return verdict_result(-EACCES);
	/* Takes the peer away, and names none. */
	if (rq->address_length >= sizeof(sa_family_t) && rq->address.ss_family == AF_UNSPEC)
		return do_connect(rq, steal_fd(&fd), sockaddr_of(rq), rq->address_length);
	r = endpoint_of(rq, &kind, &endpoint);
	if (r < 0)
		return verdict_result(r);
	decision = policy_decide_connect(rq->caller.sv->policy, &endpoint);
	if (!request_judge(rq, OP_CONNECT, &decision, endpoint_text(&endpoint, text, sizeof(text)),
			   &v))
		return v;
	return do_connect(rq, steal_fd(&fd), sockaddr_of(rq), rq->address_length);
}

struct verdict handle_bind(struct request *rq)
{
	struct socket_kind kind;
	cleanup_fd int fd = fetch(rq, &kind);
	struct decision decision;
	struct endpoint endpoint;
	char text[80];
	struct verdict v;
	int r;

	if (fd < 0)
		return verdict_result(fd);
	if (kind.domain == AF_UNIX)
		return unix_bind(rq, fd);
	if (kind.domain == AF_NETLINK)
		return verdict_of(bind(fd, sockaddr_of(rq), rq->address_length));
	if (!is_tcp(&kind))
		return verdict_result(-EACCES);
	r = endpoint_of(rq, &kind, &endpoint);
	if (r < 0)
		return verdict_result(r);
	decision = policy_decide_listen(rq->caller.sv->policy, &endpoint);
	if (!request_judge(rq, OP_LISTEN, &decision, endpoint_text(&endpoint, text, sizeof(text)),
			   &v))
		return v;
	return verdict_of(bind(fd, sockaddr_of(rq), rq->address_length));
}

/* A socket that listens without a bind gets a port that no rule has seen: that needs port 0. */
static bool may_listen(struct request *rq, int fd, const struct socket_kind *kind,
		       struct verdict *ret)
{
	struct sockaddr_storage local = { 0 };
	socklen_t length = sizeof(local);
	struct endpoint endpoint = { .scheme = NET_TCP };
	struct decision decision;
	in_port_t port;

	if (!is_tcp(kind)) {
		*ret = verdict_result(-EOPNOTSUPP);
		return false;
	}
	if (getsockname(fd, (struct sockaddr *)&local, &length) < 0) {
		*ret = verdict_of(-1);
		return false;
	}
	/* The port stands at the same place in both families. */
	memcpy(&port, (const char *)&local + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	if (port != 0)
		return true;
	decision = policy_decide_listen(rq->caller.sv->policy, &endpoint);
	return request_judge(rq, OP_LISTEN, &decision, "tcp port 0 (listen without bind)", ret);
}

struct verdict handle_listen(struct request *rq)
{
	struct socket_kind kind;
	cleanup_fd int fd = fetch(rq, &kind);
	struct verdict v;

	if (fd < 0)
		return verdict_result(fd);
	if (kind.domain != AF_UNIX && !may_listen(rq, fd, &kind, &v))
		return v;
	v = verdict_of(listen(fd, (int)rq->number));
	if (v.error == 0)
		sockets_drop(rq->caller.sv->sockets, fd);
	return v;
}

/*
 * With an address: only netlink has a use for it here, since datagram sockets of other families are
 * not made; connected streams refuse or ignore one.
 */
struct verdict handle_sendto(struct request *rq)
{
	struct socket_kind kind;
	cleanup_fd int fd = fetch(rq, &kind);

	if (fd < 0)
		return verdict_result(fd);
	if (kind.domain != AF_NETLINK)
		return verdict_result(kind.type == SOCK_STREAM ? -EISCONN : -EACCES);
	return verdict_of(sendto(fd, rq->input, rq->input_length,
				 (int)rq->flags | MSG_DONTWAIT | MSG_NOSIGNAL, sockaddr_of(rq),
				 rq->address_length));
}

/* Only without pidfd_getfd; domain, type and protocol have been judged by the filter. */
struct verdict handle_socket(struct request *rq)
{
	int type = (int)rq->args[1];
	int fd = socket((int)rq->args[0], type | SOCK_CLOEXEC, (int)rq->args[2]);
	int r;

	if (fd < 0)
		return verdict_of(fd);
	r = sockets_keep(rq->caller.sv->sockets, fd);
	if (r < 0) {
		close(fd);
		return request_failed(rq, -r, "cannot keep a duplicate of the socket");
	}
	return verdict_fd(fd, type & SOCK_CLOEXEC);
}
