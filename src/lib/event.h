/* SPDX-License-Identifier: Apache-2.0 */
/* What the two spellings of an event share. */
#ifndef CORDON_LIB_EVENT_H
#define CORDON_LIB_EVENT_H

#include "base/str.h"

#include <cordon/event.h>

/* Texts that a program chooses are cut at this many bytes, with a mark. */
#define EVENT_TEXT_MAX 4096

/* The fields of the first version; events from newer libraries are longer. */
#define EVENT_SIZE_MIN (offsetof(struct cordon_event, number) + sizeof(int64_t))

/* The list that an entry must be added to for the operation. Return: static storage; NULL if none.
 */
const char *event_grant_key(const char *operation);
/* Adds `KEY "TEXT" (FILE:LINE)`; text and file may be NULL, line 0. */
void event_rule_text(struct strbuf *sb, const char *key, const char *text, const char *file,
		     int line);

#endif
