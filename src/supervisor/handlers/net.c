/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket, connect, bind, listen.
 *
 * RACE: a descriptor number can be given to another socket at any time, and an address can change
 * in memory. So the socket is fetched once, classified by what it is and not by the address family
 * that came along, and the call is made on that very socket with the copied address.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/handlers/inet.h"
#include "supervisor/handlers/unix.h"
#include "supervisor/pending.h"
#include "supervisor/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

static const struct sockaddr *sockaddr_of(const struct request *rq)
{
	return (const struct sockaddr *)&rq->address;
}

static struct verdict other_kind(struct request *rq, enum op op)
{
	const struct decision decision = { .error = EACCES };
	struct verdict v = verdict_result(-EACCES);

	request_judge(rq, op, &decision, "a socket of a kind that no rule is about", &v);
	return v;
}

/*
 * Connects without ever waiting here. RACE: the flags of the socket are shared with the program,
 * which can change them at any moment; so nothing is connected on this thread, whatever they say.
 */
static struct verdict do_connect(struct request *rq, int take_socket,
				 const struct sockaddr *address, socklen_t length)
{
	cleanup_fd int fd = take_socket;
	int flags;

	if (address->sa_family == AF_UNSPEC)
		return verdict_of(connect(fd, address, length));
	flags = fcntl(fd, F_GETFL);
	return pending_connect(rq, !(flags & O_NONBLOCK), steal_fd(&fd),
			       steal_fd(&rq->place[0].object), address, length);
}

static struct verdict connect_unix(struct request *rq, int take_socket)
{
	cleanup_fd int fd = take_socket;
	struct unix_target target;
	struct verdict v;

	if (!unix_connect_target(rq, &target, &v))
		return v;
	return do_connect(rq, steal_fd(&fd), (const struct sockaddr *)&target.address,
			  target.length);
}

struct verdict handle_connect(struct request *rq)
{
	struct socket_kind kind;
	cleanup_fd int fd = socket_fetch(rq, &kind);
	struct verdict v;
	bool disconnect =
		rq->address_length >= sizeof(sa_family_t) && rq->address.ss_family == AF_UNSPEC;

	if (fd == -EACCES && !disconnect && sockets_has_peer(&rq->caller, rq->fd))
		return verdict_result(-EISCONN);
	if (fd < 0)
		return verdict_result(fd);
	if (kind.class == SOCKET_UNIX)
		return connect_unix(rq, steal_fd(&fd));
	/* Netlink can only name the kernel: other peers need a capability. */
	if (kind.class == SOCKET_NETLINK)
		return verdict_of(connect(fd, sockaddr_of(rq), rq->address_length));
	if (!is_inet(&kind))
		return other_kind(rq, OP_CONNECT);
	/* AF_UNSPEC takes the peer away, and names none. */
	if (!disconnect &&
	    !inet_allowed(rq, &kind, OP_CONNECT, &fd, &rq->address, rq->address_length, &v))
		return v;
	/* Without a handshake there is nothing to wait for. */
	if (kind.class != SOCKET_TCP)
		return verdict_of(connect(fd, sockaddr_of(rq), rq->address_length));
	return do_connect(rq, steal_fd(&fd), sockaddr_of(rq), rq->address_length);
}

struct verdict handle_bind(struct request *rq)
{
	struct socket_kind kind;
	cleanup_fd int fd = socket_fetch(rq, &kind);
	struct verdict v;

	if (fd < 0)
		return verdict_result(fd);
	if (kind.class == SOCKET_UNIX)
		return unix_bind(rq, fd);
	if (kind.class == SOCKET_NETLINK)
		return verdict_of(bind(fd, sockaddr_of(rq), rq->address_length));
	if (!is_inet(&kind))
		return other_kind(rq, OP_LISTEN);
	if (!inet_allowed(rq, &kind, OP_LISTEN, &fd, &rq->address, rq->address_length, &v))
		return v;
	v = verdict_of(bind(fd, sockaddr_of(rq), rq->address_length));
	if (v.error != EADDRINUSE || !rq->caller.sv->sockets)
		return v;
	/* Perhaps by a duplicate of ours alone. */
	sockets_sweep(rq->caller.sv->sockets);
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

	if (kind->class != SOCKET_TCP) {
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
	cleanup_fd int fd = socket_fetch(rq, &kind);
	struct verdict v;

	if (fd < 0)
		return verdict_result(fd);
	if (kind.class != SOCKET_UNIX && !may_listen(rq, fd, &kind, &v))
		return v;
	v = verdict_of(listen(fd, (int)rq->number));
	if (v.error == 0)
		sockets_drop(rq->caller.sv->sockets, fd);
	return v;
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
