/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a policy builder, shared by builder.c, load.c, build.c and show.c. */
#ifndef CORDON_POLICY_BUILDER_H
#define CORDON_POLICY_BUILDER_H

#include "policy/load.h"
#include "policy/settings.h"

struct flag {
	char *key, *value;
};

/* A file of the host's own: the program must not change it. */
struct own_file {
	char *path;
	const char *why; /* static */
};

struct policy_builder {
	char *workspace, *home, *preset_dirs; /* of the context; NULL: not given */
	struct settings files;		      /* all files and presets so far */
	struct settings resolved;	      /* of the last build: files, then flags */
	bool is_resolved;
	bool named; /* a file, preset or text was added */
	struct flag *flags;
	size_t flag_count;
	char **names; /* of files, borrowed by entries */
	size_t name_count;
	size_t text_count;
	struct own_file *own;
	size_t own_count;
	struct policy *scratch; /* texts are typed on it to check them */
	struct problems problems;
};

/* A policy with every field at its default. NULL: no memory. */
struct policy *policy_new(void);

struct layer builder_layer(struct policy_builder *builder, struct settings *settings,
			   struct compile *compile, const char *file);
/* Adds a preset or file to settings. Return: 0; -ENOMEM; or -errno with a problem added. */
int builder_add(struct policy_builder *builder, struct settings *settings, const char *reference);
/* The same for a text. identity: what tells it apart from others that were loaded. */
int builder_add_text(struct policy_builder *builder, struct settings *settings, const char *name,
		     const char *identity, const char *text, size_t length);
int builder_apply_flags(struct policy_builder *builder, struct settings *settings);
/* The first problem, or else the code, as the result of a call. */
int builder_result(struct policy_builder *builder, int code, struct cordon_error *err);

#endif
