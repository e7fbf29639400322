/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with a host name: which names may be looked up, and what their answers open, and until when. */
#include "policy/name_rules.h"

#include "base/cleanup.h"
#include "tree.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const uint8_t *address_of(const char *text)
{
	static uint8_t address[16];

	memset(address, 0, sizeof(address));
	if (inet_pton(AF_INET, text, address + 12) == 1)
		memset(address + 10, 0xff, 2);
	else
		cr_assert_eq(inet_pton(AF_INET6, text, address), 1, "%s", text);
	return address;
}

static bool may_connect(const struct policy *policy, const struct name_table *names, uint64_t now,
			enum net_scheme scheme, const char *address, uint16_t port)
{
	struct endpoint where = { .scheme = scheme, .port = port, .names = names, .now = now };

	memcpy(where.address, address_of(address), sizeof(where.address));
	return policy_decide_connect(policy, &where).allow;
}

Test(names, which_may_be_looked_up)
{
	static const struct {
		const char *name;
		bool allowed;
	} rows[] = {
		{ "api.example.com", true },	{ "example.com", false },
		{ "x.api.example.com", false }, { "api.example.com.evil.test", false },
		{ "xapi.example.com", false },	{ "a.example.org", true },
		{ "a.b.c.example.org", true },	{ "example.org", false },
		{ "aexample.org", false },	{ "b.closed.example.org", false },
		{ "closed.example.org", true }, { "part.example.org", true },
		{ "tcp.example.net", true },	{ "", false },
	};
	struct tree tree = tree_new();
	struct policy *policy =
		tree_policy(&tree, "network:\n"
				   "  allow: [\"API.Example.COM.:443\", \"*.example.org\", "
				   "\"tcp://tcp.example.net:80\"]\n"
				   "  deny: [\"*.closed.example.org\", \"part.example.org:80\"]\n");

	cr_expect(policy_has_names(policy));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_eq(policy_decide_name(policy, rows[i].name).allow, rows[i].allowed, "%s",
			     rows[i].name);
		cr_expect_eq(policy_name_opens(policy, rows[i].name), rows[i].allowed, "%s",
			     rows[i].name);
	}
	cr_expect(policy_name_is_listed(policy, "api.example.com"));
	cr_expect_not(policy_name_is_listed(policy, "a.example.org"));
	policy_free(policy);
	policy = tree_policy(&tree, "network: { allow: [\"*:443\", \"a.example:80\"] }");
	cr_expect(policy_decide_name(policy, "whatever.test").allow);
	cr_expect_not(policy_name_opens(policy, "whatever.test"));
	cr_expect(policy_name_opens(policy, "a.example"));
	policy_free(policy);
	policy = tree_policy(&tree, "network: { allow: [\"*\"] }");
	cr_expect_not(policy_has_names(policy));
	policy_free(policy);
	tree_free(&tree);
}

Test(names, what_an_answer_opens)
{
	struct tree tree = tree_new();
	struct policy *policy = tree_policy(
		&tree, "network:\n"
		       "  allow: [\"a.example:443\", \"tcp://b.example:80\", \"*.c.example\"]\n"
		       "  deny: [\"192.0.2.9\", \"no.c.example\", \"low.c.example:1-1023\"]\n");
	struct name_table *names;

	cr_assert_eq(name_table_new(&names), 0);
	cr_expect_not(may_connect(policy, names, 5, NET_TCP, "192.0.2.1", 443));
	name_table_add(names, "a.example", address_of("192.0.2.1"), 10);
	name_table_add(names, "b.example", address_of("2001:db8::1"), 10);
	name_table_add(names, "a.example", address_of("192.0.2.9"), 10);
	name_table_add(names, "no.c.example", address_of("192.0.2.3"), 10);
	name_table_add(names, "low.c.example", address_of("192.0.2.4"), 10);
	cr_expect(may_connect(policy, names, 5, NET_TCP, "192.0.2.1", 443));
	cr_expect(may_connect(policy, names, 5, NET_UDP, "192.0.2.1", 443));
	cr_expect_not(may_connect(policy, names, 5, NET_TCP, "192.0.2.1", 80));
	cr_expect_not(may_connect(policy, names, 5, NET_TCP, "192.0.2.2", 443));
	cr_expect_not(may_connect(policy, NULL, 5, NET_TCP, "192.0.2.1", 443));
	/* Not from its end on. */
	cr_expect(may_connect(policy, names, 9, NET_TCP, "192.0.2.1", 443));
	cr_expect_not(may_connect(policy, names, 10, NET_TCP, "192.0.2.1", 443));
	cr_expect(may_connect(policy, names, 5, NET_TCP, "2001:db8::1", 80));
	cr_expect_not(may_connect(policy, names, 5, NET_UDP, "2001:db8::1", 80));
	/* Deny: by address, by name, by a part of the ports. */
	cr_expect_not(may_connect(policy, names, 5, NET_TCP, "192.0.2.9", 443));
	cr_expect_not(may_connect(policy, names, 5, NET_TCP, "192.0.2.3", 443));
	cr_expect_not(may_connect(policy, names, 5, NET_TCP, "192.0.2.4", 443));
	cr_expect(may_connect(policy, names, 5, NET_TCP, "192.0.2.4", 8080));
	/* Two names of one address: each opens what its own rule says. */
	name_table_add(names, "b.example", address_of("192.0.2.1"), 10);
	cr_expect(may_connect(policy, names, 5, NET_TCP, "192.0.2.1", 80));
	name_table_free(names);
	policy_free(policy);
	tree_free(&tree);
}

Test(names, table_prolongs_and_stays_small)
{
	struct name_table *names;
	uint8_t address[16] = { 0 };
	char name[32];
	size_t at = 0;

	cr_assert_eq(name_table_new(&names), 0);
	name_table_add(names, "a.example", address_of("192.0.2.1"), 10);
	name_table_add(names, "a.example", address_of("192.0.2.1"), 5);
	cr_expect_str_eq(name_table_next(names, address_of("192.0.2.1"), 9, &at), "a.example");
	cr_expect_null(name_table_next(names, address_of("192.0.2.1"), 9, &at));
	name_table_add(names, "a.example", address_of("192.0.2.1"), 20);
	at = 0;
	cr_expect_not_null(name_table_next(names, address_of("192.0.2.1"), 19, &at));
	/* The one that ends first makes room. */
	for (unsigned i = 0; i < 2 * NAME_TABLE_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		memcpy(address, &i, sizeof(i));
		name_table_add(names, name, address, 100 + i);
	}
	at = 0;
	cr_expect_null(name_table_next(names, address_of("192.0.2.1"), 0, &at));
	at = 0;
	cr_expect_str_eq(name_table_next(names, address, 0, &at), name);
	name_table_free(names);
}

Test(names, inner_addresses)
{
	static const struct {
		const char *address;
		enum answer_use by_name, by_address;
	} rows[] = {
		{ "192.0.2.1", ANSWER_OPEN, ANSWER_OPEN },
		{ "2001:db8::1", ANSWER_OPEN, ANSWER_OPEN },
		{ "127.0.0.1", ANSWER_DROP, ANSWER_DROP },
		{ "0.0.0.0", ANSWER_DROP, ANSWER_DROP },
		{ "::", ANSWER_DROP, ANSWER_DROP },
		{ "::1", ANSWER_DROP, ANSWER_DROP },
		{ "10.9.9.9", ANSWER_DROP, ANSWER_SHOW },
		{ "192.168.1.1", ANSWER_DROP, ANSWER_DROP },
		{ "169.254.169.254", ANSWER_DROP, ANSWER_DROP },
		{ "fd00:ec2::254", ANSWER_DROP, ANSWER_DROP },
		{ "fe80::1", ANSWER_DROP, ANSWER_DROP },
		{ "224.0.0.1", ANSWER_DROP, ANSWER_DROP },
		{ "ff02::1", ANSWER_DROP, ANSWER_DROP },
		{ "64:ff9b::7f00:1", ANSWER_DROP, ANSWER_DROP },
		{ "2002:7f00:1::", ANSWER_DROP, ANSWER_DROP },
		{ "::10.0.0.1", ANSWER_DROP, ANSWER_DROP },
	};
	struct tree tree = tree_new();
	struct policy *names = tree_policy(&tree, "network: { allow: [\"a.example\"] }");
	struct policy *both =
		tree_policy(&tree, "network: { allow: [\"a.example\", \"10.0.0.0/8:5432\"] }");

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_eq(policy_answer_use(names, address_of(rows[i].address)), rows[i].by_name,
			     "%s", rows[i].address);
		cr_expect_eq(policy_answer_use(both, address_of(rows[i].address)),
			     rows[i].by_address, "%s with a rule", rows[i].address);
	}
	policy_free(names);
	policy_free(both);
	tree_free(&tree);
}

Test(names, reverse)
{
	static const struct {
		const char *name, *address;
	} rows[] = {
		{ "4.3.2.1.in-addr.arpa", "::ffff:1.2.3.4" },
		{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		  "2001:db8::1" },
		{ "256.3.2.1.in-addr.arpa", NULL },
		{ "3.2.1.in-addr.arpa", NULL },
		{ "4.3.2.1.in-addr.arpa.example", NULL },
		{ "1.0.ip6.arpa", NULL },
		{ "www.example.org", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t got[16], wanted[16];
		bool is = name_reverse_read(rows[i].name, got);

		cr_assert_eq(is, rows[i].address != NULL, "%s", rows[i].name);
		if (!is)
			continue;
		inet_pton(AF_INET6, rows[i].address, wanted);
		cr_expect_eq(memcmp(got, wanted, 16), 0, "%s", rows[i].name);
	}
}
