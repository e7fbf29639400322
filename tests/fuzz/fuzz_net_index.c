/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and addresses out of any bytes: the index finds what asking each rule in turn finds. */
#include "policy/net_index.h"
#include "policy/net_rules.h"

#include <stdlib.h>
#include <string.h>

#define RULES_MAX 64
#define RULE_SIZE 19

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule with one range of ports, or any. */
static void make_rule(const uint8_t *bytes, struct port_range *ports, struct net_rule *ret)
{
	*ret = (struct net_rule){ .deny = bytes[0] & 1,
				  .schemes = 1 + (bytes[0] >> 1) % 7,
				  .target = (enum net_target)((bytes[0] >> 4) % (NET_METADATA + 1)),
				  .prefix = bytes[1] % 129,
				  .ports = ports,
				  .port_count = bytes[2] & 1 };
	*ports = (struct port_range){ bytes[2], (uint16_t)(bytes[2] + 64) };
	memcpy(ret->address, bytes + 3, sizeof(ret->address));
}

/* Near a rule's address, most of the time, and in the forms that carry an IPv4 address. */
static void make_endpoint(const uint8_t *bytes, const struct net_rule *near, struct endpoint *ret)
{
	static const uint8_t forms[][12] = {
		{ [10] = 0xff, 0xff }, { 0 }, { 0x00, 0x64, 0xff, 0x9b }, { 0x20, 0x02 }
	};
	const uint8_t *form = forms[bytes[0] & 3];

	*ret = (struct endpoint){ .scheme = (enum net_scheme)(1u << (bytes[1] % 3)),
				  .port = bytes[2] };
	memcpy(ret->address, bytes + 3, sizeof(ret->address));
	if (bytes[0] & 16)
		memcpy(ret->address, near->address, sizeof(ret->address));
	if (bytes[0] & 32)
		memcpy(ret->address, form, 12);
	if (bytes[0] & 64)
		ret->address[bytes[1] % 16] ^= (uint8_t)(1u << (bytes[2] % 8));
}

static const struct net_rule *ask_each(const struct net_rule *rules, size_t count, bool deny,
				       const struct endpoint *endpoint)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].deny == deny && net_rule_covers(&rules[i], endpoint))
			return &rules[i];
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct port_range ports[RULES_MAX];
	struct net_rule rules[RULES_MAX];
	struct net_index *index;
	size_t count = 0;

	for (size_t wanted = size > 0 ? data[0] % (RULES_MAX + 1) : 0;
	     count < wanted && (count + 1) * RULE_SIZE <= size; count++)
		make_rule(data + count * RULE_SIZE, &ports[count], &rules[count]);
	if (count == 0 || net_index_new(rules, count, &index) < 0)
		return 0;
	for (size_t at = 0; at + RULE_SIZE <= size; at++) {
		struct endpoint endpoint;

		make_endpoint(data + at, &rules[at % count], &endpoint);
		for (int deny = 0; deny < 2; deny++)
			if (net_index_find(index, rules, deny, &endpoint) !=
			    ask_each(rules, count, deny, &endpoint))
				abort();
	}
	net_index_free(index);
	return 0;
}
