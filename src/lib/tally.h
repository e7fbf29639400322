/* SPDX-License-Identifier: Apache-2.0 */
/* Denials counted by what was refused, for the report. */
#ifndef CORDON_LIB_TALLY_H
#define CORDON_LIB_TALLY_H

#include <cordon/event.h>
#include <jansson.h>

/* More distinct denials than this are only counted. */
#define TALLY_MAX 256

struct tally_entry {
	char *operation, *target, *rule_key, *rule_text, *rule_file;
	int rule_line;
	int64_t first_ns;
	uint64_t count;
};

/* Starts as {0}. */
struct tally {
	struct tally_entry *entries;
	size_t count;
	uint64_t others; /* denials beyond TALLY_MAX distinct ones, or without memory */
};

/* Counts a CORDON_EVENT_DENIED; other events are ignored. */
void tally_add(struct tally *tally, const struct cordon_event *event);
/* Return: a new array. */
json_t *tally_json(const struct tally *tally);
void tally_done(struct tally *tally);

#endif
