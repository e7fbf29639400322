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

/* Whether the rule's target, scheme and ports cover the endpoint. */
bool net_rule_covers(const struct net_rule *rule, const struct endpoint *endpoint);

#endif
