/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network rules by address, so that a long list of blocks costs no more than a short one.
 *
 * A rule's target is a few blocks of addresses. All blocks lie in one table, sorted by the length of
 * their prefix and then by address; a lookup makes one binary search for each length that occurs. What
 * is found is asked again with net_rule_covers(), so the table can overlook a rule but not invent one;
 * that it overlooks none is compared with asking each rule (tests/fuzz/fuzz_net_index.c).
 */
#ifndef CORDON_POLICY_NET_INDEX_H
#define CORDON_POLICY_NET_INDEX_H

#include "policy/decide.h"
#include "policy/model.h"

struct net_index;

/* Return: 0 or -ENOMEM. */
int net_index_new(const struct net_rule *rules, size_t count, struct net_index **ret);
void net_index_free(struct net_index *index);
/* The first of the rules, of `deny` or of `allow`, that covers the endpoint; NULL: none. */
const struct net_rule *net_index_find(const struct net_index *index, const struct net_rule *rules,
				      bool deny, const struct endpoint *endpoint);

#endif
