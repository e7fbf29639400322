/* SPDX-License-Identifier: Apache-2.0 */
/* Network rules with a host name: see name_rules.h. */
#include "policy/name_rules.h"

#include "policy/net_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool has_name(const struct net_rule *rule)
{
	return rule->target == NET_NAME || rule->target == NET_WILDCARD;
}

/* `*.example.org` covers one or more labels in front, not the domain itself. */
static bool covers_name(const struct net_rule *rule, const char *name)
{
	size_t length, suffix;

	if (rule->target == NET_NAME)
		return strcmp(rule->name, name) == 0;
	if (rule->target != NET_WILDCARD)
		return false;
	length = strlen(name);
	suffix = strlen(rule->name);
	return length > suffix + 1 && name[length - suffix - 1] == '.' &&
	       strcmp(name + length - suffix, rule->name) == 0;
}

bool policy_has_names(const struct policy *policy)
{
	for (size_t i = 0; i < policy->net_count; i++)
		if (!policy->net[i].deny && has_name(&policy->net[i]))
			return true;
	return false;
}

bool policy_name_is_listed(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->net_count; i++) {
		const struct net_rule *rule = &policy->net[i];

		if (!rule->deny && (rule->target == NET_ANY ||
				    (rule->target == NET_NAME && covers_name(rule, name))))
			return true;
	}
	return false;
}

/* Whether the rule takes away everything that a name could be used for. */
static bool denies_all(const struct net_rule *rule)
{
	return rule->deny && rule->port_count == 0 &&
	       (rule->schemes & (NET_TCP | NET_UDP)) == (NET_TCP | NET_UDP);
}

const struct rule *policy_name_denied(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->net_count; i++)
		if (denies_all(&policy->net[i]) && covers_name(&policy->net[i], name))
			return &policy->net[i].rule;
	return NULL;
}

/*
 * A name may also be looked up where `allow` has `*`: its addresses are open whatever they are, and
 * all lookups come here once there is a rule with a name.
 */
struct decision policy_decide_name(const struct policy *policy, const char *name)
{
	const struct rule *denied = policy_name_denied(policy, name);

	for (size_t i = 0; !denied && i < policy->net_count; i++) {
		const struct net_rule *rule = &policy->net[i];

		if (!rule->deny && (rule->target == NET_ANY || covers_name(rule, name)))
			return (struct decision){ .allow = true, .rule = &rule->rule };
	}
	return (struct decision){ .error = ENOENT, .rule = denied };
}

bool policy_name_opens(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->net_count; i++)
		if (!policy->net[i].deny && covers_name(&policy->net[i], name))
			return !policy_name_denied(policy, name);
	return false;
}

static const struct rule *find(const struct policy *policy, bool deny, const char *name,
			       const struct endpoint *endpoint)
{
	for (size_t i = 0; i < policy->net_count; i++) {
		const struct net_rule *rule = &policy->net[i];

		if (rule->deny == deny && covers_name(rule, name) &&
		    net_rule_covers_port(rule, endpoint->scheme, endpoint->port))
			return &rule->rule;
	}
	return NULL;
}

struct decision name_rules_decide(const struct policy *policy, const struct endpoint *endpoint)
{
	struct decision ret = { .error = EACCES };
	const char *name;
	size_t at = 0;

	while (endpoint->names &&
	       (name = name_table_next(endpoint->names, endpoint->address, endpoint->now, &at))) {
		const struct rule *denied = find(policy, true, name, endpoint);
		const struct rule *allowed = find(policy, false, name, endpoint);

		if (allowed && !denied)
			return (struct decision){ .allow = true, .rule = allowed };
		if (denied)
			ret.rule = denied;
	}
	return ret;
}

enum answer_use policy_answer_use(const struct policy *policy, const uint8_t *address)
{
	if (!net_address_is_special(address))
		return ANSWER_OPEN;
	for (size_t i = 0; i < policy->net_count; i++) {
		const struct net_rule *rule = &policy->net[i];

		if (!rule->deny && net_rule_covers_address(rule, address))
			return ANSWER_SHOW;
	}
	return ANSWER_DROP;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 digits, the last first. */
static bool read_reverse_v6(const char *name, uint8_t *ret)
{
	for (int i = 15; i >= 0; i--) {
		int low = hex_digit(name[0]),
		    high = low < 0 || name[1] != '.' ? -1 : hex_digit(name[2]);

		if (high < 0 || name[3] != '.')
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
		name += 4;
	}
	return strcmp(name, "ip6.arpa") == 0;
}

bool name_reverse_read(const char *name, uint8_t *ret)
{
	unsigned a, b, c, d;
	int end = 0;

	if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &a, &b, &c, &d, &end) != 4 || end == 0 ||
	    name[end])
		return read_reverse_v6(name, ret);
	if (a > 255 || b > 255 || c > 255 || d > 255)
		return false;
	memcpy(ret, mapped_prefix, sizeof(mapped_prefix));
	ret[12] = (uint8_t)d;
	ret[13] = (uint8_t)c;
	ret[14] = (uint8_t)b;
	ret[15] = (uint8_t)a;
	return true;
}
