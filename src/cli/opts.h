/* SPDX-License-Identifier: Apache-2.0 */
/* Options of all commands, from one table. */
#ifndef CORDON_CLI_OPTS_H
#define CORDON_CLI_OPTS_H

#include <cordon/policy.h>

#include <stdbool.h>
#include <stdio.h>

/* Which options a command takes. */
enum opts_set {
	OPTS_POLICY = 1 << 0, /* those that make a policy */
	OPTS_RUN = 1 << 1,    /* those of a run alone */
	OPTS_JSON = 1 << 2,
	OPTS_ALWAYS = 1 << 3, /* --help */
};

struct setting {
	const char *key, *value;
};

/* What the command line said. Strings are those of argv. */
struct selection {
	const char **policies;
	size_t policy_count;
	struct setting *settings; /* in their order; applied after all policies */
	size_t setting_count;
	const char *name, *report;
	bool json;
};

/*
 * Reads options up to the first argument that is none. sets: enum opts_set bits. ret: to be freed
 * with selection_done(), also on failure.
 * Return: index of the first argument behind the options; -1 if the command shall end with
 * *ret_status (help was printed, or a mistake was told).
 */
int opts_parse(int argc, char **argv, unsigned sets, struct selection *ret, int *ret_status);
void selection_done(struct selection *selection);
#define cleanup_selection __attribute__((cleanup(selection_done)))

/* The policy that the command line describes. Return: 0 or -errno with *err. */
int selection_policy(const struct selection *selection, cordon_policy **ret,
		     struct cordon_error *err);
void policy_done(cordon_policy **policy);
#define cleanup_policy __attribute__((cleanup(policy_done)))

/* Prints the options of these sets, a line each. */
void opts_help(FILE *out, unsigned sets);

/* The name out of `count` names that is nearest to text, or NULL if none is near. */
const char *nearest_name(const char *text, const char *(*name)(size_t index), size_t count);

#endif
