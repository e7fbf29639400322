/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket of tokens, and the names of late: see name_meter.h. */
#include "supervisor/name_meter.h"

#include <string.h>

void name_meter_init(struct name_meter *meter, uint64_t now)
{
	memset(meter, 0, sizeof(*meter));
	meter->tokens = METER_BURST;
	meter->refilled = now;
}

static void refill(struct name_meter *meter, uint64_t now)
{
	uint64_t came = (now - meter->refilled) / METER_REFILL_MS;

	meter->refilled += came * METER_REFILL_MS;
	meter->tokens =
		came < METER_BURST - meter->tokens ? meter->tokens + (unsigned)came : METER_BURST;
}

bool name_meter_admits(struct name_meter *meter, const char *name, uint64_t now)
{
	for (unsigned i = 0; i < METER_NAMES; i++)
		if (strcmp(meter->names[i], name) == 0)
			return true;
	refill(meter, now);
	if (meter->tokens == 0)
		return false;
	meter->tokens--;
	strncpy(meter->names[meter->next], name, NAME_SIZE - 1);
	meter->next = (meter->next + 1) % METER_NAMES;
	return true;
}
