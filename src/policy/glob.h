/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns for paths: `*` and `?` stay within a component, `[...]` has ranges and `!`, `**` crosses
 * components, a pattern that starts with `**` + slash matches at any depth, and `**` between two
 * slashes also stands for no component at all. Bytes, not characters.
 *
 * A pattern is a small automaton with a set of states as a bit mask, so matching is linear and has
 * no bad cases. The set itself can be compared: two directories with equal sets treat everything
 * below them alike, which is how renames of directories are judged.
 */
#ifndef CORDON_POLICY_GLOB_H
#define CORDON_POLICY_GLOB_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glob;

#define GLOB_WORDS 8 /* up to 512 states */
struct glob_states {
	uint64_t bits[GLOB_WORDS];
};

/* Which pairs of neighbouring bytes a path has: patterns whose own pairs are missing are skipped.
 */
#define GLOB_PAIR_WORDS 16
struct glob_pairs {
	uint64_t bits[GLOB_PAIR_WORDS];
};

/* Return: 0; -EINVAL for an unclosed `[` or an empty pattern; -E2BIG for too many states; -ENOMEM.
 */
int glob_new(const char *pattern, struct glob **ret);
void glob_free(struct glob *glob);
bool glob_has_wildcard(const char *text);
/* Adds a text so that a pattern takes each of its characters for itself: `[` becomes `[[]`. */
void glob_quote(struct strbuf *sb, const char *text);
/*
 * The plain text of the whole components in front of the first wildcard, quoted characters read
 * back: `/a/b` of `/a/b/x?`. From malloc, NULL: no memory. *ret_length: how much of the pattern it
 * stands for; the rest begins with a slash, or the length is 0.
 */
char *glob_directory(const char *pattern, size_t *ret_length);
/* Length of the text in front of the first wildcard. */
size_t glob_literal_length(const char *text);

/* Whether the pattern matches the whole path. */
bool glob_match(const struct glob *glob, const char *path, size_t length);
/* Whether the pattern matches the path or a directory above it. */
bool glob_match_beneath(const struct glob *glob, const char *path, size_t length);
/* The states after reading these bytes from the start. */
struct glob_states glob_run(const struct glob *glob, const char *bytes, size_t length);
/* The states after these bytes and a slash. */
struct glob_states glob_run_directory(const struct glob *glob, const char *path, size_t length);
/* Whether something below a directory with these states could still match. */
bool glob_alive(const struct glob_states *states);
bool glob_same(const struct glob_states *a, const struct glob_states *b);
/*
 * Whether the last name of the path matters to the pattern for what lies beneath: a directory of
 * another name in the same place would be treated otherwise.
 */
bool glob_is_special(const struct glob *glob, const char *path, size_t length);

/* The pairs of a path, once for all patterns. */
void glob_pairs(const char *path, size_t length, struct glob_pairs *ret);
/* False only if neither the path nor a directory above it can match. */
bool glob_may_match(const struct glob *glob, const struct glob_pairs *pairs, const char *path,
		    size_t length);

#endif
