/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: numbers at their boundaries, text made safe to print, the nearest word. */
#include "base/str.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(str, decimal_numbers)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
	} rows[] = {
		{ "0", 10, 0, 0 },
		{ "10", 10, 0, 10 },
		{ "11", 10, -ERANGE, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "08", 10, -EINVAL, 0 },
		{ "00", 10, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1 ", 10, -EINVAL, 0 },
		{ "1e3", 10, -EINVAL, 0 },
		{ "0x1", 10, -EINVAL, 0 },
		{ "1.0", 10, -EINVAL, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value = 0;

		cr_expect_eq(str_to_u64(rows[i].text, rows[i].max, &value), rows[i].result, "'%s'",
			     rows[i].text);
		cr_expect_eq(value, rows[i].value, "'%s'", rows[i].text);
	}
}

Test(str, sizes_and_durations)
{
	static const struct {
		const char *text;
		int (*read)(const char *text, uint64_t *ret);
		int result;
		uint64_t value;
	} rows[] = {
		{ "0", str_to_size, 0, 0 },
		{ "7B", str_to_size, 0, 7 },
		{ "1K", str_to_size, 0, 1024 },
		{ "2G", str_to_size, 0, 2ull << 30 },
		{ "16777215T", str_to_size, 0, 16777215ull << 40 },
		{ "16777216T", str_to_size, -ERANGE, 0 },
		{ "1KB", str_to_size, -EINVAL, 0 },
		{ "1k", str_to_size, -EINVAL, 0 },
		{ "K", str_to_size, -EINVAL, 0 },
		{ "-1K", str_to_size, -EINVAL, 0 },
		{ "500ms", str_to_duration, 0, 500 },
		{ "10s", str_to_duration, 0, 10000 },
		{ "5m", str_to_duration, 0, 300000 },
		{ "1h", str_to_duration, 0, 3600000 },
		{ "1", str_to_duration, -EINVAL, 0 },
		{ "1d", str_to_duration, -EINVAL, 0 },
		{ "", str_to_duration, -EINVAL, 0 },
		{ "5124095576031h", str_to_duration, -ERANGE, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value = 0;

		cr_expect_eq(rows[i].read(rows[i].text, &value), rows[i].result, "'%s'",
			     rows[i].text);
		cr_expect_eq(value, rows[i].value, "'%s'", rows[i].text);
	}
}

Test(str, octal_numbers)
{
	unsigned value = 0;

	cr_expect_eq(str_to_octal("022", 0777, &value), 0);
	cr_expect_eq(value, 022);
	cr_expect_eq(str_to_octal("777", 0777, &value), 0);
	cr_expect_eq(str_to_octal("1000", 0777, &value), -ERANGE);
	cr_expect_eq(str_to_octal("77777777777777777777", 0777, &value), -ERANGE);
	cr_expect_eq(str_to_octal("8", 0777, &value), -EINVAL);
	cr_expect_eq(str_to_octal("", 0777, &value), -EINVAL);
}

Test(str, utf8)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool valid;
	} rows[] = {
		{ "", 0, true },
		{ "abc", 3, true },
		{ "\xc3\xbc", 2, true },
		{ "\xe2\x82\xac", 3, true },
		{ "\xf0\x9f\x98\x80", 4, true },
		{ "a\0b", 3, false },
		{ "\xff", 1, false },
		{ "\xc3", 1, false },
		{ "\xc0\xaf", 2, false },	  /* longer than needed */
		{ "\xed\xa0\x80", 3, false },	  /* surrogate */
		{ "\xf4\x90\x80\x80", 4, false }, /* above the last code point */
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(str_is_utf8(rows[i].bytes, rows[i].length), rows[i].valid, "row %zu",
			     i);
}

Test(str, escaping)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "plain \xc3\xbc", "plain \xc3\xbc" },
		{ "a\nb", "a\\x0ab" },
		{ "\x1b[31m", "\\x1b[31m" },
		{ "\xff", "\\xff" },
		{ "a\"b\\", "a\\x22b\\x5c" },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* turns the direction of a line */
	};
	char buffer[64];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_str_eq(
			str_escape(buffer, sizeof(buffer), rows[i].bytes, strlen(rows[i].bytes)),
			rows[i].text);
	cr_expect_str_eq(str_escape(buffer, 8, "0123456789", 10), "0123...");
}

Test(str, buffers_grow)
{
	struct strbuf sb = { 0 };
	char *text;

	for (int i = 0; i < 1000; i++)
		strbuf_add(&sb, "%d,", i);
	cr_expect_eq(sb.length, 3890);
	cr_expect_eq(strlen(sb.text), sb.length);
	text = strbuf_take(&sb);
	cr_expect_null(sb.text);
	free(text);
	text = strbuf_take(&sb);
	cr_expect_str_eq(text, "", "nothing is an empty text");
	free(text);
}

static const char *word(size_t index, const void *arg)
{
	static const char *const words[] = { "read", "write", "protect" };

	(void)arg;
	return index < COUNT_OF(words) ? words[index] : NULL;
}

Test(str, the_nearest_word)
{
	cr_expect_str_eq(str_nearest("raed", word, NULL), "read");
	cr_expect_str_eq(str_nearest("writ", word, NULL), "write");
	cr_expect_str_eq(str_nearest("protcet", word, NULL), "protect");
	cr_expect_null(str_nearest("something", word, NULL));
	cr_expect_null(str_nearest("", word, NULL));
}
