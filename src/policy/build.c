/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to a struct policy: types every entry and checks the whole. See load.h. */
#include "policy/builder.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/compile.h"
#include "policy/vars.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct policy *policy_new(void)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->umask = -1;
	policy->aslr = policy->huge_pages = policy->core_dumps = UNSET;
	policy->wall_ms = policy->cpu_s = LIMIT_UNSET;
	policy->address_space = policy->open_files = policy->file_size = LIMIT_UNSET;
	policy->hint = true;
	return policy;
}

/* What is passed when nothing is said (PO-15); a flag for one more name adds to these. */
static const char *const env_default[] = { "PATH",  "HOME", "USER",	 "LOGNAME",
					   "SHELL", "LANG", "LANGUAGE",	 "LC_*",
					   "TERM",  "TZ",   "COLORTERM", "NO_COLOR" };

static bool flags_grant(const struct policy_builder *builder)
{
	static const char *const grants[] = { "filesystem.read", "filesystem.write",
					      "filesystem.exec" };

	for (size_t i = 0; i < builder->flag_count; i++)
		for (size_t k = 0; k < COUNT_OF(grants); k++)
			if (strcmp(builder->flags[i].key, grants[k]) == 0)
				return true;
	return false;
}

static int resolve(struct policy_builder *builder)
{
	int r = 0;

	settings_done(&builder->resolved);
	builder->is_resolved = false;
	if (settings_copy(&builder->files, &builder->resolved) < 0)
		return -ENOMEM;
	if (!builder->named && !flags_grant(builder))
		r = builder_add(builder, &builder->resolved, "default");
	return r < 0 ? r : builder_apply_flags(builder, &builder->resolved);
}

/* Return: an entry that depends on the workspace, or NULL. */
static const struct entry *workspace_user(const struct settings *settings)
{
	for (size_t k = 0; k < key_count; k++)
		for (size_t i = 0; i < settings->keys[k].count; i++)
			if (strncmp(settings->keys[k].entries[i].text, "$WORKSPACE", 10) == 0)
				return &settings->keys[k].entries[i];
	return NULL;
}

static int workspace_text(struct compile *compile, const struct policy_builder *builder,
			  const struct setting *setting, char **ret)
{
	const char *text = ".";

	if (builder->workspace)
		text = builder->workspace;
	else if (setting->count > 0)
		text = setting->entries[0].text;
	if (text[0] == '~' || text[0] == '$')
		return vars_path(compile, text, false, ret);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* Finds $WORKSPACE. It has to be usable only if something uses it. */
static int set_workspace(struct policy_builder *builder, struct compile *compile)
{
	const struct setting *setting = settings_get(&builder->resolved, "workspace");
	const struct entry *user = workspace_user(&builder->resolved);
	const struct place *place = setting->count > 0 ? &setting->entries[0].place : NULL;
	cleanup_free char *text = NULL;
	struct stat st;
	char *real;
	int r = workspace_text(compile, builder, setting, &text);

	if (r == -EINVAL)
		return problems_add(&builder->problems, r, place, "workspace: %s", compile->reason);
	if (r < 0)
		return r;
	real = realpath(text, NULL);
	if (real && stat(real, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (real && (!user || strcmp(real, "/") != 0)) {
		compile->policy->workspace = real;
		compile->workspace = real;
		return 0;
	} else if (real) {
		free(real);
		return problems_add(&builder->problems, -EINVAL, place,
				    "workspace: '/' cannot be it: the system would be writable "
				    "(name a directory with -W DIR)");
	}
	r = -errno;
	free(real);
	if (user || builder->workspace || setting->count > 0)
		return problems_add(&builder->problems, r, place, "workspace: '%s': %s", text,
				    strerrordesc_np(-r));
	compile->policy->workspace = strdup("/");
	compile->workspace = compile->policy->workspace;
	return compile->workspace ? 0 : -ENOMEM;
}

static int not_supported(struct policy_builder *builder, const struct key *key,
			 const struct entry *entry, const char *what)
{
	return problems_add(&builder->problems, -EOPNOTSUPP, entry ? &entry->place : NULL,
			    "%s:%s%s not supported by this version", key->name, *what ? " " : "",
			    what);
}

static int build_entry(struct policy_builder *builder, struct compile *compile,
		       const struct key *key, const struct entry *entry)
{
	char shown[80], what[200];
	int r;

	compile->reason[0] = '\0';
	r = key->compile(compile, key, entry);
	str_escape(shown, sizeof(shown), entry->text, strlen(entry->text));
	if (r == -EINVAL)
		return problems_add(&builder->problems, r, &entry->place, "%s: '%s': %s", key->name,
				    shown, compile->reason);
	if (r == -EOPNOTSUPP) {
		snprintf(what, sizeof(what), "'%s': %.100s", shown, compile->reason);
		return not_supported(builder, key, entry, what);
	}
	return r;
}

static bool is_fallback(const struct key *key, const struct setting *setting)
{
	if (setting->count == 0)
		return strcmp(key->name, "process.capabilities.keep") != 0;
	return key->fallback && setting->count == 1 &&
	       strcmp(key->fallback, setting->entries[0].text) == 0;
}

static int build_key(struct policy_builder *builder, struct compile *compile, const struct key *key)
{
	const struct setting *setting = &builder->resolved.keys[key_index(key)];
	int worst = 0;

	if (!setting->present || !key->compile)
		return 0;
	for (size_t i = 0; i < setting->count; i++) {
		int r = build_entry(builder, compile, key, &setting->entries[i]);

		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	if (worst == 0 && key->unsupported && !is_fallback(key, setting))
		return not_supported(builder, key, setting->count ? &setting->entries[0] : NULL,
				     "");
	return worst;
}

static int pass_default_names(struct policy *policy)
{
	for (size_t i = 0; i < COUNT_OF(env_default); i++) {
		char *name = strdup(env_default[i]);

		if (!name || vec_grow(&policy->env_pass, policy->env_pass_count) < 0) {
			free(name);
			return -ENOMEM;
		}
		policy->env_pass[policy->env_pass_count++] = name;
	}
	return 0;
}

/* What absence and presence of whole lists mean. */
static int build_presence(struct policy_builder *builder, struct policy *policy)
{
	const struct settings *settings = &builder->resolved;
	const struct setting *pass = settings_get(settings, "process.env.pass");

	policy->exec_present = settings_get(settings, "filesystem.exec")->present;
	policy->unix_bind_present = settings_get(settings, "network.unix.bind")->present;
	if (policy->env_mode == ENV_LIST && (!pass->present || pass->by_flag))
		return pass_default_names(policy);
	return 0;
}

static int contradiction(struct policy_builder *builder, const char *key, const char *why)
{
	const struct setting *setting = settings_get(&builder->resolved, key);

	return problems_add(&builder->problems, -EINVAL,
			    setting->count ? &setting->entries[0].place : NULL, "%s: %s", key, why);
}

static int check_contradictions(struct policy_builder *builder, const struct policy *policy)
{
	uint64_t highest = 2;

	if (policy->terminal && !policy->new_session)
		return contradiction(builder, "process.terminal",
				     "a controlling terminal needs process.new_session: true");
	for (size_t i = 0; i < policy->fd_count; i++)
		if ((uint64_t)policy->fds[i] > highest)
			highest = (uint64_t)policy->fds[i];
	if (policy->open_files != LIMIT_UNSET && policy->open_files <= highest)
		return contradiction(builder, "limits.open_files",
				     "lower than the descriptors that are kept");
	return 0;
}

static int protect_files(const struct policy_builder *builder, struct policy *policy)
{
	for (size_t i = 0; i < builder->resolved.loaded_count; i++) {
		const struct loaded *loaded = &builder->resolved.loaded[i];
		int r = 0;

		if (loaded->is_file)
			r = policy_protect(policy, loaded->identity, "policy in force", NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int build_all(struct policy_builder *builder, struct policy *policy)
{
	struct compile compile = { .policy = policy, .home = builder->home };
	int r = set_workspace(builder, &compile);

	if (r < 0)
		return r;
	if (builder->home && !(policy->home = strdup(builder->home)))
		return -ENOMEM;
	for (size_t i = 0; i < key_count; i++) {
		r = build_key(builder, &compile, &keys[i]);
		if (r == -ENOMEM)
			return r;
	}
	r = build_presence(builder, policy);
	if (r == 0)
		r = check_contradictions(builder, policy);
	if (r == 0)
		r = protect_files(builder, policy);
	return r;
}

/* What this version does not support is said only of a policy that is right. */
static void put_unsupported_last(struct problems *problems)
{
	size_t count = problems->count < PROBLEMS_MAX ? problems->count : PROBLEMS_MAX;

	for (size_t i = 0; i < count; i++) {
		struct cordon_error found = problems->list[i];

		if (found.code == -EOPNOTSUPP)
			continue;
		memmove(&problems->list[1], &problems->list[0], i * sizeof(found));
		problems->list[0] = found;
		return;
	}
}

int policy_build(struct policy_builder *builder, struct policy **ret, struct cordon_error *err)
{
	struct policy *policy = policy_new();
	int r;

	builder->problems.count = 0;
	if (!policy)
		return err_set(err, -ENOMEM, "out of memory");
	r = resolve(builder);
	if (r == 0)
		r = build_all(builder, policy);
	put_unsupported_last(&builder->problems);
	r = builder_result(builder, r, err);
	if (r < 0) {
		policy_free(policy);
		return r;
	}
	builder->is_resolved = true;
	*ret = policy;
	return 0;
}

/* Whether a real path lies in a write grant, as far as the grants exist now. */
static bool is_writable(const struct policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		cleanup_free char *real = NULL;

		if (policy->fs[i].kind != FS_WRITE || vars_uses_tmp(policy->fs[i].path))
			continue;
		real = realpath(policy->fs[i].path, NULL);
		if (real && path_is_under(path, real))
			return true;
	}
	return false;
}

int policy_protect(struct policy *policy, const char *path, const char *why,
		   struct cordon_error *err)
{
	struct entry entry = { .place = { .file = why } };
	struct fs_rule rule = { .kind = FS_PROTECT, .fd = -1 };
	cleanup_free char *real = realpath(path, NULL);

	if (!real && errno == ENOENT)
		return 0;
	if (!real)
		return err_sys(err, -errno, "protect '%s'", path);
	if (!is_writable(policy, real))
		return 0;
	entry.text = real;
	if (vec_grow(&policy->fs, policy->fs_count) < 0 ||
	    compile_rule(key_find("filesystem.protect"), &entry, &rule.rule) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	rule.path = steal_ptr(&real);
	policy->fs[policy->fs_count++] = rule;
	return 0;
}
