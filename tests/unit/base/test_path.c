/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as text. */
#include "base/path.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(path, plain)
{
	static const struct {
		const char *path;
		bool plain;
	} rows[] = {
		{ "/", true },	  { "/a", true },    { "/a/b", true },	{ "a/b", true },
		{ "", false },	  { "//", false },   { "/a/", false },	{ "/a//b", false },
		{ "/.", false },  { "/..", false },  { "/a/.", false }, { "/a/../b", false },
		{ "/..a", true }, { "/a./b", true }, { "/...", true },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(path_is_plain(rows[i].path, strlen(rows[i].path)), rows[i].plain, "%s",
			     rows[i].path);
}

Test(path, squeeze)
{
	static const struct {
		const char *path, *squeezed;
	} rows[] = {
		{ "/", "/" },	    { "//", "/" },	{ "/a//b/", "/a/b" },
		{ "/./a/.", "/a" }, { "a/./b", "a/b" }, { ".", "." },
		{ "./", "." },	    { "", "." },	{ "/a/../b", "/a/../b" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char copy[32];

		snprintf(copy, sizeof(copy), "%s", rows[i].path);
		cr_expect_eq(path_squeeze(copy), strlen(rows[i].squeezed));
		cr_expect_str_eq(copy, rows[i].squeezed, "'%s'", rows[i].path);
	}
}

Test(path, under)
{
	cr_expect(path_is_under("/a/b", "/a"));
	cr_expect(path_is_under("/a", "/a"));
	cr_expect(path_is_under("/a", "/"));
	cr_expect(path_is_under("/", "/"));
	cr_expect_not(path_is_under("/ab", "/a"));
	cr_expect_not(path_is_under("/a", "/a/b"));
}

Test(path, components)
{
	const char *at = "//a/bc//", *name;
	size_t length;

	name = path_next(&at, &length);
	cr_expect(length == 1 && name[0] == 'a');
	name = path_next(&at, &length);
	cr_expect(length == 2 && strncmp(name, "bc", 2) == 0);
	cr_expect_null(path_next(&at, &length));
}
