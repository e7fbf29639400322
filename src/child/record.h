/* SPDX-License-Identifier: Apache-2.0 */
/* The status record that child and keeper write: 16 bytes, host byte order, one write each. */
#ifndef CORDON_CHILD_RECORD_H
#define CORDON_CHILD_RECORD_H

#include <stdint.h>

enum record_kind {
	RECORD_LAYER = 1,
	RECORD_LISTENER = 2,
	RECORD_FATAL = 3,
	RECORD_EXEC_FAILED = 4,
};

#define RECORD_VERSION 1

struct status_record {
	uint8_t version, kind;
	uint16_t layer;
	uint8_t state;
	uint8_t zero[3];
	int32_t error;	/* positive errno */
	uint32_t value; /* RECORD_LISTENER: descriptor number */
};

/*
 * Checks what was read. SECURITY: anything unknown is refused, since a record is what the parent
 * believes about the sandbox. Return: 0 or -EBADMSG.
 */
int record_check(const struct status_record *record);

#endif
