/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of settings: see settings.h. */
#include "policy/settings.h"

#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void entry_done(struct entry *entry)
{
	free(entry->text);
	free(entry->name);
}

void setting_clear(struct setting *setting)
{
	for (size_t i = 0; i < setting->count; i++)
		entry_done(&setting->entries[i]);
	free(setting->entries);
	*setting = (struct setting){ 0 };
}

void settings_done(struct settings *settings)
{
	for (size_t i = 0; i < KEYS_MAX; i++)
		setting_clear(&settings->keys[i]);
	for (size_t i = 0; i < settings->loaded_count; i++)
		free(settings->loaded[i].identity);
	free(settings->loaded);
	*settings = (struct settings){ 0 };
}

int setting_append(struct setting *setting, const struct entry *from)
{
	struct entry entry = { .place = from->place };

	if (vec_grow(&setting->entries, setting->count) < 0)
		return -ENOMEM;
	entry.text = strdup(from->text);
	entry.name = from->name ? strdup(from->name) : NULL;
	if (!entry.text || (from->name && !entry.name)) {
		entry_done(&entry);
		return -ENOMEM;
	}
	setting->entries[setting->count++] = entry;
	setting->present = true;
	return 0;
}

static int copy_into(const struct settings *from, struct settings *to)
{
	for (size_t i = 0; i < KEYS_MAX; i++) {
		const struct setting *setting = &from->keys[i];

		for (size_t k = 0; k < setting->count; k++)
			if (setting_append(&to->keys[i], &setting->entries[k]) < 0)
				return -ENOMEM;
		to->keys[i].present = setting->present;
		to->keys[i].by_flag = setting->by_flag;
	}
	for (size_t i = 0; i < from->loaded_count; i++) {
		struct loaded loaded = from->loaded[i];

		if (vec_grow(&to->loaded, to->loaded_count) < 0)
			return -ENOMEM;
		loaded.identity = strdup(loaded.identity);
		if (!loaded.identity)
			return -ENOMEM;
		to->loaded[to->loaded_count++] = loaded;
	}
	return 0;
}

int settings_copy(const struct settings *from, struct settings *ret)
{
	*ret = (struct settings){ 0 };
	if (copy_into(from, ret) == 0)
		return 0;
	settings_done(ret);
	return -ENOMEM;
}

struct setting *setting_of(struct settings *settings, const struct key *key)
{
	assert(key_index(key) < KEYS_MAX);
	return &settings->keys[key_index(key)];
}

const struct setting *settings_get(const struct settings *settings, const char *key)
{
	return &settings->keys[key_index(key_find(key))];
}
