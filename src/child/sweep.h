/* SPDX-License-Identifier: Apache-2.0 */
/* Signalling every descendant found in procfs, by system calls only (I11). */
#ifndef CORDON_CHILD_SWEEP_H
#define CORDON_CHILD_SWEEP_H

#include "child/proc.h"

#include <sys/types.h>

/*
 * Sends the signal to each process that descends from `self`, as one look at /proc shows them. What
 * is made meanwhile is missed: the caller repeats until it has no child left.
 * Return: how many were signalled, or -errno.
 */
int sweep_signal(pid_t self, int signal);
/* Calls fn for each of them, as the procfs `proc` names them, until it returns false. Return: 0 or -errno. */
int sweep_each(int proc, pid_t self, proc_number_fn *fn, void *arg);

#endif
