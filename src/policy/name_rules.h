/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network rules with a host name: which names may be looked up, and what their addresses open.
 *
 * A name opens an address only through an answer: the resolver asks here whether the name may be
 * looked up and whether the address may stand in its answer, and enters what it hands to the program
 * into a name table. A connect to that address is then judged as one to the name. Rules with an
 * address never look at names, and `deny` with an address beats every name.
 *
 * A name under `deny` takes it out of what `allow` names. It says nothing about an address that
 * `allow` lists as such, since addresses do not tell which name they were meant for.
 */
#ifndef CORDON_POLICY_NAME_RULES_H
#define CORDON_POLICY_NAME_RULES_H

#include "policy/decide.h"

/* Whether some rule of `allow` has a name, so that the resolver is needed. */
bool policy_has_names(const struct policy *policy);

/*
 * Whether a rule of `allow` spells the whole name out, so that looking it up tells nobody anything; or
 * is `*`, so that the program can tell anybody what it likes.
 */
bool policy_name_is_listed(const struct policy *policy, const char *name);

/*
 * The rule of `deny` that takes the name away whatever it is used for, or NULL. What holds for a name
 * that is asked for holds for its aliases as well.
 */
const struct rule *policy_name_denied(const struct policy *policy, const char *name);

/* Whether a rule of `allow` has the name, or a wildcard around it, and none of `deny` takes it away. */
bool policy_name_opens(const struct policy *policy, const char *name);

/* Connect by the names that the address is known as. */
struct decision name_rules_decide(const struct policy *policy, const struct endpoint *endpoint);

enum answer_use {
	ANSWER_DROP, /* not for this name: a public name must not lead to inner addresses */
	ANSWER_SHOW, /* a rule with an address covers it: shown, and judged by that rule */
	ANSWER_OPEN, /* shown, and reachable by the rules of the name from now on */
};
/* What is to be done with an address (16 bytes) in the answer for a name that may be looked up. */
enum answer_use policy_answer_use(const struct policy *policy, const uint8_t *address);

/* Reads `4.3.2.1.in-addr.arpa` or the IPv6 form into 16 bytes. Return: whether it is one. */
bool name_reverse_read(const char *name, uint8_t *ret_address);

#endif
