/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that stand for a floor share: a Landlock domain as small as cordon's, and a
 * filter. */
#ifndef CORDON_BENCH_CONFINE_H
#define CORDON_BENCH_CONFINE_H

#include <linux/filter.h>
#include <stddef.h>

/* Prints what failed, with errno, and exits. */
_Noreturn void die(const char *what);

/*
 * Takes words from argv up to "--": a domain of the calling thread that grants reading and
 * executing beneath them. Return: index behind the "--".
 */
int confine(int argc, char **argv);

/* Installs the program for the calling thread. Return: what seccomp() returns; never fails. */
int install(struct sock_filter *code, size_t length, unsigned flags);

#endif
