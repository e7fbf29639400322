/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of policy files, from the key table: see policy_schema() in load.h. */
#include "policy/load.h"

#include "policy/keys.h"

#include <jansson.h>
#include <string.h>

/* Numbers and truth values may be written with or without quotes: all are read as text. */
static json_t *number_or(const char *pattern)
{
	return json_pack("{s:[s,s], s:s, s:i}", "type", "integer", "string", "pattern", pattern,
			 "minimum", 0);
}

static json_t *text_of(const char *pattern)
{
	return json_pack("{s:s, s:i, s:s}", "type", "string", "minLength", 1, "pattern", pattern);
}

static json_t *schema_of_words(const struct key *key)
{
	json_t *list = json_array();
	const char *at = key->words;

	while (*at) {
		size_t n = strcspn(at, "|");

		json_array_append_new(list, json_stringn(at, n));
		at += n + (at[n] == '|');
	}
	return json_pack("{s:o}", "enum", list);
}

static json_t *schema_of_type(const struct key *key)
{
	switch (key->type) {
	case TYPE_BOOL:
		return json_pack("{s:[b,b,s,s]}", "enum", 1, 0, "true", "false");
	case TYPE_INTEGER:
		return number_or("^(0|[1-9][0-9]*|unlimited)$");
	case TYPE_SIZE:
		return number_or("^((0|[1-9][0-9]*)[BKMGT]?|unlimited)$");
	case TYPE_PORTS:
		return number_or("^((tcp|udp)://)?(loopback:)?([0-9]+(-[0-9]+)?|\\*)$");
	case TYPE_OCTAL:
		return number_or("^[0-7]+$");
	case TYPE_DURATION:
		return text_of("^([1-9][0-9]*(ms|s|m|h)|unlimited)$");
	case TYPE_WORD:
		return schema_of_words(key);
	case TYPE_PATH:
		return text_of("^[^\\u0000-\\u001f\\u007f*?\\[]+$");
	case TYPE_PATTERN:
		return text_of(
			"^(/|~|\\$HOME|\\$WORKSPACE|\\$TMP|\\*\\*)[^\\u0000-\\u001f\\u007f]*$");
	case TYPE_SOCKET:
		return text_of(
			"^(/|~|\\$HOME|\\$WORKSPACE|\\$TMP|\\*\\*|@.)[^\\u0000-\\u001f\\u007f]*$");
	case TYPE_ENV:
		return text_of("^[^0-9= *][^= *]*\\*?$|^\\*$");
	case TYPE_SIGNED:
		return json_pack("{s:[s,s], s:s}", "type", "integer", "string", "pattern",
				 "^(0|-?[1-9][0-9]*)$");
	case TYPE_TEXT:
	case TYPE_NETWORK:
	case TYPE_SIGNAL:
	case TYPE_NONE:
		break;
	}
	return json_pack("{s:[s,s], s:i}", "type", "string", "integer", "minLength", 1);
}

static json_t *schema_of_section(const char *section);

static json_t *list_of(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *schema_of_records(void)
{
	json_t *flag = json_pack("{s:[b,b,s,s]}", "enum", 1, 0, "true", "false");
	json_t *map =
		json_pack("{s:s, s:[s], s:b, s:{s:{s:s}, s:{s:s}, s:{s:[s,s,s,s]}, s:{s:[s,s]}, "
			  "s:O, s:o}}",
			  "type", "object", "required", "target", "additionalProperties", 0,
			  "properties", "source", "type", "string", "target", "type", "string",
			  "type", "enum", "bind", "tmpfs", "proc", "dev", "size", "type", "string",
			  "integer", "read_only", flag, "optional", flag);

	return list_of(map);
}

static json_t *schema_of_key(const struct key *key)
{
	switch (key->shape) {
	case SHAPE_SECTION:
		return json_pack("{s:[o,{s:s}]}", "anyOf", schema_of_section(key->name), "type",
				 "null");
	case SHAPE_EITHER:
		return json_pack("{s:[o,o,{s:s}]}", "anyOf", schema_of_type(key),
				 schema_of_section(key->name), "type", "null");
	case SHAPE_SCALAR:
		return json_pack("{s:[o,{s:s}]}", "anyOf", schema_of_type(key), "type", "null");
	case SHAPE_LIST:
	case SHAPE_REMOVE:
		return list_of(schema_of_type(key));
	case SHAPE_MAP:
		return json_pack("{s:s, s:{s:[s,s,s]}}", "type", "object", "additionalProperties",
				 "type", "string", "integer", "boolean");
	case SHAPE_MODES:
		return json_pack("{s:[o,{s:s, s:o},{s:s}]}", "anyOf", schema_of_type(key), "type",
				 "object", "additionalProperties", schema_of_type(key), "type",
				 "null");
	case SHAPE_RECORDS:
		break;
	}
	return schema_of_records();
}

static json_t *schema_of_section(const char *section)
{
	json_t *properties = json_object();

	for (size_t i = 0; i < key_count; i++) {
		json_t *schema;

		if (!key_is_in(&keys[i], section))
			continue;
		schema = schema_of_key(&keys[i]);
		json_object_set_new(schema, "description", json_string(keys[i].help));
		json_object_set_new(properties, key_leaf(&keys[i]), schema);
	}
	return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
			 "properties", properties);
}

char *policy_schema(void)
{
	json_t *schema = schema_of_section("");
	char *text;

	json_object_set_new(schema, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(schema, "title", json_string("cordon policy"));
	text = json_dumps(schema, JSON_INDENT(2));
	json_decref(schema);
	return text;
}
