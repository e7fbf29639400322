/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE KEY TABLE: one row for each key of the policy language.
 *
 * The strict reader, "did you mean", flags, the JSON Schema, the printed policy and the list in
 * cordon-policy(5) all come from it.
 */
#ifndef CORDON_POLICY_KEYS_H
#define CORDON_POLICY_KEYS_H

#include "policy/model.h"
#include "policy/problems.h"

#include <stdbool.h>
#include <stddef.h>

enum key_shape {
	SHAPE_SECTION, /* a map of keys of the table */
	SHAPE_SCALAR,
	SHAPE_LIST,
	SHAPE_MAP,     /* free names to texts */
	SHAPE_RECORDS, /* a list of maps: mounts */
	SHAPE_REMOVE,  /* a list of entries to take away from the lists of the section */
	SHAPE_EITHER,  /* a scalar, or a section */
	SHAPE_MODES,   /* a scalar, or a map of names to such scalars; the scalar is `default` */
};

/* How a text is typed, for the schema and the manual; the compile function does the typing. */
enum key_type {
	TYPE_NONE,
	TYPE_BOOL,
	TYPE_INTEGER,
	TYPE_OCTAL,
	TYPE_DURATION,
	TYPE_SIZE,
	TYPE_WORD, /* one of `words` */
	TYPE_PATH,
	TYPE_PATTERN, /* a path or a glob */
	TYPE_TEXT,
	TYPE_NETWORK,
	TYPE_PORTS,
	TYPE_SOCKET,
	TYPE_ENV,
	TYPE_SIGNED,
	TYPE_SIGNAL,
};

/* One text of a policy, as it was written. */
struct entry {
	char *text;
	char *name; /* SHAPE_MAP: the key of the map; else NULL */
	struct place place;
};

struct compile;
struct key {
	const char *name; /* dotted */
	enum key_shape shape;
	enum key_type type;
	/*
	 * Types one entry and puts it into the policy. Return: 0; -EINVAL with compile->reason;
	 * -EOPNOTSUPP for a value that is right but not supported by this version; -ENOMEM.
	 */
	int (*compile)(struct compile *compile, const struct key *key, const struct entry *entry);
	size_t offset;	   /* of the field, for the common compile functions; or a number */
	const char *words; /* TYPE_WORD: `a|b|c`; index is the value */
	const char *help;
	const char *fallback; /* the value that absence means; NULL: none */
	bool first;	      /* built before the others, which mean what it makes them mean */
	bool unsupported;     /* any value but the fallback is refused by this version */
	bool null_is_value;   /* `null` is not a reset but says something */
};

struct compile {
	struct policy *policy;
	const char *workspace; /* NULL while only the form is checked */
	const char *home;      /* NULL: unset */
	char reason[256];
};

extern const struct key keys[];
extern const size_t key_count;

/* Return: the row, or NULL. */
const struct key *key_find(const char *name);
/* Number of the row. */
size_t key_index(const struct key *key);
/*
 * The row for `name` in a section ("" for the top). Return: NULL if there is none; *ret_nearest is
 * then the nearest known name in that section, or NULL.
 */
const struct key *key_in_section(const char *section, const char *name, const char **ret_nearest);
/* The last part of the dotted name. */
const char *key_leaf(const struct key *key);
/* Whether the row stands directly in the section. */
bool key_is_in(const struct key *key, const char *section);
/* One phrase for what the key takes, for messages and the manual. */
const char *key_wants(const struct key *key);

/* The section of cordon-policy(5) that lists all keys, in scdoc. From malloc; NULL: no memory. */
char *keys_man_section(void);

#endif
