/* SPDX-License-Identifier: Apache-2.0 */
/* What a file names that the kernel opens to execute it. */
#ifndef CORDON_SUPERVISOR_FORMAT_H
#define CORDON_SUPERVISOR_FORMAT_H

/* Scripts that name scripts, the program that runs the last of them, and its loader. */
#define FORMAT_CHAIN 7

/*
 * The interpreter of a script, or the loader of an ELF program of this machine's width. fd: readable.
 * ret: PATH_MAX bytes. Return: 1 with the path; 0 if it names none; -errno: it cannot be read.
 */
int format_next(int fd, char *ret);

#endif
