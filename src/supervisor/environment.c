/* SPDX-License-Identifier: Apache-2.0 */
/* The program's environment: see environment.h. Bytes, not text. */
#include "supervisor/environment.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <stdio.h>
#include <string.h>

struct list {
	char **items;
	size_t count;
};

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static bool matches(const char *pattern, const char *entry)
{
	size_t length = strlen(pattern), name = name_length(entry);

	if (length > 0 && pattern[length - 1] == '*')
		return name >= length - 1 && memcmp(pattern, entry, length - 1) == 0;
	return name == length && memcmp(pattern, entry, length) == 0;
}

static bool matches_any(char *const patterns[], size_t count, const char *entry)
{
	for (size_t i = 0; i < count; i++)
		if (matches(patterns[i], entry))
			return true;
	return false;
}

static bool passes(const struct policy *policy, const char *entry)
{
	if (matches_any(policy->env_unset, policy->env_unset_count, entry))
		return false;
	return policy->env_mode == ENV_INHERIT ||
	       matches_any(policy->env_pass, policy->env_pass_count, entry);
}

/* Takes entry; replaces one of the same name in place. Return: false if memory ran out. */
static bool put(struct list *list, char *take_entry)
{
	size_t name;

	if (!take_entry)
		return false;
	name = name_length(take_entry);
	for (size_t i = 0; i < list->count; i++) {
		if (name_length(list->items[i]) != name ||
		    memcmp(list->items[i], take_entry, name) != 0)
			continue;
		free(list->items[i]);
		list->items[i] = take_entry;
		return true;
	}
	if (vec_grow(&list->items, list->count) < 0) {
		free(take_entry);
		return false;
	}
	list->items[list->count++] = take_entry;
	return true;
}

static bool has(const struct list *list, const char *entry)
{
	for (size_t i = 0; i < list->count; i++)
		if (name_length(list->items[i]) == name_length(entry) &&
		    memcmp(list->items[i], entry, name_length(entry)) == 0)
			return true;
	return false;
}

static char *pair(const char *name, const char *value)
{
	char *text;

	return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

char **environment_build(const struct policy *policy, char *const inherited[], const char *tmp,
			 const char *name)
{
	struct list list = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && inherited && inherited[i]; i++)
		/* Of a name that stands twice the first counts. */
		if (strchr(inherited[i], '=') && passes(policy, inherited[i]) &&
		    !has(&list, inherited[i]))
			ok = put(&list, strdup(inherited[i]));
	for (size_t i = 0; ok && i < policy->env_set_count; i++)
		ok = put(&list, pair(policy->env_set[i].name, policy->env_set[i].value));
	if (ok && tmp)
		ok = put(&list, pair("TMPDIR", tmp));
	if (ok)
		ok = put(&list, pair("CORDON", name));
	if (ok)
		ok = vec_grow(&list.items, list.count) == 0;
	if (ok && list.items) {
		list.items[list.count] = NULL;
		return list.items;
	}
	for (size_t i = 0; i < list.count; i++)
		free(list.items[i]);
	free(list.items);
	return NULL;
}

void environment_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}
