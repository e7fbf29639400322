/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: load, change one key, show, ask. */
#ifndef CORDON_POLICY_H
#define CORDON_POLICY_H

#include <cordon/error.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * A policy under construction. Layers are added in order; a sandbox takes its own resolved copy
 * when it is created, so a policy can be used for several sandboxes. Not to be used by two threads
 * at once.
 */
typedef struct cordon_policy cordon_policy;

/* Zero it, set `size`, then what is needed. */
struct cordon_policy_options {
	size_t size;	       /* sizeof(struct cordon_policy_options) */
	const char *workspace; /* directory that $WORKSPACE names; NULL: `workspace:` or the current
				  directory */
	const char *home; /* directory that ~ and $HOME name; NULL: the HOME of the environment */
};

/*
 * options: may be NULL. ret: the new policy, to be freed with cordon_policy_free().
 * A policy to which nothing is added is the preset `default`.
 * Return: 0; -ENOMEM; -EINVAL; -errno.
 */
int cordon_policy_new(const struct cordon_policy_options *options, cordon_policy **ret,
		      struct cordon_error *error);
/* NULL does nothing. */
void cordon_policy_free(cordon_policy *policy);

/*
 * Adds a preset (a word) or a file (anything with a slash or the suffix .yaml, .yml, .json).
 * Return: 0; -ENOENT; -EINVAL with file, line and column in *error; -errno.
 */
int cordon_policy_add(cordon_policy *policy, const char *preset_or_file,
		      struct cordon_error *error);
/* Adds a policy given as YAML or JSON. name: stands for the file in messages. Return: as above. */
int cordon_policy_add_text(cordon_policy *policy, const char *name, const char *text, size_t length,
			   struct cordon_error *error);
/*
 * Sets one key by its dotted name, as the flags of `cordon run` do: lists grow, scalars are
 * replaced. Return: 0; -EINVAL with the nearest known key, or what is wrong with the value.
 *
 *     cordon_policy_set(policy, "filesystem.read", "/usr", &error);
 *     cordon_policy_set(policy, "limits.wall", "10s", &error);
 */
int cordon_policy_set(cordon_policy *policy, const char *key, const char *value,
		      struct cordon_error *error);

/* Checks the whole policy without running anything. Return: 0 or -errno with the first problem. */
int cordon_policy_check(cordon_policy *policy, struct cordon_error *error);
/* Problem number `index` of the last failing add or check, at most 20. Return: 0, or -ENOENT past
 * the last. */
int cordon_policy_problem(const cordon_policy *policy, size_t index, struct cordon_error *ret);

/* The functions below return text from malloc through ret_text, for the caller to free. */

/* The resolved policy, YAML with the origin of each entry in comments, or JSON. Return: 0 or
 * -errno. */
int cordon_policy_show(cordon_policy *policy, bool json, char **ret_text,
		       struct cordon_error *error);
/* Which mechanism holds each rule on this host, and what is mediated. Return: 0, or -errno if a run
 * would be refused (the text is given all the same). */
int cordon_policy_explain(cordon_policy *policy, bool json, char **ret_text,
			  struct cordon_error *error);
/*
 * Offline answer. operation: read write exec create remove rename connect listen unix_connect;
 * target: a path, HOST:PORT, or a socket path. Return: 1 allowed, 0 denied, -errno.
 */
int cordon_policy_why(cordon_policy *policy, const char *operation, const char *target, bool json,
		      char **ret_text, struct cordon_error *error);
/* The seccomp program that would be installed, disassembled. Return: 0 or -errno. */
int cordon_policy_bpf(cordon_policy *policy, char **ret_text, struct cordon_error *error);
/* JSON Schema of policy files. Return: 0 or -ENOMEM. */
int cordon_policy_schema(char **ret_text, struct cordon_error *error);
/* The presets that can be named, one line each: name, path, summary. Return: 0 or -errno. */
int cordon_policy_presets(bool json, char **ret_text, struct cordon_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
