/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the resolver share. */
#ifndef CORDON_RESOLVER_PRIVATE_H
#define CORDON_RESOLVER_PRIVATE_H

#include "resolver/message.h"
#include "resolver/resolver.h"
#include "resolver/wire.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define QUERIES_MAX 64
#define STREAMS_MAX 16
#define QUERY_ROOM  1024 /* of a query by TCP; one is at most some 300 bytes long */

/* Who asked, and so where the answer goes. */
struct asker {
	int stream; /* -1: a datagram */
	uint32_t generation;
	int fd; /* of a datagram: RESOLVER_UDP4 or 6 */
	struct sockaddr_storage peer;
	socklen_t peer_length;
	struct in6_addr asked; /* the address that was asked: an answer comes from there */
};

enum query_state { QUERY_FREE, QUERY_WAITING, QUERY_ASKED, QUERY_STREAMING, QUERY_JUDGED };

struct query {
	enum query_state state;
	uint32_t generation;
	struct asker asker;
	struct dns_question question;
	struct dns_answer answer; /* JUDGED */
	unsigned attempt;
	bool by_stream;
	uint64_t deadline;
	int fd; /* of the server */
	uint16_t id;
	uint8_t *buffer; /* STREAMING: length and message, out and then in */
	size_t have, want;
	bool sent;
};

/* A connection of the program. */
struct stream {
	int fd; /* -1: free */
	uint32_t generation;
	uint64_t used;
	size_t have;
	uint8_t buffer[2 + QUERY_ROOM];
};

struct resolver {
	struct query queries[QUERIES_MAX];
	struct stream streams[STREAMS_MAX];
	uint8_t room[DNS_MESSAGE_MAX];
};

uint64_t resolver_now(void);
/* Ends the program if the supervisor is gone. */
void resolver_tell(struct resolver_record *record);

/* filter.c: confines the program for good. Return: 0 or -errno. */
int filter_take(void);

/* query.c */
void query_take(struct resolver *r, const struct asker *asker, const uint8_t *data, size_t size);
/* What the supervisor says. take_fd: -1: none. */
void query_told(struct resolver *r, const struct resolver_record *record, int take_fd);
void query_ready(struct resolver *r, struct query *q);
short query_events(const struct query *q);
/* Goes on where the time is over. Return: milliseconds to the next deadline; -1: none. */
int query_deadlines(struct resolver *r);

/* asker.c */
void asker_reply(struct resolver *r, const struct asker *asker, const struct dns_question *question,
		 const struct dns_answer *answer);
void asker_datagram(struct resolver *r, int fd);
void asker_accept(struct resolver *r, int fd);
void asker_stream(struct resolver *r, int index);

#endif
