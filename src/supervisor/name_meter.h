/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many new names under wildcards are asked about.
 *
 * Whoever runs a domain's server sees the names that are looked up below it, so each new name is a
 * message to the outside. Names that were asked for lately are free; a new one costs a token. The
 * bucket holds METER_BURST of them and gets one back each METER_REFILL_MS.
 */
#ifndef CORDON_SUPERVISOR_NAME_METER_H
#define CORDON_SUPERVISOR_NAME_METER_H

#include "policy/name_table.h"

#include <stdbool.h>
#include <stdint.h>

#define METER_BURST	200u
#define METER_REFILL_MS 250u
#define METER_NAMES	256u

struct name_meter {
	unsigned tokens;
	uint64_t refilled; /* when the last token came */
	unsigned next;	   /* the oldest name */
	char names[METER_NAMES][NAME_SIZE];
};

void name_meter_init(struct name_meter *meter, uint64_t now);
/* Whether the name may be asked about; counts it. now: milliseconds. */
bool name_meter_admits(struct name_meter *meter, const char *name, uint64_t now);

#endif
