/* SPDX-License-Identifier: Apache-2.0 */
/* Holding executions with ptrace, by system calls only (I11): see tracer.c. */
#ifndef CORDON_CHILD_TRACER_H
#define CORDON_CHILD_TRACER_H

#include <stdbool.h>
#include <sys/types.h>

enum tracer_stop {
	TRACER_NOT_OURS, /* a stop of job control, or no stop any more */
	TRACER_EXECUTED, /* stands before the first instruction of a new program */
	TRACER_LOOSE,	 /* stopped for another reason, and was let go */
};

/* Makes the thread stop behind its next execution. Return: 0, also if it is held already; -errno. */
int tracer_hold(pid_t tid);
/* Makes a held thread stop, wherever it is. Return: whether it is held. */
bool tracer_interrupt(pid_t tid);
/*
 * A stop that wait reported. *ret_before: for TRACER_EXECUTED, the number of the thread that executed;
 * a thread takes its process's number when it executes.
 */
enum tracer_stop tracer_stopped(pid_t pid, int status, pid_t *ret_before);
/* Lets a thread go that stands behind its execution. */
void tracer_release(pid_t pid);

#endif
