/* SPDX-License-Identifier: Apache-2.0 */
/* `~`, $HOME, $WORKSPACE and $TMP at the start of paths. */
#ifndef CORDON_POLICY_VARS_H
#define CORDON_POLICY_VARS_H

#include "policy/keys.h"

/* A variable of the process, read once at load; NULL: unset or not to be trusted. */
const char *vars_environment(const char *name);

#define VARS_TMP "$TMP" /* stays in expanded paths until the run has its directory */

/*
 * Expands and normalises a path; with pattern, what a variable contributes is quoted. The result
 * begins with `/`, with $TMP, or is a pattern that begins with `**`.
 * Return: 0; -EINVAL with compile->reason; -ENOMEM.
 */
int vars_path(struct compile *compile, const char *text, bool pattern, char **ret);
/* Expands a value that begins with $HOME, $WORKSPACE or $TMP; anything else stays as it is. */
int vars_value(struct compile *compile, const char *text, char **ret);
/* Whether an expanded text waits for the directory of the run. */
bool vars_uses_tmp(const char *text);
/* Puts the directory in. pattern: quotes it. Return: 0 or -ENOMEM; *text is replaced. */
int vars_put_tmp(char **text, const char *tmp, bool pattern);

#endif
