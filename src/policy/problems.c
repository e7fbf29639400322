/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of one policy: see problems.h. */
#include "policy/problems.h"

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int problems_add(struct problems *problems, int code, const struct place *place, const char *fmt,
		 ...)
{
	struct cordon_error *slot;
	char text[sizeof(slot->text)];
	va_list ap;

	if (problems->count++ >= PROBLEMS_MAX)
		return code;
	slot = &problems->list[problems->count - 1];
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(slot, code, "%s", text);
	if (place)
		err_place(slot, place->file, place->line, place->column);
	return code;
}

int problems_get(const struct problems *problems, size_t index, struct cordon_error *err)
{
	if (index >= problems->count || index >= PROBLEMS_MAX)
		return 0;
	if (err)
		*err = problems->list[index];
	return problems->list[index].code;
}
