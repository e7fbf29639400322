/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of this machine, as the installed kernel headers have them. */
#include <asm/unistd.h>
