/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses names have been answered with, and until when that counts.
 *
 * The table is an input of decisions: the resolver fills it, policy_decide_connect() looks into it
 * through the endpoint. It knows no clock; times are milliseconds of whatever clock the caller
 * keeps to. Its size is fixed. When it is full, what ends first goes: a program that looks up
 * thousands of names loses access to addresses, and never gains any.
 */
#ifndef CORDON_POLICY_NAME_TABLE_H
#define CORDON_POLICY_NAME_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* A name of 253 characters, without the trailing dot, and its terminator. */
#define NAME_SIZE      254
#define NAME_TABLE_MAX 1024

struct name_table;

/* Return: 0 or -ENOMEM. */
int name_table_new(struct name_table **ret);
void name_table_free(struct name_table *table);

/*
 * The name has been answered with the address, which counts before `until`. What is known already is
 * prolonged, never shortened. name: lower case, without a trailing dot, shorter than NAME_SIZE;
 * copied. address: 16 bytes, IPv4 as ::ffff:a.b.c.d.
 */
void name_table_add(struct name_table *table, const char *name, const uint8_t *address,
		    uint64_t until);
/*
 * The next name of an address that still counts at `now`. *at: 0 at first; moved on.
 * Return: the name, valid until the table is changed, or NULL.
 */
const char *name_table_next(const struct name_table *table, const uint8_t *address, uint64_t now,
			    size_t *at);

#endif
