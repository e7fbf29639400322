/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: a table, and random ones against a matcher that tries everything. */
#include "policy/glob.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct glob *make(const char *pattern)
{
	struct glob *glob = NULL;

	cr_assert_eq(glob_new(pattern, &glob), 0, "%s", pattern);
	return glob;
}

static bool matches(const char *pattern, const char *path)
{
	struct glob *glob = make(pattern);
	bool match = glob_match(glob, path, strlen(path));

	glob_free(glob);
	return match;
}

Test(glob, table)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} rows[] = {
		{ "/a/*", "/a/b", true },
		{ "/a/*", "/a/b/c", false },
		{ "/a/*", "/a/", true },
		{ "/a/?", "/a/b", true },
		{ "/a/?", "/a/", false },
		{ "/a?b", "/a/b", false },
		{ "/a/**", "/a/b/c", true },
		{ "/a/**", "/a", false },
		{ "**/.env", "/.env", true },
		{ "**/.env", "/a/b/.env", true },
		{ "**/.env", "/a/b/x.env", false },
		{ "/a/**/b", "/a/b", true },
		{ "/a/**/b", "/a/x/y/b", true },
		{ "/a/**/b", "/a/xb", false },
		{ "/a/**/**/b", "/a/b", true },
		{ "/a/**/*", "/a/b", true },
		{ "/a/***", "/a/b/c", true },
		{ "/a[0-9]", "/a5", true },
		{ "/a[!0-9]", "/a5", false },
		{ "/a[!0-9]", "/ax", true },
		{ "/a[!0-9]", "/a/", false },
		{ "/a[^0-9]", "/ax", true },
		{ "/a[]x]", "/a]", true },
		{ "/a[x-]", "/a-", true },
		{ "/a[.-/]b", "/a/b", false },
		{ "/a[*]", "/a*", true },
		{ "/a[*]", "/ab", false },
		{ "/a[[]b]", "/a[b]", true },
		{ "/\xff*", "/\xff\xfe\n", true },
		{ "/*.c", "/x.c", true },
		{ "/*.c", "/x.cc", false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(matches(rows[i].pattern, rows[i].path), rows[i].match, "'%s' and '%s'",
			     rows[i].pattern, rows[i].path);
}

Test(glob, bad_patterns)
{
	char many[600];
	struct glob *glob;

	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	cr_expect_eq(glob_new("", &glob), -EINVAL);
	cr_expect_eq(glob_new("/a[b", &glob), -EINVAL);
	cr_expect_eq(glob_new("/a[", &glob), -EINVAL);
	cr_expect_eq(glob_new("/a[]", &glob), -EINVAL);
	cr_expect_eq(glob_new(many, &glob), -E2BIG);
	many[511] = '\0';
	cr_expect_eq(glob_new(many, &glob), 0);
	cr_expect(glob_match(glob, many, 511));
	cr_expect_not(glob_match(glob, many, 510));
	glob_free(glob);
}

/* The meaning of a pattern, said by trying everything. */
static bool slow_match(const char *p, const char *s, bool behind_slash)
{
	if (*p == '\0')
		return *s == '\0';
	if (p[0] == '*' && p[1] == '*') {
		const char *rest = p + strspn(p, "*");

		if (behind_slash && *rest == '/' && slow_match(rest + 1, s, true))
			return true;
		for (;; s++) {
			if (slow_match(rest, s, false))
				return true;
			if (!*s)
				return false;
		}
	}
	if (*p == '*') {
		for (;; s++) {
			if (slow_match(p + 1, s, false))
				return true;
			if (!*s || *s == '/')
				return false;
		}
	}
	if (!*s)
		return false;
	if (*p == '?')
		return *s != '/' && slow_match(p + 1, s + 1, false);
	return *p == *s && slow_match(p + 1, s + 1, *p == '/');
}

static bool slow_beneath(const char *pattern, const char *path)
{
	char copy[64];

	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(copy, sizeof(copy), "%.*s", (int)i, path);
		if (slow_match(pattern, copy, false))
			return true;
	}
	return false;
}

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

static void random_text(unsigned *state, const char *letters, size_t most, char *ret)
{
	size_t length = next_random(state) % most, count = strlen(letters);

	*ret++ = '/';
	for (size_t i = 0; i < length; i++)
		*ret++ = letters[next_random(state) % count];
	*ret = '\0';
}

Test(glob, random_against_the_slow_matcher)
{
	unsigned state = 12345;

	for (int i = 0; i < 20000; i++) {
		char pattern[16], path[16];
		struct glob_pairs pairs;
		struct glob *glob;
		bool beneath;

		random_text(&state, "ab/*?**", 10, pattern);
		if (i % 3 == 0)
			memcpy(pattern, "**", 2);
		random_text(&state, "ab/", 10, path);
		glob = make(pattern);
		cr_assert_eq(glob_match(glob, path, strlen(path)), slow_match(pattern, path, false),
			     "'%s' and '%s'", pattern, path);
		beneath = slow_beneath(pattern, path);
		cr_assert_eq(glob_match_beneath(glob, path, strlen(path)), beneath,
			     "'%s' beneath '%s'", pattern, path);
		glob_pairs(path, strlen(path), &pairs);
		cr_assert(!beneath || glob_may_match(glob, &pairs, path, strlen(path)),
			  "'%s' skipped for '%s'", pattern, path);
		glob_free(glob);
	}
}

/* A long pattern takes more than one word of states; its meaning does not change. */
Test(glob, long_patterns_are_like_short_ones)
{
	char pattern[300] = "", path[300] = "";
	struct glob *glob;

	for (int i = 0; i < 12; i++) {
		strcat(pattern, "/component-*?");
		strcat(path, "/component-xyz");
	}
	strcat(pattern, "/**/end");
	glob = make(pattern);
	cr_expect_not(glob_match(glob, path, strlen(path)));
	strcat(path, "/end");
	cr_expect(glob_match(glob, path, strlen(path)));
	path[strlen(path) - 4] = '\0';
	strcat(path, "/a/b/end/below");
	cr_expect_not(glob_match(glob, path, strlen(path)));
	cr_expect(glob_match_beneath(glob, path, strlen(path)));
	glob_free(glob);
}

Test(glob, no_bad_cases, .timeout = 20)
{
	struct glob *glob = make("**a**a**a**a**a**a**b");
	char path[4096];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	for (int i = 0; i < 100; i++)
		cr_assert_not(glob_match(glob, path, sizeof(path)));
	glob_free(glob);
}

Test(glob, special_names)
{
	static const struct {
		const char *pattern, *path;
		bool special;
	} rows[] = {
		{ "/w/.git/hooks/**", "/w/.git", true },
		{ "/w/.git/hooks/**", "/w/.git/hooks", true },
		{ "/w/.git/hooks/**", "/w", true },
		{ "/w/.git/hooks/**", "/w/src", false },
		{ "/w/.git/hooks/**", "/w/.git/hooks/x", false },
		{ "**/.env", "/w/src", false },
		{ "**/.env", "/w/.env", false },
		{ "**/.git/hooks/**", "/w/.git", true },
		{ "**/.git/hooks/**", "/w/git", false },
		{ "/w/*/secret", "/w/foo", false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct glob *glob = make(rows[i].pattern);

		cr_expect_eq(glob_is_special(glob, rows[i].path, strlen(rows[i].path)),
			     rows[i].special, "'%s' in '%s'", rows[i].path, rows[i].pattern);
		glob_free(glob);
	}
}

/* The short ways must not change the answer. */
Test(glob, special_names_by_definition)
{
	unsigned state = 777;

	for (int i = 0; i < 20000; i++) {
		char pattern[16], path[16], other[20];
		struct glob_states here, there;
		struct glob *glob;

		random_text(&state, "ab/*?**", 10, pattern);
		if (i % 2 == 0)
			memcpy(pattern, "**/", 3);
		random_text(&state, "ab", 4, path);
		random_text(&state, "ab", 4, path + strlen(path));
		if (path[strlen(path) - 1] == '/')
			continue;
		snprintf(other, sizeof(other), "%s", path);
		strcpy(strrchr(other, '/'), "/\1");
		glob = make(pattern);
		here = glob_run_directory(glob, path, strlen(path));
		there = glob_run_directory(glob, other, strlen(other));
		cr_assert_eq(glob_is_special(glob, path, strlen(path)), !glob_same(&here, &there),
			     "'%s' in '%s'", path, pattern);
		glob_free(glob);
	}
}

Test(glob, quoting_and_directories)
{
	static const struct {
		const char *pattern, *directory, *rest;
	} rows[] = {
		{ "/a/b/x?", "/a/b", "/x?" },
		{ "/a/b*/c", "/a", "/b*/c" },
		{ "/a/[[]b[*]/x*", "/a/[b*", "/x*" },
		{ "/*", "", "/*" },
		{ "**/x", "", "**/x" },
	};
	struct strbuf sb = { 0 };
	size_t length;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *directory = glob_directory(rows[i].pattern, &length);

		cr_expect_str_eq(directory, rows[i].directory);
		cr_expect_str_eq(rows[i].pattern + length, rows[i].rest);
		free(directory);
	}
	glob_quote(&sb, "/a[1]*?");
	cr_expect_str_eq(sb.text, "/a[[]1][*][?]");
	cr_expect(matches(sb.text, "/a[1]*?"));
	strbuf_done(&sb);
}
