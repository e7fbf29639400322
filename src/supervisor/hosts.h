/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names out of /etc/hosts.
 *
 * C libraries look there before they ask a name server, so for these names no answer ever comes through the
 * resolver. The file is the administrator's, and not the program's: its addresses count for the names that a
 * rule has, inner ones as well, as they stand there when the run starts. `localhost` is the loopback in
 * any case.
 */
#ifndef CORDON_SUPERVISOR_HOSTS_H
#define CORDON_SUPERVISOR_HOSTS_H

#include <stdint.h>

/* name: lower case, without a dot at its end, shorter than NAME_SIZE. address: 16 bytes. */
typedef void (*hosts_fn)(void *arg, const char *name, const uint8_t *address);

/* Calls fn for each name and address of the text. Lines that nobody could read are left out. */
void hosts_each(const char *text, hosts_fn fn, void *arg);
/* The same for the host's file, and for localhost. Return: 0 or -ENOMEM. */
int hosts_each_of_host(hosts_fn fn, void *arg);

#endif
