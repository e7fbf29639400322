/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers of system calls per architecture, newer ones than libseccomp knows included. */
#ifndef CORDON_SYS_NR_H
#define CORDON_SYS_NR_H

#include <stdint.h>

/* The architectures we make programs for; values are those of struct seccomp_data. */
#define NR_ARCH_X86_64	0xc000003eu
#define NR_ARCH_AARCH64 0xc00000b7u

#if defined(__x86_64__)
#define NR_ARCH_NATIVE NR_ARCH_X86_64
#elif defined(__aarch64__)
#define NR_ARCH_NATIVE NR_ARCH_AARCH64
#else
#error "cordon runs on x86_64 and aarch64"
#endif

/* Return: the number on that architecture; -1 if it has no such call or the name is unknown. */
int nr_by_name(uint32_t arch, const char *name);
/* Return: the name (static storage), or NULL if the number is unknown there. */
const char *nr_name(uint32_t arch, int nr);
/* One past the highest number either table knows; for tests that look at every number. */
int nr_limit(void);

#endif
