/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that stay out of the numbers of the standard streams, which a program is given later. */
#ifndef CORDON_SYS_FDS_H
#define CORDON_SYS_FDS_H

/* Moves a descriptor above 2, close-on-exec. Return: 0 or -errno, then *fd is as it was. */
int fd_move_up(int *fd);
/* A pipe above 2, close-on-exec. Return: 0 or -errno; the caller closes what is set by then. */
int fd_pipe(int *ret_reader, int *ret_writer);

#endif
