/* SPDX-License-Identifier: Apache-2.0 */
/* Network rules: reading one entry, and matching addresses. */
#ifndef CORDON_POLICY_NET_RULES_H
#define CORDON_POLICY_NET_RULES_H

#include "policy/decide.h"
#include "policy/model.h"

/*
 * Reads `[tcp://|udp://|icmp://]target[:ports]`. Fills everything of *ret but its rule.
 * Without a scheme an allow means TCP and UDP, a deny means ICMP as well. Return: 0; -EINVAL with
 * *ret_why (a static text) telling what is wrong; -ENOMEM. On failure nothing has to be freed.
 */
int net_rule_read(const char *text, bool deny, struct net_rule *ret, const char **ret_why);
/* Reads `[udp://|tcp://|loopback:]port|low-high|*`. Return: as net_rule_read(). */
int listen_rule_read(const char *text, struct listen_rule *ret, const char **ret_why);
void net_rule_done(struct net_rule *rule);

/* The schemes (NET_TCP ...) of which some rule allows a destination or a port. */
unsigned policy_net_schemes(const struct policy *policy);

/* What a target consists of: addresses that agree in the first `prefix` bits. */
struct net_block {
	uint8_t address[16];
	unsigned prefix;
};
#define NET_BLOCKS_MAX 6
/*
 * Every block in which the rule's target has addresses; it may leave some of them out. Return: how many; a
 * name has none.
 */
size_t net_rule_blocks(const struct net_rule *rule, struct net_block ret[NET_BLOCKS_MAX]);
/* The IPv4 address, as 16 bytes, that another IPv6 form carries. Return: whether there is one. */
bool net_embedded_ipv4(const uint8_t *address, uint8_t *ret);

/* Whether the rule's target, scheme and ports cover the endpoint. */
bool net_rule_covers(const struct net_rule *rule, const struct endpoint *endpoint);
/* Each half of it: scheme and port; the target alone. A name covers no address by itself. */
bool net_rule_covers_port(const struct net_rule *rule, enum net_scheme scheme, uint16_t port);
bool net_rule_covers_address(const struct net_rule *rule, const uint8_t *address);
/* Loopback, private, metadata, multicast or broadcast, also where another form carries it. */
bool net_address_is_special(const uint8_t *address);

#endif
