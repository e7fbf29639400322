/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the program: see dns.h. */
#include "supervisor/dns.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/name_rules.h"
#include "resolver/message.h"
#include "supervisor/audit.h"
#include "supervisor/doorman.h"
#include "supervisor/hosts.h"
#include "supervisor/name_meter.h"
#include "supervisor/resolv_conf.h"
#include "sys/helper.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DNS_PORT 53
/* An answer counts for max(its TTL, TTL_LEAST) and KEEP more: connections outlive lookups. */
#define TTL_LEAST 60u
#define KEEP	  600u
/* Records taken in one turn of the loop, so that a flood of them does not starve it. */
#define RECORDS_A_TURN 16
/* What stands in /etc/hosts never ends, so it may not take the room of answers. */
#define HOSTS_NAMES_MAX (NAME_TABLE_MAX / 2)

static_assert(DNS_NAME_SIZE == NAME_SIZE, "one size of names");

struct dns {
	struct supervisor *sv;
	const struct name_service *service;
	struct doorman doorman; /* its `control` leads to the resolver */
	int source;
	struct resolv_conf *conf; /* the program's; NULL: it reads the host's */
	struct name_table *table;
	struct name_meter meter;
	size_t hosts_count;	/* names of /etc/hosts that count */
	char denied[NAME_SIZE]; /* told last: a lookup is two questions */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void denied(const struct dns *dns, const char *target, const struct rule *rule)
{
	audit_add(dns->sv->audit, &(struct audit_facts){ .kind = CORDON_EVENT_DENIED,
							 .proc_fd = -1,
							 .operation = op_info[OP_DNS].name,
							 .target = target,
							 .error = ENOENT,
							 .rule = rule });
}

static void failed(const struct dns *dns, const char *target, const char *reason)
{
	audit_add(dns->sv->audit, &(struct audit_facts){ .kind = CORDON_EVENT_FAILED,
							 .proc_fd = -1,
							 .operation = op_info[OP_DNS].name,
							 .target = target,
							 .reason = reason });
}

/* An answer that does not fit into the resolver's queue is lost; its query ends by its deadline. */
static void answer(const struct dns *dns, struct resolver_record *record, enum resolver_kind kind,
		   int fd)
{
	struct iovec part = { record, sizeof(*record) };

	record->kind = kind;
	helper_send(dns->doorman.control, &part, 1, &fd, fd >= 0);
}

static void answer_code(const struct dns *dns, struct resolver_record *record, enum dns_code code)
{
	record->number = code;
	answer(dns, record, RESOLVER_CODE, -1);
}

/* From which name an address came, for those that were answered; others are nobody's business. */
static void answer_reverse(const struct dns *dns, struct resolver_record *record,
			   const uint8_t *address)
{
	size_t at = 0;
	const char *name = name_table_next(dns->table, address, now_ms(), &at);

	if (!name || record->type != DNS_PTR) {
		answer_code(dns, record, name ? DNS_OK : DNS_UNKNOWN);
		return;
	}
	strcpy(record->name, name);
	answer(dns, record, RESOLVER_POINTER, -1);
}

/* Connects a fresh socket to one of the host's servers, which take turns. */
static void answer_socket(const struct dns *dns, struct resolver_record *record)
{
	const struct name_service *service = dns->service;
	const struct name_server *server;
	cleanup_fd int fd = -1;

	if (record->number >= service->attempts * service->server_count) {
		answer_code(dns, record, DNS_FAILED);
		return;
	}
	server = &service->servers[record->number % service->server_count];
	fd = socket(server->address.ss_family,
		    (record->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&server->address, server->length) < 0 &&
	    errno != EINPROGRESS)
		close(steal_fd(&fd));
	/* Without a socket the resolver goes on to the next attempt. */
	record->number = service->timeout_ms;
	answer(dns, record, RESOLVER_SOCKET, fd);
}

/* What is to be done for a name: the one place where lookups are decided. */
static void take_query(struct dns *dns, struct resolver_record *record)
{
	struct decision decision = policy_decide_name(dns->sv->policy, record->name);
	uint8_t address[16];

	if (name_reverse_read(record->name, address)) {
		answer_reverse(dns, record, address);
	} else if (!decision.allow) {
		if (strcmp(dns->denied, record->name) != 0)
			denied(dns, record->name, decision.rule);
		strcpy(dns->denied, record->name);
		answer_code(dns, record, DNS_UNKNOWN);
	} else if (record->type == DNS_TXT || record->type == DNS_NULL || record->type == DNS_ANY) {
		/* Made to carry anything whatever. */
		answer_code(dns, record, DNS_REFUSED);
	} else if (record->type != DNS_A && record->type != DNS_AAAA) {
		answer_code(dns, record, DNS_OK);
	} else if (!policy_name_is_listed(dns->sv->policy, record->name) &&
		   !name_meter_admits(&dns->meter, record->name, now_ms())) {
		failed(dns, record->name, "too many new names under a wildcard");
		answer_code(dns, record, DNS_REFUSED);
	} else {
		answer_socket(dns, record);
	}
}

static void dropped(const struct dns *dns, const char *name, const uint8_t *where)
{
	char address[INET6_ADDRSTRLEN] = "?", text[NAME_SIZE + sizeof(address) + 64];
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)where);

	inet_ntop(v4 ? AF_INET : AF_INET6, where + (v4 ? 12 : 0), address, sizeof(address));
	snprintf(text, sizeof(text), "%s at %s (an inner address: allow it as an address)", name,
		 address);
	denied(dns, text, NULL);
}

/* Whether the name is another word for one that is denied. */
static bool leads_to_denied(const struct dns *dns, const struct resolver_record *record)
{
	char text[2 * NAME_SIZE + 32];

	for (uint32_t i = 0; i < record->alias_count; i++) {
		const struct rule *rule = policy_name_denied(dns->sv->policy, record->aliases[i]);

		if (!rule)
			continue;
		snprintf(text, sizeof(text), "%s, an alias of %s", record->name,
			 record->aliases[i]);
		denied(dns, text, rule);
		return true;
	}
	return false;
}

/* Which addresses may be told; those that the name opens count from now on. */
static void take_answer(struct dns *dns, struct resolver_record *record)
{
	const struct policy *policy = dns->sv->policy;
	uint32_t kept = 0;

	if (!policy_decide_name(policy, record->name).allow)
		return;
	if (leads_to_denied(dns, record)) {
		answer_code(dns, record, DNS_UNKNOWN);
		return;
	}
	for (uint32_t i = 0; i < record->count; i++) {
		const struct dns_address found = record->addresses[i];
		uint64_t ttl = found.ttl < TTL_LEAST ? TTL_LEAST : found.ttl;
		enum answer_use use = policy_answer_use(policy, found.address);

		if (ttl > DNS_TTL_MAX)
			ttl = DNS_TTL_MAX;
		if (use == ANSWER_OPEN)
			name_table_add(dns->table, record->name, found.address,
				       now_ms() + (ttl + KEEP) * 1000);
		if (use == ANSWER_DROP)
			dropped(dns, record->name, found.address);
		else
			record->addresses[kept++] = found;
	}
	record->count = kept;
	answer(dns, record, RESOLVER_ADDRESSES, -1);
}

/* Lookups are not answered from now on; nothing else changes. */
static void resolver_gone(struct dns *dns)
{
	failed(dns, NULL, "the resolver is gone");
	loop_remove(dns->sv->loop, dns->source);
	dns->source = -1;
}

/* Whether nothing in the record reaches out of it. */
static bool is_sound(const struct resolver_record *record)
{
	if (record->count > DNS_ADDRESSES_MAX || record->alias_count > DNS_ALIASES_MAX)
		return false;
	for (size_t i = 0; i < DNS_ALIASES_MAX; i++)
		if (!memchr(record->aliases[i], '\0', sizeof(record->aliases[i])))
			return false;
	return memchr(record->name, '\0', sizeof(record->name));
}

/* Return: whether there was one. */
static bool take_record(struct dns *dns)
{
	struct resolver_record record;
	struct iovec part = { &record, sizeof(record) };
	/* SECURITY: no descriptor is taken from a program that may have been taken over. */
	ssize_t n = helper_receive(dns->doorman.control, &part, 1, NULL, MSG_DONTWAIT);

	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n != (ssize_t)sizeof(record) || !is_sound(&record)) {
		resolver_gone(dns);
		return false;
	}
	if (record.kind == RESOLVER_QUERY)
		take_query(dns, &record);
	else if (record.kind == RESOLVER_ANSWER)
		take_answer(dns, &record);
	return true;
}

static void on_control(void *arg, short events)
{
	(void)events;
	for (int i = 0; i < RECORDS_A_TURN; i++)
		if (!take_record(arg))
			break;
}

/* Names that the program finds without asking us. */
static void add_host(void *arg, const char *name, const uint8_t *address)
{
	struct dns *dns = arg;

	if (!policy_name_opens(dns->sv->policy, name))
		return;
	dns->hosts_count++;
	if (dns->hosts_count <= HOSTS_NAMES_MAX)
		name_table_add(dns->table, name, address, UINT64_MAX);
	else if (dns->hosts_count == HOSTS_NAMES_MAX + 1)
		failed(dns, name, "too many names in /etc/hosts: from here on they do not count");
}

int dns_start(struct supervisor *sv, const struct name_service *service, struct dns **ret,
	      struct cordon_error *err)
{
	struct dns *dns = calloc(1, sizeof(*dns));
	char program[PATH_MAX];
	int r;

	if (!dns)
		return err_set(err, -ENOMEM, "out of memory");
	dns->sv = sv;
	dns->service = service;
	dns->doorman = (struct doorman){ .pidfd = -1, .socket = -1, .control = -1 };
	dns->source = -1;
	name_meter_init(&dns->meter, now_ms());
	*ret = dns;
	r = name_table_new(&dns->table);
	if (r == 0)
		r = hosts_each_of_host(add_host, dns);
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = name_service_program(program, sizeof(program));
	if (r < 0)
		return err_sys(err, r, "names: find the resolver '%s'", program);
	r = doorman_start(program, service->means, service->port, &dns->doorman);
	if (r == 0 && service->means != NAMES_NAMESPACE)
		r = resolv_conf_new(dns->doorman.at.sin_addr, service->means == NAMES_STREAM,
				    &dns->conf);
	return r < 0 ? err_sys(err, r, "names: start the resolver") : 0;
}

int dns_serve(struct dns *dns, struct cordon_error *err)
{
	struct resolver_record record;
	struct iovec part = { &record, sizeof(record) };
	int fds[HELPER_FDS_MAX], control = dns->doorman.control;
	ssize_t n = helper_receive(control, &part, 1, fds, 0);

	if (n != (ssize_t)sizeof(record) || record.kind != RESOLVER_READY ||
	    record.number != RESOLVER_VERSION)
		return err_set(err, -EIO, "names: the resolver does not start");
	/* From now on the resolver may be anybody: never wait for it. */
	if (fcntl(control, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, -errno, "names: talk to the resolver");
	dns->source = loop_add(dns->sv->loop, control, on_control, dns);
	return dns->source < 0 ? err_sys(err, dns->source, "names: serve the resolver") : 0;
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	/* RACE: the program may have ended before the loop came to what the resolver said last, or to its end. */
	if (dns->source >= 0)
		on_control(dns, POLLIN);
	loop_remove(dns->sv->loop, dns->source);
	doorman_end(&dns->doorman);
	resolv_conf_free(dns->conf);
	name_table_free(dns->table);
	free(dns);
}

bool dns_takes(const struct dns *dns, const struct endpoint *endpoint)
{
	return dns && endpoint->port == DNS_PORT && (endpoint->scheme & (NET_TCP | NET_UDP));
}

enum dns_way dns_way(const struct dns *dns, const struct endpoint *endpoint)
{
	const struct in_addr *own = &dns->doorman.at.sin_addr;
	const struct in6_addr *address = (const void *)endpoint->address;

	if (dns->service->means == NAMES_NAMESPACE)
		return DNS_EXCHANGE;
	if (dns->service->means == NAMES_LOOPBACK && IN6_IS_ADDR_V4MAPPED(address) &&
	    memcmp(endpoint->address + 12, own, sizeof(*own)) == 0)
		return DNS_THERE;
	return endpoint->scheme == NET_TCP ? DNS_LED : DNS_NOWHERE;
}

void dns_address(const struct dns *dns, int domain, struct sockaddr_storage *ret,
		 socklen_t *ret_length)
{
	const struct sockaddr_in *at = &dns->doorman.at;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = at->sin_port };

	memset(ret, 0, sizeof(*ret));
	if (domain == AF_INET) {
		memcpy(ret, at, sizeof(*at));
		*ret_length = sizeof(*at);
		return;
	}
	mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
	memcpy(mapped.sin6_addr.s6_addr + 12, &at->sin_addr, sizeof(at->sin_addr));
	memcpy(ret, &mapped, sizeof(mapped));
	*ret_length = sizeof(mapped);
}

bool dns_stands_for(const struct dns *dns, const struct place *place)
{
	return dns && resolv_conf_is(dns->conf, place);
}

int dns_open(const struct dns *dns, int flags)
{
	return resolv_conf_open(dns->conf, dns->sv->self_fd, flags);
}

int dns_held(const struct dns *dns)
{
	return dns ? resolv_conf_held(dns->conf) : -1;
}

bool dns_owns(const struct dns *dns, int fd)
{
	return dns && doorman_owns(&dns->doorman, fd);
}

int dns_socket(const struct dns *dns, int domain, int type)
{
	return doorman_socket(&dns->doorman, domain, type);
}

void dns_look_up(const struct dns *dns, struct endpoint *endpoint)
{
	if (!dns)
		return;
	endpoint->names = dns->table;
	endpoint->now = now_ms();
}
