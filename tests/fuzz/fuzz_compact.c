/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a compact outcome: what is accepted is encoded to the same bytes again. */
#include <cordon/compact.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char bytes[CORDON_COMPACT_SIZE];
	struct cordon_compact strict, lenient;
	int r = cordon_compact_decode(data, size, false, &strict);

	if (cordon_compact_decode(data, size, true, &lenient) < 0) {
		if (size >= CORDON_COMPACT_SIZE || r == 0)
			abort();
		return 0;
	}
	/* What the lenient reader makes of it is always sound. */
	if (cordon_compact_encode(&lenient, bytes) < 0 ||
	    cordon_compact_decode(bytes, sizeof(bytes), false, &lenient) < 0)
		abort();
	if (r == 0 &&
	    (cordon_compact_encode(&strict, bytes) < 0 || memcmp(bytes, data, sizeof(bytes)) != 0))
		abort();
	return 0;
}
