/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the program: datagrams and connections in its namespace. */
#include "resolver/private.h"

#include "base/cleanup.h"

#include <string.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void take_asked(const struct msghdr *message, const union control *control,
		       struct asker *ret)
{
	if (message->msg_controllen < sizeof(control->header))
		return;
	if (control->header.cmsg_level == IPPROTO_IP && control->header.cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(&control->header), sizeof(info));
		memcpy(&ret->asked, &info.ipi_addr, sizeof(info.ipi_addr));
	} else if (control->header.cmsg_level == IPPROTO_IPV6 &&
		   control->header.cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(&control->header), sizeof(info));
		ret->asked = info.ipi6_addr;
	}
}

void asker_datagram(struct resolver *r, int fd)
{
	struct asker asker = { .stream = -1, .fd = fd };
	struct iovec part = { r->room, sizeof(r->room) };
	union control control;
	struct msghdr message = { .msg_name = &asker.peer,
				  .msg_namelen = sizeof(asker.peer),
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

	if (n <= 0)
		return;
	asker.peer_length = message.msg_namelen;
	take_asked(&message, &control, &asker);
	query_take(r, &asker, r->room, (size_t)n);
}

static void send_datagram(const struct asker *asker, uint8_t *data, size_t size)
{
	struct iovec part = { data, size };
	union control control = { 0 };
	struct sockaddr_storage peer = asker->peer;
	struct msghdr message = { .msg_name = &peer,
				  .msg_namelen = asker->peer_length,
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control };

	if (asker->fd == RESOLVER_UDP4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, &asker->asked, sizeof(info.ipi_spec_dst));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
		control.header.cmsg_level = IPPROTO_IP;
		control.header.cmsg_type = IP_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_addr = asker->asked };

		message.msg_controllen = CMSG_SPACE(sizeof(info));
		control.header.cmsg_level = IPPROTO_IPV6;
		control.header.cmsg_type = IPV6_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	}
	/* An answer that does not fit into the program's queue is a lost datagram. */
	sendmsg(asker->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_stream(struct stream *s)
{
	close(s->fd);
	s->fd = -1;
}

/* A connection that does not read its answers is not worth a queue. */
static void send_stream(struct stream *s, const uint8_t *data, size_t size)
{
	const uint8_t length[2] = { (uint8_t)(size >> 8), (uint8_t)size };

	if (send(s->fd, length, 2, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE) != 2 ||
	    send(s->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
		close_stream(s);
}

void asker_reply(struct resolver *r, const struct asker *asker, const struct dns_question *question,
		 const struct dns_answer *answer)
{
	size_t room = asker->stream < 0 ? question->room : DNS_MESSAGE_MAX, size;
	cleanup_free uint8_t *data = NULL;
	struct stream *s;

	if (dns_reply_write(question, answer, room, &data, &size) < 0)
		return;
	if (asker->stream < 0) {
		send_datagram(asker, data, size);
		return;
	}
	s = &r->streams[asker->stream];
	if (s->fd >= 0 && s->generation == asker->generation)
		send_stream(s, data, size);
}

void asker_accept(struct resolver *r, int listener)
{
	struct stream *slot = &r->streams[0];
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	/* A free one, else the one that was used the longest time ago. */
	for (int i = 0; i < STREAMS_MAX; i++) {
		struct stream *s = &r->streams[i];

		if (s->fd < 0) {
			slot = s;
			break;
		}
		if (s->used < slot->used)
			slot = s;
	}
	if (slot->fd >= 0)
		close_stream(slot);
	slot->fd = fd;
	slot->generation++;
	slot->used = resolver_now();
	slot->have = 0;
}

void asker_stream(struct resolver *r, int index)
{
	struct stream *s = &r->streams[index];
	const struct asker asker = { .stream = index, .generation = s->generation };
	ssize_t n = recv(s->fd, s->buffer + s->have, sizeof(s->buffer) - s->have, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_stream(s);
		return;
	}
	s->used = resolver_now();
	s->have += (size_t)n;
	while (s->fd >= 0 && s->have >= 2) {
		size_t size = (size_t)s->buffer[0] << 8 | s->buffer[1];

		if (size > QUERY_ROOM) {
			close_stream(s);
			return;
		}
		if (s->have < 2 + size)
			return;
		query_take(r, &asker, s->buffer + 2, size);
		s->have -= 2 + size;
		memmove(s->buffer, s->buffer + 2 + size, s->have);
	}
}
