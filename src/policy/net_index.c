/* SPDX-License-Identifier: Apache-2.0 */
/* Network rules by address: see net_index.h. */
#include "policy/net_index.h"

#include "base/cleanup.h"
#include "policy/net_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIXES 129

struct entry {
	struct net_block block; /* bits behind the prefix are zero */
	size_t rule;
};

struct net_index {
	size_t count;
	size_t begin[PREFIXES + 1]; /* of the entries with this length of the prefix */
	struct entry entries[];
};

/* Leaves the first bits of an address. */
static void mask(uint8_t *address, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;

	if (bits > 0) {
		address[bytes] &= (uint8_t)(0xff00u >> bits);
		bytes++;
	}
	memset(address + bytes, 0, 16 - bytes);
}

static int compare(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int r;

	if (one->block.prefix != other->block.prefix)
		return one->block.prefix < other->block.prefix ? -1 : 1;
	r = memcmp(one->block.address, other->block.address, 16);
	if (r != 0)
		return r;
	return one->rule < other->rule ? -1 : one->rule > other->rule;
}

int net_index_new(const struct net_rule *rules, size_t count, struct net_index **ret)
{
	struct net_index *index =
		calloc(1, sizeof(*index) + count * NET_BLOCKS_MAX * sizeof(index->entries[0]));
	struct net_block blocks[NET_BLOCKS_MAX];

	*ret = index;
	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t n = net_rule_blocks(&rules[i], blocks);

		for (size_t k = 0; k < n; k++) {
			mask(blocks[k].address, blocks[k].prefix);
			index->entries[index->count++] = (struct entry){ blocks[k], i };
		}
	}
	qsort(index->entries, index->count, sizeof(index->entries[0]), compare);
	for (size_t i = 0; i < index->count; i++)
		index->begin[index->entries[i].block.prefix + 1]++;
	for (unsigned prefix = 0; prefix < PREFIXES; prefix++)
		index->begin[prefix + 1] += index->begin[prefix];
	return 0;
}

void net_index_free(struct net_index *index)
{
	free(index);
}

/* The first entry of one length whose address is not below. */
static size_t lower_bound(const struct net_index *index, unsigned prefix, const uint8_t *address)
{
	size_t low = index->begin[prefix], high = index->begin[prefix + 1];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(index->entries[middle].block.address, address, 16) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The lowest number, below `first`, of a rule with a block around the address that covers the endpoint. */
static size_t find(const struct net_index *index, const struct net_rule *rules, bool deny,
		   const struct endpoint *endpoint, const uint8_t *address, size_t first)
{
	for (unsigned prefix = 0; prefix < PREFIXES; prefix++) {
		uint8_t key[16];

		if (index->begin[prefix] == index->begin[prefix + 1])
			continue;
		memcpy(key, address, sizeof(key));
		mask(key, prefix);
		for (size_t i = lower_bound(index, prefix, key);
		     i < index->begin[prefix + 1] &&
		     memcmp(index->entries[i].block.address, key, sizeof(key)) == 0;
		     i++) {
			size_t rule = index->entries[i].rule;

			if (rule < first && rules[rule].deny == deny &&
			    net_rule_covers(&rules[rule], endpoint))
				first = rule;
		}
	}
	return first;
}

const struct net_rule *net_index_find(const struct net_index *index, const struct net_rule *rules,
				      bool deny, const struct endpoint *endpoint)
{
	uint8_t inner[16];
	size_t first = find(index, rules, deny, endpoint, endpoint->address, SIZE_MAX);

	if (deny && net_embedded_ipv4(endpoint->address, inner))
		first = find(index, rules, deny, endpoint, inner, first);
	return first == SIZE_MAX ? NULL : &rules[first];
}
