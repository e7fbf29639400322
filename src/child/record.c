/* SPDX-License-Identifier: Apache-2.0 */
/* Status records: see record.h. */
#include "child/record.h"

#include "child/plan.h"

#include <errno.h>
#include <stdbool.h>
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

int record_check(const struct status_record *record)
{
	static const uint8_t zero[sizeof(record->zero)];

	if (record->version != RECORD_VERSION || record->state > STATE_UNAVAILABLE)
		return -EBADMSG;
	if (memcmp(record->zero, zero, sizeof(zero)) != 0 || !layer_known(record->layer))
		return -EBADMSG;
	if (!kind_fits(record))
		return -EBADMSG;
	if (record->error < 0 || record->error > ERRNO_MAX ||
	    (record->error > 0) != carries_error(record))
		return -EBADMSG;
	if (record->kind != RECORD_LISTENER && record->value != 0)
		return -EBADMSG;
	return 0;
}
