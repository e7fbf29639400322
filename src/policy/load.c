/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and presets with what they extend: see builder_add() in builder.h.
 *
 * A file is trusted by the act of naming it, and so is what it extends; nothing is ever picked up
 * because it lies somewhere.
 */
#include "policy/builder.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/presets.h"
#include "policy/read.h"
#include "policy/vars.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXTENDS_MAX 16

/* One file that is being loaded; the files that led to it are above. */
struct chain {
	const struct chain *above;
	const char *identity, *name;
	size_t depth;
	bool shipped; /* compiled in */
};

struct loader {
	struct policy_builder *builder;
	struct settings *settings;
};

/* Entries borrow the names of their files from here. Return: NULL if there is no memory. */
static const char *intern(struct policy_builder *builder, const char *name)
{
	char *copy;

	for (size_t i = 0; i < builder->name_count; i++)
		if (strcmp(builder->names[i], name) == 0)
			return builder->names[i];
	if (vec_grow(&builder->names, builder->name_count) < 0)
		return NULL;
	copy = strdup(name);
	if (copy)
		builder->names[builder->name_count++] = copy;
	return copy;
}

static int add_reference(struct loader *loader, const char *reference, const char *dir,
			 const struct place *place, const struct chain *above);

static int apply_extends(struct loader *loader, const struct text_node *list, const char *dir,
			 const struct chain *chain)
{
	struct place place = { chain->name, list->line, list->column };
	int worst = 0;

	if (list->kind != TEXT_LIST)
		return problems_add(&loader->builder->problems, -EINVAL, &place,
				    "extends: a list is wanted");
	for (size_t i = 0; i < list->count; i++) {
		const struct text_node *item = list->items[i];
		int r;

		place.line = item->line;
		place.column = item->column;
		if (item->kind != TEXT_SCALAR || item->length == 0 ||
		    strlen(item->text) != item->length)
			r = problems_add(&loader->builder->problems, -EINVAL, &place,
					 "extends: the name of a preset or file is wanted");
		else
			r = add_reference(loader, item->text, dir, &place, chain);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

/* dir: what `extends` is relative to; NULL: presets only. */
static int apply_text(struct loader *loader, const char *text, size_t length, const char *dir,
		      const struct chain *chain)
{
	struct policy_builder *builder = loader->builder;
	struct text_node *root = NULL;
	struct compile compile;
	struct layer layer = builder_layer(builder, loader->settings, &compile, chain->name);
	const struct text_node *extends;
	int inherited = 0, own;
	int r = read_text(chain->name, text, length, &builder->problems, &root);

	layer.shipped = chain->shipped;
	if (r < 0)
		return r;
	extends = settings_find(root, "extends");
	if (extends)
		inherited = apply_extends(loader, extends, dir, chain);
	own = inherited == -ENOMEM ? inherited : settings_apply(&layer, root);
	read_free(root);
	return own < 0 ? own : inherited;
}

/* Adds what has no place to a place, if there is one. */
static int complain(struct policy_builder *builder, int code, const struct place *place,
		    const char *name, const char *why)
{
	return problems_add(&builder->problems, code, place, "%s%s: %s",
			    place && place->line ? "extends: " : "", name, why);
}

static int note_cycle(struct policy_builder *builder, const struct chain *chain, const char *name,
		      const struct place *place)
{
	char path[400] = "";

	for (const struct chain *at = chain; at; at = at->above) {
		char more[sizeof(path)];

		snprintf(more, sizeof(more), "%.150s -> %.240s", at->name, path);
		memcpy(path, more, sizeof(path));
	}
	return problems_add(&builder->problems, -EINVAL, place, "extends: a cycle: %.300s%s", path,
			    name);
}

/* Whether the file comes from an `extends` of itself, or was loaded before. Return: 1 if so. */
static int check_chain(struct loader *loader, const char *identity, const char *name,
		       const struct place *place, const struct chain *above)
{
	for (const struct chain *at = above; at; at = at->above)
		if (strcmp(at->identity, identity) == 0)
			return note_cycle(loader->builder, above, name, place);
	if (above && above->depth >= EXTENDS_MAX)
		return complain(loader->builder, -EINVAL, place, name, "more than 16 files deep");
	for (size_t i = 0; i < loader->settings->loaded_count; i++)
		if (strcmp(loader->settings->loaded[i].identity, identity) == 0)
			return 1;
	return 0;
}

static int remember(struct settings *settings, const char *identity, const char *name)
{
	char *copy;

	if (vec_grow(&settings->loaded, settings->loaded_count) < 0)
		return -ENOMEM;
	copy = strdup(identity);
	if (!copy)
		return -ENOMEM;
	settings->loaded[settings->loaded_count++] =
		(struct loaded){ .identity = copy, .name = name };
	return 0;
}

/* file: real path that the text was read from, or NULL; shipped: it is part of the library. */
static int load_text(struct loader *loader, const char *name, const char *identity,
		     const char *file, bool shipped, const char *text, size_t length,
		     const char *dir, const struct chain *above)
{
	const char *shown = intern(loader->builder, name);
	struct chain chain = { above, identity, shown, above ? above->depth + 1 : 1, shipped };
	int r = shown ? remember(loader->settings, identity, shown) : -ENOMEM;

	if (r == 0 && file)
		r = policy_builder_protect(loader->builder, file, "policy in force");
	return r < 0 ? r : apply_text(loader, text, length, dir, &chain);
}

static int add_preset(struct loader *loader, const char *name, const struct place *place,
		      const struct chain *above)
{
	struct policy_builder *builder = loader->builder;
	struct policy_context context = { .home = builder->home,
					  .preset_dirs = builder->preset_dirs };
	cleanup_free char *text = NULL, *path = NULL, *dir = NULL;
	const char *nearest;
	size_t length;
	char *slash;
	int r = check_chain(loader, name, name, place, above);

	if (r != 0)
		return r < 0 ? r : 0;
	r = preset_read(&context, name, &text, &length, &path);
	if (r == -EPERM)
		return problems_add(&builder->problems, r, place,
				    "preset '%s': others may write %s (chmod go-w)", name, path);
	nearest = preset_nearest(name);
	if (r == -ENOENT && nearest)
		return problems_add(&builder->problems, r, place,
				    "no preset '%s' (did you mean '%s'? a file is named with a '/' "
				    "or the suffix .yaml)",
				    name, nearest);
	if (r == -ENOENT)
		return problems_add(&builder->problems, r, place,
				    "no preset '%s' (a file is named with a '/' or the suffix "
				    ".yaml)",
				    name);
	if (r < 0)
		return complain(builder, r, place, path ? path : name, strerrordesc_np(-r));
	if (path) {
		dir = strdup(path);
		if (!dir)
			return -ENOMEM;
		slash = strrchr(dir, '/');
		slash[slash == dir] = '\0';
	}
	return load_text(loader, name, name, path, !path, text, length, dir, above);
}

/* dir/name, or name where dir is the current directory. */
static char *join(const char *dir, const char *name)
{
	char *path;

	while (dir && strncmp(name, "./", 2) == 0)
		name += 2;
	if (!dir || !*dir || name[0] == '/')
		return strdup(name);
	return asprintf(&path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) < 0 ? NULL : path;
}

static int add_file(struct loader *loader, const char *path, const struct place *place,
		    const struct chain *above)
{
	cleanup_free char *text = NULL, *real = realpath(path, NULL), *dir = strdup(path);
	char *slash;
	size_t length;
	int r = real ? 0 : -errno;

	if (!dir)
		return -ENOMEM;
	if (r == 0)
		r = check_chain(loader, real, path, place, above);
	if (r == 0)
		r = preset_read_file(path, false, &text, &length);
	else if (r > 0)
		return 0;
	else if (real)
		return r;
	if (r < 0)
		return complain(loader->builder, r, place, path, strerrordesc_np(-r));
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	else
		dir[0] = '\0';
	return load_text(loader, path, real, real, false, text, length, dir, above);
}

static int add_reference(struct loader *loader, const char *reference, const char *dir,
			 const struct place *place, const struct chain *above)
{
	cleanup_free char *path = NULL;

	if (preset_is_name(reference))
		return add_preset(loader, reference, place, above);
	if (above && !dir && reference[0] != '/')
		return complain(loader->builder, -EINVAL, place, reference,
				"a text without a file cannot extend a relative one");
	path = join(dir, reference);
	return path ? add_file(loader, path, place, above) : -ENOMEM;
}

int builder_add(struct policy_builder *builder, struct settings *settings, const char *reference)
{
	struct loader loader = { builder, settings };

	return add_reference(&loader, reference, NULL, NULL, NULL);
}

int builder_add_text(struct policy_builder *builder, struct settings *settings, const char *name,
		     const char *identity, const char *text, size_t length)
{
	struct loader loader = { builder, settings };

	return load_text(&loader, name, identity, NULL, false, text, length, NULL, NULL);
}
