/* SPDX-License-Identifier: Apache-2.0 */
/* Names and their addresses: see name_table.h. */
#include "policy/name_table.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <string.h>

struct entry {
	uint64_t until;
	uint8_t address[16];
	char name[NAME_SIZE];
};

struct name_table {
	size_t count;
	struct entry entries[NAME_TABLE_MAX];
};

int name_table_new(struct name_table **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void name_table_free(struct name_table *table)
{
	free(table);
}

static bool is_entry(const struct entry *entry, const char *name, const uint8_t *address)
{
	return memcmp(entry->address, address, sizeof(entry->address)) == 0 &&
	       strcmp(entry->name, name) == 0;
}

/* The entry itself; else a free one; else the one that ends first. */
static struct entry *place_for(struct name_table *table, const char *name, const uint8_t *address)
{
	struct entry *first = &table->entries[0];

	for (size_t i = 0; i < table->count; i++) {
		struct entry *entry = &table->entries[i];

		if (is_entry(entry, name, address))
			return entry;
		if (entry->until < first->until)
			first = entry;
	}
	return table->count < NAME_TABLE_MAX ? &table->entries[table->count++] : first;
}

void name_table_add(struct name_table *table, const char *name, const uint8_t *address,
		    uint64_t until)
{
	size_t length = strlen(name);
	struct entry *entry;

	if (length == 0 || length >= NAME_SIZE)
		return;
	entry = place_for(table, name, address);
	if (is_entry(entry, name, address) && entry->until > until)
		return;
	entry->until = until;
	memcpy(entry->address, address, sizeof(entry->address));
	memcpy(entry->name, name, length + 1);
}

const char *name_table_next(const struct name_table *table, const uint8_t *address, uint64_t now,
			    size_t *at)
{
	while (*at < table->count) {
		const struct entry *entry = &table->entries[(*at)++];

		if (entry->until > now &&
		    memcmp(entry->address, address, sizeof(entry->address)) == 0)
			return entry->name;
	}
	return NULL;
}
