/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for the program: the sockets it looks them up with, the process that answers, and the table
 * of what was answered.
 *
 * Whatever the program sends to port 53, at any address, by UDP or TCP, goes to the resolver or nowhere.
 * With a namespace it goes through a socket of the doorman's, that takes the place of the program's own
 * in its table of descriptors. Without one, the resolver has an address that the program's resolv.conf
 * names: datagrams go there or are refused, and connections are led there. What the resolver tells is
 * checked here and put into the table that decisions look at.
 */
#ifndef CORDON_SUPERVISOR_DNS_H
#define CORDON_SUPERVISOR_DNS_H

#include "policy/decide.h"
#include "supervisor/name_service.h"
#include "supervisor/resolve.h"
#include "supervisor/supervisor.h"

#include <cordon/error.h>

#include <sys/socket.h>

struct dns;

/* How a lookup comes to the resolver. */
enum dns_way {
	DNS_EXCHANGE, /* through another socket */
	DNS_THERE,    /* it goes there by itself */
	DNS_LED,      /* the connection is made to dns_address() instead */
	DNS_NOWHERE,  /* an answer could not come from where it is asked for */
};

/*
 * Starts the two processes. To be called before the thread confines itself, since they are executed
 * from files of the host. service: borrowed until dns_free(). Return: 0 or -errno with *err.
 */
int dns_start(struct supervisor *sv, const struct name_service *service, struct dns **ret,
	      struct cordon_error *err);
/* Waits until the resolver works, and serves it on sv->loop from then on. Return: as above. */
int dns_serve(struct dns *dns, struct cordon_error *err);
/* Ends both processes. NULL is nothing. */
void dns_free(struct dns *dns);

/* Whether what goes to the endpoint is a lookup. dns: NULL if no rule has a name. */
bool dns_takes(const struct dns *dns, const struct endpoint *endpoint);
/* For what dns_takes(). */
enum dns_way dns_way(const struct dns *dns, const struct endpoint *endpoint);
/* Where the resolver listens, for a socket of this domain. */
void dns_address(const struct dns *dns, int domain, struct sockaddr_storage *ret,
		 socklen_t *ret_length);
/* Whether the program reads another file in this place. dns: may be NULL. */
bool dns_stands_for(const struct dns *dns, const struct place *place);
/* Opens that other file for reading. Return: fd or -errno. */
int dns_open(const struct dns *dns, int flags);
/* What a process that calls dns_open() has to keep open, or -1. dns: may be NULL. */
int dns_held(const struct dns *dns);
/* Whether the socket is one of the namespace. */
bool dns_owns(const struct dns *dns, int fd);
/* Return: a socket of the namespace for the program, or -errno. type: with SOCK_NONBLOCK if wanted. */
int dns_socket(const struct dns *dns, int domain, int type);
/* Puts into the endpoint what its address has been answered for. dns: may be NULL. */
void dns_look_up(const struct dns *dns, struct endpoint *endpoint);

#endif
