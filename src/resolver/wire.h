/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the resolver and the supervisor tell each other: fixed records on a SOCK_SEQPACKET pair.
 *
 * The resolver asks before it does anything for a name, and before it tells the program an address.
 * SECURITY: it reads what strangers wrote, so its records are claims: the supervisor checks each
 * field and decides.
 */
#ifndef CORDON_RESOLVER_WIRE_H
#define CORDON_RESOLVER_WIRE_H

#include <stdint.h>

/* Both sides come from one build; another version of the program does not fit. */
#define RESOLVER_VERSION 2

#define DNS_NAME_SIZE	  254 /* 253 characters without the trailing dot, and a terminator */
#define DNS_ADDRESSES_MAX 32
#define DNS_ALIASES_MAX	  8

enum resolver_kind {
	/* From the resolver. */
	RESOLVER_READY = 1, /* confined and at work; number: RESOLVER_VERSION */
	RESOLVER_QUERY,	 /* name and type were asked for; number: the attempt; stream: over TCP */
	RESOLVER_ANSWER, /* the addresses that a server gave for the name, and the aliases between */
	/* From the supervisor, about the slot and generation that came with the record. */
	RESOLVER_SOCKET,    /* comes along, connected to a server; number: milliseconds to wait */
	RESOLVER_CODE,	    /* number: how to answer (enum dns_code), without records */
	RESOLVER_POINTER,   /* the name to answer with, as PTR */
	RESOLVER_ADDRESSES, /* those that the program may be told */
};

struct dns_address {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t ttl;
};

struct resolver_record {
	uint32_t kind;
	uint32_t slot, generation;
	uint32_t number;
	uint16_t type;
	uint16_t stream;
	uint32_t count;
	struct dns_address addresses[DNS_ADDRESSES_MAX];
	uint32_t alias_count;
	char name[DNS_NAME_SIZE];
	char aliases[DNS_ALIASES_MAX][DNS_NAME_SIZE];
};

#endif
