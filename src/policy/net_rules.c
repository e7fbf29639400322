/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network rules: see net_rules.h.
 *
 * All addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, and a prefix counts from the first of the
 * 128 bits. So one comparison serves both families.
 */
#include "policy/net_rules.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define IPV4_BITS 96

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct block {
	uint8_t address[16];
	unsigned prefix;
};

#define V4(a, b, c, d, bits)                                                                       \
	{                                                                                          \
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, IPV4_BITS + (bits)       \
	}

/* The unspecified address reaches the own host, so it is judged as loopback. */
static const struct block loopback[] = {
	V4(127, 0, 0, 0, 8), V4(0, 0, 0, 0, 32), { { [15] = 1 }, 128 }, { { 0 }, 128 }
};
static const struct block private[] = { V4(10, 0, 0, 0, 8),	V4(172, 16, 0, 0, 12),
					V4(192, 168, 0, 0, 16), V4(169, 254, 0, 0, 16),
					{ { 0xfc }, 7 },	{ { 0xfe, 0x80 }, 10 } };
static const struct block metadata[] = {
	V4(169, 254, 169, 254, 32), { { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128 }
};
/* What `*` leaves out: only a CIDR names multicast and broadcast. */
static const struct block not_unicast[] = { V4(224, 0, 0, 0, 4),
					    V4(255, 255, 255, 255, 32),
					    { { 0xff }, 8 } };

static bool in_block(const uint8_t *address, const uint8_t *block, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits);

	if (memcmp(address, block, bytes) != 0)
		return false;
	return bits == 0 || ((address[bytes] ^ block[bytes]) & mask) == 0;
}

static bool in_blocks(const uint8_t *address, const struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (in_block(address, blocks[i].address, blocks[i].prefix))
			return true;
	return false;
}

static bool target_covers(const struct net_rule *rule, const uint8_t *address)
{
	switch (rule->target) {
	case NET_ANY:
		return rule->deny || !in_blocks(address, not_unicast, COUNT_OF(not_unicast));
	case NET_CIDR:
		return in_block(address, rule->address, rule->prefix);
	case NET_LOOPBACK:
		return in_blocks(address, loopback, COUNT_OF(loopback));
	case NET_PRIVATE:
		return in_blocks(address, private, COUNT_OF(private));
	case NET_METADATA:
		return in_blocks(address, metadata, COUNT_OF(metadata));
	case NET_NAME:
	case NET_WILDCARD:
		break;
	}
	return false;
}

/* The IPv4 address that other IPv6 forms carry: compatible, NAT64, 6to4. */
static bool embedded_ipv4(const uint8_t *address, uint8_t *ret)
{
	static const struct {
		struct block block;
		unsigned offset;
	} forms[] = { { { { 0 }, 96 }, 12 },
		      { { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12 },
		      { { { 0x20, 0x02 }, 16 }, 2 } };

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (!in_block(address, forms[i].block.address, forms[i].block.prefix))
			continue;
		memcpy(ret, mapped_prefix, sizeof(mapped_prefix));
		memcpy(ret + sizeof(mapped_prefix), address + forms[i].offset, 4);
		return true;
	}
	return false;
}

bool net_rule_covers(const struct net_rule *rule, const struct endpoint *endpoint)
{
	uint8_t inner[16];
	bool port = rule->port_count == 0;

	if (!(rule->schemes & (unsigned)endpoint->scheme))
		return false;
	for (size_t i = 0; i < rule->port_count && !port; i++)
		port = endpoint->port >= rule->ports[i].low &&
		       endpoint->port <= rule->ports[i].high;
	if (!port)
		return false;
	if (target_covers(rule, endpoint->address))
		return true;
	return rule->deny && embedded_ipv4(endpoint->address, inner) && target_covers(rule, inner);
}

static const struct rule *find(const struct policy *policy, bool deny,
			       const struct endpoint *endpoint)
{
	for (size_t i = 0; i < policy->net_count; i++)
		if (policy->net[i].deny == deny && net_rule_covers(&policy->net[i], endpoint))
			return &policy->net[i].rule;
	return NULL;
}

struct decision policy_decide_connect(const struct policy *policy, const struct endpoint *endpoint)
{
	const struct rule *rule = find(policy, true, endpoint);

	if (rule)
		return (struct decision){ .error = EACCES, .rule = rule };
	rule = find(policy, false, endpoint);
	if (rule)
		return (struct decision){ .allow = true, .rule = rule };
	return (struct decision){ .error = EACCES };
}

static bool is_loopback(const uint8_t *address)
{
	static const struct block bindable[] = { V4(127, 0, 0, 0, 8), { { [15] = 1 }, 128 } };

	return in_blocks(address, bindable, COUNT_OF(bindable));
}

struct decision policy_decide_listen(const struct policy *policy, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < policy->listen_count; i++) {
		const struct listen_rule *rule = &policy->listen[i];

		if (rule->scheme == (unsigned)endpoint->scheme &&
		    endpoint->port >= rule->ports.low && endpoint->port <= rule->ports.high &&
		    (!rule->loopback_only || is_loopback(endpoint->address)))
			return (struct decision){ .allow = true, .rule = &rule->rule };
	}
	return (struct decision){ .error = EACCES };
}
