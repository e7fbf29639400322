/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one question: may this operation be done to this object? Pure: no system calls, no memory.
 *
 * Callers hand over objects, not spellings: the canonical path of the object that was found (or of
 * the name that would be made) and its identity.
 */
#ifndef CORDON_POLICY_DECIDE_H
#define CORDON_POLICY_DECIDE_H

#include "policy/model.h"
#include "policy/name_table.h"
#include "policy/op.h"

struct fs_object {
	const char *path; /* canonical, absolute, terminated */
	size_t length;
	bool exists;
	bool is_directory;
	dev_t dev; /* identity; only if exists */
	ino_t ino;
};

struct decision {
	bool allow;
	int error;		 /* positive errno for the program if !allow */
	const struct rule *rule; /* what decided; NULL: no rule covers the object */
};

/*
 * SECURITY: for a name that does not exist yet (exists false) the path alone decides; for an
 * existing object the path and the identity both must allow.
 */
struct decision policy_decide_fs(const struct policy *policy, enum op op,
				 const struct fs_object *object);

/*
 * Whether a directory that is refused itself leads to a grant beneath it: then it may be walked
 * through, and tells nothing that the policy does not.
 */
bool policy_leads_to_grant(const struct policy *policy, const struct fs_object *directory);

/*
 * A rename of `from` to `to` (both ways if exchange). Beyond OP_RENAME on one and OP_CREATE on the
 * other it refuses moves that would take something below a directory out of, or into, a rule.
 */
struct decision policy_decide_rename(const struct policy *policy, const struct fs_object *from,
				     const struct fs_object *to, bool exchange);

/*
 * An address of a socket, normalised: IPv4 as ::ffff:a.b.c.d. names: what addresses have been
 * answered for names, at which rules with a name look; NULL: nothing has. now: of names' clock.
 */
struct endpoint {
	enum net_scheme scheme;
	uint8_t address[16];
	uint16_t port;
	const struct name_table *names;
	uint64_t now;
};

struct decision policy_decide_connect(const struct policy *policy, const struct endpoint *endpoint);
struct decision policy_decide_listen(const struct policy *policy, const struct endpoint *endpoint);

/* Whether a name may be looked up at all: see name_rules.h. name: lower case, no trailing dot. */
struct decision policy_decide_name(const struct policy *policy, const char *name);

/* Abstract name: bytes with length. Only for sockets that were not bound inside the tree. */
struct decision policy_decide_abstract(const struct policy *policy, const char *name,
				       size_t length);
/* Connect to a path socket made outside: network.unix.connect, and no deny or hide over it. */
struct decision policy_decide_unix_connect(const struct policy *policy,
					   const struct fs_object *object);
/* Bind of a path socket: network.unix.bind (default: wherever write is allowed), and OP_CREATE. */
struct decision policy_decide_unix_bind(const struct policy *policy,
					const struct fs_object *object);

#endif
