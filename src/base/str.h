/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string, numbers with range checks, and text made safe to print. */
#ifndef CORDON_BASE_STR_H
#define CORDON_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Starts as {0}. After an allocation failure `failed` stays set and the text stops growing. */
struct strbuf {
	char *text; /* terminated; NULL while empty */
	size_t length, capacity;
	bool failed;
};

void strbuf_add(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_add_bytes(struct strbuf *sb, const char *bytes, size_t length);
/* Adds bytes with control characters, quotes, backslashes and anything that is not printable UTF-8
 * as \xNN. */
void strbuf_add_escaped(struct strbuf *sb, const char *bytes, size_t length);
/*
 * Hands the text to the caller, who frees it; the buffer is empty afterwards.
 * Return: the text, never NULL unless an allocation failed.
 */
char *strbuf_take(struct strbuf *sb);
void strbuf_done(struct strbuf *sb);
#define cleanup_strbuf __attribute__((cleanup(strbuf_done)))

/* Writes bytes escaped as above, cut at size-1 with a mark. Return: buffer. */
const char *str_escape(char *buffer, size_t size, const char *bytes, size_t length);

/* Decimal without sign or leading zero. Return: 0, -EINVAL, or -ERANGE above max. */
int str_to_u64(const char *text, uint64_t max, uint64_t *ret);
/* `10G`: K M G T are powers of 1024, B or nothing is bytes. Return: 0, -EINVAL, -ERANGE. */
int str_to_size(const char *text, uint64_t *ret_bytes);
/* `500ms`, `10s`, `5m`, `1h`; a bare number is an error. Return: 0, -EINVAL, -ERANGE. */
int str_to_duration(const char *text, uint64_t *ret_ms);
/* Octal digits only, at most max. Return: 0, -EINVAL, -ERANGE. */
int str_to_octal(const char *text, unsigned max, unsigned *ret);

/* Whether two texts are equal; for searches where most differ in the first byte. */
static inline bool str_equal(const char *a, const char *b)
{
	return a[0] == b[0] && strcmp(a, b) == 0;
}

/* Whether the bytes are valid UTF-8 without NUL. */
bool str_is_utf8(const char *bytes, size_t length);

/*
 * The candidate nearest to text by edit distance, for "did you mean".
 * candidate: called with 0, 1, ... until it returns NULL.
 * Return: the nearest one if it is near enough to be a typing mistake, else NULL.
 */
const char *str_nearest(const char *text, const char *(*candidate)(size_t index, const void *arg),
			const void *arg);

#endif
