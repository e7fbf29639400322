/* SPDX-License-Identifier: Apache-2.0 */
/* Servers out of a resolv.conf, and how many new names may be asked about. */
#include "base/cleanup.h"
#include "supervisor/hosts.h"
#include "supervisor/name_meter.h"
#include "supervisor/name_service.h"
#include "supervisor/resolv_conf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(name_service, servers_and_options)
{
	static const struct {
		const char *text, *servers;
		unsigned timeout_ms, attempts;
	} rows[] = {
		{ "nameserver 192.0.2.1\n", "192.0.2.1", 5000, 2 },
		{ "# nameserver 192.0.2.9\n; x\nsearch a.example\n nameserver\t2001:db8::1 # here\n"
		  "nameserver 192.0.2.2",
		  "2001:db8::1, 192.0.2.2", 5000, 2 },
		{ "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver "
		  "192.0.2.4\n",
		  "192.0.2.1, 192.0.2.2, 192.0.2.3", 5000, 2 },
		{ "options timeout:2 attempts:3 rotate\nnameserver 192.0.2.1\n", "192.0.2.1", 2000,
		  3 },
		{ "options timeout:0 attempts:99\nnameserver 192.0.2.1\n", "192.0.2.1", 5000, 2 },
		{ "nameserver fe80::1%lo\n", "fe80::1", 5000, 2 },
		{ "nameserver nonsense\nnameserver\nnameservers 192.0.2.1\n", "127.0.0.1", 5000,
		  2 },
		{ "", "127.0.0.1", 5000, 2 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct name_service service = { 0 };
		char text[NAME_SERVICES_TEXT];

		name_service_parse(rows[i].text, &service);
		cr_expect_str_eq(name_service_text(&service, text, sizeof(text)), rows[i].servers,
				 "row %zu", i);
		cr_expect_eq(service.timeout_ms, rows[i].timeout_ms, "row %zu", i);
		cr_expect_eq(service.attempts, rows[i].attempts, "row %zu", i);
	}
}

Test(resolv_conf, one_server_and_the_rest_as_it_was)
{
	static const struct {
		const char *text;
		bool by_stream;
		const char *wanted;
	} rows[] = {
		{ "search a.example\nnameserver 192.0.2.1\n\t nameserver ::1\noptions ndots:2",
		  false, "nameserver 127.1.2.3\nsearch a.example\noptions ndots:2\n" },
		{ "# nameserver 192.0.2.1\nnameserver 192.0.2.1\n", true,
		  "nameserver 127.1.2.3\n# nameserver 192.0.2.1\noptions use-vc\n" },
		{ "", false, "nameserver 127.1.2.3\n" },
		{ "\n\nnameserver", true, "nameserver 127.1.2.3\n\n\noptions use-vc\n" },
	};
	const struct in_addr server = { htonl(0x7f010203) };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup_strbuf struct strbuf text = { 0 };

		resolv_conf_write(rows[i].text, server, rows[i].by_stream, &text);
		cr_expect_str_eq(text.text, rows[i].wanted, "row %zu", i);
	}
}

static void collect(void *arg, const char *name, const uint8_t *address)
{
	strbuf_add(arg, "%s=%u.%u;", name, address[12], address[15]);
}

Test(hosts, names_and_addresses)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "127.0.0.1 localhost\n", "localhost=127.1;" },
		{ "# 192.0.2.1 a\n\n192.0.2.2\tA.Example. b#c\n", "a.example=192.2;b=192.2;" },
		{ "192.0.2.3\n192.0.2 a\nname 192.0.2.4\n", "" },
		{ "fe80::1%lo a\r\n::1 b", "a=0.1;b=0.1;" },
		{ "192.0.2.5 . a..", ".=192.5;a.=192.5;" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cleanup_strbuf struct strbuf text = { 0 };

		strbuf_add(&text, "%s", "");
		hosts_each(rows[i].text, collect, &text);
		cr_expect_str_eq(text.text ? text.text : "", rows[i].wanted, "row %zu", i);
	}
}

Test(name_meter, new_names_cost)
{
	struct name_meter *meter = malloc(sizeof(*meter));
	char name[32];
	unsigned admitted = 0;

	cr_assert_not_null(meter);
	name_meter_init(meter, 1000);
	for (unsigned i = 0; i < 2 * METER_BURST; i++) {
		snprintf(name, sizeof(name), "%u.example", i);
		admitted += name_meter_admits(meter, name, 1000);
	}
	cr_expect_eq(admitted, METER_BURST);
	/* Known ones stay free, new ones come back one by one, and never more than the burst. */
	cr_expect(name_meter_admits(meter, "0.example", 1000));
	cr_expect_not(name_meter_admits(meter, "new.example", 1000 + METER_REFILL_MS - 1));
	cr_expect(name_meter_admits(meter, "new.example", 1000 + METER_REFILL_MS));
	cr_expect_not(name_meter_admits(meter, "newer.example", 1000 + METER_REFILL_MS));
	admitted = 0;
	for (unsigned i = 0; i < 2 * METER_BURST; i++) {
		snprintf(name, sizeof(name), "later%u.example", i);
		admitted += name_meter_admits(meter, name, 1000000000);
	}
	cr_expect_eq(admitted, METER_BURST);
	free(meter);
}
