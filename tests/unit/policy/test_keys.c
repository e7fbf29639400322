/* SPDX-License-Identifier: Apache-2.0 */
/* The key table and what is made from it. */
#include "policy/keys.h"
#include "policy/load.h"
#include "policy/op.h"
#include "policy/settings.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

Test(keys, the_table_is_consistent)
{
	cr_assert_leq(key_count, (size_t)KEYS_MAX);
	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &keys[i];
		char section[80];
		const char *dot = strrchr(key->name, '.');

		cr_expect_eq(key_find(key->name), key, "%s stands twice", key->name);
		cr_expect(key->help && *key->help, "%s has no help", key->name);
		cr_expect_eq(!key->words, key->type != TYPE_WORD, "%s", key->name);
		cr_expect(key->compile || key->shape == SHAPE_SECTION || key->shape == SHAPE_REMOVE,
			  "%s is typed by nobody", key->name);
		if (!dot)
			continue;
		snprintf(section, sizeof(section), "%.*s", (int)(dot - key->name), key->name);
		cr_assert_not_null(key_find(section), "%s has no section", key->name);
		cr_expect_lt(key_find(section), key, "%s stands before its section", key->name);
		cr_expect(key_is_in(key, section));
	}
}

Test(keys, the_nearest_name_is_offered)
{
	const char *nearest = NULL;

	cr_expect_null(key_in_section("filesystem", "redd", &nearest));
	cr_expect_str_eq(nearest, "read");
	cr_expect_null(key_in_section("", "filesytem", &nearest));
	cr_expect_str_eq(nearest, "filesystem");
	cr_expect_null(key_in_section("", "zzzzzzzz", &nearest));
	cr_expect_null(nearest);
}

/* Return: the schema of a key, below its section's. */
static json_t *schema_of(json_t *schema, const char *name)
{
	char copy[80], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", name);
	while (schema && (part = strsep(&rest, "."))) {
		json_t *inner, *any = json_object_get(schema, "anyOf");
		size_t i;

		json_array_foreach(any, i, inner) if (json_object_get(inner, "properties")) schema =
			inner;
		schema = json_object_get(json_object_get(schema, "properties"), part);
	}
	return schema;
}

Test(keys, the_schema_has_every_key)
{
	char *text = policy_schema();
	json_error_t error;
	json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	cr_assert_not_null(schema, "%s", error.text);
	for (size_t i = 0; i < key_count; i++)
		cr_expect_not_null(schema_of(schema, keys[i].name), "%s", keys[i].name);
	json_decref(schema);
	free(text);
}

Test(keys, the_manual_has_every_key)
{
	char *text = keys_man_section();

	for (size_t i = 0; i < key_count; i++) {
		char line[100] = "*", *out = line + 1;

		if (keys[i].shape == SHAPE_SECTION)
			continue;
		for (const char *at = keys[i].name; *at; at++) {
			if (*at == '_')
				*out++ = '\\';
			*out++ = *at;
		}
		strcpy(out, "* (");
		cr_expect_not_null(strstr(text, line), "%s", line);
	}
	free(text);
}

Test(keys, operations_have_names)
{
	for (int op = 0; op < OP_COUNT; op++) {
		cr_assert_not_null(op_info[op].name);
		cr_expect_eq(op_by_name(op_info[op].name), op);
		cr_expect(*op_info[op].help);
	}
	cr_expect_eq(op_by_name("reed"), -1);
}
