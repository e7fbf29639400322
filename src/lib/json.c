/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values from text that may hold any byte: see json.h. */
#include "lib/json.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "lib/event.h"

#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence at bytes that can stand in a log; 0 if there is none. */
static size_t clean_sequence(const char *bytes, size_t length)
{
	if (bytes[0] == 0x7f)
		return 0;
	for (size_t n = 1; n <= 4 && n <= length; n++) {
		if (str_is_utf8(bytes, n))
			return n;
	}
	return 0;
}

static char *base64(const char *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)bytes;
	char *text = malloc((length + 2) / 3 * 4 + 1), *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < length; i += 3) {
		uint32_t group = (uint32_t)in[i] << 16;

		if (i + 1 < length)
			group |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < length)
			group |= in[i + 2];
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = i + 1 < length ? digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < length ? digits[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

static void set_raw(json_t *object, const char *key, const char *text, size_t length)
{
	cleanup_free char *encoded = base64(text, length);
	char name[64];

	if (!encoded)
		return;
	snprintf(name, sizeof(name), "%s_raw", key);
	json_object_set_new(object, name, json_string(encoded));
}

void json_set_text(json_t *object, const char *key, const char *text, size_t length)
{
	cleanup_strbuf struct strbuf sb = { 0 };
	bool odd = false, cut;

	if (!text)
		return;
	length = strnlen(text, length < EVENT_TEXT_MAX + 1 ? length : EVENT_TEXT_MAX + 1);
	cut = length > EVENT_TEXT_MAX;
	if (cut)
		length = EVENT_TEXT_MAX;
	for (size_t i = 0; i < length;) {
		size_t n = clean_sequence(text + i, length - i);

		if (n == 0) {
			strbuf_add(&sb, "\\x%02x", (unsigned char)text[i++]);
			odd = true;
			continue;
		}
		strbuf_add_bytes(&sb, text + i, n);
		i += n;
	}
	if (cut)
		strbuf_add(&sb, "...");
	if (!sb.failed)
		json_object_set_new(object, key, json_string(sb.text ? sb.text : ""));
	if (odd)
		set_raw(object, key, text, length);
}

int json_to_text(const json_t *json, size_t flags, char **ret_text, struct cordon_error *err)
{
	char *text = json ? json_dumps(json, flags | JSON_ENSURE_ASCII) : NULL;

	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	*ret_text = text;
	return 0;
}
