/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of status records refuses. */
#include "base/cleanup.h"
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

Test(record, decode)
{
	unsigned char bytes[RECORD_SIZE + 1] = { 0 };
	struct status_record got;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		memset(&got, 0xff, sizeof(got));
		cr_expect_eq(record_decode(&rows[i].record, RECORD_SIZE, &got), rows[i].result,
			     "%s", rows[i].what);
		if (rows[i].result == 0)
			cr_expect_eq(memcmp(&got, &rows[i].record, RECORD_SIZE), 0);
	}
	/* Whatever is not whole is nothing. */
	memcpy(bytes, &rows[0].record, RECORD_SIZE);
	for (size_t length = 0; length <= sizeof(bytes); length++)
		cr_expect_eq(record_decode(bytes, length, &got),
			     length == RECORD_SIZE ? 0 : -EBADMSG, "%zu", length);
}

Test(record, make)
{
	struct status_record made = record_make(RECORD_LAYER, LAYER_CAPS, STATE_FAILED, 300), got;

	cr_expect_eq(record_decode(&made, sizeof(made), &got), 0);
	cr_expect_eq(got.error, 300, "an errno is not cut to a byte");
	made = record_make(RECORD_LAYER, LAYER_CAPS, STATE_UNAVAILABLE, 38);
	cr_expect_eq(record_decode(&made, sizeof(made), &got), 0);
	cr_expect_eq(got.error, 0);
}
