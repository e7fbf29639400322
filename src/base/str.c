/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: see str.h. */
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct strbuf *sb, size_t more)
{
	size_t capacity = sb->capacity ? sb->capacity : 128;
	char *text;

	if (sb->failed)
		return false;
	while (capacity < sb->length + more + 1)
		capacity *= 2;
	if (capacity == sb->capacity)
		return true;
	text = realloc(sb->text, capacity);
	if (!text) {
		sb->failed = true;
		return false;
	}
	sb->text = text;
	sb->capacity = capacity;
	return true;
}

void strbuf_add_bytes(struct strbuf *sb, const char *bytes, size_t length)
{
	if (!reserve(sb, length))
		return;
	memcpy(sb->text + sb->length, bytes, length);
	sb->length += length;
	sb->text[sb->length] = '\0';
}

void strbuf_add(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap, again;
	int length;

	va_start(ap, fmt);
	va_copy(again, ap);
	length = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (length >= 0 && reserve(sb, (size_t)length)) {
		vsnprintf(sb->text + sb->length, (size_t)length + 1, fmt, again);
		sb->length += (size_t)length;
	}
	va_end(again);
}

char *strbuf_take(struct strbuf *sb)
{
	char *text;

	strbuf_add_bytes(sb, "", 0);
	text = sb->failed ? NULL : sb->text;
	if (sb->failed)
		free(sb->text);
	*sb = (struct strbuf){ 0 };
	return text;
}

void strbuf_done(struct strbuf *sb)
{
	free(sb->text);
	*sb = (struct strbuf){ 0 };
}

/* Length of the UTF-8 sequence at bytes, or 0 if there is no valid one; *ret is the code point. */
static size_t utf8_sequence(const unsigned char *bytes, size_t length, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n;
	uint32_t point;

	if (bytes[0] < 0x80) {
		*ret = bytes[0];
		return 1;
	}
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
		n = 2;
	else if ((bytes[0] & 0xf0) == 0xe0)
		n = 3;
	else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > length)
		return 0;
	point = bytes[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3fu);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret = point;
	return n;
}

/* Characters that could forge or reorder a line of output. */
static bool harmless(uint32_t point)
{
	if (point < 0x20 || point == '"' || point == '\\' || (point >= 0x7f && point < 0xa0))
		return false;
	if (point == 0x2028 || point == 0x2029 || point == 0xfeff || point == 0x061c)
		return false;
	return !(point >= 0x200b && point <= 0x200f) && !(point >= 0x202a && point <= 0x202e) &&
	       !(point >= 0x2060 && point <= 0x206f);
}

void strbuf_add_escaped(struct strbuf *sb, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;

	while (length > 0) {
		uint32_t point;
		size_t n = utf8_sequence(at, length, &point);

		if (n > 0 && harmless(point)) {
			strbuf_add_bytes(sb, (const char *)at, n);
		} else {
			n = n ? n : 1;
			for (size_t i = 0; i < n; i++)
				strbuf_add(sb, "\\x%02x", at[i]);
		}
		at += n;
		length -= n;
	}
}

const char *str_escape(char *buffer, size_t size, const char *bytes, size_t length)
{
	struct strbuf sb = { 0 };

	strbuf_add_escaped(&sb, bytes, length);
	if (sb.failed || !sb.text)
		snprintf(buffer, size, "%s", sb.failed ? "?" : "");
	else if (sb.length < size)
		memcpy(buffer, sb.text, sb.length + 1);
	else
		snprintf(buffer, size, "%.*s...", (int)(size > 4 ? size - 4 : 0), sb.text);
	strbuf_done(&sb);
	return buffer;
}

bool str_is_utf8(const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;

	while (length > 0) {
		uint32_t point;
		size_t n = utf8_sequence(at, length, &point);

		if (n == 0 || point == 0)
			return false;
		at += n;
		length -= n;
	}
	return true;
}

/* Reads digits; *ret_end is the first byte behind them. */
static int read_number(const char *text, uint64_t *ret, const char **ret_end)
{
	uint64_t value = 0;
	const char *at = text;

	if (*at < '0' || *at > '9' || (at[0] == '0' && at[1] >= '0' && at[1] <= '9'))
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret = value;
	*ret_end = at;
	return 0;
}

int str_to_u64(const char *text, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t value;
	int r = read_number(text, &value, &end);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int scaled(const char *text, const struct unit *units, size_t count, uint64_t *ret)
{
	const char *end;
	uint64_t value;
	int r = read_number(text, &value, &end);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (value > UINT64_MAX / units[i].factor)
			return -ERANGE;
		*ret = value * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int str_to_size(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = { { "", 1 },		  { "B", 1 },
					     { "K", 1ull << 10 }, { "M", 1ull << 20 },
					     { "G", 1ull << 30 }, { "T", 1ull << 40 } };

	return scaled(text, units, sizeof(units) / sizeof(units[0]), ret_bytes);
}

int str_to_duration(const char *text, uint64_t *ret_ms)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }
	};

	return scaled(text, units, sizeof(units) / sizeof(units[0]), ret_ms);
}

int str_to_octal(const char *text, unsigned max, unsigned *ret)
{
	unsigned value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '7')
			return -EINVAL;
		value = value * 8 + (unsigned)(*text - '0');
		if (value > max)
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

#define NEAREST_MAX 40

/* Edit distance with insertions, deletions, replacements and swaps of neighbours. */
static size_t distance(const char *a, size_t la, const char *b, size_t lb)
{
	size_t row[3][NEAREST_MAX + 1];

	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *str_nearest(const char *text, const char *(*candidate)(size_t index, const void *arg),
			const void *arg)
{
	size_t length = strlen(text), best = length / 3 + 1;
	const char *found = NULL, *name;

	if (length > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; (name = candidate(i, arg)); i++) {
		size_t n = strlen(name), d;

		if (n > NEAREST_MAX)
			continue;
		d = distance(text, length, name, n);
		if (d < best || (d == best && !found)) {
			best = d;
			found = name;
		}
	}
	return found;
}
