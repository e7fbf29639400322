/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendto with an address, sendmsg, sendmmsg.
 *
 * Whether a message names a peer lies in memory, except for sendto, so every sendmsg and sendmmsg
 * comes here, also that of a connected stream: another socket could be put over the number, or an
 * address into the header, between a look and the kernel's own (T-046, T-047).
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/handlers/inet.h"
#include "supervisor/handlers/unix.h"
#include "supervisor/message.h"
#include "supervisor/pending.h"

#include <fcntl.h>
#include <string.h>

static void cleanup_messages(struct messages **messages)
{
	messages_free(*messages);
}

/* The peer of a unix datagram: a path becomes the held object. */
static bool unix_allowed(struct request *rq, struct message *m, struct verdict *verdict)
{
	struct unix_target target;

	rq->address = m->address;
	rq->address_length = m->address_length;
	if (!unix_connect_target(rq, &target, verdict))
		return false;
	memset(&m->address, 0, sizeof(m->address));
	memcpy(&m->address, &target.address, sizeof(target.address));
	m->address_length = target.length;
	m->held = steal_fd(&rq->place[0].object);
	/* The next message resolves its own. */
	place_done(&rq->place[0]);
	place_init(&rq->place[0]);
	return true;
}

static bool other_allowed(struct request *rq, struct verdict *verdict)
{
	const struct decision decision = { .error = EACCES };

	return request_judge(rq, OP_CONNECT, &decision, "a socket of a kind that no rule is about",
			     verdict);
}

static bool allowed(struct request *rq, const struct socket_kind *kind, int *socket,
		    struct message *m, struct verdict *verdict)
{
	/* The peer, if there is one, was judged when it was set. */
	if (m->address_length == 0)
		return true;
	switch (kind->class) {
	case SOCKET_TCP:
		/* KERNEL: without MSG_FASTOPEN, which the filter refuses, it is ignored. */
		m->address_length = 0;
		return true;
	case SOCKET_UDP:
		/* KERNEL: on an IPv6 socket this means the connected peer. */
		if (kind->domain == AF_INET6 && m->address.ss_family == AF_UNSPEC)
			m->address_length = 0;
		return m->address_length == 0 ||
		       inet_allowed(rq, kind, OP_CONNECT, socket, &m->address, m->address_length,
				    verdict);
	case SOCKET_ICMP:
		return inet_allowed(rq, kind, OP_CONNECT, socket, &m->address, m->address_length,
				    verdict);
	case SOCKET_UNIX:
		/* KERNEL: streams refuse a name, others than datagrams ignore it. */
		if (kind->type == SOCK_SEQPACKET)
			m->address_length = 0;
		return kind->type != SOCK_DGRAM || unix_allowed(rq, m, verdict);
	case SOCKET_NETLINK:
		/* Can only name the kernel: other peers need a capability. */
		return true;
	case SOCKET_OTHER:
		break;
	}
	return other_allowed(rq, verdict);
}

/*
 * KERNEL: zero-copy sends keep the pages and tell on the error queue when they are free. The pages
 * would be ours, and gone by then; ENOBUFS makes programs send without the flag.
 */
static bool wants_zero_copy(const struct messages *messages, int socket)
{
	int on = 0;
	socklen_t length = sizeof(on);

	return (messages->flags & MSG_ZEROCOPY) &&
	       getsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &on, &length) == 0 && on;
}

static bool may_wait(const struct messages *messages, int socket)
{
	int flags = fcntl(socket, F_GETFL);

	return !(messages->flags & MSG_DONTWAIT) && flags >= 0 && !(flags & O_NONBLOCK);
}

struct verdict handle_send(struct request *rq)
{
	__attribute__((cleanup(cleanup_messages))) struct messages *messages = NULL;
	struct socket_kind kind;
	cleanup_fd int fd = socket_fetch(rq, &kind);
	struct verdict v;
	int r;

	if (fd < 0)
		return verdict_result(fd);
	r = messages_read(rq, kind.type == SOCK_STREAM, &messages);
	if (r < 0)
		return verdict_result(r);
	if (wants_zero_copy(messages, fd))
		return verdict_result(-ENOBUFS);
	for (size_t i = 0; i < messages->count; i++) {
		struct message *m = &messages->at[i];

		/* The vector ends before it, and the program sends the rest by another call. */
		if (i > 0 &&
		    inet_exchanges(rq->caller.sv, &kind, fd, &m->address, m->address_length))
			messages_cut(messages, i, 0);
		else if (!allowed(rq, &kind, &fd, m, &v))
			messages_cut(messages, i, v.error);
	}
	/* SECURITY: what was read is the caller's only if it still waits. */
	if (!request_pending(rq))
		return verdict_result(-EACCES);
	r = messages_send(messages, fd, false);
	if (r == -EAGAIN && may_wait(messages, fd))
		return pending_send(rq, steal_fd(&fd), steal_ptr(&messages));
	return messages_verdict(messages, rq->caller.sv, rq->id, r);
}
