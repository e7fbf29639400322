/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolved policy as text: see policy_show() in load.h.
 *
 * What is printed parses again to the same policy: entries are printed as they were written, always
 * in quotes, and `extends` and `remove` are gone because their work is done.
 */
#include "policy/builder.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/records.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* Double quotes, as YAML and JSON both read them. */
static void add_quoted(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			strbuf_add(sb, "\\u%04x", c);
		else
			strbuf_add(sb, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	strbuf_add(sb, "\"");
}

static unsigned depth_of(const struct key *key)
{
	unsigned depth = 0;

	for (const char *at = key->name; *at; at++)
		depth += *at == '.';
	return depth;
}

static void add_origin(struct strbuf *sb, const struct entry *entry)
{
	char shown[200];

	str_escape(shown, sizeof(shown), entry->place.file, strlen(entry->place.file));
	if (entry->place.line > 0)
		strbuf_add(sb, "  # %s:%d\n", shown, entry->place.line);
	else
		strbuf_add(sb, "  # %s\n", shown);
}

/* `inherit` beside values to set is written as the pattern that passes every name. */
static bool is_inherit_and_set(const struct settings *settings)
{
	return settings_get(settings, "process.env")->count > 0 &&
	       settings_get(settings, "process.env.set")->present;
}

static bool is_wanted(const struct settings *settings, const struct key *key)
{
	const struct setting *setting = &settings->keys[key_index(key)];

	if (strcmp(key->name, "extends") == 0)
		return false;
	switch (key->shape) {
	case SHAPE_REMOVE:
		return false;
	case SHAPE_EITHER:
		if (setting->count > 0 && !is_inherit_and_set(settings))
			return true;
		break;
	case SHAPE_SECTION:
		break;
	case SHAPE_SCALAR:
		return setting->count > 0;
	case SHAPE_LIST:
	case SHAPE_MAP:
	case SHAPE_MODES:
	case SHAPE_RECORDS:
		return setting->present;
	}
	for (size_t i = 0; i < key_count; i++)
		if (key_is_in(&keys[i], key->name) && is_wanted(settings, &keys[i]))
			return true;
	return false;
}

static bool is_null(const struct key *key, const struct entry *entry)
{
	return key->null_is_value && strcmp(entry->text, "null") == 0;
}

static void add_entries(struct strbuf *sb, const struct key *key, const struct setting *setting,
			const char *indent)
{
	if (setting->count == 0) {
		strbuf_add(sb, " %s\n",
			   key->shape == SHAPE_LIST || key->shape == SHAPE_RECORDS ? "[]" : "{}");
		return;
	}
	strbuf_add(sb, "\n");
	for (size_t i = 0; i < setting->count; i++) {
		const struct entry *entry = &setting->entries[i];

		strbuf_add(sb, "%s  ", indent);
		if (key->shape == SHAPE_RECORDS) {
			strbuf_add(sb, "- %s", entry->text);
			add_origin(sb, entry);
			continue;
		}
		if (entry->name) {
			add_quoted(sb, entry->name);
			strbuf_add(sb, ": ");
		} else {
			strbuf_add(sb, "- ");
		}
		add_quoted(sb, entry->text);
		add_origin(sb, entry);
	}
}

static void add_key(struct strbuf *sb, const struct settings *settings, const struct key *key)
{
	const struct setting *setting = &settings->keys[key_index(key)];
	char indent[16] = "";

	memset(indent, ' ', 2 * depth_of(key));
	strbuf_add(sb, "%s%s:", indent, key_leaf(key));
	if (key->shape == SHAPE_EITHER && is_inherit_and_set(settings)) {
		strbuf_add(sb, "\n%s  pass:\n%s    - \"*\"", indent, indent);
		add_origin(sb, &setting->entries[0]);
	} else if (key->shape == SHAPE_SCALAR ||
		   (key->shape == SHAPE_EITHER && setting->count > 0)) {
		strbuf_add(sb, " ");
		if (is_null(key, &setting->entries[0]))
			strbuf_add(sb, "null");
		else
			add_quoted(sb, setting->entries[0].text);
		add_origin(sb, &setting->entries[0]);
	} else if (key->shape == SHAPE_SECTION || key->shape == SHAPE_EITHER) {
		strbuf_add(sb, "\n");
	} else {
		add_entries(sb, key, setting, indent);
	}
}

static char *show_yaml(const struct settings *settings)
{
	struct strbuf sb = { 0 };

	strbuf_add(&sb, "# The resolved policy. Behind each entry stands where it was written.\n");
	for (size_t i = 0; i < key_count; i++)
		if (is_wanted(settings, &keys[i]))
			add_key(&sb, settings, &keys[i]);
	return strbuf_take(&sb);
}

static json_t *json_of(const struct settings *settings, const struct key *key);

static json_t *json_of_section(const struct settings *settings, const char *section)
{
	json_t *map = json_object();

	for (size_t i = 0; i < key_count; i++)
		if (key_is_in(&keys[i], section) && is_wanted(settings, &keys[i]))
			json_object_set_new(map, key_leaf(&keys[i]), json_of(settings, &keys[i]));
	return map;
}

static json_t *json_of_scalar(const struct key *key, const struct entry *entry)
{
	if (is_null(key, entry))
		return json_null();
	if (key->type == TYPE_BOOL)
		return json_boolean(strcmp(entry->text, "true") == 0);
	return json_string(entry->text);
}

static json_t *json_of_record(const struct entry *entry)
{
	cleanup_free char *fields = strdup(entry->name);
	char *rest = fields, *name, *value;
	json_t *map = json_object();

	while (fields && record_next(&rest, &name, &value))
		json_object_set_new(map, name, json_string(value));
	return map;
}

static json_t *json_of(const struct settings *settings, const struct key *key)
{
	const struct setting *setting = &settings->keys[key_index(key)];
	json_t *json;

	if (key->shape == SHAPE_EITHER && is_inherit_and_set(settings)) {
		json_t *rest = json_of_section(settings, key->name);

		json = json_pack("{s:[s]}", "pass", "*");
		json_object_update_missing(json, rest);
		json_decref(rest);
		return json;
	}
	if (key->shape == SHAPE_SECTION || (key->shape == SHAPE_EITHER && setting->count == 0))
		return json_of_section(settings, key->name);
	if (key->shape == SHAPE_SCALAR || key->shape == SHAPE_EITHER)
		return json_of_scalar(key, &setting->entries[0]);
	json = key->shape == SHAPE_MAP || key->shape == SHAPE_MODES ? json_object() : json_array();
	for (size_t i = 0; i < setting->count; i++) {
		const struct entry *entry = &setting->entries[i];

		if (key->shape == SHAPE_RECORDS)
			json_array_append_new(json, json_of_record(entry));
		else if (entry->name)
			json_object_set_new(json, entry->name, json_string(entry->text));
		else
			json_array_append_new(json, json_string(entry->text));
	}
	return json;
}

char *policy_show(const struct policy_builder *builder, bool json, struct cordon_error *err)
{
	char *text;

	if (!builder->is_resolved) {
		err_set(err, -EINVAL, "the policy has not been built");
		return NULL;
	}
	if (json) {
		json_t *root = json_of_section(&builder->resolved, "");

		text = json_dumps(root, JSON_INDENT(2));
		json_decref(root);
	} else {
		text = show_yaml(&builder->resolved);
	}
	if (!text)
		err_set(err, -ENOMEM, "out of memory");
	return text;
}
