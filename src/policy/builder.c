/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The builder: see load.h.
 *
 * Theory of operation. A builder holds the settings of all files so far and, apart from them, the
 * flags. Every call works on a copy of the settings and puts it in place on success, so a failing
 * file leaves nothing behind. policy_build() lays the flags over a copy and types the result
 * (build.c), so it can be called again after more has been added.
 */
#include "policy/builder.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/vec.h"
#include "policy/vars.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char command_line[] = "command line";

static int copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

int policy_builder_new(const struct policy_context *context, struct policy_builder **ret,
		       struct cordon_error *err)
{
	struct policy_builder *builder = calloc(1, sizeof(*builder));
	const char *home = context ? context->home : NULL;

	if (!builder)
		return err_set(err, -ENOMEM, "out of memory");
	if (!home)
		home = vars_environment("HOME");
	/* An empty or relative HOME would make `~` mean something else in each directory. */
	if (home && home[0] != '/')
		home = NULL;
	builder->scratch = policy_new();
	if (!builder->scratch ||
	    copy_text(context ? context->workspace : NULL, &builder->workspace) < 0 ||
	    copy_text(home, &builder->home) < 0 ||
	    copy_text(context ? context->preset_dirs : NULL, &builder->preset_dirs) < 0) {
		policy_builder_free(builder);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*ret = builder;
	return 0;
}

void policy_builder_free(struct policy_builder *builder)
{
	if (!builder)
		return;
	settings_done(&builder->files);
	settings_done(&builder->resolved);
	for (size_t i = 0; i < builder->flag_count; i++) {
		free(builder->flags[i].key);
		free(builder->flags[i].value);
	}
	free(builder->flags);
	for (size_t i = 0; i < builder->name_count; i++)
		free(builder->names[i]);
	free(builder->names);
	for (size_t i = 0; i < builder->own_count; i++)
		free(builder->own[i].path);
	free(builder->own);
	policy_free(builder->scratch);
	free(builder->workspace);
	free(builder->home);
	free(builder->preset_dirs);
	free(builder);
}

int policy_builder_protect(struct policy_builder *builder, const char *path, const char *why)
{
	char *copy;

	for (size_t i = 0; i < builder->own_count; i++)
		if (strcmp(builder->own[i].path, path) == 0)
			return 0;
	if (vec_grow(&builder->own, builder->own_count) < 0)
		return -ENOMEM;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	builder->own[builder->own_count++] = (struct own_file){ copy, why };
	return 0;
}

struct layer builder_layer(struct policy_builder *builder, struct settings *settings,
			   struct compile *compile, const char *file)
{
	*compile = (struct compile){ .policy = builder->scratch, .home = builder->home };
	return (struct layer){ .settings = settings,
			       .problems = &builder->problems,
			       .compile = compile,
			       .file = file };
}

int builder_result(struct policy_builder *builder, int code, struct cordon_error *err)
{
	if (code == -ENOMEM)
		return err_set(err, code, "out of memory");
	if (builder->problems.count > 0)
		return problems_get(&builder->problems, 0, err);
	return code;
}

/* Puts the new settings in place if there is no problem, else drops them. */
static int finish(struct policy_builder *builder, struct settings *settings, int code,
		  struct cordon_error *err)
{
	int r = builder_result(builder, code, err);

	if (r < 0) {
		settings_done(settings);
		return r;
	}
	settings_done(&builder->files);
	builder->files = *settings;
	builder->named = true;
	return 0;
}

int policy_builder_add(struct policy_builder *builder, const char *preset_or_file,
		       struct cordon_error *err)
{
	struct settings settings;
	int r;

	builder->problems.count = 0;
	if (!*preset_or_file)
		return err_set(err, -EINVAL, "the name of a policy is empty");
	r = settings_copy(&builder->files, &settings);
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = builder_add(builder, &settings, preset_or_file);
	return finish(builder, &settings, r, err);
}

int policy_builder_add_text(struct policy_builder *builder, const char *name, const char *text,
			    size_t length, struct cordon_error *err)
{
	struct settings settings;
	cleanup_free char *identity = NULL;
	int r;

	builder->problems.count = 0;
	/* Each text is a layer of its own, whatever its name. */
	if (asprintf(&identity, "text:%zu", builder->text_count++) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = settings_copy(&builder->files, &settings);
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = builder_add_text(builder, &settings, name ? name : "policy", identity, text, length);
	return finish(builder, &settings, r, err);
}

int builder_apply_flags(struct policy_builder *builder, struct settings *settings)
{
	struct compile compile;
	struct layer layer = builder_layer(builder, settings, &compile, command_line);
	int worst = 0;

	for (size_t i = 0; i < builder->flag_count; i++) {
		int r = settings_set(&layer, builder->flags[i].key, builder->flags[i].value);

		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

/* Only the form is checked now: what a flag takes away may come with a later file. */
static int try_flag(struct policy_builder *builder, const char *key, const char *value)
{
	struct settings scratch = { 0 };
	struct compile compile;
	struct layer layer = builder_layer(builder, &scratch, &compile, command_line);
	const struct key *row = key_find(key);
	int r = row && row->shape == SHAPE_REMOVE ? 0 : settings_set(&layer, key, value);

	settings_done(&scratch);
	return r;
}

int policy_builder_set(struct policy_builder *builder, const char *key, const char *value,
		       struct cordon_error *err)
{
	struct flag flag = { 0 };
	int r;

	builder->problems.count = 0;
	r = builder_result(builder, try_flag(builder, key, value), err);
	if (r < 0)
		return r;
	if (vec_grow(&builder->flags, builder->flag_count) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	flag.key = strdup(key);
	flag.value = strdup(value);
	if (!flag.key || !flag.value) {
		free(flag.key);
		free(flag.value);
		return err_set(err, -ENOMEM, "out of memory");
	}
	builder->flags[builder->flag_count++] = flag;
	return 0;
}

int policy_builder_problem(const struct policy_builder *builder, size_t index,
			   struct cordon_error *ret)
{
	return problems_get(&builder->problems, index, ret) < 0 ? 0 : -ENOENT;
}
