/* SPDX-License-Identifier: Apache-2.0 */
/* Typing of limits: see compile.h. */
#include "policy/compile.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define UNLIMITED "unlimited"

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
	return r < 0 ? compile_wrong_type(compile, key, r) : 0;
}

static int read_count(const char *text, uint64_t *ret)
{
	return str_to_u64(text, UINT32_MAX, ret);
}

/* The limit that the row names by its number. */
static int store_limit(struct compile *compile, const struct key *key, const struct entry *entry,
		       uint64_t value)
{
	struct limit *limit = &compile->policy->limits[key->offset];

	limit->value = value;
	compile_rule_done(&limit->rule);
	return compile_rule(key, entry, &limit->rule);
}

static int read_limit(struct compile *compile, const struct key *key, const struct entry *entry,
		      int (*read)(const char *text, uint64_t *ret))
{
	/* Nothing may be written, nothing is captured: these say something. */
	bool may_be_zero = key->offset == LIMIT_FILE_SIZE || key->offset == LIMIT_OUTPUT;
	uint64_t value;
	int r = read_amount(compile, key, entry, read, &value);

	if (r < 0)
		return r;
	if (value == 0 && !may_be_zero)
		return compile_fail(compile, -EINVAL, "the limit must be more than 0");
	return store_limit(compile, key, entry, value);
}

int compile_size(struct compile *compile, const struct key *key, const struct entry *entry)
{
	return read_limit(compile, key, entry, str_to_size);
}

int compile_count(struct compile *compile, const struct key *key, const struct entry *entry)
{
	return read_limit(compile, key, entry, read_count);
}

/* Of up to as many processors as a kernel has. */
static int read_percent(const char *text, uint64_t *ret)
{
	return str_to_u64(text, 100 * 8192, ret);
}

int compile_percent(struct compile *compile, const struct key *key, const struct entry *entry)
{
	return read_limit(compile, key, entry, read_percent);
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
	return store_limit(compile, key, entry, value);
}

/* The kernel counts whole seconds: half a second becomes one and never none. */
int compile_cpu_time(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;
	int r = read_time(compile, key, entry, &value);

	if (r < 0)
		return r;
	return store_limit(compile, key, entry, r == 1 ? LIMIT_UNSET : (value + 999) / 1000);
}

/* --- limits.rlimits ----------------------------------------------------------------------------- */

/* The kernel counts these in microseconds. */
static int read_microseconds(const char *text, uint64_t *ret)
{
	int r = str_to_duration(text, ret);

	if (r == 0 && *ret > UINT64_MAX / 1000)
		return -ERANGE;
	*ret *= 1000;
	return r;
}

/* The nice value that may be asked for, as the kernel wants it: 1 for 19, 40 for -20. */
static int read_ceiling(const char *text, uint64_t *ret)
{
	return str_to_u64(text, 40, ret);
}

static int read_priority(const char *text, uint64_t *ret)
{
	return str_to_u64(text, 99, ret);
}

static const struct rlimit_row {
	const char *name;
	int resource;
	int (*read)(const char *text, uint64_t *ret);
	const char *wants;
} rlimit_rows[] = {
	{ "stack", RLIMIT_STACK, str_to_size, "a size" },
	{ "core", RLIMIT_CORE, str_to_size, "a size" },
	{ "memlock", RLIMIT_MEMLOCK, str_to_size, "a size" },
	{ "data", RLIMIT_DATA, str_to_size, "a size" },
	{ "msgqueue", RLIMIT_MSGQUEUE, str_to_size, "a size" },
	{ "nproc", RLIMIT_NPROC, read_count, "a number" },
	{ "sigpending", RLIMIT_SIGPENDING, read_count, "a number" },
	{ "locks", RLIMIT_LOCKS, read_count, "a number" },
	{ "rtprio", RLIMIT_RTPRIO, read_priority, "a number up to 99" },
	{ "nice", RLIMIT_NICE, read_ceiling, "a number up to 40" },
	{ "rttime", RLIMIT_RTTIME, read_microseconds, "a duration" },
};
/* Those with a key of their own. */
static const struct {
	const char *name, *key;
} rlimit_keys[] = {
	{ "cpu", "limits.cpu" },
	{ "fsize", "limits.file_size" },
	{ "nofile", "limits.open_files" },
	{ "as", "limits.address_space" },
};

static const char *rlimit_name(size_t index, const void *unused)
{
	(void)unused;
	return index < COUNT_OF(rlimit_rows) ? rlimit_rows[index].name : NULL;
}

static const struct rlimit_row *rlimit_row(struct compile *compile, const char *name)
{
	const char *nearest;

	for (size_t i = 0; i < COUNT_OF(rlimit_rows); i++)
		if (strcmp(rlimit_rows[i].name, name) == 0)
			return &rlimit_rows[i];
	for (size_t i = 0; i < COUNT_OF(rlimit_keys); i++) {
		if (strcmp(rlimit_keys[i].name, name) != 0)
			continue;
		compile_fail(compile, -EINVAL, "'%s' has a key of its own, %s", name,
			     rlimit_keys[i].key);
		return NULL;
	}
	nearest = str_nearest(name, rlimit_name, NULL);
	compile_fail(compile, -EINVAL, "no such limit as '%.40s'%s%s%s", name,
		     nearest ? " (did you mean '" : "", nearest ? nearest : "",
		     nearest ? "'?)" : "");
	return NULL;
}

static int read_rlimit(const struct rlimit_row *row, const char *text, uint64_t *ret)
{
	if (strcmp(text, UNLIMITED) != 0)
		return row->read(text, ret);
	*ret = RLIM_INFINITY;
	return 0;
}

/* SOFT, or SOFT:HARD. */
int compile_rlimit(struct compile *compile, const struct key *key, const struct entry *entry)
{
	const struct rlimit_row *row = rlimit_row(compile, entry->name);
	cleanup_free char *text = strdup(entry->text);
	struct rlimit_wish wish = { .asked = true };
	char *colon = text ? strchr(text, ':') : NULL;
	int r;

	(void)key;
	if (!row)
		return -EINVAL;
	if (!text)
		return -ENOMEM;
	if (colon)
		*colon = '\0';
	r = read_rlimit(row, text, &wish.soft);
	wish.hard = wish.soft;
	if (r == 0 && colon)
		r = read_rlimit(row, colon + 1, &wish.hard);
	if (r < 0)
		return compile_fail(compile, -EINVAL, "%s is wanted, or two with ':' between them",
				    row->wants);
	if (wish.soft > wish.hard)
		return compile_fail(compile, -EINVAL, "the soft limit is above the hard one");
	compile->policy->rlimits[row->resource] = wish;
	return 0;
}

/* --- limits.derive ------------------------------------------------------------------------------ */

int compile_derive(struct compile *compile, const struct key *key, const struct entry *entry)
{
	static const char *const words[] = { "none", "address_space", "harden" };
	struct policy *policy = compile->policy;

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(entry->text, words[i]) != 0)
			continue;
		policy->derive = (enum derive_mode)i;
		compile_rule_done(&policy->derive_rule);
		policy->derive_rule = (struct rule){ 0 };
		return i == DERIVE_NONE ? 0 : compile_rule(key, entry, &policy->derive_rule);
	}
	return compile_fail(compile, -EINVAL, "one of %s is wanted", key->words);
}

/* At least `least`, else that many times what another limit is; saturating. */
static uint64_t times(uint64_t factor, const struct limit *of, uint64_t least)
{
	uint64_t most = INT64_MAX - 1;
	uint64_t value = of->value > most / factor ? most : of->value * factor;

	return of->value == LIMIT_UNSET || value < least ? least : value;
}

static int derive(struct policy *policy, enum limit_kind kind, const char *key, uint64_t value)
{
	struct limit *limit = &policy->limits[kind];
	const struct origin *from = &policy->derive_rule.origin;
	char *text = NULL, *file = NULL;

	if (limit->value != LIMIT_UNSET)
		return 0;
	if (asprintf(&text, "derived") < 0 || !(file = strdup(from->file))) {
		free(text);
		return -ENOMEM;
	}
	compile_rule_done(&limit->rule);
	*limit = (struct limit){
		.value = value,
		.rule = { .key = key, .text = text, .origin = { file, from->line, from->column } },
	};
	return 0;
}

int limits_derive(struct policy *policy)
{
	const struct limit *limits = policy->limits;
	int r = 0;

	if (policy->derive == DERIVE_NONE)
		return 0;
	r = derive(policy, LIMIT_ADDRESS_SPACE, "limits.address_space",
		   times(8, &limits[LIMIT_MEMORY], 4ull << 30));
	if (policy->derive != DERIVE_HARDEN)
		return r;
	/* Milliseconds become whole seconds. Without a wall limit there is nothing to derive from. */
	if (r == 0 && limits[LIMIT_WALL].value != LIMIT_UNSET)
		r = derive(policy, LIMIT_CPU, "limits.cpu",
			   (times(2, &limits[LIMIT_WALL], 2000) + 999) / 1000);
	return r == 0 ? derive(policy, LIMIT_OPEN_FILES, "limits.open_files", 256) : r;
}

/* --- priority and signals of a process ---------------------------------------------------------- */

int compile_nice(struct compile *compile, const struct key *key, const struct entry *entry)
{
	bool negative = entry->text[0] == '-';
	uint64_t value;

	(void)key;
	if (str_to_u64(entry->text + negative, negative ? 20 : 19, &value) < 0)
		return compile_fail(compile, -EINVAL, "a number from -20 to 19 is wanted");
	compile->policy->nice = negative ? -(int)value : (int)value;
	return 0;
}

static int signal_number(const char *text)
{
	uint64_t number;

	if (str_to_u64(text, 64, &number) == 0)
		return (int)number;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (int signal = 1; signal < NSIG; signal++) {
		const char *name = sigabbrev_np(signal);

		if (name && strcmp(name, text) == 0)
			return signal;
	}
	return 0;
}

int compile_signal(struct compile *compile, const struct key *key, const struct entry *entry)
{
	int signal = signal_number(entry->text);

	if (signal == 0)
		return compile_wrong_type(compile, key, -EINVAL);
	if (signal == SIGKILL || signal == SIGSTOP)
		return compile_fail(compile, -EINVAL, "that signal cannot be blocked or ignored");
	*(uint64_t *)compile_field(compile, key) |= 1ull << (signal - 1);
	return 0;
}
