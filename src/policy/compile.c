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

#define UNLIMITED "unlimited"

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

static void *field(struct compile *compile, const struct key *key)
{
	return (char *)compile->policy + key->offset;
}

static int wrong_type(struct compile *compile, const struct key *key, int code)
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
	return wrong_type(compile, key, -EINVAL);
}

int compile_bool(struct compile *compile, const struct key *key, const struct entry *entry)
{
	bool value;
	int r = read_bool(compile, key, entry, &value);

	if (r == 0)
		*(bool *)field(compile, key) = value;
	return r;
}

int check_bool(struct compile *compile, const struct key *key, const struct entry *entry)
{
	bool value;

	return read_bool(compile, key, entry, &value);
}

int compile_tristate(struct compile *compile, const struct key *key, const struct entry *entry)
{
	bool value;
	int r = read_bool(compile, key, entry, &value);

	if (r == 0)
		*(enum tristate *)field(compile, key) = value ? YES : NO;
	return r;
}

int compile_word(struct compile *compile, const struct key *key, const struct entry *entry)
{
	const char *at = key->words;
	size_t length = strlen(entry->text);
	int index = 0;

	static_assert(sizeof(enum failure_mode) == sizeof(int), "fields are set as int");
	static_assert(sizeof(enum supervisor_mode) == sizeof(int), "fields are set as int");
	for (; *at; index++) {
		size_t n = strcspn(at, "|");

		if (n == length && memcmp(at, entry->text, n) == 0) {
			memcpy(field(compile, key), &index, sizeof(index));
			return 0;
		}
		at += n + (at[n] == '|');
	}
	return compile_fail(compile, -EINVAL, "one of %s is wanted", key->words);
}

/* Return: 1 for `unlimited`, else what the reading function says. */
static int read_amount(struct compile *compile, const struct key *key, const struct entry *entry,
		       int (*read)(const char *text, uint64_t *ret), uint64_t *ret)
{
	int r;

	if (strcmp(entry->text, UNLIMITED) == 0) {
		*ret = LIMIT_UNSET;
		return 1;
	}
	r = read(entry->text, ret);
	if (r == 0 && *ret >= INT64_MAX)
		r = -ERANGE;
	return r < 0 ? wrong_type(compile, key, r) : 0;
}

static int read_count(const char *text, uint64_t *ret)
{
	return str_to_u64(text, UINT32_MAX, ret);
}

static int store_amount(struct compile *compile, const struct key *key, const struct entry *entry,
			int (*read)(const char *text, uint64_t *ret))
{
	uint64_t value;
	int r = read_amount(compile, key, entry, read, &value);

	if (r < 0)
		return r;
	*(uint64_t *)field(compile, key) = value;
	return 0;
}

int compile_size(struct compile *compile, const struct key *key, const struct entry *entry)
{
	return store_amount(compile, key, entry, str_to_size);
}

int compile_count(struct compile *compile, const struct key *key, const struct entry *entry)
{
	return store_amount(compile, key, entry, read_count);
}

static int read_time(struct compile *compile, const struct key *key, const struct entry *entry,
		     uint64_t *ret)
{
	int r = read_amount(compile, key, entry, str_to_duration, ret);

	if (r == 0 && *ret == 0)
		return compile_fail(compile, -EINVAL, "the duration must be more than 0");
	return r;
}

int compile_wall(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;
	int r = read_time(compile, key, entry, &value);

	if (r < 0)
		return r;
	compile->policy->wall_ms = value;
	compile_rule_done(&compile->policy->wall_rule);
	return compile_rule(key, entry, &compile->policy->wall_rule);
}

/* The kernel counts whole seconds: half a second becomes one and never none. */
int compile_cpu_time(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;
	int r = read_time(compile, key, entry, &value);

	if (r < 0)
		return r;
	compile->policy->cpu_s = r == 1 ? LIMIT_UNSET : (value + 999) / 1000;
	return 0;
}

int check_size(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;
	int r = read_amount(compile, key, entry, str_to_size, &value);

	return r < 0 ? r : 0;
}

int check_count(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;
	int r = read_amount(compile, key, entry, read_count, &value);

	return r < 0 ? r : 0;
}

int check_percent(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;
	int r = read_amount(compile, key, entry, read_count, &value);

	if (r == 0 && value == 0)
		return compile_fail(compile, -EINVAL, "the share must be more than 0");
	return r < 0 ? r : 0;
}

static bool is_made_of(const char *text, const char *more)
{
	for (; *text; text++)
		if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') ||
		      strchr(more, *text)))
			return false;
	return true;
}

int check_id(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;

	(void)key;
	if (entry->text[0] >= '0' && entry->text[0] <= '9') {
		/* The last number means "unchanged" to the kernel. */
		if (str_to_u64(entry->text, UINT32_MAX - 1, &value) < 0)
			return compile_fail(compile, -EINVAL, "a number or a name is wanted");
		return 0;
	}
	if (!is_made_of(entry->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-.$"))
		return compile_fail(compile, -EINVAL, "a number or a name is wanted");
	return 0;
}

int check_name(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	if (strlen(entry->text) > 64 || !is_made_of(entry->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-."))
		return compile_fail(compile, -EINVAL, "a host name is wanted");
	return 0;
}

int check_capability(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	if (!is_made_of(entry->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"))
		return compile_fail(compile, -EINVAL, "the name of a capability is wanted");
	return 0;
}

int check_namespace(struct compile *compile, const struct key *key, const struct entry *entry)
{
	static const char *const known[] = { "user", "pid", "mount",  "net",
					     "ipc",  "uts", "cgroup", "time" };

	(void)key;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(entry->text, known[i]) == 0)
			return 0;
	return compile_fail(compile, -EINVAL,
			    "one of user pid mount net ipc uts cgroup time is wanted");
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
		(struct syscall_entry){ .rule = rule, .deny = key->offset };
	return 0;
}
