/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lays one file or flag over the settings so far: see settings.h.
 *
 * A file is walked twice. First `remove` takes inherited entries away, so that the file itself can
 * put one back; then its own entries are put in. Every text is typed on a scratch policy here and
 * now, so that each layer is checked and not only what is left of it in the end.
 */
#include "policy/records.h"
#include "policy/settings.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_MAX 64

static struct place place_of(const struct layer *layer, const struct text_node *node)
{
	return (struct place){ layer->file, node->line, node->column };
}

static int wrong_shape(struct layer *layer, const struct key *key, const struct text_node *node,
		       const char *wanted)
{
	struct place place = place_of(layer, node);

	return problems_add(layer->problems, -EINVAL, &place, "%s: %s is wanted", key->name,
			    wanted);
}

/* Types the text on a scratch policy, so that every layer is checked and not only what is left. */
static int check_entry(struct layer *layer, const struct key *key, const struct entry *entry)
{
	char shown[80];
	int r;

	if (layer->shipped)
		return 0;
	layer->compile->reason[0] = '\0';
	r = key->compile ? key->compile(layer->compile, key, entry) : 0;
	if (r != -EINVAL)
		return r == -EOPNOTSUPP ? 0 : r;
	str_escape(shown, sizeof(shown), entry->text, strlen(entry->text));
	return problems_add(layer->problems, -EINVAL, &entry->place, "%s: '%s': %s", key->name,
			    shown, layer->compile->reason);
}

/* Checks what every text has to be. Return: 0 or -EINVAL with a problem added. */
static int check_text(struct layer *layer, const struct key *key, const struct text_node *node)
{
	struct place place = place_of(layer, node);

	if (node->kind != TEXT_SCALAR)
		return wrong_shape(layer, key, node, key_wants(key));
	if (node->length == 0)
		return problems_add(layer->problems, -EINVAL, &place, "%s: empty text", key->name);
	if (strlen(node->text) != node->length)
		return problems_add(layer->problems, -EINVAL, &place, "%s: NUL in a text",
				    key->name);
	for (size_t i = 0; i < node->length; i++)
		if ((unsigned char)node->text[i] < 0x20 || node->text[i] == 0x7f)
			return problems_add(layer->problems, -EINVAL, &place,
					    "%s: control character in a text", key->name);
	return 0;
}

/* `inherit` and a list of names replace each other. */
static void drop_rival(struct settings *settings, const struct key *key)
{
	const char *rival = NULL;

	if (strcmp(key->name, "process.env") == 0)
		rival = "process.env.pass";
	else if (strcmp(key->name, "process.env.pass") == 0)
		rival = "process.env";
	if (rival)
		setting_clear(setting_of(settings, key_find(rival)));
}

static int put_scalar(struct layer *layer, const struct key *key, const struct entry *entry)
{
	struct setting *setting = setting_of(layer->settings, key);
	int r = check_entry(layer, key, entry);

	if (r < 0)
		return r;
	drop_rival(layer->settings, key);
	setting_clear(setting);
	return setting_append(setting, entry);
}

static int put_item(struct layer *layer, const struct key *key, const struct entry *entry)
{
	struct setting *setting = setting_of(layer->settings, key);
	int r = check_entry(layer, key, entry);

	if (r < 0)
		return r;
	drop_rival(layer->settings, key);
	for (size_t i = 0; i < setting->count; i++) {
		struct entry *old = &setting->entries[i];

		if (entry->name ? strcmp(old->name, entry->name) != 0
				: strcmp(old->text, entry->text) != 0)
			continue;
		if (!entry->name)
			return 0;
		/* A name of a map is a scalar of its own: replaced. */
		entry_done(old);
		*old = setting->entries[--setting->count];
		break;
	}
	return setting_append(setting, entry);
}

static int apply_scalar(struct layer *layer, const struct key *key, const struct text_node *node)
{
	struct entry entry = { .text = node->text, .place = place_of(layer, node) };
	int r;

	if (node->kind != TEXT_SCALAR)
		return wrong_shape(layer, key, node, key_wants(key));
	if (read_is_null(node) && node->length > 0 && !key->null_is_value) {
		setting_clear(setting_of(layer->settings, key));
		return 0;
	}
	r = check_text(layer, key, node);
	return r < 0 ? r : put_scalar(layer, key, &entry);
}

static int apply_list(struct layer *layer, const struct key *key, const struct text_node *node)
{
	int worst = 0;

	if (node->kind != TEXT_LIST)
		return wrong_shape(layer, key, node, "a list");
	drop_rival(layer->settings, key);
	setting_of(layer->settings, key)->present = true;
	for (size_t i = 0; i < node->count; i++) {
		const struct text_node *item = node->items[i];
		struct entry entry = { .text = item->text, .place = place_of(layer, item) };
		int r = check_text(layer, key, item);

		if (r == 0)
			r = put_item(layer, key, &entry);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static int apply_pairs(struct layer *layer, const struct key *key, const struct text_node *node)
{
	int worst = 0;

	if (node->kind != TEXT_MAP)
		return wrong_shape(layer, key, node, "a map of names to texts");
	for (size_t i = 0; i < node->count; i += 2) {
		const struct text_node *name = node->items[i], *value = node->items[i + 1];
		struct entry entry = { .text = value->text,
				       .name = name->text,
				       .place = place_of(layer, value) };
		/* An empty value is a value, but it has to be written. */
		bool empty = value->kind == TEXT_SCALAR && value->length == 0 && !value->plain;
		int r = check_text(layer, key, name);

		if (r == 0 && !empty)
			r = check_text(layer, key, value);
		if (r == 0)
			r = put_item(layer, key, &entry);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

/* The scalar says it for all: it takes the place of every entry before it. */
static int apply_modes(struct layer *layer, const struct key *key, const struct text_node *node)
{
	static char name[] = "default";
	struct setting *setting = setting_of(layer->settings, key);
	struct entry entry = { .text = node->text, .name = name, .place = place_of(layer, node) };
	int r;

	if (node->kind == TEXT_MAP)
		return apply_pairs(layer, key, node);
	if (node->kind == TEXT_SCALAR && read_is_null(node) && node->length > 0) {
		setting_clear(setting);
		return 0;
	}
	r = check_text(layer, key, node);
	if (r == 0)
		r = check_entry(layer, key, &entry);
	if (r < 0)
		return r;
	setting_clear(setting);
	return setting_append(setting, &entry);
}

/* Takes one entry away from the lists and maps of the section. Return: how many, or -ENOMEM. */
static int take_away(struct settings *settings, const char *section, const char *text)
{
	int taken = 0;

	for (size_t k = 0; k < key_count; k++) {
		struct setting *setting = &settings->keys[k];

		if (!key_is_in(&keys[k], section) ||
		    (keys[k].shape != SHAPE_LIST && keys[k].shape != SHAPE_MAP))
			continue;
		for (size_t i = 0; i < setting->count; i++) {
			struct entry *entry = &setting->entries[i];

			if (strcmp(entry->name ? entry->name : entry->text, text) != 0)
				continue;
			entry_done(entry);
			memmove(entry, entry + 1, (setting->count - i - 1) * sizeof(*entry));
			setting->count--;
			taken++;
			break;
		}
	}
	return taken;
}

static int remove_text(struct layer *layer, const struct key *key, const struct entry *entry)
{
	char section[SECTION_MAX], shown[80];
	size_t length = strlen(key->name) - strlen(key_leaf(key)) - 1;

	memcpy(section, key->name, length);
	section[length] = '\0';
	if (take_away(layer->settings, section, entry->text) > 0)
		return 0;
	str_escape(shown, sizeof(shown), entry->text, strlen(entry->text));
	return problems_add(layer->problems, -EINVAL, &entry->place,
			    "%s: '%s' is not an inherited entry", key->name, shown);
}

static int apply_remove(struct layer *layer, const struct key *key, const struct text_node *node)
{
	int worst = 0;

	if (node->kind != TEXT_LIST)
		return wrong_shape(layer, key, node, "a list");
	for (size_t i = 0; i < node->count; i++) {
		const struct text_node *item = node->items[i];
		struct entry entry = { .text = item->text, .place = place_of(layer, item) };
		int r = check_text(layer, key, item);

		if (r == 0)
			r = remove_text(layer, key, &entry);
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static const struct text_node *map_get(const struct text_node *map, const char *name)
{
	for (size_t i = 0; i < map->count; i += 2)
		if (strcmp(map->items[i]->text, name) == 0)
			return map->items[i + 1];
	return NULL;
}

const struct text_node *settings_find(const struct text_node *root, const char *name)
{
	return root && root->kind == TEXT_MAP ? map_get(root, name) : NULL;
}

/* As a value of a flow map, for people: in quotes where it needs them. */
static void add_field(struct strbuf *sb, const char *name, const char *value)
{
	bool plain = value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789/._$~-")] == '\0';

	strbuf_add(sb, "%s%s: %s", sb->length > 1 ? ", " : "", name, plain ? "" : "\"");
	for (; *value; value++)
		strbuf_add(sb, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
	strbuf_add(sb, "%s", plain ? "" : "\"");
}

/* One map; what its fields mean, and which go together, the compile function of the key says. */
static int apply_record(struct layer *layer, const struct key *key, const struct text_node *map)
{
	static const char *const known[] = { "source", "target",    "type",
					     "size",   "read_only", "optional" };
	static const char *const wanted =
		"a map with source and target, or with type and target, is wanted";
	cleanup_strbuf struct strbuf text = { 0 }, fields = { 0 };
	struct entry entry = { .place = place_of(layer, map) };

	if (map->kind != TEXT_MAP || !map_get(map, "target"))
		return problems_add(layer->problems, -EINVAL, &entry.place, "%s: %s", key->name,
				    wanted);
	strbuf_add(&text, "{");
	for (size_t i = 0; i < map->count; i += 2) {
		const struct text_node *name = map->items[i], *value = map->items[i + 1];
		struct place place = place_of(layer, name);
		size_t number = 0;
		int r = check_text(layer, key, value);

		while (number < COUNT_OF(known) && strcmp(known[number], name->text) != 0)
			number++;
		if (number == COUNT_OF(known))
			return problems_add(layer->problems, -EINVAL, &place, "%s: %s", key->name,
					    wanted);
		if (r < 0)
			return r;
		add_field(&text, name->text, value->text);
		strbuf_add(&fields, "%s=%s%c", name->text, value->text, RECORD_FIELD_END);
	}
	strbuf_add(&text, "}");
	if (text.failed || fields.failed)
		return -ENOMEM;
	entry.text = text.text;
	entry.name = fields.text;
	if (check_entry(layer, key, &entry) < 0)
		return -EINVAL;
	return setting_append(setting_of(layer->settings, key), &entry);
}

static int apply_records(struct layer *layer, const struct key *key, const struct text_node *node)
{
	int worst = 0;

	if (node->kind != TEXT_LIST)
		return wrong_shape(layer, key, node, "a list");
	setting_of(layer->settings, key)->present = true;
	for (size_t i = 0; i < node->count; i++) {
		int r = apply_record(layer, key, node->items[i]);

		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

enum phase { PHASE_REMOVE, PHASE_PUT };

static int apply_section(struct layer *layer, const char *section, const struct text_node *map,
			 enum phase phase);

static int apply_key(struct layer *layer, const struct key *key, const struct text_node *node,
		     enum phase phase)
{
	bool is_section = key->shape == SHAPE_SECTION ||
			  (key->shape == SHAPE_EITHER && node->kind == TEXT_MAP);

	if (is_section && node->kind == TEXT_MAP)
		return apply_section(layer, key->name, node, phase);
	if (phase == PHASE_REMOVE)
		return key->shape == SHAPE_REMOVE ? apply_remove(layer, key, node) : 0;
	switch (key->shape) {
	case SHAPE_SECTION:
		return read_is_null(node) ? 0 : wrong_shape(layer, key, node, "a section");
	case SHAPE_SCALAR:
	case SHAPE_EITHER:
		return apply_scalar(layer, key, node);
	case SHAPE_LIST:
		return apply_list(layer, key, node);
	case SHAPE_MAP:
		return apply_pairs(layer, key, node);
	case SHAPE_MODES:
		return apply_modes(layer, key, node);
	case SHAPE_RECORDS:
		return apply_records(layer, key, node);
	case SHAPE_REMOVE:
		break;
	}
	return 0;
}

static int unknown_key(struct layer *layer, const char *section, const struct text_node *name,
		       const char *nearest)
{
	struct place place = place_of(layer, name);
	char shown[80];

	str_escape(shown, sizeof(shown), name->text, name->length);
	return problems_add(layer->problems, -EINVAL, &place, "%s%s%s: unknown key%s%s%s", section,
			    *section ? "." : "", shown, nearest ? " (did you mean '" : "",
			    nearest ? nearest : "", nearest ? "'?)" : "");
}

static int apply_section(struct layer *layer, const char *section, const struct text_node *map,
			 enum phase phase)
{
	int worst = 0;

	for (size_t i = 0; i < map->count; i += 2) {
		const struct text_node *name = map->items[i];
		const char *nearest = NULL;
		const struct key *key = key_in_section(section, name->text, &nearest);
		int r = 0;

		if (key && strlen(name->text) == name->length)
			r = apply_key(layer, key, map->items[i + 1], phase);
		else if (phase == PHASE_PUT)
			r = unknown_key(layer, section, name, nearest);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

int settings_apply(struct layer *layer, const struct text_node *root)
{
	struct place place;
	int removed, put;

	if (!root || read_is_null(root))
		return 0;
	place = place_of(layer, root);
	if (root->kind != TEXT_MAP)
		return problems_add(layer->problems, -EINVAL, &place,
				    "a policy is a map of keys, such as 'filesystem:'");
	/* What is inherited goes first, so that a file can put back what it has taken away. */
	removed = apply_section(layer, "", root, PHASE_REMOVE);
	if (removed == -ENOMEM)
		return removed;
	put = apply_section(layer, "", root, PHASE_PUT);
	return put < 0 ? put : removed;
}

static const char *any_key(size_t index, const void *unused)
{
	(void)unused;
	return index < key_count ? keys[index].name : NULL;
}

/* `-e NAME`, `-e NAME=VALUE` and `inherit` all come by process.env. */
static const struct key *env_key(const char *value)
{
	if (strcmp(value, "inherit") == 0)
		return key_find("process.env");
	return key_find(strchr(value, '=') ? "process.env.set" : "process.env.pass");
}

static int set_pair(struct layer *layer, const struct key *key, const struct entry *entry)
{
	const char *equals = strchr(entry->text, '=');
	struct entry pair = { .place = entry->place };
	int r;

	if (!equals)
		return problems_add(layer->problems, -EINVAL, &entry->place,
				    "%s: NAME=VALUE is wanted", key->name);
	pair.name = strndup(entry->text, (size_t)(equals - entry->text));
	pair.text = strdup(equals + 1);
	r = pair.name && pair.text ? put_item(layer, key, &pair) : -ENOMEM;
	entry_done(&pair);
	return r;
}

static int set_item(struct layer *layer, const struct key *key, const struct entry *entry)
{
	struct setting *setting = setting_of(layer->settings, key);
	bool first = !setting->present;
	int r = put_item(layer, key, entry);

	if (r == 0 && first)
		setting->by_flag = true;
	return r;
}

int settings_set(struct layer *layer, const char *name, const char *value)
{
	const struct key *key = key_find(name);
	struct place place = { layer->file, 0, 0 };
	struct text_node node = { .kind = TEXT_SCALAR, .length = strlen(value) };
	const char *nearest;
	struct entry entry = { .place = place };
	int r;

	if (key && key->shape == SHAPE_EITHER)
		key = env_key(value);
	if (!key) {
		nearest = str_nearest(name, any_key, NULL);
		return problems_add(layer->problems, -EINVAL, &place, "%s: unknown key%s%s%s", name,
				    nearest ? " (did you mean '" : "", nearest ? nearest : "",
				    nearest ? "'?)" : "");
	}
	node.text = strdup(value);
	if (!node.text)
		return -ENOMEM;
	entry.text = node.text;
	node.plain = strcmp(value, "null") == 0;
	if (key->shape == SHAPE_SCALAR || key->shape == SHAPE_EITHER) {
		r = apply_scalar(layer, key, &node);
	} else if (key->shape == SHAPE_MODES && !strchr(value, '=')) {
		r = apply_modes(layer, key, &node);
	} else if (key->shape == SHAPE_MAP || key->shape == SHAPE_MODES) {
		r = set_pair(layer, key, &entry);
	} else {
		r = check_text(layer, key, &node);
		if (r == 0 && key->shape == SHAPE_LIST)
			r = set_item(layer, key, &entry);
		else if (r == 0 && key->shape == SHAPE_REMOVE)
			r = remove_text(layer, key, &entry);
		else if (r == 0)
			r = problems_add(layer->problems, -EINVAL, &place,
					 "%s: cannot be set as one value", key->name);
	}
	free(node.text);
	return r;
}
