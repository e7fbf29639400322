/* SPDX-License-Identifier: Apache-2.0 */
/* Network entries: the grammar, the words, addresses against a matcher that looks at each bit. */
#include "policy/net_rules.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* Reads `1.2.3.4` or an IPv6 address. */
static struct endpoint endpoint(enum net_scheme scheme, const char *address, uint16_t port)
{
	struct endpoint ret = { .scheme = scheme, .port = port };

	if (inet_pton(AF_INET, address, ret.address + 12) == 1)
		memset(ret.address + 10, 0xff, 2);
	else
		cr_assert_eq(inet_pton(AF_INET6, address, ret.address), 1, "%s", address);
	return ret;
}

static bool covers(const char *entry, bool deny, enum net_scheme scheme, const char *address,
		   uint16_t port)
{
	struct endpoint where = endpoint(scheme, address, port);
	struct net_rule rule;
	const char *why = "";
	bool ret;

	cr_assert_eq(net_rule_read(entry, deny, &rule, &why), 0, "%s: %s", entry, why);
	ret = net_rule_covers(&rule, &where);
	net_rule_done(&rule);
	return ret;
}

Test(net, covers)
{
	static const struct {
		const char *entry;
		bool deny;
		enum net_scheme scheme;
		const char *address;
		uint16_t port;
		bool covers;
	} rows[] = {
		{ "10.0.0.0/8:5432", false, NET_TCP, "10.255.0.1", 5432, true },
		{ "10.0.0.0/8:5432", false, NET_TCP, "10.255.0.1", 5433, false },
		{ "10.0.0.0/8:5432", false, NET_TCP, "11.0.0.1", 5432, false },
		{ "10.0.0.0/8", false, NET_UDP, "10.0.0.1", 1, true },
		{ "tcp://10.0.0.0/8", false, NET_UDP, "10.0.0.1", 1, false },
		{ "udp://1.1.1.1:53", false, NET_UDP, "1.1.1.1", 53, true },
		{ "icmp://1.1.1.1", false, NET_ICMP, "1.1.1.1", 0, true },
		{ "1.1.1.1", false, NET_ICMP, "1.1.1.1", 0, false },
		{ "1.1.1.1", true, NET_ICMP, "1.1.1.1", 0, true },
		{ "[::1]:80,443", false, NET_TCP, "::1", 443, true },
		{ "::1", false, NET_TCP, "::1", 9, true },
		{ "[fd00::/8]:8000-8010", false, NET_TCP, "fd12::1", 8010, true },
		{ "[fd00::/8]:8000-8010", false, NET_TCP, "fd12::1", 8011, false },
		{ "1.2.3.4:*", false, NET_TCP, "1.2.3.4", 65535, true },
		{ "0.0.0.0/0", false, NET_TCP, "224.0.0.1", 1, true },
		{ "0.0.0.0/0", false, NET_TCP, "2001:db8::1", 1, false },
		{ "::ffff:10.0.0.1", false, NET_TCP, "10.0.0.1", 1, true },
		{ "*", false, NET_TCP, "8.8.8.8", 1, true },
		{ "*", false, NET_TCP, "2001:db8::1", 1, true },
		{ "*", false, NET_UDP, "224.0.0.1", 1, false },
		{ "*", false, NET_UDP, "255.255.255.255", 1, false },
		{ "*", false, NET_UDP, "ff02::1", 1, false },
		{ "*", true, NET_UDP, "ff02::1", 1, true },
		/* Other forms that carry an IPv4 address count for deny only. */
		{ "10.0.0.0/8", true, NET_TCP, "64:ff9b::10.0.0.1", 1, true },
		{ "10.0.0.0/8", false, NET_TCP, "64:ff9b::10.0.0.1", 1, false },
		{ "10.0.0.0/8", true, NET_TCP, "::10.0.0.1", 1, true },
		{ "10.0.0.0/8", true, NET_TCP, "2002:a00:1::", 1, true },
		/* Boundaries of the words. */
		{ "loopback", false, NET_TCP, "126.255.255.255", 1, false },
		{ "loopback", false, NET_TCP, "127.0.0.0", 1, true },
		{ "loopback", false, NET_TCP, "127.255.255.255", 1, true },
		{ "loopback", false, NET_TCP, "128.0.0.0", 1, false },
		{ "loopback", false, NET_TCP, "::1", 1, true },
		{ "loopback", false, NET_TCP, "::2", 1, false },
		{ "loopback", false, NET_TCP, "0.0.0.0", 1, false },
		{ "loopback", true, NET_TCP, "::", 1, false },
		{ "loopback", false, NET_TCP, "0.0.0.1", 1, false },
		{ "private", false, NET_TCP, "9.255.255.255", 1, false },
		{ "private", false, NET_TCP, "10.0.0.0", 1, true },
		{ "private", false, NET_TCP, "10.255.255.255", 1, true },
		{ "private", false, NET_TCP, "11.0.0.0", 1, false },
		{ "private", false, NET_TCP, "172.15.255.255", 1, false },
		{ "private", false, NET_TCP, "172.16.0.0", 1, true },
		{ "private", false, NET_TCP, "172.31.255.255", 1, true },
		{ "private", false, NET_TCP, "172.32.0.0", 1, false },
		{ "private", false, NET_TCP, "192.167.255.255", 1, false },
		{ "private", false, NET_TCP, "192.168.0.0", 1, true },
		{ "private", false, NET_TCP, "192.169.0.0", 1, false },
		{ "private", false, NET_TCP, "169.253.255.255", 1, false },
		{ "private", false, NET_TCP, "169.254.0.0", 1, true },
		{ "private", false, NET_TCP, "169.255.0.0", 1, false },
		{ "private", false, NET_TCP, "fbff::1", 1, false },
		{ "private", false, NET_TCP, "fc00::", 1, true },
		{ "private", false, NET_TCP, "fdff::1", 1, true },
		{ "private", false, NET_TCP, "fe00::", 1, false },
		{ "private", false, NET_TCP, "fe7f::1", 1, false },
		{ "private", false, NET_TCP, "fe80::", 1, true },
		{ "private", false, NET_TCP, "febf::1", 1, true },
		{ "private", false, NET_TCP, "fec0::", 1, false },
		{ "metadata", false, NET_TCP, "169.254.169.253", 1, false },
		{ "metadata", false, NET_TCP, "169.254.169.254", 1, true },
		{ "metadata", false, NET_TCP, "169.254.169.255", 1, false },
		{ "metadata", false, NET_TCP, "fd00:ec2::253", 1, false },
		{ "metadata", false, NET_TCP, "fd00:ec2::254", 1, true },
		{ "metadata", false, NET_TCP, "fd00:ec2::255", 1, false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(covers(rows[i].entry, rows[i].deny, rows[i].scheme, rows[i].address,
				    rows[i].port),
			     rows[i].covers, "%s %s and %s:%d", rows[i].deny ? "deny" : "allow",
			     rows[i].entry, rows[i].address, rows[i].port);
}

Test(net, bad_entries)
{
	static const char *const rows[] = {
		"",
		":80",
		"10.0.0.1/8",
		"10.0.0.0/33",
		"10.0.0.0/08",
		"10.0.0.0/",
		"::1/129",
		"fd00::1/8",
		"1.2.3.4:0",
		"1.2.3.4:65536",
		"1.2.3.4:080",
		"1.2.3.4:",
		"1.2.3.4:5-4",
		"1.2.3.4:1,",
		"1.2.3.4:1,,2",
		"1.2.3",
		"0x7f000001",
		"2130706433",
		"0177.0.0.1",
		"1.2.3.4.5",
		"01.2.3.4",
		"a..b",
		".a",
		"a.",
		"-a.b",
		"a-.b",
		"a b",
		"a\tb",
		"http://a",
		"tcp://",
		"icmp://1.1.1.1:1",
		"[::1",
		"[::1]x",
		"[1.2.3.4]:80",
		"[::1]:0",
		"fe80::1%eth0",
		"*.",
		"*.*.a",
		"a*b",
		"b\xc3\xbc.de",
		"**",
		"a/b",
		"loopback:x",
		"1.2.3.4:80 ",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct net_rule rule = { 0 };
		const char *why = NULL;
		int r = net_rule_read(rows[i], false, &rule, &why);

		/* One dot at the end is the root and ignored. */
		if (strcmp(rows[i], "a.") == 0) {
			cr_expect_eq(r, 0);
			cr_expect_str_eq(rule.name, "a");
			net_rule_done(&rule);
			continue;
		}
		cr_expect_eq(r, -EINVAL, "'%s' is taken", rows[i]);
		cr_expect(why && *why, "'%s' has no reason", rows[i]);
	}
}

Test(net, names)
{
	struct net_rule rule;
	const char *why;
	char label[65] = "";

	cr_assert_eq(net_rule_read("API.Example.ORG.:443", false, &rule, &why), 0);
	cr_expect_eq(rule.target, NET_NAME);
	cr_expect_str_eq(rule.name, "api.example.org");
	cr_expect_eq(rule.port_count, 1);
	net_rule_done(&rule);
	cr_assert_eq(net_rule_read("*.xn--bcher-kva.example", false, &rule, &why), 0);
	cr_expect_eq(rule.target, NET_WILDCARD);
	cr_expect_str_eq(rule.name, "xn--bcher-kva.example");
	net_rule_done(&rule);
	memset(label, 'a', 63);
	cr_expect_eq(net_rule_read(label, false, &rule, &why), 0);
	net_rule_done(&rule);
	label[63] = 'a';
	cr_expect_eq(net_rule_read(label, false, &rule, &why), -EINVAL);
}

static bool slow_in_block(const uint8_t *address, const uint8_t *block, unsigned prefix)
{
	for (unsigned bit = 0; bit < prefix; bit++)
		if (((address[bit / 8] ^ block[bit / 8]) >> (7 - bit % 8)) & 1)
			return false;
	return true;
}

Test(net, cidr_against_the_slow_matcher)
{
	unsigned state = 99;

	for (int i = 0; i < 20000; i++) {
		struct net_rule rule = { .schemes = NET_TCP, .target = NET_CIDR };
		struct endpoint where = { .scheme = NET_TCP };

		for (size_t k = 0; k < 16; k++) {
			state = state * 1664525u + 1013904223u;
			rule.address[k] = (uint8_t)(state >> 24);
			/* Mostly equal, so that the last bits of the prefix matter. */
			where.address[k] = rule.address[k] ^ (uint8_t)((state >> 9 & 15) == 0);
		}
		rule.prefix = state % 129;
		cr_assert_eq(net_rule_covers(&rule, &where),
			     slow_in_block(where.address, rule.address, rule.prefix), "/%u",
			     rule.prefix);
	}
}

Test(net, listen_entries)
{
	static const struct {
		const char *entry;
		int result;
		unsigned scheme;
		uint16_t low, high;
		bool loopback;
	} rows[] = {
		{ "8080", 0, NET_TCP, 8080, 8080, false },
		{ "9000-9010", 0, NET_TCP, 9000, 9010, false },
		{ "*", 0, NET_TCP, 0, 65535, false },
		{ "0", 0, NET_TCP, 0, 0, false },
		{ "udp://53", 0, NET_UDP, 53, 53, false },
		{ "loopback:80", 0, NET_TCP, 80, 80, true },
		{ "loopback:*", 0, NET_TCP, 0, 65535, true },
		{ "65536", -EINVAL, 0, 0, 0, false },
		{ "9-8", -EINVAL, 0, 0, 0, false },
		{ "", -EINVAL, 0, 0, 0, false },
		{ "80,81", -EINVAL, 0, 0, 0, false },
		{ "icmp://1", -EINVAL, 0, 0, 0, false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct listen_rule rule = { 0 };
		const char *why;

		cr_expect_eq(listen_rule_read(rows[i].entry, &rule, &why), rows[i].result, "%s",
			     rows[i].entry);
		cr_expect_eq(rule.scheme, rows[i].scheme, "%s", rows[i].entry);
		cr_expect_eq(rule.ports.low, rows[i].low, "%s", rows[i].entry);
		cr_expect_eq(rule.ports.high, rows[i].high, "%s", rows[i].entry);
		cr_expect_eq(rule.loopback_only, rows[i].loopback, "%s", rows[i].entry);
	}
}
