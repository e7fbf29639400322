/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The level of a run: what was asked for against what is proven to be in force.
 *
 *   full      every layer that was asked for is applied
 *   baseline  the same, but only no_new_privs and resource limits were asked for
 *   partial   some are not
 *   none      none is
 *   empty     nothing was asked for
 *
 * Layers that every start has and that are fatal in every mode confine nothing by themselves and do
 * not count.
 */
#include "lib/level.h"

#define NOT_COUNTED                                                                                \
	(LAYER_BIT(LAYER_KEEPER) | LAYER_BIT(LAYER_SESSION) | LAYER_BIT(LAYER_PDEATHSIG) |         \
	 LAYER_BIT(LAYER_DESCRIPTORS) | LAYER_BIT(LAYER_EXEC))

static bool is_baseline(unsigned layer)
{
	return layer == LAYER_NO_NEW_PRIVS || (layer >= LAYER_RLIMIT && layer < LAYER_BOUNDING);
}

const char *level_of(const struct layer_outcome *layers)
{
	size_t requested = 0, applied = 0, beyond = 0;

	for (unsigned i = 1; i < LAYER_COUNT; i++) {
		if (!layers[i].requested || (NOT_COUNTED & LAYER_BIT(i)))
			continue;
		requested++;
		applied += layers[i].state == STATE_APPLIED;
		beyond += !is_baseline(i);
	}
	if (requested == 0)
		return "empty";
	if (applied == 0)
		return "none";
	if (applied < requested)
		return "partial";
	return beyond > 0 ? "full" : "baseline";
}
