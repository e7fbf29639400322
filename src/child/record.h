/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status record that the child writes: 16 bytes, host byte order, in the order of the fields.
 *
 * A fatal or an exec record ends the stream. The end of it without one means that the program runs.
 */
#ifndef CORDON_CHILD_RECORD_H
#define CORDON_CHILD_RECORD_H

#include "base/layer.h"

enum record_kind {
	RECORD_LAYER = 1,
	RECORD_LISTENER = 2,
	RECORD_FATAL = 3,
	RECORD_EXEC_FAILED = 4,
};

#define RECORD_VERSION 1
#define RECORD_SIZE    16

struct status_record {
	uint8_t version, kind;
	uint16_t layer;
	uint8_t state;
	uint8_t zero[3];
	int32_t error;	/* positive errno */
	uint32_t value; /* RECORD_LISTENER: descriptor number */
};
_Static_assert(sizeof(struct status_record) == RECORD_SIZE, "it is written as it lies in memory");

/* The encoder. error: positive errno; kept only where the state has one. */
static inline struct status_record record_make(enum record_kind kind, unsigned layer,
					       enum layer_state state, long error)
{
	return (struct status_record){
		.version = RECORD_VERSION,
		.kind = (uint8_t)kind,
		.layer = (uint16_t)layer,
		.state = (uint8_t)state,
		.error = state == STATE_FAILED ? (int32_t)error : 0,
	};
}

/*
 * The decoder. SECURITY: anything unknown or incomplete is refused, since a record is what the
 * parent believes about the sandbox. Return: 0 or -EBADMSG.
 */
int record_decode(const void *bytes, size_t length, struct status_record *ret);

#endif
