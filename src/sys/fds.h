/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that stay out of the numbers of the standard streams, which a program is given later. */
#ifndef CORDON_SYS_FDS_H
#define CORDON_SYS_FDS_H

#include <stddef.h>
#include <sys/types.h>

/* Which of the numbers 0, 1 and 2 are open: bits. */
unsigned fd_standard(void);
/* Moves a descriptor above 2, close-on-exec. Return: 0 or -errno, then *fd is as it was. */
int fd_move_up(int *fd);
/* A pipe above 2, close-on-exec. Return: 0 or -errno; the caller closes what is set by then. */
int fd_pipe(int *ret_reader, int *ret_writer);
/*
 * A file in memory that nobody can change any more, above 2, close-on-exec. mode: with an x bit it can be
 * executed. Return: fd; -errno, -EACCES where vm.memfd_noexec forbids that.
 */
int fd_memory(const char *name, const void *bytes, size_t size, mode_t mode);

#endif
