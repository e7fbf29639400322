/* SPDX-License-Identifier: Apache-2.0 */
/* The host's name servers, and whether a namespace can be made: see name_service.h. */
#include "supervisor/name_service.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "supervisor/doorman.h"
#include "supervisor/resolv_conf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define DNS_PORT	53
#define TIMEOUT_DEFAULT 5
#define TIMEOUT_MOST	30
#define ATTEMPTS_MOST	5
#define BLANKS		" \t"

static void add_server(const char *text, struct name_service *ret)
{
	struct name_server *server = &ret->servers[ret->server_count];
	union {
		struct sockaddr_storage any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { 0 };
	char copy[INET6_ADDRSTRLEN + IF_NAMESIZE], *scope;

	if (ret->server_count == NAME_SERVERS_MAX || strlen(text) >= sizeof(copy))
		return;
	strcpy(copy, text);
	scope = strchr(copy, '%');
	if (scope)
		*scope++ = '\0';
	if (inet_pton(AF_INET, copy, &address.v4.sin_addr) == 1) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(DNS_PORT);
		server->length = sizeof(address.v4);
	} else if (inet_pton(AF_INET6, copy, &address.v6.sin6_addr) == 1) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(DNS_PORT);
		address.v6.sin6_scope_id = scope ? if_nametoindex(scope) : 0;
		server->length = sizeof(address.v6);
	} else {
		return;
	}
	server->address = address.any;
	ret->server_count++;
}

static void set_option(const char *text, struct name_service *ret)
{
	uint64_t value;

	if (strncmp(text, "timeout:", 8) == 0 && str_to_u64(text + 8, TIMEOUT_MOST, &value) == 0 &&
	    value > 0)
		ret->timeout_ms = (unsigned)value * 1000;
	else if (strncmp(text, "attempts:", 9) == 0 &&
		 str_to_u64(text + 9, ATTEMPTS_MOST, &value) == 0 && value > 0)
		ret->attempts = (unsigned)value;
}

static void parse_line(char *line, struct name_service *ret)
{
	char *save, *key = strtok_r(line, BLANKS, &save), *word;
	bool options = key && strcmp(key, "options") == 0;

	if (!key || (!options && strcmp(key, "nameserver") != 0))
		return;
	while ((word = strtok_r(NULL, BLANKS, &save))) {
		if (options) {
			set_option(word, ret);
		} else {
			add_server(word, ret);
			return;
		}
	}
}

void name_service_parse(const char *text, struct name_service *ret)
{
	cleanup_free char *copy = strdup(text);
	char *rest = copy, *line;

	ret->server_count = 0;
	ret->timeout_ms = TIMEOUT_DEFAULT * 1000;
	ret->attempts = 2;
	while ((line = strsep(&rest, "\n")))
		parse_line(line, ret);
	if (ret->server_count == 0)
		add_server("127.0.0.1", ret);
}

/* Beyond the first one, the program must have a resolv.conf that another can stand for. */
static void choose_means(bool has_file, struct name_service *ret)
{
	static const struct {
		enum name_means means;
		uint16_t port;
	} ways[] = { { NAMES_NAMESPACE, DNS_PORT },
		     { NAMES_LOOPBACK, DNS_PORT },
		     { NAMES_STREAM, 1053 },
		     { NAMES_STREAM, 10053 } };
	struct doorman doorman;

	ret->means = NAMES_NONE;
	for (size_t i = 0; i < (has_file ? COUNT_OF(ways) : 1); i++) {
		int r = doorman_start(NULL, ways[i].means, ways[i].port, &doorman);

		if (r < 0 && i == 0)
			ret->error = -r;
		if (r < 0)
			continue;
		doorman_end(&doorman);
		ret->means = ways[i].means;
		ret->port = ways[i].port;
		return;
	}
}

void name_service_probe(struct name_service *ret)
{
	char text[RESOLV_CONF_MAX];
	bool has_file = resolv_conf_read(text) == 0;

	name_service_parse(text, ret);
	choose_means(has_file, ret);
}

int name_service_program(char *ret, size_t size)
{
	static const char *const places[] = { "/../resolver/cordon-resolver",
					      "/../libexec/cordon/cordon-resolver" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < COUNT_OF(places); i++) {
		int length = snprintf(ret, size, "%.*s%s", (int)(slash - self), self, places[i]);

		if (length > 0 && (size_t)length < size && access(ret, X_OK) == 0)
			return 0;
	}
	snprintf(ret, size, "%s", RESOLVER_PATH);
	return access(ret, X_OK) == 0 ? 0 : -errno;
}

const char *name_service_text(const struct name_service *service, char *buffer, size_t size)
{
	size_t at = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < service->server_count && at < size; i++) {
		const struct name_server *server = &service->servers[i];
		char address[INET6_ADDRSTRLEN + IF_NAMESIZE] = "?";

		inet_ntop(
			server->address.ss_family,
			server->address.ss_family == AF_INET
				? (const void *)&((const struct sockaddr_in *)(const void *)&server
							  ->address)
					  ->sin_addr
				: (const void *)&((const struct sockaddr_in6 *)(const void *)&server
							  ->address)
					  ->sin6_addr,
			address, sizeof(address));
		at += (size_t)snprintf(buffer + at, size - at, "%s%s", i ? ", " : "", address);
	}
	return buffer;
}
