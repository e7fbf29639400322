/* SPDX-License-Identifier: Apache-2.0 */
/* Denials counted by what was refused: see tally.h. */
#include "lib/tally.h"

#include "base/vec.h"
#include "lib/json.h"

#include <stdbool.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool matches(const struct tally_entry *entry, const struct cordon_event *event)
{
	return same(entry->target, event->target) && same(entry->operation, event->operation) &&
	       same(entry->rule_key, event->rule_key) && same(entry->rule_text, event->rule_text);
}

static void entry_done(struct tally_entry *entry)
{
	free(entry->operation);
	free(entry->target);
	free(entry->rule_key);
	free(entry->rule_text);
	free(entry->rule_file);
}

static int copy(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int entry_init(struct tally_entry *entry, const struct cordon_event *event)
{
	*entry = (struct tally_entry){ .rule_line = event->rule_line,
				       .first_ns = event->realtime_ns,
				       .count = 1 };
	if (copy(event->operation, &entry->operation) < 0 ||
	    copy(event->target, &entry->target) < 0 ||
	    copy(event->rule_key, &entry->rule_key) < 0 ||
	    copy(event->rule_text, &entry->rule_text) < 0 ||
	    copy(event->rule_file, &entry->rule_file) < 0) {
		entry_done(entry);
		return -ENOMEM;
	}
	return 0;
}

void tally_add(struct tally *tally, const struct cordon_event *event)
{
	if (event->kind != CORDON_EVENT_DENIED)
		return;
	for (size_t i = 0; i < tally->count; i++) {
		if (matches(&tally->entries[i], event)) {
			tally->entries[i].count++;
			return;
		}
	}
	if (tally->count == TALLY_MAX || vec_grow(&tally->entries, tally->count) < 0 ||
	    entry_init(&tally->entries[tally->count], event) < 0) {
		tally->others++;
		return;
	}
	tally->count++;
}

json_t *tally_json(const struct tally *tally)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tally->count; i++) {
		const struct tally_entry *entry = &tally->entries[i];
		json_t *object = json_pack("{s:I, s:I}", "first_at", (json_int_t)entry->first_ns,
					   "count", (json_int_t)entry->count);

		json_set_text(object, "op", entry->operation, SIZE_MAX);
		json_set_text(object, "target", entry->target, SIZE_MAX);
		json_set_text(object, "rule", entry->rule_key, SIZE_MAX);
		json_set_text(object, "entry", entry->rule_text, SIZE_MAX);
		json_set_text(object, "file", entry->rule_file, SIZE_MAX);
		if (entry->rule_line > 0)
			json_object_set_new(object, "line", json_integer(entry->rule_line));
		json_array_append_new(list, object);
	}
	return list;
}

void tally_done(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		entry_done(&tally->entries[i]);
	free(tally->entries);
	*tally = (struct tally){ 0 };
}
