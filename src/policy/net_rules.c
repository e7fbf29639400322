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
#include "policy/name_rules.h"
#include "policy/net_index.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#define IPV4_BITS 96

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

#define V4(a, b, c, d, bits)                                                                       \
	{                                                                                          \
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, IPV4_BITS + (bits)       \
	}

static const struct net_block loopback[] = { V4(127, 0, 0, 0, 8), { { [15] = 1 }, 128 } };
static const struct net_block private[] = { V4(10, 0, 0, 0, 8),	    V4(172, 16, 0, 0, 12),
					    V4(192, 168, 0, 0, 16), V4(169, 254, 0, 0, 16),
					    { { 0xfc }, 7 },	    { { 0xfe, 0x80 }, 10 } };
static const struct net_block metadata[] = {
	V4(169, 254, 169, 254, 32), { { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128 }
};
/* What `*` leaves out: only a CIDR names multicast and broadcast. */
static const struct net_block not_unicast[] = { V4(224, 0, 0, 0, 4),
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

static bool in_blocks(const uint8_t *address, const struct net_block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (in_block(address, blocks[i].address, blocks[i].prefix))
			return true;
	return false;
}

size_t net_rule_blocks(const struct net_rule *rule, struct net_block ret[NET_BLOCKS_MAX])
{
	static const struct {
		const struct net_block *blocks;
		size_t count;
	} words[] = {
		[NET_LOOPBACK] = { loopback, COUNT_OF(loopback) },
		[NET_PRIVATE] = { private, COUNT_OF(private) },
		[NET_METADATA] = { metadata, COUNT_OF(metadata) },
	};

	static_assert(COUNT_OF(private) <= NET_BLOCKS_MAX, "room for every word");
	if (rule->target == NET_ANY || rule->target == NET_CIDR) {
		ret[0] = (struct net_block){ .prefix = 0 };
		if (rule->target == NET_CIDR) {
			memcpy(ret[0].address, rule->address, sizeof(ret[0].address));
			ret[0].prefix = rule->prefix;
		}
		return 1;
	}
	if (rule->target >= COUNT_OF(words) || !words[rule->target].blocks)
		return 0;
	memcpy(ret, words[rule->target].blocks, words[rule->target].count * sizeof(*ret));
	return words[rule->target].count;
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
bool net_embedded_ipv4(const uint8_t *address, uint8_t *ret)
{
	static const struct {
		struct net_block block;
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

bool net_rule_covers_port(const struct net_rule *rule, enum net_scheme scheme, uint16_t port)
{
	if (!(rule->schemes & (unsigned)scheme))
		return false;
	for (size_t i = 0; i < rule->port_count; i++)
		if (port >= rule->ports[i].low && port <= rule->ports[i].high)
			return true;
	return rule->port_count == 0;
}

bool net_rule_covers_address(const struct net_rule *rule, const uint8_t *address)
{
	uint8_t inner[16];

	if (target_covers(rule, address))
		return true;
	return rule->deny && net_embedded_ipv4(address, inner) && target_covers(rule, inner);
}

bool net_rule_covers(const struct net_rule *rule, const struct endpoint *endpoint)
{
	return net_rule_covers_port(rule, endpoint->scheme, endpoint->port) &&
	       net_rule_covers_address(rule, endpoint->address);
}

/* The own host again, see policy_decide_connect(). */
static const struct net_block unspecified[] = { V4(0, 0, 0, 0, 32), { { 0 }, 128 } };

static bool is_special(const uint8_t *address)
{
	return in_blocks(address, unspecified, COUNT_OF(unspecified)) ||
	       in_blocks(address, loopback, COUNT_OF(loopback)) ||
	       in_blocks(address, private, COUNT_OF(private)) ||
	       in_blocks(address, metadata, COUNT_OF(metadata)) ||
	       in_blocks(address, not_unicast, COUNT_OF(not_unicast));
}

bool net_address_is_special(const uint8_t *address)
{
	uint8_t inner[16];

	return is_special(address) || (net_embedded_ipv4(address, inner) && is_special(inner));
}

unsigned policy_net_schemes(const struct policy *policy)
{
	unsigned schemes = 0;

	for (size_t i = 0; i < policy->net_count; i++)
		schemes |= policy->net[i].deny ? 0 : policy->net[i].schemes;
	for (size_t i = 0; i < policy->listen_count; i++)
		schemes |= policy->listen[i].scheme;
	/* Names are looked up by UDP. */
	return policy_has_names(policy) ? schemes | NET_UDP : schemes;
}

static struct decision decide(const struct policy *policy, const struct endpoint *endpoint)
{
	const struct net_rule *rule;

	if (!policy->net_index)
		return (struct decision){ .error = EACCES };
	rule = net_index_find(policy->net_index, policy->net, true, endpoint);
	if (rule)
		return (struct decision){ .error = EACCES, .rule = &rule->rule };
	rule = net_index_find(policy->net_index, policy->net, false, endpoint);
	if (!rule)
		return name_rules_decide(policy, endpoint);
	return (struct decision){ .allow = true, .rule = &rule->rule };
}

/*
 * SECURITY: the unspecified address leads to the own host, so it is judged as that. Where `::` goes
 * depends on what the socket is bound to, so both loopbacks must be allowed.
 */
struct decision policy_decide_connect(const struct policy *policy, const struct endpoint *endpoint)
{
	static const uint8_t any_v4[16] = { [10] = 0xff, 0xff }, any_v6[16] = { 0 };
	bool v6 = memcmp(endpoint->address, any_v6, sizeof(any_v6)) == 0;
	struct endpoint own = *endpoint;
	struct decision decision;

	if (!v6 && memcmp(endpoint->address, any_v4, sizeof(any_v4)) != 0)
		return decide(policy, endpoint);
	memcpy(own.address, (const uint8_t[16]){ [10] = 0xff, 0xff, 127, 0, 0, 1 }, 16);
	decision = decide(policy, &own);
	if (!decision.allow || !v6)
		return decision;
	memcpy(own.address, (const uint8_t[16]){ [15] = 1 }, 16);
	return decide(policy, &own);
}

static bool is_loopback(const uint8_t *address)
{
	return in_blocks(address, loopback, COUNT_OF(loopback));
}

/*
 * A port of the kernel's choice: what sends UDP needs one for the answers. The number of a ping
 * socket is no port, and nobody can connect to it.
 */
static bool is_return_address(const struct policy *policy, const struct endpoint *endpoint)
{
	if (endpoint->scheme == NET_TCP || endpoint->port != 0)
		return false;
	if (endpoint->scheme == NET_UDP && policy_has_names(policy))
		return true;
	for (size_t i = 0; i < policy->net_count; i++)
		if (!policy->net[i].deny && (policy->net[i].schemes & (unsigned)endpoint->scheme))
			return true;
	return false;
}

struct decision policy_decide_listen(const struct policy *policy, const struct endpoint *endpoint)
{
	struct decision refusal = { .error = EACCES };

	if (is_return_address(policy, endpoint))
		return (struct decision){ .allow = true };
	for (size_t i = 0; i < policy->listen_count; i++) {
		const struct listen_rule *rule = &policy->listen[i];

		if (rule->scheme != (unsigned)endpoint->scheme ||
		    endpoint->port < rule->ports.low || endpoint->port > rule->ports.high)
			continue;
		if (!rule->loopback_only || is_loopback(endpoint->address))
			return (struct decision){ .allow = true, .rule = &rule->rule };
		/* The port is right: the rule says what is wrong with the address. */
		refusal.rule = &rule->rule;
	}
	return refusal;
}
