/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stream of status records: each is refused, or is exactly what the encoder makes. */
#include "child/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *bytes, size_t length)
{
	struct status_record got, again;

	if (record_decode(bytes, length, &got) < 0)
		return;
	if (length != RECORD_SIZE || !layer_known(got.layer))
		abort();
	again = record_make((enum record_kind)got.kind, got.layer, (enum layer_state)got.state,
			    got.error);
	again.value = got.value;
	if (memcmp(bytes, &again, RECORD_SIZE) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size; at += RECORD_SIZE)
		check(data + at, size - at < RECORD_SIZE ? size - at : RECORD_SIZE);
	check(data, size);
	return 0;
}
