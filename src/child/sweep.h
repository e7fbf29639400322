/* SPDX-License-Identifier: Apache-2.0 */
/* Signalling every descendant found in procfs, by system calls only (I11). */
#ifndef CORDON_CHILD_SWEEP_H
#define CORDON_CHILD_SWEEP_H

#include <sys/types.h>

/*
 * Sends the signal to each process that descends from `self`, as one look at /proc shows them. What
 * is made meanwhile is missed: the caller repeats until it has no child left.
 * Return: how many were signalled, or -errno.
 */
int sweep_signal(pid_t self, int signal);

#endif
