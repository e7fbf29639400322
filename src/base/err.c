/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct cordon_error *err, int code, const char *fmt, va_list ap)
{
	memset(err, 0, sizeof(*err));
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int err_set(struct cordon_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_sys(struct cordon_error *err, int code, const char *fmt, ...)
{
	const char *words = strerrordesc_np(-code);
	va_list ap;
	size_t used;

	if (!err)
		return code;
	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		 words ? words : "unknown error");
	return code;
}

int err_wrap(struct cordon_error *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	va_list ap;
	size_t used;

	if (!err)
		return -EIO;
	if (err->code == 0)
		err->code = -EIO;
	memcpy(inner, err->text, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return err->code;
}

int err_place(struct cordon_error *err, const char *source, int line, int column)
{
	if (!err)
		return -EIO;
	snprintf(err->source, sizeof(err->source), "%s", source ? source : "");
	err->line = line;
	err->column = column;
	return err->code;
}

const char *cordon_error_format(const struct cordon_error *error, char *buffer, size_t size)
{
	if (size == 0)
		return buffer;
	if (!error->source[0])
		snprintf(buffer, size, "%s", error->text);
	else if (error->line <= 0)
		snprintf(buffer, size, "%s: %s", error->source, error->text);
	else
		snprintf(buffer, size, "%s:%d:%d: %s", error->source, error->line, error->column,
			 error->text);
	return buffer;
}
