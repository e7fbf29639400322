/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query and as an answer: names come out as host names, and what is written can be
 * read again. */
#include "resolver/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	if (strlen(name) >= DNS_NAME_SIZE ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] != '\0')
		abort();
}

static void check_answer(const struct dns_question *question, const struct dns_answer *answer)
{
	struct dns_answer again;
	uint8_t *wire;
	size_t size;

	for (size_t i = 0; i < answer->alias_count; i++)
		check_name(answer->aliases[i].name);
	if (dns_reply_write(question, answer, DNS_MESSAGE_MAX, &wire, &size) < 0)
		return;
	if (dns_answer_read(wire, size, question, question->id, &again) < 0 ||
	    again.address_count != answer->address_count ||
	    again.alias_count != answer->alias_count)
		abort();
	free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question question = { .id = 7, .type = DNS_A, .name = "www.example.org" };
	static const uint8_t wire_name[] = "\3www\7example\3org";
	struct dns_question asked;
	struct dns_answer answer;
	uint8_t *wire;
	size_t length;

	if (dns_query_read(data, size, &asked) >= 0) {
		check_name(asked.name);
		memset(&answer, 0, sizeof(answer));
		answer.code = DNS_UNKNOWN;
		if (dns_reply_write(&asked, &answer, asked.room, &wire, &length) == 0) {
			if (length > asked.room)
				abort();
			free(wire);
		}
	}
	memcpy(question.wire, wire_name, sizeof(wire_name));
	question.wire_length = sizeof(wire_name);
	if (size >= 2 && dns_answer_read(data, size, &question, (uint16_t)(data[0] << 8 | data[1]),
					 &answer) == 0)
		check_answer(&question, &answer);
	return 0;
}
