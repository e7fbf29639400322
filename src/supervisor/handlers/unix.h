/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets by path and by abstract name: shared between connect and bind. */
#ifndef CORDON_SUPERVISOR_HANDLERS_UNIX_H
#define CORDON_SUPERVISOR_HANDLERS_UNIX_H

#include "supervisor/request.h"

#include <sys/un.h>

struct unix_target {
	struct sockaddr_un
		address; /* names the held object by its descriptor, not the caller's text */
	socklen_t length;
};

/*
 * Judges where rq->address leads. The path's object stays held in rq->place[0].
 * Return: true with the address to connect to; false with the verdict.
 */
bool unix_connect_target(struct request *rq, struct unix_target *ret, struct verdict *verdict);
/*
 * What a connect or send to that address came to: the kernel's own refusal of abstract names of the
 * outside (Landlock's scope) becomes EACCES, and an event. result: 0 or -errno. Return: the same, or
 * -EACCES.
 */
int unix_after(struct supervisor *sv, pid_t tid, const char *call,
	       const struct sockaddr_storage *address, socklen_t length, int result);
/* Binds the socket to rq->address: a path is made like any other name. */
struct verdict unix_bind(struct request *rq, int socket);

#endif
