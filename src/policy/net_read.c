/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the text of one network entry, strictly: see net_rules.h. */
#include "policy/net_rules.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63
#define HOST_MAX  253
#define TEXT_MAX  512
#define IPV4_BITS 96

static int wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static bool strip(const char **text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(*text, prefix, length) != 0)
		return false;
	*text += length;
	return true;
}

static int read_port(const char *text, uint16_t least, uint16_t *ret, const char **ret_why)
{
	uint64_t port;

	if (str_to_u64(text, UINT16_MAX, &port) < 0)
		return wrong(ret_why, "a port is a number up to 65535 without leading zeros");
	if (port < least)
		return wrong(ret_why, "port 0 can only be listed in 'listen'");
	*ret = (uint16_t)port;
	return 0;
}

/* Reads `443` or `8000-8010`; changes text. */
static int read_range(char *text, uint16_t least, struct port_range *ret, const char **ret_why)
{
	char *dash = strchr(text, '-');
	int r;

	if (dash)
		*dash = '\0';
	r = read_port(text, least, &ret->low, ret_why);
	if (r < 0)
		return r;
	ret->high = ret->low;
	if (!dash)
		return 0;
	r = read_port(dash + 1, least, &ret->high, ret_why);
	if (r == 0 && ret->high < ret->low)
		return wrong(ret_why, "the range of ports is reversed");
	return r;
}

static int read_ports(char *text, struct net_rule *ret, const char **ret_why)
{
	char *rest = text, *one;

	if (ret->schemes == NET_ICMP)
		return wrong(ret_why, "icmp has no ports");
	if (strcmp(text, "*") == 0)
		return 0;
	while ((one = strsep(&rest, ","))) {
		struct port_range range;
		int r = read_range(one, 1, &range, ret_why);

		if (r < 0)
			return r;
		if (vec_grow(&ret->ports, ret->port_count) < 0)
			return -ENOMEM;
		ret->ports[ret->port_count++] = range;
	}
	return 0;
}

static bool is_zero_behind(const uint8_t *address, unsigned prefix)
{
	for (unsigned bit = prefix; bit < 128; bit++)
		if (address[bit / 8] & (0x80u >> (bit % 8)))
			return false;
	return true;
}

/* Reads an address with or without `/prefix`; changes text. Return: 1 if it is one, 0 if not. */
static int read_address(char *text, struct net_rule *ret, const char **ret_why)
{
	char *slash = strchr(text, '/');
	unsigned base = IPV4_BITS;
	uint64_t prefix = 0;

	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, ret->address + 12) == 1) {
		memset(ret->address, 0, 10);
		memset(ret->address + 10, 0xff, 2);
	} else if (inet_pton(AF_INET6, text, ret->address) == 1) {
		base = 0;
	} else {
		return slash ? wrong(ret_why, "not an address in front of the '/'") : 0;
	}
	if (slash && str_to_u64(slash + 1, 128 - base, &prefix) < 0)
		return wrong(ret_why, "the number behind the '/' is not a prefix length");
	ret->target = NET_CIDR;
	ret->prefix = slash ? base + (unsigned)prefix : 128;
	if (!is_zero_behind(ret->address, ret->prefix))
		return wrong(ret_why, "bits behind the prefix length are set");
	return 1;
}

static int check_label(const char *label, size_t length, const char **ret_why)
{
	if (length == 0)
		return wrong(ret_why, "a part of the host name is empty");
	if (length > LABEL_MAX)
		return wrong(ret_why, "a part of the host name is longer than 63");
	if (label[0] == '-' || label[length - 1] == '-')
		return wrong(ret_why, "a part of the host name begins or ends with '-'");
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)label[i];

		if (c >= 0x80)
			return wrong(ret_why, "write the host name in its xn-- form");
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return wrong(ret_why, "not a host name, address, CIDR or known word");
	}
	return 0;
}

/* Numbers where a name should be are other ways to write an IPv4 address; resolvers take them. */
static bool is_number(const char *label)
{
	if (label[0] == '0' && label[1] == 'x')
		return true;
	return label[strspn(label, "0123456789")] == '\0';
}

static int read_name(char *text, struct net_rule *ret, const char **ret_why)
{
	size_t length = strlen(text);
	const char *label = text;

	if (length > 0 && text[length - 1] == '.')
		text[--length] = '\0';
	if (length > HOST_MAX)
		return wrong(ret_why, "the host name is longer than 253");
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	for (;;) {
		size_t n = strcspn(label, ".");
		int r = check_label(label, n, ret_why);

		if (r < 0)
			return r;
		if (!label[n])
			break;
		label += n + 1;
	}
	if (is_number(label))
		return wrong(ret_why, "not an IPv4 address of four decimal numbers");
	ret->name = strdup(text);
	return ret->name ? 0 : -ENOMEM;
}

static int read_target(char *text, struct net_rule *ret, const char **ret_why)
{
	static const struct {
		const char *word;
		enum net_target target;
	} words[] = { { "*", NET_ANY },
		      { "loopback", NET_LOOPBACK },
		      { "private", NET_PRIVATE },
		      { "metadata", NET_METADATA } };
	int r;

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(text, words[i].word) != 0)
			continue;
		ret->target = words[i].target;
		return 0;
	}
	r = read_address(text, ret, ret_why);
	if (r != 0)
		return r < 0 ? r : 0;
	ret->target = strncmp(text, "*.", 2) == 0 ? NET_WILDCARD : NET_NAME;
	return read_name(text + (ret->target == NET_WILDCARD ? 2 : 0), ret, ret_why);
}

/*
 * Cuts text into target and ports. IPv6 needs brackets when ports follow. Return: 0 or -EINVAL;
 * *ret_ports is NULL where there are none.
 */
static int split(char *text, char **ret_target, char **ret_ports, const char **ret_why)
{
	char *colon = strchr(text, ':'), *close;

	*ret_target = text;
	*ret_ports = NULL;
	if (text[0] == '[') {
		close = strchr(text, ']');
		if (!close)
			return wrong(ret_why, "the '[' is not closed");
		if (close[1] != '\0' && close[1] != ':')
			return wrong(ret_why, "only a ':' with ports may follow the ']'");
		*ret_target = text + 1;
		*ret_ports = close[1] ? close + 2 : NULL;
		*close = '\0';
		if (!strchr(text + 1, ':'))
			return wrong(ret_why, "only an IPv6 address stands in brackets");
		return 0;
	}
	if (!colon || strchr(colon + 1, ':'))
		return 0;
	*colon = '\0';
	*ret_ports = colon + 1;
	return 0;
}

int net_rule_read(const char *text, bool deny, struct net_rule *ret, const char **ret_why)
{
	struct net_rule rule = { .deny = deny, .schemes = NET_TCP | NET_UDP };
	char copy[TEXT_MAX], *target, *ports;
	int r;

	if (strip(&text, "tcp://"))
		rule.schemes = NET_TCP;
	else if (strip(&text, "udp://"))
		rule.schemes = NET_UDP;
	else if (strip(&text, "icmp://"))
		rule.schemes = NET_ICMP;
	else if (strstr(text, "://"))
		return wrong(ret_why, "only tcp://, udp:// and icmp:// are known");
	else if (deny)
		rule.schemes |= NET_ICMP;
	if (strlen(text) >= sizeof(copy))
		return wrong(ret_why, "the entry is too long");
	strcpy(copy, text);
	r = split(copy, &target, &ports, ret_why);
	if (r == 0)
		r = read_target(target, &rule, ret_why);
	if (r == 0 && ports)
		r = read_ports(ports, &rule, ret_why);
	if (r < 0) {
		net_rule_done(&rule);
		return r;
	}
	*ret = rule;
	return 0;
}

void net_rule_done(struct net_rule *rule)
{
	free(rule->name);
	free(rule->ports);
}

int listen_rule_read(const char *text, struct listen_rule *ret, const char **ret_why)
{
	struct listen_rule rule = { .scheme = NET_TCP, .ports = { 0, UINT16_MAX } };
	char copy[TEXT_MAX];
	int r;

	if (strip(&text, "udp://"))
		rule.scheme = NET_UDP;
	else
		strip(&text, "tcp://");
	rule.loopback_only = strip(&text, "loopback:");
	if (strlen(text) >= sizeof(copy))
		return wrong(ret_why, "the entry is too long");
	strcpy(copy, text);
	if (strcmp(copy, "*") != 0) {
		r = read_range(copy, 0, &rule.ports, ret_why);
		if (r < 0)
			return r;
	}
	*ret = rule;
	return 0;
}
