/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compact outcome: 15 bytes for hosts that speak that format.
 *
 * Byte 0 is the profile; then come seven pairs of a state and the low byte of an errno. It says less
 * than the report, which keeps every layer and the whole errno.
 */
#ifndef CORDON_COMPACT_H
#define CORDON_COMPACT_H

#include <cordon/sandbox.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define CORDON_COMPACT_SIZE 15

enum cordon_compact_profile { CORDON_PROFILE_STANDARD, CORDON_PROFILE_STRICT };

/* In the order of the record. */
enum cordon_compact_part {
	CORDON_PART_NO_NEW_PRIVS,
	CORDON_PART_RLIMIT_CPU,
	CORDON_PART_RLIMIT_NOFILE,
	CORDON_PART_RLIMIT_AS,
	CORDON_PART_UNSHARE, /* user, pid and mount namespace */
	CORDON_PART_CHROOT,  /* the root, by whatever means */
	CORDON_PART_SECCOMP,
	CORDON_PART_COUNT,
};

enum cordon_compact_state {
	CORDON_COMPACT_SKIPPED,
	CORDON_COMPACT_APPLIED,
	CORDON_COMPACT_FAILED,
};

struct cordon_compact {
	enum cordon_compact_profile profile;
	struct {
		enum cordon_compact_state state;
		int error; /* positive errno of a failure, low byte only; -1: unknown; else 0 */
	} part[CORDON_PART_COUNT];
};

/* The format's own rule for what an outcome amounts to. */
enum cordon_compact_level {
	CORDON_COMPACT_BASELINE, /* the profile is standard */
	CORDON_COMPACT_FULL,	 /* strict, and nothing failed */
	CORDON_COMPACT_PARTIAL,
	CORDON_COMPACT_NONE, /* something failed and nothing was applied */
};

/* Return: 0, or -EINVAL for a profile or state that the format does not have. */
int cordon_compact_encode(const struct cordon_compact *outcome,
			  unsigned char ret_bytes[CORDON_COMPACT_SIZE]);
/*
 * Bytes behind the fifteenth are ignored. lenient: unknown profiles are standard, unknown states are
 * failures, and an errno beside a part that did not fail is dropped; else they are an error.
 * Return: 0; -ENODATA for fewer than 15 bytes; -EBADMSG.
 */
int cordon_compact_decode(const void *bytes, size_t length, bool lenient,
			  struct cordon_compact *ret);
enum cordon_compact_level cordon_compact_level(const struct cordon_compact *outcome);
/*
 * The outcome of a run that has ended or failed to start. profile: copied into the record.
 * Return: 0; -EBUSY while it runs; -EINVAL.
 */
int cordon_sandbox_compact(cordon_sandbox *sandbox, enum cordon_compact_profile profile,
			   struct cordon_compact *ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
