/* SPDX-License-Identifier: Apache-2.0 */
/* Test build only: see ablate.h. */
#include "supervisor/ablate.h"

#ifdef CORDON_ABLATE
#include <stdlib.h>
#include <string.h>

/* CORDON_ABLATE is a list like "decide,landlock-abi=3". */
static const char *find(const char *name)
{
	const char *at = getenv("CORDON_ABLATE");
	size_t length = strlen(name);

	while (at && *at) {
		if (strncmp(at, name, length) == 0 &&
		    (at[length] == ',' || at[length] == '=' || !at[length]))
			return at + length;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return NULL;
}

bool ablated(const char *name)
{
	return find(name) != NULL;
}

int ablated_number(const char *name, int fallback)
{
	const char *at = find(name);

	return at && *at == '=' ? atoi(at + 1) : fallback;
}
#else
/* ISO C wants a declaration in every file. */
typedef int ablate_nothing;
#endif
