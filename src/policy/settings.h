/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layers of a policy say so far: for each key of the table its entries, as texts with
 * their places. Layers are laid on top of each other here: lists grow, scalars are replaced.
 */
#ifndef CORDON_POLICY_SETTINGS_H
#define CORDON_POLICY_SETTINGS_H

#include "policy/keys.h"
#include "policy/read.h"

#define KEYS_MAX 112

struct setting {
	bool present; /* given, perhaps as an empty list */
	bool by_flag; /* given by flags alone */
	struct entry *entries;
	size_t count;
};

struct loaded {
	char *identity;	  /* preset name or real path: each is loaded once */
	const char *name; /* as it is shown, borrowed */
};

struct settings {
	struct setting keys[KEYS_MAX];
	struct loaded *loaded;
	size_t loaded_count;
};

/* Starts as {0}. */
void settings_done(struct settings *settings);
/* Return: 0 or -ENOMEM (*ret is empty then). */
int settings_copy(const struct settings *from, struct settings *ret);

void entry_done(struct entry *entry);
void setting_clear(struct setting *setting);
/* Copies text and name of the entry. Return: 0 or -ENOMEM. */
int setting_append(struct setting *setting, const struct entry *entry);
struct setting *setting_of(struct settings *settings, const struct key *key);
const struct setting *settings_get(const struct settings *settings, const char *key);

/* Where problems go and what texts are checked with. */
struct layer {
	struct settings *settings;
	struct problems *problems;
	struct compile *compile; /* with a scratch policy */
	const char *file;	 /* borrowed by the entries that are made */
	bool shipped;		 /* a preset of ours: its tests have typed it, and the build will */
};

/*
 * Applies one file, but for its `extends`. Problems are added and the rest is still looked at.
 * Return: 0; -EINVAL if problems were added; -ENOMEM.
 */
int settings_apply(struct layer *layer, const struct text_node *root);
/* Applies one flag. Return: 0; -EINVAL with a problem added; -ENOMEM. */
int settings_set(struct layer *layer, const char *key, const char *value);
/* The value of a key at the top of a file. Return: NULL if it is not there. */
const struct text_node *settings_find(const struct text_node *root, const char *name);

#endif
