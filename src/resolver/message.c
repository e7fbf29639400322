/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages: see message.h. */
#include "resolver/message.h"

#include "base/cleanup.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void packet_done(ldns_pkt **packet)
{
	ldns_pkt_free(*packet);
}
#define cleanup_packet __attribute__((cleanup(packet_done)))

static bool is_host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/*
 * A name in wire form as lower-case text. SECURITY: labels may carry any byte, dots and NUL
 * included; what is not spelled like a host name has no text, so it cannot be taken for another.
 */
static bool name_text(const uint8_t *wire, size_t length, char *ret)
{
	size_t at = 0, out = 0;

	while (at < length && wire[at] != 0) {
		size_t label = wire[at++];

		if (label > 63 || at + label >= length || out + label + 1 >= DNS_NAME_SIZE)
			return false;
		if (out > 0)
			ret[out++] = '.';
		for (size_t i = 0; i < label; i++) {
			uint8_t c = wire[at++];

			if (c >= 'A' && c <= 'Z')
				c = (uint8_t)(c - 'A' + 'a');
			if (!is_host_byte(c))
				return false;
			ret[out++] = (char)c;
		}
	}
	ret[out] = '\0';
	return out > 0 && at + 1 == length;
}

static bool rdf_text(const ldns_rdf *name, char *ret)
{
	return name && ldns_rdf_get_type(name) == LDNS_RDF_TYPE_DNAME &&
	       name_text(ldns_rdf_data(name), ldns_rdf_size(name), ret);
}

/* From text that name_text() made. Return: to be freed by the packet it goes into, or NULL. */
static ldns_rdf *rdf_of_text(const char *text)
{
	return ldns_dname_new_frm_str(text);
}

static const ldns_rr *only_question(const ldns_pkt *packet)
{
	const ldns_rr_list *list = ldns_pkt_question(packet);

	return ldns_pkt_qdcount(packet) == 1 && ldns_rr_list_rr_count(list) == 1
		       ? ldns_rr_list_rr(list, 0)
		       : NULL;
}

static uint16_t room_of(const ldns_pkt *packet)
{
	uint16_t size = ldns_pkt_edns(packet) ? ldns_pkt_edns_udp_size(packet) : 0;

	if (size < DNS_UDP_LEAST)
		return DNS_UDP_LEAST;
	return size < DNS_UDP_MOST ? size : DNS_UDP_MOST;
}

int dns_query_read(const uint8_t *data, size_t size, struct dns_question *ret)
{
	cleanup_packet ldns_pkt *packet = NULL;
	const ldns_rr *question;
	const ldns_rdf *owner;

	memset(ret, 0, sizeof(*ret));
	if (ldns_wire2pkt(&packet, data, size) != LDNS_STATUS_OK || ldns_pkt_qr(packet))
		return -EBADMSG;
	question = only_question(packet);
	owner = question ? ldns_rr_owner(question) : NULL;
	if (!owner || ldns_rdf_size(owner) > sizeof(ret->wire))
		return -EBADMSG;
	ret->id = ldns_pkt_id(packet);
	ret->type = (uint16_t)ldns_rr_get_type(question);
	ret->recursion = ldns_pkt_rd(packet);
	ret->edns = ldns_pkt_edns(packet);
	ret->room = room_of(packet);
	ret->wire_length = ldns_rdf_size(owner);
	memcpy(ret->wire, ldns_rdf_data(owner), ret->wire_length);
	if (!rdf_text(owner, ret->name))
		ret->name[0] = '\0';
	if (ldns_pkt_get_opcode(packet) != LDNS_PACKET_QUERY)
		return DNS_NOT_KNOWN;
	if (ldns_pkt_ancount(packet) != 0 || ldns_pkt_nscount(packet) != 0)
		return DNS_MALFORMED;
	if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN)
		return DNS_REFUSED;
	return ret->name[0] ? 0 : DNS_UNKNOWN;
}

int dns_query_write(const struct dns_question *question, uint16_t id, uint8_t **ret,
		    size_t *ret_size)
{
	cleanup_packet ldns_pkt *packet = NULL;
	ldns_rdf *name = rdf_of_text(question->name);

	if (!name)
		return -ENOMEM;
	packet = ldns_pkt_query_new(name, (ldns_rr_type)question->type, LDNS_RR_CLASS_IN, LDNS_RD);
	if (!packet) {
		ldns_rdf_deep_free(name);
		return -ENOMEM;
	}
	ldns_pkt_set_id(packet, id);
	ldns_pkt_set_edns_udp_size(packet, DNS_UDP_MOST);
	return ldns_pkt2wire(ret, packet, ret_size) == LDNS_STATUS_OK ? 0 : -ENOMEM;
}

static uint32_t ttl_of(const ldns_rr *rr)
{
	uint32_t ttl = ldns_rr_ttl(rr);

	/* A set sign bit means zero. */
	if (ttl > INT32_MAX)
		return 0;
	return ttl < DNS_TTL_MAX ? ttl : DNS_TTL_MAX;
}

static bool answers(const ldns_pkt *packet, const struct dns_question *asked, uint16_t id)
{
	const ldns_rr *question = only_question(packet);
	char name[DNS_NAME_SIZE];

	return question && ldns_pkt_qr(packet) && ldns_pkt_id(packet) == id &&
	       ldns_pkt_get_opcode(packet) == LDNS_PACKET_QUERY &&
	       (uint16_t)ldns_rr_get_type(question) == asked->type &&
	       ldns_rr_get_class(question) == LDNS_RR_CLASS_IN &&
	       rdf_text(ldns_rr_owner(question), name) && strcmp(name, asked->name) == 0;
}

static bool is_record(const ldns_rr *rr, unsigned type, const char *owner)
{
	char name[DNS_NAME_SIZE];

	return (unsigned)ldns_rr_get_type(rr) == type &&
	       ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN && ldns_rr_rd_count(rr) == 1 &&
	       rdf_text(ldns_rr_owner(rr), name) && strcmp(name, owner) == 0;
}

/* Follows aliases. Return: the name that has the addresses; NULL if they lead nowhere. */
static const char *follow(const ldns_rr_list *records, const char *name, struct dns_answer *ret)
{
	size_t count = ldns_rr_list_rr_count(records);

	for (size_t i = 0; i < count; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(records, i);
		struct dns_alias *alias;

		if (!is_record(rr, LDNS_RR_TYPE_CNAME, name))
			continue;
		if (ret->alias_count == DNS_ALIASES_MAX)
			return NULL;
		alias = &ret->aliases[ret->alias_count];
		if (!rdf_text(ldns_rr_rdf(rr, 0), alias->name))
			return NULL;
		alias->ttl = ttl_of(rr);
		ret->alias_count++;
		name = alias->name;
		i = (size_t)-1;
	}
	return name;
}

static bool read_address(const ldns_rr *rr, unsigned type, uint8_t *ret)
{
	const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
	size_t size = type == DNS_A ? 4 : 16;

	if (!rdf || ldns_rdf_size(rdf) != size)
		return false;
	memcpy(ret, mapped_prefix, sizeof(mapped_prefix));
	memcpy(ret + 16 - size, ldns_rdf_data(rdf), size);
	return true;
}

int dns_answer_read(const uint8_t *data, size_t size, const struct dns_question *question,
		    uint16_t id, struct dns_answer *ret)
{
	cleanup_packet ldns_pkt *packet = NULL;
	const ldns_rr_list *records;
	const char *name;
	size_t count;

	memset(ret, 0, sizeof(*ret));
	if (ldns_wire2pkt(&packet, data, size) != LDNS_STATUS_OK || !answers(packet, question, id))
		return -EBADMSG;
	ret->code = (unsigned)ldns_pkt_get_rcode(packet);
	ret->truncated = ldns_pkt_tc(packet);
	records = ldns_pkt_answer(packet);
	name = follow(records, question->name, ret);
	if (!name) {
		ret->alias_count = 0;
		ret->code = DNS_FAILED;
		return 0;
	}
	count = ldns_rr_list_rr_count(records);
	for (size_t i = 0; i < count && ret->address_count < DNS_ADDRESSES_MAX; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(records, i);
		struct dns_address *address = &ret->addresses[ret->address_count];

		if (!is_record(rr, question->type, name) ||
		    !read_address(rr, question->type, address->address))
			continue;
		address->ttl = ttl_of(rr);
		ret->address_count++;
	}
	return 0;
}

/* take_owner and take_data belong to the packet afterwards. */
static int add_record(ldns_pkt *packet, ldns_rdf *take_owner, unsigned type, uint32_t ttl,
		      ldns_rdf *take_data)
{
	ldns_rr *rr = take_owner && take_data ? ldns_rr_new() : NULL;

	if (!rr) {
		ldns_rdf_deep_free(take_owner);
		ldns_rdf_deep_free(take_data);
		return -ENOMEM;
	}
	ldns_rr_set_owner(rr, take_owner);
	ldns_rr_set_type(rr, (ldns_rr_type)type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, ttl);
	if (!ldns_rr_push_rdf(rr, take_data)) {
		ldns_rdf_deep_free(take_data);
		ldns_rr_free(rr);
		return -ENOMEM;
	}
	if (ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, rr))
		return 0;
	ldns_rr_free(rr);
	return -ENOMEM;
}

static ldns_rdf *asked_name(const struct dns_question *question)
{
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, question->wire_length, question->wire);
}

static ldns_rdf *address_data(const struct dns_question *question,
			      const struct dns_address *address)
{
	if (question->type == DNS_A)
		return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, 4, address->address + 12);
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_AAAA, 16, address->address);
}

static int add_answer(ldns_pkt *packet, const struct dns_question *question,
		      const struct dns_answer *answer)
{
	const char *owner = NULL; /* NULL: as it was asked */
	int r = 0;

	for (size_t i = 0; r == 0 && i < answer->alias_count; i++) {
		const struct dns_alias *alias = &answer->aliases[i];

		r = add_record(packet, owner ? rdf_of_text(owner) : asked_name(question),
			       LDNS_RR_TYPE_CNAME, alias->ttl, rdf_of_text(alias->name));
		owner = alias->name;
	}
	for (size_t i = 0; r == 0 && i < answer->address_count; i++)
		r = add_record(packet, owner ? rdf_of_text(owner) : asked_name(question),
			       question->type, answer->addresses[i].ttl,
			       address_data(question, &answer->addresses[i]));
	if (r == 0 && answer->pointer[0])
		r = add_record(packet, asked_name(question), DNS_PTR, 0,
			       rdf_of_text(answer->pointer));
	return r;
}

static int write_reply(const struct dns_question *question, const struct dns_answer *answer,
		       bool cut, uint8_t **ret, size_t *ret_size)
{
	cleanup_packet ldns_pkt *packet = ldns_pkt_new();
	ldns_rr *rr = packet ? ldns_rr_new() : NULL;
	ldns_rdf *name = rr ? asked_name(question) : NULL;

	if (!name) {
		ldns_rr_free(rr);
		return -ENOMEM;
	}
	ldns_rr_set_owner(rr, name);
	ldns_rr_set_type(rr, (ldns_rr_type)question->type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_question(rr, true);
	if (!ldns_pkt_push_rr(packet, LDNS_SECTION_QUESTION, rr)) {
		ldns_rr_free(rr);
		return -ENOMEM;
	}
	ldns_pkt_set_id(packet, question->id);
	ldns_pkt_set_qr(packet, true);
	ldns_pkt_set_rd(packet, question->recursion);
	ldns_pkt_set_ra(packet, true);
	ldns_pkt_set_tc(packet, cut);
	ldns_pkt_set_rcode(packet, (uint8_t)(answer->code & 0xf));
	if (question->edns)
		ldns_pkt_set_edns_udp_size(packet, DNS_UDP_MOST);
	if (!cut && add_answer(packet, question, answer) < 0)
		return -ENOMEM;
	return ldns_pkt2wire(ret, packet, ret_size) == LDNS_STATUS_OK ? 0 : -ENOMEM;
}

int dns_reply_write(const struct dns_question *question, const struct dns_answer *answer,
		    size_t room, uint8_t **ret, size_t *ret_size)
{
	int r = write_reply(question, answer, false, ret, ret_size);

	if (r < 0 || *ret_size <= room)
		return r;
	free(*ret);
	return write_reply(question, answer, true, ret, ret_size);
}
