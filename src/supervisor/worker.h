/* SPDX-License-Identifier: Apache-2.0 */
/* A process that makes one system call that may wait: see pending.h. */
#ifndef CORDON_SUPERVISOR_WORKER_H
#define CORDON_SUPERVISOR_WORKER_H

#include <sys/socket.h>
#include <sys/types.h>

struct worker_job {
	int object; /* held: what is opened, or what the address names; -1: nothing */
	int flags;  /* of an open, through the worker's own copy of the descriptor */
	int socket; /* a connect; -1: an open */
	struct sockaddr_storage address;
	socklen_t address_length;
};

struct worker {
	int pidfd;  /* -1: none */
	int result; /* our end of the socket pair */
};

/* job: borrowed for the call. Return: 0 or -errno. */
int worker_start(const struct worker_job *job, struct worker *ret);
/*
 * The result, when worker->result is readable. *ret_fd: an opened descriptor, or -1.
 * Return: 0 or the negative errno of the call; -EIO if the worker died without one.
 */
int worker_result(const struct worker *worker, int *ret_fd);
/* Ends it if it still runs, and reaps it. */
void worker_end(struct worker *worker);

#endif
