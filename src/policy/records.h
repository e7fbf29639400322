/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that are maps themselves (isolation.mounts). The text of such an entry is what people read, a
 * flow map of YAML; its name holds the fields as `name=value`, each ended by a byte that no path has.
 */
#ifndef CORDON_POLICY_RECORDS_H
#define CORDON_POLICY_RECORDS_H

#include <string.h>

#define RECORD_FIELD_END '\x1f'

/* The next field, taken apart in place. Return: 0 at the end. */
static inline int record_next(char **rest, char **ret_name, char **ret_value)
{
	char *end = *rest ? strchr(*rest, RECORD_FIELD_END) : NULL;

	if (!end)
		return 0;
	*ret_name = *rest;
	*ret_value = strchr(*rest, '=');
	*end = '\0';
	*rest = end + 1;
	if (!*ret_value)
		return 0;
	*(*ret_value)++ = '\0';
	return 1;
}

#endif
