/* SPDX-License-Identifier: Apache-2.0 */
/* Typing of single values, common to many keys: see compile.h. */
#include "policy/compile.h"

#include "base/str.h"
#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int compile_fail(struct compile *compile, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(compile->reason, sizeof(compile->reason), fmt, ap);
	va_end(ap);
	return code;
}

int compile_rule(const struct key *key, const struct entry *entry, struct rule *ret)
{
	char *text = strdup(entry->text), *file = strdup(entry->place.file);

	if (!text || !file) {
		free(text);
		free(file);
		return -ENOMEM;
	}
	*ret = (struct rule){ .key = key->name,
			      .text = text,
			      .origin = { file, entry->place.line, entry->place.column } };
	return 0;
}

void compile_rule_done(struct rule *rule)
{
	free((void *)(uintptr_t)rule->text);
	free((void *)(uintptr_t)rule->origin.file);
}

void *compile_field(struct compile *compile, const struct key *key)
{
	return (char *)compile->policy + key->offset;
}

int compile_wrong_type(struct compile *compile, const struct key *key, int code)
{
	if (code == -ERANGE)
		return compile_fail(compile, -EINVAL, "the number is too large");
	return compile_fail(compile, -EINVAL, "%s is wanted", key_wants(key));
}

static int read_bool(struct compile *compile, const struct key *key, const struct entry *entry,
		     bool *ret)
{
	*ret = strcmp(entry->text, "true") == 0;
	if (*ret || strcmp(entry->text, "false") == 0)
		return 0;
	return compile_wrong_type(compile, key, -EINVAL);
}

int compile_bool(struct compile *compile, const struct key *key, const struct entry *entry)
{
	bool value;
	int r = read_bool(compile, key, entry, &value);

	if (r == 0)
		*(bool *)compile_field(compile, key) = value;
	return r;
}

int compile_tristate(struct compile *compile, const struct key *key, const struct entry *entry)
{
	bool value;
	int r = read_bool(compile, key, entry, &value);

	if (r == 0)
		*(enum tristate *)compile_field(compile, key) = value ? YES : NO;
	return r;
}

static int read_word(struct compile *compile, const struct key *key, const char *text, int *ret)
{
	const char *at = key->words;
	size_t length = strlen(text);

	for (int index = 0; *at; index++) {
		size_t n = strcspn(at, "|");

		if (n == length && memcmp(at, text, n) == 0) {
			*ret = index;
			return 0;
		}
		at += n + (at[n] == '|');
	}
	return compile_fail(compile, -EINVAL, "one of %s is wanted", key->words);
}

int compile_word(struct compile *compile, const struct key *key, const struct entry *entry)
{
	int index, r = read_word(compile, key, entry->text, &index);

	static_assert(sizeof(enum supervisor_mode) == sizeof(int), "fields are set as int");
	static_assert(sizeof(enum metadata_mode) == sizeof(int), "fields are set as int");
	if (r == 0)
		memcpy(compile_field(compile, key), &index, sizeof(index));
	return r;
}

int compile_argv0(struct compile *compile, const struct key *key, const struct entry *entry)
{
	char *text = strdup(entry->text);

	(void)key;
	if (!text)
		return -ENOMEM;
	free(compile->policy->argv0);
	compile->policy->argv0 = text;
	return 0;
}

int compile_failure(struct compile *compile, const struct key *key, const struct entry *entry)
{
	const char *nearest = NULL;
	unsigned layer = 0;
	int index, r = read_word(compile, key, entry->text, &index);

	if (r < 0)
		return r;
	if (entry->name && strcmp(entry->name, "default") != 0) {
		layer = layer_by_name(entry->name, &nearest);
		if (layer == 0)
			return compile_fail(compile, -EINVAL, "no layer is called '%.40s'%s%s%s",
					    entry->name, nearest ? " (did you mean '" : "",
					    nearest ? nearest : "", nearest ? "'?)" : "");
	}
	compile->policy->on_failure[layer] = (signed char)index;
	return 0;
}

static bool is_made_of(const char *text, const char *more)
{
	for (; *text; text++)
		if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') ||
		      strchr(more, *text)))
			return false;
	return true;
}

int compile_hostname(struct compile *compile, const struct key *key, const struct entry *entry)
{
	char *name;

	(void)key;
	if (strlen(entry->text) > 64 || !is_made_of(entry->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-."))
		return compile_fail(compile, -EINVAL,
				    "a host name of at most 64 letters, digits, '-' and '.' is "
				    "wanted");
	name = strdup(entry->text);
	if (!name)
		return -ENOMEM;
	free(compile->policy->hostname);
	compile->policy->hostname = name;
	return 0;
}

int compile_version(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	if (strcmp(entry->text, "1") != 0)
		return compile_fail(compile, -EINVAL, "only version 1 is known");
	return 0;
}

int compile_syscall(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	const char *name = entry->text + (entry->text[0] == '@');
	struct rule rule;
	int r;

	if (!*name || !is_made_of(name, entry->text[0] == '@' ? "-" : "_"))
		return compile_fail(compile, -EINVAL, "the name of a call or @group is wanted");
	r = vec_grow(&policy->syscalls, policy->syscall_count);
	if (r == 0)
		r = compile_rule(key, entry, &rule);
	if (r < 0)
		return r;
	policy->syscalls[policy->syscall_count++] =
		(struct syscall_entry){ .rule = rule, .list = (enum syscall_list)key->offset };
	return 0;
}
