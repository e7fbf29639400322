/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages, byte by byte: what is taken for a question, for an answer, and what is written. */
#include "resolver/message.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct bytes {
	uint8_t data[2048];
	size_t size;
};

static void add(struct bytes *b, const void *data, size_t size)
{
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void add16(struct bytes *b, unsigned value)
{
	const uint8_t two[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	add(b, two, 2);
}

/* "www.example.org" as labels. */
static void add_name(struct bytes *b, const char *name)
{
	while (*name) {
		uint8_t length = (uint8_t)strcspn(name, ".");

		add(b, &length, 1);
		add(b, name, length);
		name += length + (name[length] == '.');
	}
	add(b, "", 1);
}

static void add_header(struct bytes *b, unsigned id, unsigned flags, unsigned answers)
{
	add16(b, id);
	add16(b, flags);
	add16(b, 1);
	add16(b, answers);
	add16(b, 0);
	add16(b, 0);
}

static void add_question(struct bytes *b, const char *name, unsigned type)
{
	add_name(b, name);
	add16(b, type);
	add16(b, 1);
}

static void add_record(struct bytes *b, const char *name, unsigned type, unsigned ttl,
		       const struct bytes *data)
{
	add_question(b, name, type);
	add16(b, ttl >> 16);
	add16(b, ttl & 0xffff);
	add16(b, (unsigned)data->size);
	add(b, data->data, data->size);
}

static void add_a(struct bytes *b, const char *name, unsigned ttl, const char *address)
{
	struct bytes data = { .size = 4 };

	inet_pton(AF_INET, address, data.data);
	add_record(b, name, DNS_A, ttl, &data);
}

static void add_alias(struct bytes *b, const char *name, const char *target)
{
	struct bytes data = { 0 };

	add_name(&data, target);
	add_record(b, name, 5, 60, &data);
}

static struct dns_question ask(const char *name, unsigned type)
{
	struct bytes b = { 0 };
	struct dns_question ret;

	add_header(&b, 7, 0x100, 0);
	add_question(&b, name, type);
	cr_assert_eq(dns_query_read(b.data, b.size, &ret), 0);
	return ret;
}

Test(dns, question_as_text)
{
	struct dns_question q = ask("wWw.Example.ORG", DNS_A);

	cr_expect_str_eq(q.name, "www.example.org");
	cr_expect_eq(q.id, 7);
	cr_expect_eq(q.type, DNS_A);
	cr_expect(q.recursion && !q.edns);
	cr_expect_eq(q.room, DNS_UDP_LEAST);
}

Test(dns, labels_that_are_no_host_name)
{
	/* What a filter and a resolver could read differently. */
	static const struct {
		const char *label;
		uint8_t length;
	} rows[] = {
		{ "a\0b", 3 }, { "a.b", 3 }, { "a b", 3 }, { "\xc3\xbc", 2 },
		{ "a\\b", 3 }, { "\n", 1 },  { "a/b", 3 }, { "*", 1 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes b = { 0 };
		struct dns_question q;

		add_header(&b, 1, 0x100, 0);
		add(&b, &rows[i].length, 1);
		add(&b, rows[i].label, rows[i].length);
		add_question(&b, "example.org", DNS_A);
		cr_expect_eq(dns_query_read(b.data, b.size, &q), DNS_UNKNOWN, "row %zu", i);
		cr_expect_str_eq(q.name, "");
	}
}

Test(dns, what_is_no_query)
{
	struct dns_question q;
	struct bytes response = { 0 }, update = { 0 }, answered = { 0 }, chaos = { 0 },
		     root = { 0 };

	add_header(&response, 1, 0x8100, 0);
	add_question(&response, "a.example", DNS_A);
	cr_expect_eq(dns_query_read(response.data, response.size, &q), -EBADMSG);
	cr_expect_eq(dns_query_read(response.data, response.size - 1, &q), -EBADMSG);
	cr_expect_eq(dns_query_read(response.data, 0, &q), -EBADMSG);
	add_header(&update, 1, 0x2900, 0);
	add_question(&update, "a.example", DNS_A);
	cr_expect_eq(dns_query_read(update.data, update.size, &q), DNS_NOT_KNOWN);
	add_header(&answered, 1, 0x100, 1);
	add_question(&answered, "a.example", DNS_A);
	add_a(&answered, "a.example", 1, "192.0.2.1");
	cr_expect_eq(dns_query_read(answered.data, answered.size, &q), DNS_MALFORMED);
	add_header(&chaos, 1, 0x100, 0);
	add_name(&chaos, "a.example");
	add16(&chaos, DNS_A);
	add16(&chaos, 3);
	cr_expect_eq(dns_query_read(chaos.data, chaos.size, &q), DNS_REFUSED);
	add_header(&root, 1, 0x100, 0);
	add_question(&root, "", DNS_A);
	cr_expect_eq(dns_query_read(root.data, root.size, &q), DNS_UNKNOWN);
}

Test(dns, written_query_carries_the_name_only)
{
	struct dns_question q = ask("wWw.Example.ORG", DNS_AAAA), again;
	cleanup_free uint8_t *wire = NULL;
	size_t size;

	cr_assert_eq(dns_query_write(&q, 0x1234, &wire, &size), 0);
	cr_assert_eq(dns_query_read(wire, size, &again), 0);
	cr_expect_eq(again.id, 0x1234);
	cr_expect_eq(memcmp(again.wire, "\3www\7example\3org", 17), 0);
	cr_expect_eq(again.type, DNS_AAAA);
	/* Header, name, type and class, an empty EDNS record: no room for anything else. */
	cr_expect_eq(size, 12u + 17 + 4 + 11);
}

Test(dns, answers_are_followed_and_filtered)
{
	struct dns_question q = ask("www.example.org", DNS_A);
	struct bytes b = { 0 };
	struct dns_answer answer;
	struct in_addr address;

	add_header(&b, 9, 0x8180, 6);
	add_question(&b, "WWW.example.org", DNS_A);
	add_a(&b, "edge.cdn.example", 300, "192.0.2.7");
	add_alias(&b, "www.example.org", "x.cdn.example");
	add_a(&b, "other.example", 300, "192.0.2.66");
	add_alias(&b, "x.cdn.example", "Edge.CDN.example");
	add_a(&b, "www.example.org", 300, "192.0.2.67");
	add_a(&b, "edge.cdn.example", 0x80000001, "192.0.2.8");
	cr_assert_eq(dns_answer_read(b.data, b.size, &q, 9, &answer), 0);
	cr_expect_eq(answer.code, DNS_OK);
	cr_assert_eq(answer.alias_count, 2);
	cr_expect_str_eq(answer.aliases[1].name, "edge.cdn.example");
	cr_assert_eq(answer.address_count, 2);
	inet_pton(AF_INET, "192.0.2.7", &address);
	cr_expect_eq(memcmp(answer.addresses[0].address + 12, &address, 4), 0);
	cr_expect_eq(answer.addresses[0].ttl, 300);
	cr_expect_eq(answer.addresses[1].ttl, 0);
}

Test(dns, answers_to_something_else)
{
	static const struct {
		unsigned id, flags, type;
		const char *name;
	} rows[] = {
		{ 8, 0x8180, DNS_A, "www.example.org" },
		{ 9, 0x0180, DNS_A, "www.example.org" },
		{ 9, 0x8180, DNS_AAAA, "www.example.org" },
		{ 9, 0x8180, DNS_A, "www.example.com" },
	};
	struct dns_question q = ask("www.example.org", DNS_A);
	struct dns_answer answer;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes b = { 0 };

		add_header(&b, rows[i].id, rows[i].flags, 0);
		add_question(&b, rows[i].name, rows[i].type);
		cr_expect_eq(dns_answer_read(b.data, b.size, &q, 9, &answer), -EBADMSG, "row %zu",
			     i);
	}
}

Test(dns, aliases_in_a_circle)
{
	struct dns_question q = ask("a.example", DNS_A);
	struct bytes b = { 0 };
	struct dns_answer answer;

	add_header(&b, 9, 0x8180, 2);
	add_question(&b, "a.example", DNS_A);
	add_alias(&b, "a.example", "b.example");
	add_alias(&b, "b.example", "a.example");
	cr_assert_eq(dns_answer_read(b.data, b.size, &q, 9, &answer), 0);
	cr_expect_eq(answer.code, DNS_FAILED);
	cr_expect_eq(answer.address_count, 0);
}

Test(dns, written_answer_reads_back)
{
	struct dns_question q = ask("wWw.example.org", DNS_A);
	struct dns_answer answer = { .alias_count = 1, .address_count = DNS_ADDRESSES_MAX }, again;
	cleanup_free uint8_t *wire = NULL, *cut = NULL;
	size_t size;

	strcpy(answer.aliases[0].name, "edge.example");
	for (size_t i = 0; i < DNS_ADDRESSES_MAX; i++) {
		memset(answer.addresses[i].address + 10, 0xff, 2);
		answer.addresses[i].address[15] = (uint8_t)i;
		answer.addresses[i].ttl = 5;
	}
	cr_assert_eq(dns_reply_write(&q, &answer, DNS_MESSAGE_MAX, &wire, &size), 0);
	cr_assert_eq(dns_answer_read(wire, size, &q, q.id, &again), 0);
	cr_expect_eq(again.address_count, DNS_ADDRESSES_MAX);
	cr_expect_eq(again.alias_count, 1);
	cr_expect_not(again.truncated);
	/* The name stands there as it was asked for. */
	cr_expect_eq(memcmp(wire + 12, "\3wWw\7example\3org", 17), 0);
	cr_assert_eq(dns_reply_write(&q, &answer, DNS_UDP_LEAST, &cut, &size), 0);
	cr_assert_leq(size, DNS_UDP_LEAST);
	cr_assert_eq(dns_answer_read(cut, size, &q, q.id, &again), 0);
	cr_expect(again.truncated && again.address_count == 0);
}
