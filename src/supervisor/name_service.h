/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How names can be looked up on this host: by which means, and from which servers.
 *
 * A program believes an answer only if it comes from where it sent its question to (doorman.h). The
 * means are tried in their order; each leaves out more programs than the one before it.
 */
#ifndef CORDON_SUPERVISOR_NAME_SERVICE_H
#define CORDON_SUPERVISOR_NAME_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NAME_SERVERS_MAX   3   /* as many as the C library takes */
#define NAME_SERVICES_TEXT 256 /* room for name_service_text() */

enum name_means {
	NAMES_UNUSED,	 /* no rule has a name */
	NAMES_NAMESPACE, /* sockets of a network namespace of our own: whatever server is asked */
	NAMES_LOOPBACK,	 /* port 53 of a loopback address, which the program's resolv.conf names */
	NAMES_STREAM,	 /* another port of it: connections to port 53 lead there, and the program's
			    resolv.conf says that TCP is to be used */
	NAMES_NONE,	 /* none of them: `error` says why there is no namespace */
};

struct name_server {
	struct sockaddr_storage address;
	socklen_t length;
};

struct name_service {
	enum name_means means;
	uint16_t port; /* of the resolver */
	int error;     /* positive errno: why it is not NAMES_NAMESPACE */
	struct name_server servers[NAME_SERVERS_MAX];
	size_t server_count;
	unsigned timeout_ms, attempts; /* attempts: at each server */
};

static inline bool name_service_works(const struct name_service *service)
{
	return service->means != NAMES_UNUSED && service->means != NAMES_NONE;
}

/* Reads the host's configuration and tries the means. */
void name_service_probe(struct name_service *ret);
/* Takes servers and options from the text of a resolv.conf. Without one: the own host, as resolv.conf(5) says. */
void name_service_parse(const char *text, struct name_service *ret);
/*
 * Finds the program that answers lookups: beside the running program, in the build as well as where
 * both are installed, else where it was to be installed. Return: 0 or -errno.
 */
int name_service_program(char *ret, size_t size);
/* "192.0.2.1, 2001:db8::1" in a buffer. Return: buffer. */
const char *name_service_text(const struct name_service *service, char *buffer, size_t size);

#endif
