/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the library from a host of our own share. */
#ifndef CORDON_TESTS_LIVE_LIBRARY_H
#define CORDON_TESTS_LIVE_LIBRARY_H

#include <cordon/cordon.h>

/* A policy that the kernel holds alone. */
#define KERNEL_ONLY "{ supervisor: off, network: { unix: { connect: [/] } } }"

/* The preset `base`, and these on top; NULL: none. Ends the test where one is refused. */
cordon_policy *base_and(const char *rules, const char *more);

#endif
