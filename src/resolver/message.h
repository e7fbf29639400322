/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages, read and written with libldns.
 *
 * Nothing that the program or a server has sent is ever passed on. A message is taken apart into the
 * few facts below, and what goes out is written anew from these: so no byte of a query other than
 * the name that was judged leaves, in lower case, and nothing of an answer but aliases and addresses
 * comes in.
 */
#ifndef CORDON_RESOLVER_MESSAGE_H
#define CORDON_RESOLVER_MESSAGE_H

#include "resolver/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_LEAST	512  /* what fits without EDNS */
#define DNS_UDP_MOST	1232 /* what crosses every network unfragmented */
#define DNS_TTL_MAX	86400

enum dns_type {
	DNS_A = 1,
	DNS_NULL = 10,
	DNS_PTR = 12,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_ANY = 255,
};

enum dns_code {
	DNS_OK = 0,
	DNS_MALFORMED = 1, /* FORMERR */
	DNS_FAILED = 2,	   /* SERVFAIL */
	DNS_UNKNOWN = 3,   /* NXDOMAIN */
	DNS_NOT_KNOWN = 4, /* NOTIMP */
	DNS_REFUSED = 5,
};

struct dns_question {
	uint16_t id;
	uint16_t type;
	bool recursion;	   /* was asked for */
	bool edns;	   /* the asker speaks it */
	uint16_t room;	   /* of an answer in a datagram */
	uint8_t wire[255]; /* the name as it was asked: answers show its upper and lower case */
	size_t wire_length;
	char name[DNS_NAME_SIZE]; /* lower case, no trailing dot; empty if it is no host name */
};

struct dns_alias {
	char name[DNS_NAME_SIZE];
	uint32_t ttl;
};

struct dns_answer {
	unsigned code; /* enum dns_code, or another that a server gave */
	bool truncated;
	struct dns_alias
		aliases[DNS_ALIASES_MAX]; /* from the name asked for, one after the other */
	size_t alias_count;
	struct dns_address addresses[DNS_ADDRESSES_MAX]; /* of the last alias */
	size_t address_count;
	char pointer[DNS_NAME_SIZE]; /* of a PTR answer; empty: none */
};

/*
 * Reads a query of the program. Return: 0; a positive enum dns_code to answer with (ret is filled);
 * -EBADMSG for what deserves no answer.
 */
int dns_query_read(const uint8_t *data, size_t size, struct dns_question *ret);
/* The query that goes to a server. *ret: to be freed. Return: 0 or -ENOMEM. */
int dns_query_write(const struct dns_question *question, uint16_t id, uint8_t **ret,
		    size_t *ret_size);
/*
 * Reads a server's answer. Aliases are followed from the name asked for; records of any other name
 * or type are left out. Return: 0; -EBADMSG if it is no answer to this question and id.
 */
int dns_answer_read(const uint8_t *data, size_t size, const struct dns_question *question,
		    uint16_t id, struct dns_answer *ret);
/*
 * The answer for the program. room: bytes that may be used; what does not fit is left out and the
 * answer marked, so that the program asks again over TCP. *ret: to be freed. Return: 0 or -ENOMEM.
 */
int dns_reply_write(const struct dns_question *question, const struct dns_answer *answer,
		    size_t room, uint8_t **ret, size_t *ret_size);

#endif
