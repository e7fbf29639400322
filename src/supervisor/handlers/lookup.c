/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket that is about to ask a name server comes to the resolver.
 *
 * With a namespace it is exchanged for one that the resolver hears: the program's descriptor gets
 * another socket, of the same kind, in the namespace of the doorman; the call that brought it here
 * then goes on with that one, to the address that the program gave. So the answer comes from where the
 * question went to, on whatever kind of socket, connected or not.
 * RACE: another thread may have put something else behind the number meanwhile. It loses that, and
 * gets a socket with which nothing but lookups can be done.
 *
 * Without a namespace a connection is made to the resolver instead: nobody asks a stream where it leads
 * to before each question. A datagram's source is looked at, so it must have been sent to the
 * resolver's own address in the first place.
 */
#include "supervisor/handlers/lookup.h"

#include "base/cleanup.h"
#include "supervisor/dns.h"
#include "supervisor/sockets.h"

#include <fcntl.h>
#include <sys/time.h>

/* What a program may have set before it asks. */
static void copy_options(int from, int to)
{
	static const int names[] = { SO_RCVTIMEO, SO_SNDTIMEO };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct timeval value;
		socklen_t length = sizeof(value);

		if (getsockopt(from, SOL_SOCKET, names[i], &value, &length) == 0)
			setsockopt(to, SOL_SOCKET, names[i], &value, length);
	}
}

static int exchange(struct request *rq, const struct socket_kind *kind, int *socket)
{
	struct supervisor *sv = rq->caller.sv;
	int flags = fcntl(*socket, F_GETFL), r;
	struct open_file file;
	cleanup_fd int fd = -1;

	if (flags < 0)
		return -errno;
	r = caller_open_file(&rq->caller, rq->fd, &file);
	if (r < 0)
		return r;
	fd = dns_socket(sv->dns, kind->domain,
			kind->type | (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0));
	if (fd < 0)
		return fd;
	copy_options(*socket, fd);
	if (sv->sockets) {
		r = sockets_keep(sv->sockets, fd);
		if (r < 0)
			return r;
	}
	r = reply_replace(sv, rq->id, fd, rq->fd, file.flags & O_CLOEXEC);
	if (r < 0)
		return r;
	close(*socket);
	*socket = steal_fd(&fd);
	return 0;
}

bool lookup_takes_over(struct request *rq, const struct socket_kind *kind,
		       const struct endpoint *endpoint, int *socket, struct verdict *verdict)
{
	const struct dns *dns = rq->caller.sv->dns;

	switch (dns_way(dns, endpoint)) {
	case DNS_EXCHANGE:
		if (dns_owns(dns, *socket) || exchange(rq, kind, socket) == 0)
			return true;
		*verdict =
			request_failed(rq, EACCES, "cannot give the program a socket for lookups");
		return false;
	case DNS_THERE:
		return true;
	case DNS_LED:
		dns_address(dns, kind->domain, &rq->address, &rq->address_length);
		return true;
	case DNS_NOWHERE:
		break;
	}
	*verdict =
		request_failed(rq, EACCES,
			       "this host lets lookups be answered only as /etc/resolv.conf says "
			       "inside");
	return false;
}

bool lookup_keeps_apart(struct request *rq, int socket, struct verdict *verdict)
{
	if (!dns_owns(rq->caller.sv->dns, socket))
		return true;
	*verdict = request_failed(rq, EACCES, "this socket has been used for lookups");
	return false;
}
