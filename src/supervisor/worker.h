/* SPDX-License-Identifier: Apache-2.0 */
/* A process that makes system calls that may wait: see pending.h. */
#ifndef CORDON_SUPERVISOR_WORKER_H
#define CORDON_SUPERVISOR_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct worker_job {
	/*
	 * What the process does: system calls only, since the host may have threads. *ret_fd: a
	 * descriptor to hand over, or left as it is. Return: the result, or -errno.
	 */
	int64_t (*call)(void *arg, int *ret_fd);
	void *arg;	 /* the process works on its own copy of what is there */
	const int *keep; /* descriptors that it needs: all others are closed; -1 is nothing */
	size_t keep_count;
	bool own_ids; /* with the filesystem ids of this thread as its real and effective ones */
	void *back;   /* memory whose state in the process worker_result() copies here */
	size_t back_size;
};

struct worker {
	int pidfd;  /* -1: none */
	int result; /* our end of the socket pair */
	void *back;
	size_t back_size;
};

/* job: borrowed for the call; its memory to bring back until the end. Return: 0 or -errno. */
int worker_start(const struct worker_job *job, struct worker *ret);
/*
 * The result, when worker->pidfd is readable: only then has it no copy left of what it hands over.
 * *ret_fd: a descriptor that was handed over, or -1.
 * Return: what the call returned; -EIO if the worker died without a result.
 */
int64_t worker_result(const struct worker *worker, int *ret_fd);
/*
 * Lets the call that it waits in fail with EINTR, or end with what is done. To be repeated until there
 * is a result: a signal that comes before the call does nothing.
 */
void worker_interrupt(const struct worker *worker);
/*
 * Kills it if it still runs. KERNEL: the end of one that hangs in a file system of FUSE may never come, so it is
 * not waited for here. Return: its pidfd, to be reaped: pending_bury(); -1: none.
 */
int worker_kill(struct worker *worker);
/* In a process of this kind: lets worker_interrupt() through, or keeps it off until it is admitted again. */
void worker_admit_interruption(bool admit);

#endif
