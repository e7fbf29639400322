/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities: names, and what this thread has. A set is a mask of 64 bits. */
#ifndef CORDON_SYS_CAPS_H
#define CORDON_SYS_CAPS_H

#include <stdint.h>

/* The highest number that the running kernel knows. */
unsigned caps_last(void);
/* A name in any case, with or without `CAP_`, or a number. Return: the number, or -1. */
int caps_by_name(const char *name);
/* "CAP_NET_RAW", or "capability 63". buffer: at least 32 bytes. Return: buffer. */
const char *caps_name(unsigned cap, char *buffer);
/* The sets of the calling thread. Return: 0 or -errno. */
struct caps_own {
	uint64_t permitted, effective, inheritable, bounding;
};
int caps_own(struct caps_own *ret);

#endif
