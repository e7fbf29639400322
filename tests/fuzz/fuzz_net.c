/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a network entry: an error with a reason, or a rule whose fields are in range. */
#include "policy/net_rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(const struct net_rule *rule)
{
	struct endpoint where = { .scheme = NET_TCP, .port = 443 };

	if (rule->prefix > 128 || !rule->schemes)
		abort();
	if ((rule->target == NET_NAME || rule->target == NET_WILDCARD) !=
	    (rule->name && *rule->name))
		abort();
	for (size_t i = 0; i < rule->port_count; i++)
		if (rule->ports[i].low == 0 || rule->ports[i].high < rule->ports[i].low)
			abort();
	if (rule->target != NET_CIDR)
		return;
	/* The address of a block lies in it. */
	memcpy(where.address, rule->address, sizeof(where.address));
	if (rule->port_count == 0 && (rule->schemes & NET_TCP) && !net_rule_covers(rule, &where))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct listen_rule listen;
	struct net_rule rule;
	const char *why = NULL;
	int r;

	if (!text)
		return 0;
	r = net_rule_read(text, size % 2, &rule, &why);
	if (r == 0) {
		check_rule(&rule);
		net_rule_done(&rule);
	} else if (!why) {
		abort();
	}
	if (listen_rule_read(text, &listen, &why) == 0 && listen.ports.high < listen.ports.low)
		abort();
	free(text);
	return 0;
}
