/* SPDX-License-Identifier: Apache-2.0 */
/* What a set of outcomes amounts to, and the compact form of it. */
#include "base/cleanup.h"
#include "lib/level.h"

#include <cordon/compact.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

Test(level, table)
{
	const struct {
		const char *level;
		struct {
			unsigned layer;
			enum layer_state state;
		} rows[4];
	} table[] = {
		{ "empty", { { LAYER_KEEPER, STATE_APPLIED }, { LAYER_EXEC, STATE_APPLIED } } },
		{ "empty", { { LAYER_SESSION, STATE_APPLIED } } },
		{ "baseline",
		  { { LAYER_NO_NEW_PRIVS, STATE_APPLIED },
		    { LAYER_RLIMIT + RLIMIT_AS, STATE_APPLIED } } },
		{ "partial",
		  { { LAYER_NO_NEW_PRIVS, STATE_APPLIED },
		    { LAYER_RLIMIT + RLIMIT_AS, STATE_FAILED } } },
		{ "full",
		  { { LAYER_NO_NEW_PRIVS, STATE_APPLIED }, { LAYER_SECCOMP, STATE_APPLIED } } },
		{ "partial",
		  { { LAYER_NO_NEW_PRIVS, STATE_APPLIED },
		    { LAYER_LANDLOCK_FS, STATE_UNAVAILABLE } } },
		{ "partial",
		  { { LAYER_NO_NEW_PRIVS, STATE_APPLIED }, { LAYER_SECCOMP, STATE_NO_RECORD } } },
		{ "none", { { LAYER_SECCOMP, STATE_FAILED }, { LAYER_CAPS, STATE_UNAVAILABLE } } },
		{ "none", { { LAYER_SECCOMP, STATE_NO_RECORD } } },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct layer_outcome layers[LAYER_COUNT] = { 0 };

		for (size_t k = 0; k < 4 && table[i].rows[k].layer; k++)
			layers[table[i].rows[k].layer] =
				(struct layer_outcome){ .state = table[i].rows[k].state,
							.requested = true };
		cr_expect_str_eq(level_of(layers), table[i].level, "row %zu", i);
	}
}

static const unsigned char golden[3][CORDON_COMPACT_SIZE] = {
	{ 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 },
	{ 1, 1, 0, 1, 0, 2, 13, 1, 0, 2, 1, 2, 13, 1, 0 },
	{ 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 },
};

Test(compact, golden_bytes)
{
	static const enum cordon_compact_level levels[] = {
		CORDON_COMPACT_FULL,
		CORDON_COMPACT_PARTIAL,
		CORDON_COMPACT_BASELINE,
	};

	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		unsigned char bytes[CORDON_COMPACT_SIZE];
		struct cordon_compact outcome;

		cr_assert_eq(cordon_compact_decode(golden[i], sizeof(golden[i]), false, &outcome),
			     0);
		cr_expect_eq(cordon_compact_level(&outcome), levels[i]);
		cr_assert_eq(cordon_compact_encode(&outcome, bytes), 0);
		cr_expect_eq(memcmp(bytes, golden[i], sizeof(bytes)), 0, "%zu", i);
	}
}

Test(compact, lengths)
{
	unsigned char bytes[64] = { 0 };
	struct cordon_compact outcome;

	memcpy(bytes, golden[1], CORDON_COMPACT_SIZE);
	cr_expect_eq(cordon_compact_decode(bytes, 0, false, &outcome), -ENODATA);
	cr_expect_eq(cordon_compact_decode(bytes, 14, true, &outcome), -ENODATA);
	cr_expect_eq(cordon_compact_decode(bytes, 15, false, &outcome), 0);
	cr_expect_eq(cordon_compact_decode(bytes, 64, false, &outcome), 0);
	cr_expect_eq(outcome.part[CORDON_PART_RLIMIT_NOFILE].error, 13);
}

Test(compact, unknown_values)
{
	const struct {
		size_t at;
		unsigned char value;
		enum cordon_compact_state state; /* of the first part, when lenient */
		int error;
	} rows[] = {
		{ 0, 9, CORDON_COMPACT_APPLIED, 0 },
		{ 1, 7, CORDON_COMPACT_FAILED, -1 },
		{ 2, 5, CORDON_COMPACT_APPLIED, 0 },
	};
	struct cordon_compact outcome;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		unsigned char bytes[CORDON_COMPACT_SIZE];

		memcpy(bytes, golden[0], sizeof(bytes));
		bytes[rows[i].at] = rows[i].value;
		cr_expect_eq(cordon_compact_decode(bytes, sizeof(bytes), false, &outcome),
			     -EBADMSG);
		cr_expect_eq(cordon_compact_decode(bytes, sizeof(bytes), true, &outcome), 0);
		cr_expect_eq(outcome.part[0].state, rows[i].state);
		cr_expect_eq(outcome.part[0].error, rows[i].error);
		cr_expect_eq(outcome.profile,
			     rows[i].at ? CORDON_PROFILE_STRICT : CORDON_PROFILE_STANDARD);
	}
}

Test(compact, encoder)
{
	struct cordon_compact outcome = { .profile = CORDON_PROFILE_STRICT };
	unsigned char bytes[CORDON_COMPACT_SIZE];

	outcome.part[0].state = CORDON_COMPACT_FAILED;
	outcome.part[0].error = 0x1ff;
	cr_expect_eq(cordon_compact_level(&outcome), CORDON_COMPACT_NONE);
	cr_assert_eq(cordon_compact_encode(&outcome, bytes), 0);
	cr_expect_eq(bytes[2], 0xff, "the low byte");
	outcome.part[0].error = -1;
	cr_assert_eq(cordon_compact_encode(&outcome, bytes), 0);
	cr_expect_eq(bytes[2], 0);
	outcome.part[6].state = (enum cordon_compact_state)3;
	cr_expect_eq(cordon_compact_encode(&outcome, bytes), -EINVAL);
	outcome.part[6].state = CORDON_COMPACT_SKIPPED;
	outcome.profile = (enum cordon_compact_profile)2;
	cr_expect_eq(cordon_compact_encode(&outcome, bytes), -EINVAL);
	cr_expect_eq(cordon_compact_encode(NULL, bytes), -EINVAL);
}
