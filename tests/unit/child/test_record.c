/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of status records refuses, and the names of the layers. */
#include "base/cleanup.h"
#include "child/plan.h"
#include "child/record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *what;
	struct status_record record;
	int result;
} rows[] = {
	{ "applied", { 1, 1, LAYER_UMASK, 1, { 0 }, 0, 0 }, 0 },
	{ "skipped", { 1, 1, LAYER_RLIMIT + 7, 0, { 0 }, 0, 0 }, 0 },
	{ "failed", { 1, 1, LAYER_LANDLOCK_FS, 2, { 0 }, 95, 0 }, 0 },
	{ "unavailable", { 1, 1, LAYER_LANDLOCK_NET, 3, { 0 }, 0, 0 }, 0 },
	{ "listener", { 1, 2, LAYER_LISTENER, 1, { 0 }, 0, 5 }, 0 },
	{ "fatal", { 1, 3, LAYER_CWD, 2, { 0 }, 2, 0 }, 0 },
	{ "exec", { 1, 4, LAYER_EXEC, 2, { 0 }, 2, 0 }, 0 },
	{ "version", { 2, 1, LAYER_UMASK, 1, { 0 }, 0, 0 }, -EBADMSG },
	{ "kind 0", { 1, 0, LAYER_UMASK, 1, { 0 }, 0, 0 }, -EBADMSG },
	{ "kind 5", { 1, 5, LAYER_UMASK, 1, { 0 }, 0, 0 }, -EBADMSG },
	{ "state 4", { 1, 1, LAYER_UMASK, 4, { 0 }, 0, 0 }, -EBADMSG },
	{ "padding", { 1, 1, LAYER_UMASK, 1, { 0, 0, 1 }, 0, 0 }, -EBADMSG },
	{ "negative errno", { 1, 1, LAYER_UMASK, 2, { 0 }, -1, 0 }, -EBADMSG },
	{ "errno of an applied layer", { 1, 1, LAYER_UMASK, 1, { 0 }, 1, 0 }, -EBADMSG },
	{ "failed without errno", { 1, 1, LAYER_UMASK, 2, { 0 }, 0, 0 }, -EBADMSG },
	{ "no such errno", { 1, 1, LAYER_UMASK, 2, { 0 }, 4096, 0 }, -EBADMSG },
	{ "layer 0", { 1, 1, 0, 1, { 0 }, 0, 0 }, -EBADMSG },
	{ "layer 999", { 1, 1, 999, 1, { 0 }, 0, 0 }, -EBADMSG },
	{ "value of a layer", { 1, 1, LAYER_UMASK, 1, { 0 }, 0, 1 }, -EBADMSG },
	{ "listener of another layer", { 1, 2, LAYER_UMASK, 1, { 0 }, 0, 5 }, -EBADMSG },
	{ "listener below zero", { 1, 2, LAYER_LISTENER, 1, { 0 }, 0, 0x80000000u }, -EBADMSG },
	{ "fatal but applied", { 1, 3, LAYER_CWD, 1, { 0 }, 0, 0 }, -EBADMSG },
	{ "exec of another layer", { 1, 4, LAYER_CWD, 2, { 0 }, 2, 0 }, -EBADMSG },
};

Test(record, check)
{
	cr_assert_eq(sizeof(struct status_record), 16);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(record_check(&rows[i].record), rows[i].result, "%s", rows[i].what);
}

Test(record, names)
{
	cr_expect_str_eq(layer_name(LAYER_LANDLOCK_FS), "landlock_fs");
	cr_expect_str_eq(layer_name(LAYER_RLIMIT + RLIMIT_NOFILE), "rlimit_nofile");
	cr_expect_str_eq(layer_name(LAYER_RLIMIT + RLIMIT_CPU), "rlimit_cpu");
	cr_expect_str_eq(layer_name(LAYER_EXEC), "exec");
	cr_expect_str_eq(layer_name(0), "unknown");
	cr_expect_str_eq(layer_name(70000), "unknown");
}
