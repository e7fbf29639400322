/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that ask name servers. */
#ifndef CORDON_SUPERVISOR_HANDLERS_LOOKUP_H
#define CORDON_SUPERVISOR_HANDLERS_LOOKUP_H

#include "supervisor/handlers/inet.h"

/*
 * For a socket, TCP or UDP, that goes to where dns_takes() says. Puts another one in its place, in the
 * program and in *socket; or lets it be; or, for a connect, puts another address into the request.
 * Return: true; false with *verdict.
 */
bool lookup_takes_over(struct request *rq, const struct socket_kind *kind,
		       const struct endpoint *endpoint, int *socket, struct verdict *verdict);
/* For any other destination: false with *verdict if the socket was taken over before. */
bool lookup_keeps_apart(struct request *rq, int socket, struct verdict *verdict);

#endif
