/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values from text that may hold any byte. */
#ifndef CORDON_LIB_JSON_H
#define CORDON_LIB_JSON_H

#include <cordon/error.h>
#include <jansson.h>
#include <stddef.h>

static inline void json_done_(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(json_done_)))

/*
 * Sets key to the text, at most length bytes of it (SIZE_MAX: all), made valid UTF-8; if bytes had
 * to be written as \xNN, `key_raw` gets all of them in base64. text: NULL sets nothing.
 */
void json_set_text(json_t *object, const char *key, const char *text, size_t length);

/* The object as text from malloc. Return: 0 or -ENOMEM. */
int json_to_text(const json_t *json, size_t flags, char **ret_text, struct cordon_error *err);

#endif
