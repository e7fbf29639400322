/* SPDX-License-Identifier: Apache-2.0 */
/* Status records: see record.h. */
#include "child/record.h"

#include <errno.h>
#include <string.h>

/* Highest errno the kernel returns. */
#define ERRNO_MAX 4095

static bool carries_error(const struct status_record *record)
{
	return record->kind != RECORD_LISTENER && record->state == STATE_FAILED;
}

static bool kind_fits(const struct status_record *record)
{
	switch (record->kind) {
	case RECORD_LAYER:
		return record->layer != LAYER_EXEC;
	case RECORD_LISTENER:
		return record->layer == LAYER_LISTENER && record->state == STATE_APPLIED &&
		       record->value <= INT32_MAX;
	case RECORD_FATAL:
		return record->state == STATE_FAILED;
	case RECORD_EXEC_FAILED:
		return record->layer == LAYER_EXEC && record->state == STATE_FAILED;
	default:
		return false;
	}
}

static bool is_sound(const struct status_record *record)
{
	static const uint8_t zero[sizeof(record->zero)];

	if (record->version != RECORD_VERSION || record->state > STATE_UNAVAILABLE)
		return false;
	if (memcmp(record->zero, zero, sizeof(zero)) != 0 || !layer_known(record->layer))
		return false;
	if (!kind_fits(record))
		return false;
	if (record->error < 0 || record->error > ERRNO_MAX ||
	    (record->error > 0) != carries_error(record))
		return false;
	return record->kind == RECORD_LISTENER || record->value == 0;
}

int record_decode(const void *bytes, size_t length, struct status_record *ret)
{
	struct status_record record;

	if (length != sizeof(record))
		return -EBADMSG;
	memcpy(&record, bytes, sizeof(record));
	if (!is_sound(&record))
		return -EBADMSG;
	*ret = record;
	return 0;
}
