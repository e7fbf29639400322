/* SPDX-License-Identifier: Apache-2.0 */
/* The version of the library. */
#include <cordon/cordon.h>

const char *cordon_version(void)
{
	return CORDON_VERSION;
}
