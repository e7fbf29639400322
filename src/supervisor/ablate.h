/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches that take one wall away, so that a test can show that its attack works without it.
 *
 * They exist only in the test build of the same sources (-DCORDON_ABLATE), where the environment
 * variable CORDON_ABLATE names them; in every other build they are the constant false.
 */
#ifndef CORDON_SUPERVISOR_ABLATE_H
#define CORDON_SUPERVISOR_ABLATE_H

#include <stdbool.h>

#ifdef CORDON_ABLATE
bool ablated(const char *name);
/* Number behind `name=`, or fallback. */
int ablated_number(const char *name, int fallback);
#else
#define ablated(name)		       ((void)(name), false)
#define ablated_number(name, fallback) ((void)(name), (fallback))
#endif

#endif
