/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that makes sockets in a network namespace of its own, and executes the resolver.
 *
 * Theory of operation. A program believes an answer only if it comes from where it sent its question
 * to, and nobody can change the source of what it receives. So its socket is exchanged for one that
 * lives in a namespace where every address is local: whatever server it asks there, the resolver
 * hears, and answers from that address. A socket keeps the namespace that it was made in, wherever
 * its descriptor goes; but only a process inside can make one, and a process with threads cannot go
 * inside without privileges. Hence this one: it is cloned into new namespaces, makes the sockets of
 * the resolver first and executes that, and from then on makes one socket for each request. It reads
 * nothing but requests of the supervisor and makes system calls only.
 *
 * Such a socket reaches nothing but the resolver: the namespace has a loopback and no way out. The
 * doorman is the first process of a pid namespace, so the resolver ends with it; it ends itself when
 * its socket is closed. The supervisor could not signal it, since it takes its Landlock domain later.
 *
 * Where the host makes no namespaces, the resolver listens at an address of the host's loopback: one in
 * 16 million, so that runs do not meet. The doorman then has nothing to make afterwards; it stays to
 * end the resolver. What the resolver has less of there: its datagrams can reach other sockets of the
 * loopback, and any process of the host can ask it.
 */
#ifndef CORDON_SUPERVISOR_DOORMAN_H
#define CORDON_SUPERVISOR_DOORMAN_H

#include "resolver/resolver.h"
#include "supervisor/name_service.h"

#include <netinet/in.h>

struct doorman {
	int pidfd; /* -1: none */
	int socket;
	int control; /* to the resolver; -1: none */
	bool has_cookie;
	uint64_t cookie;       /* of the namespace */
	struct sockaddr_in at; /* of the resolver, without a namespace */
};

/*
 * program: path of the resolver, which is executed but may not work yet; NULL: none. port: of the
 * resolver. Return: 0; -errno where the host does not have these means.
 */
int doorman_start(const char *program, enum name_means means, uint16_t port, struct doorman *ret);
void doorman_end(struct doorman *doorman);
/* With a namespace only. type: with SOCK_NONBLOCK if wanted. Return: a socket of it, or -errno. */
int doorman_socket(const struct doorman *doorman, int domain, int type);
/* Whether a socket lives there. KERNEL(5.14): before it, it cannot be told: false. */
bool doorman_owns(const struct doorman *doorman, int fd);

#endif
