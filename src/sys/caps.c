/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, by libcap: see caps.h. */
#include "sys/caps.h"

#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#define NAME_MAX_LENGTH 32

unsigned caps_last(void)
{
	return (unsigned)cap_max_bits() - 1;
}

int caps_by_name(const char *name)
{
	char full[NAME_MAX_LENGTH + 8];
	cap_value_t value;
	uint64_t number;

	if (*name >= '0' && *name <= '9')
		return str_to_u64(name, caps_last(), &number) < 0 ? -1 : (int)number;
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	if (strlen(name) > NAME_MAX_LENGTH)
		return -1;
	snprintf(full, sizeof(full), "cap_%s", name);
	for (char *c = full; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (cap_from_name(full, &value) < 0 || (unsigned)value > caps_last())
		return -1;
	return (int)value;
}

const char *caps_name(unsigned cap, char *buffer)
{
	char *name = cap_to_name((cap_value_t)cap);

	if (name && strncmp(name, "cap_", 4) == 0) {
		snprintf(buffer, NAME_MAX_LENGTH, "%s", name);
		for (char *c = buffer; *c; c++)
			*c = (char)toupper((unsigned char)*c);
	} else {
		snprintf(buffer, NAME_MAX_LENGTH, "capability %u", cap);
	}
	cap_free(name);
	return buffer;
}

static bool is_set(cap_t caps, unsigned cap, cap_flag_t flag)
{
	cap_flag_value_t value = CAP_CLEAR;

	cap_get_flag(caps, (cap_value_t)cap, flag, &value);
	return value == CAP_SET;
}

int caps_own(struct caps_own *ret)
{
	cap_t caps = cap_get_proc();

	*ret = (struct caps_own){ 0 };
	if (!caps)
		return -errno;
	for (unsigned cap = 0; cap <= caps_last(); cap++) {
		uint64_t bit = 1ull << cap;

		ret->permitted |= is_set(caps, cap, CAP_PERMITTED) ? bit : 0;
		ret->effective |= is_set(caps, cap, CAP_EFFECTIVE) ? bit : 0;
		ret->inheritable |= is_set(caps, cap, CAP_INHERITABLE) ? bit : 0;
		ret->bounding |= cap_get_bound((cap_value_t)cap) == 1 ? bit : 0;
	}
	cap_free(caps);
	return 0;
}
