/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and names of the layers. */
#include "base/layer.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

Test(layer, names)
{
	const char *nearest = NULL;

	cr_expect_str_eq(layer_name(LAYER_LANDLOCK_FS), "landlock_fs");
	cr_expect_str_eq(layer_name(LAYER_RLIMIT + RLIMIT_NOFILE), "rlimit_nofile");
	cr_expect_str_eq(layer_name(LAYER_RLIMIT + RLIMIT_CPU), "rlimit_cpu");
	cr_expect_str_eq(layer_name(LAYER_EXEC), "exec");
	cr_expect_str_eq(layer_name(0), "unknown");
	cr_expect_str_eq(layer_name(70000), "unknown");
	for (unsigned i = 1; i < LAYER_COUNT; i++) {
		cr_assert(layer_known(i), "%u", i);
		cr_expect_eq(layer_by_name(layer_name(i), &nearest), i);
	}
	cr_expect_eq(layer_by_name("landlok_fs", &nearest), 0);
	cr_expect_str_eq(nearest, "landlock_fs");
}
