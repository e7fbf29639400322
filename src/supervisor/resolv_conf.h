/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The /etc/resolv.conf that the program reads.
 *
 * Where the resolver has an address of its own, the program has to be told. So whoever opens the
 * host's file for reading, and may, gets a sealed memory file instead: the host's text with one server,
 * ours. The file is known by its identity and by its place, since it may be replaced during the run.
 * stat() shows the host's: C libraries compare it with what they have read, and so read it again more
 * often than they would have to.
 */
#ifndef CORDON_SUPERVISOR_RESOLV_CONF_H
#define CORDON_SUPERVISOR_RESOLV_CONF_H

#include "base/str.h"
#include "supervisor/resolve.h"

#include <netinet/in.h>

#define RESOLV_CONF_MAX 8192

struct resolv_conf;

/* The host's text, terminated, cut at the size; empty without a file. Return: 0 or -errno. */
int resolv_conf_read(char ret[RESOLV_CONF_MAX]);
/* The program's text. by_stream: it is to ask over TCP. */
void resolv_conf_write(const char *text, struct in_addr server, bool by_stream, struct strbuf *ret);

/* Return: 0 or -errno; -ENOENT if the host has no such file. */
int resolv_conf_new(struct in_addr server, bool by_stream, struct resolv_conf **ret);
void resolv_conf_free(struct resolv_conf *conf);
/* Whether the place is the host's file. conf: may be NULL. */
bool resolv_conf_is(const struct resolv_conf *conf, const struct place *place);
/* Opens the program's for reading. self_fd: descriptors of this thread by number. Return: fd or -errno. */
int resolv_conf_open(const struct resolv_conf *conf, int self_fd, int flags);
/* The descriptor that resolv_conf_open() opens anew, or -1. conf: may be NULL. */
int resolv_conf_held(const struct resolv_conf *conf);

#endif
