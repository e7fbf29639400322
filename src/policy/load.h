/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From files, presets and flags to a struct policy.
 *
 * A builder collects layers in order: files and presets with what they extend, then single keys
 * (flags). policy_build() resolves, types and checks the result; nothing is half-loaded.
 */
#ifndef CORDON_POLICY_LOAD_H
#define CORDON_POLICY_LOAD_H

#include "policy/model.h"

#include <cordon/error.h>

struct policy_builder;

/* All strings are copied; NULL means: take it from the process (environment, cwd). */
struct policy_context {
	const char
		*workspace; /* -W; default: `workspace:` of the files, else the current directory */
	const char *home;   /* for ~ and $HOME */
	const char *preset_dirs; /* colon separated; default: those of PO-07 and the build */
};

int policy_builder_new(const struct policy_context *context, struct policy_builder **ret,
		       struct cordon_error *err);
void policy_builder_free(struct policy_builder *builder);

/* -p: a preset name (no `/`, no suffix .yaml, .yml or .json), else a file. */
int policy_builder_add(struct policy_builder *builder, const char *preset_or_file,
		       struct cordon_error *err);
/* A policy as text; name stands for the file in messages. */
int policy_builder_add_text(struct policy_builder *builder, const char *name, const char *text,
			    size_t length, struct cordon_error *err);
/*
 * One key by its dotted name, as a flag does; list keys append, scalars replace. value is typed by
 * the schema (`process.env` takes NAME or NAME=VALUE, and `inherit`).
 */
int policy_builder_set(struct policy_builder *builder, const char *key, const char *value,
		       struct cordon_error *err);

/* Problems found so far by the add and build calls, the first 20. Return: 0, or -ENOENT past the
 * last. */
int policy_builder_problem(const struct policy_builder *builder, size_t index,
			   struct cordon_error *ret);

/*
 * Types and checks everything. A builder that got no file, preset or filesystem flag builds the
 * preset `default`. Return: 0; -EINVAL with the first problem (see policy_builder_problem);
 * -EOPNOTSUPP for a key this version does not support yet; -errno.
 */
int policy_build(struct policy_builder *builder, struct policy **ret, struct cordon_error *err);

/*
 * A file of the host's own: wherever a write grant reaches it, it is protected. why: static; stands
 * for the place of the rule. Return: 0 or -ENOMEM.
 */
int policy_builder_protect(struct policy_builder *builder, const char *path, const char *why);
/* Adds a rule after the build and before the bind: own files that must not be changed (FS-52). */
int policy_protect(struct policy *policy, const char *path, const char *why,
		   struct cordon_error *err);

/*
 * Fixes the policy to the file system: $TMP, canonical paths, identities and descriptors of literal
 * rules, aliases by bind mounts, the lookup structures. Call once, before decisions.
 * tmp: the run's private directory; NULL only if !policy->uses_tmp or for offline questions.
 */
int policy_bind(struct policy *policy, const char *tmp, struct cordon_error *err);
/*
 * Closes what is not needed when the kernel has its rules: the objects of grants, and of all rules where nobody
 * decides any more. decided: a supervisor does; what is guarded stays held, so that its inode stays its own.
 */
void policy_drop_handles(struct policy *policy, bool decided);

/* The resolved policy as YAML with the origin of each entry as a comment, or as JSON. From malloc.
 */
char *policy_show(const struct policy_builder *builder, bool json, struct cordon_error *err);
/* JSON Schema 2020-12 from the key table. From malloc. */
char *policy_schema(void);
/* Preset number `index` that can be found: name, path and first comment line. Return: 0 or -ENOENT.
 */
int policy_preset(const struct policy_context *context, size_t index, char **ret_name,
		  char **ret_path, char **ret_summary);

#endif
