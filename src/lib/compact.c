/* SPDX-License-Identifier: Apache-2.0 */
/* The compact outcome: see compact.h. */
#include "base/cleanup.h"
#include "lib/sandbox.h"

#include <cordon/compact.h>

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

int cordon_compact_encode(const struct cordon_compact *outcome,
			  unsigned char ret_bytes[CORDON_COMPACT_SIZE])
{
	if (!outcome || !ret_bytes || (unsigned)outcome->profile > CORDON_PROFILE_STRICT)
		return -EINVAL;
	for (size_t i = 0; i < CORDON_PART_COUNT; i++)
		if ((unsigned)outcome->part[i].state > CORDON_COMPACT_FAILED)
			return -EINVAL;
	ret_bytes[0] = (unsigned char)outcome->profile;
	for (size_t i = 0; i < CORDON_PART_COUNT; i++) {
		bool failed = outcome->part[i].state == CORDON_COMPACT_FAILED;
		int error = outcome->part[i].error;

		ret_bytes[1 + 2 * i] = (unsigned char)outcome->part[i].state;
		/* Unknown is written as none, which is read as unknown. */
		ret_bytes[2 + 2 * i] = failed && error > 0 ? (unsigned char)(error & 0xff) : 0;
	}
	return 0;
}

static bool is_known(const unsigned char *bytes)
{
	if (bytes[0] > CORDON_PROFILE_STRICT)
		return false;
	for (size_t i = 1; i < CORDON_COMPACT_SIZE; i += 2)
		if (bytes[i] > CORDON_COMPACT_FAILED ||
		    (bytes[i] != CORDON_COMPACT_FAILED && bytes[i + 1] != 0))
			return false;
	return true;
}

int cordon_compact_decode(const void *bytes, size_t length, bool lenient,
			  struct cordon_compact *ret)
{
	unsigned char raw[CORDON_COMPACT_SIZE];

	if (!ret || (!bytes && length > 0))
		return -EINVAL;
	if (length < sizeof(raw))
		return -ENODATA;
	memcpy(raw, bytes, sizeof(raw));
	if (!lenient && !is_known(raw))
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->profile =
		raw[0] == CORDON_PROFILE_STRICT ? CORDON_PROFILE_STRICT : CORDON_PROFILE_STANDARD;
	for (size_t i = 0; i < CORDON_PART_COUNT; i++) {
		unsigned char state = raw[1 + 2 * i], error = raw[2 + 2 * i];

		if (state < CORDON_COMPACT_FAILED) {
			ret->part[i].state = (enum cordon_compact_state)state;
			continue;
		}
		ret->part[i].state = CORDON_COMPACT_FAILED;
		ret->part[i].error = error > 0 ? error : -1;
	}
	return 0;
}

enum cordon_compact_level cordon_compact_level(const struct cordon_compact *outcome)
{
	size_t failed = 0, applied = 0;

	for (size_t i = 0; i < CORDON_PART_COUNT; i++) {
		failed += outcome->part[i].state == CORDON_COMPACT_FAILED;
		applied += outcome->part[i].state == CORDON_COMPACT_APPLIED;
	}
	if (outcome->profile != CORDON_PROFILE_STRICT)
		return CORDON_COMPACT_BASELINE;
	if (failed == 0)
		return CORDON_COMPACT_FULL;
	return applied > 0 ? CORDON_COMPACT_PARTIAL : CORDON_COMPACT_NONE;
}

/* One part from the layers that it stands for: failed with the first errno, applied if all are. */
static void set_part(struct cordon_compact *ret, enum cordon_compact_part part,
		     const struct sandbox_facts *facts, const unsigned *layers, size_t count)
{
	size_t applied = 0;

	for (size_t i = 0; i < count; i++) {
		const struct layer_outcome *outcome = &facts->layers[layers[i]];

		applied += outcome->state == STATE_APPLIED;
		if (!outcome->requested || outcome->state == STATE_APPLIED)
			continue;
		ret->part[part].state = CORDON_COMPACT_FAILED;
		/* What the host lacks carries no errno of its own. */
		ret->part[part].error = outcome->error > 0 ? outcome->error : ENOSYS;
		return;
	}
	ret->part[part].state = applied == count ? CORDON_COMPACT_APPLIED : CORDON_COMPACT_SKIPPED;
}

int cordon_sandbox_compact(cordon_sandbox *sandbox, enum cordon_compact_profile profile,
			   struct cordon_compact *ret)
{
	static const unsigned single[CORDON_PART_COUNT] = {
		[CORDON_PART_NO_NEW_PRIVS] = LAYER_NO_NEW_PRIVS,
		[CORDON_PART_RLIMIT_CPU] = LAYER_RLIMIT + RLIMIT_CPU,
		[CORDON_PART_RLIMIT_NOFILE] = LAYER_RLIMIT + RLIMIT_NOFILE,
		[CORDON_PART_RLIMIT_AS] = LAYER_RLIMIT + RLIMIT_AS,
		[CORDON_PART_CHROOT] = LAYER_ROOT,
		[CORDON_PART_SECCOMP] = LAYER_SECCOMP,
	};
	static const unsigned unshare[] = { LAYER_USER_NS, LAYER_PID_NS, LAYER_MOUNT_NS };
	struct cordon_result result = { .size = sizeof(result) };
	struct sandbox_facts facts = { 0 };

	if (!sandbox || !ret || (unsigned)profile > CORDON_PROFILE_STRICT)
		return -EINVAL;
	if (cordon_sandbox_wait(sandbox, &result, 0) < 0)
		return -EBUSY;
	sandbox_facts(sandbox->inner, &facts);
	memset(ret, 0, sizeof(*ret));
	ret->profile = profile;
	for (size_t i = 0; i < CORDON_PART_COUNT; i++)
		if (i == CORDON_PART_UNSHARE)
			set_part(ret, CORDON_PART_UNSHARE, &facts, unshare, COUNT_OF(unshare));
		else
			set_part(ret, (enum cordon_compact_part)i, &facts, &single[i], 1);
	return 0;
}
