/* SPDX-License-Identifier: Apache-2.0 */
/* What the outcome of all layers amounts to. */
#ifndef CORDON_LIB_LEVEL_H
#define CORDON_LIB_LEVEL_H

#include "supervisor/sandbox.h"

/*
 * layers: LAYER_COUNT of them, by number. Return: "full", "partial", "baseline", "none" or "empty";
 * static storage.
 */
const char *level_of(const struct layer_outcome *layers);

#endif
