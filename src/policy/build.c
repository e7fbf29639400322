/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to a struct policy: types every entry and checks the whole. See load.h. */
#include "policy/builder.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/compile.h"
#include "policy/inside.h"
#include "policy/name_rules.h"
#include "policy/net_index.h"
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
	policy->umask = policy->root_fd = -1;
	policy->nice = NICE_UNSET;
	policy->uid = policy->gid = policy->user_gid = policy->inner_user_ns = -1;
	policy->aslr = policy->huge_pages = policy->core_dumps = UNSET;
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		policy->limits[i].value = LIMIT_UNSET;
	policy->hint = true;
	memset(policy->on_failure, -1, sizeof(policy->on_failure));
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
		for (size_t i = 0; !keys[k].first && i < settings->keys[k].count; i++)
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
		return true;
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

static const char *const cap_keys[CAPS_COUNT] = {
	[CAPS_KEEP] = "process.capabilities.keep",
	[CAPS_BOUNDING] = "process.capabilities.bounding",
	[CAPS_PERMITTED] = "process.capabilities.permitted",
	[CAPS_EFFECTIVE] = "process.capabilities.effective",
	[CAPS_INHERITABLE] = "process.capabilities.inheritable",
	[CAPS_AMBIENT] = "process.capabilities.ambient",
};

/* What absence and presence of whole lists mean. */
static int build_presence(struct policy_builder *builder, struct policy *policy)
{
	const struct settings *settings = &builder->resolved;
	const struct setting *pass = settings_get(settings, "process.env.pass");

	for (size_t i = 0; i < CAPS_COUNT; i++)
		policy->caps_present[i] = settings_get(settings, cap_keys[i])->present;
	policy->securebits_present =
		settings_get(settings, "process.capabilities.securebits")->present;
	policy->groups_present = settings_get(settings, "process.groups")->present;
	policy->exec_present = settings_get(settings, "filesystem.exec")->present;
	policy->only_present = settings_get(settings, "syscalls.only")->present;
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

/* Addresses do not tell which name they were meant for: where nothing is allowed by name, a name
 * under deny would hold nothing. */
static bool has_useless_name(const struct policy *policy)
{
	for (size_t i = 0; i < policy->net_count; i++)
		if (policy->net[i].deny && policy->net[i].name && !policy_has_names(policy))
			return true;
	return false;
}

/* The kernel would refuse these, with an errno that says little. */
static int check_caps(struct policy_builder *builder, const struct policy *policy)
{
	static const struct {
		enum cap_set inner, outer;
		const char *why;
	} rows[] = {
		{ CAPS_EFFECTIVE, CAPS_PERMITTED, "holds what permitted does not" },
		{ CAPS_AMBIENT, CAPS_PERMITTED, "holds what permitted does not" },
		{ CAPS_AMBIENT, CAPS_INHERITABLE, "holds what inheritable does not" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t inner, outer;

		if (policy_caps(policy, rows[i].inner, &inner) &&
		    policy_caps(policy, rows[i].outer, &outer) && (inner & ~outer))
			return contradiction(builder, cap_keys[rows[i].inner], rows[i].why);
	}
	return 0;
}

static int check_contradictions(struct policy_builder *builder, const struct policy *policy)
{
	uint64_t highest = 2, open_files = policy->limits[LIMIT_OPEN_FILES].value;

	if (has_useless_name(policy))
		return contradiction(builder, "network.deny",
				     "a name only takes away from what 'allow' names; deny the "
				     "addresses, or allow by name");
	if (policy->terminal && !policy->new_session)
		return contradiction(builder, "process.terminal",
				     "a controlling terminal needs process.new_session: true");
	for (size_t i = 0; i < policy->fd_count; i++)
		if ((uint64_t)policy->fds[i] > highest)
			highest = (uint64_t)policy->fds[i];
	if (open_files != LIMIT_UNSET && open_files <= highest)
		return contradiction(builder, "limits.open_files",
				     "lower than the descriptors that are kept");
	return check_caps(builder, policy);
}

/*
 * From here on $WORKSPACE is what the program calls it, and $HOME where the program sees it. Return: 0;
 * -EINVAL; -ENOMEM.
 */
static int move_inside(struct policy_builder *builder, struct compile *compile)
{
	struct policy *policy = compile->policy;
	char *workspace, *home = NULL;
	int r = policy_inside(policy, policy->workspace, &workspace);

	if (r == 0 && !workspace && workspace_user(&builder->resolved))
		return problems_add(&builder->problems, -EINVAL, NULL,
				    "workspace: '%s' cannot be seen under isolation.root: mount it "
				    "(isolation.mounts), or name another one (-W DIR)",
				    policy->workspace);
	if (r == 0 && builder->home)
		r = policy_inside(policy, builder->home, &home);
	if (r < 0)
		return r;
	policy->cwd = strdup(workspace ? workspace : "/");
	free(policy->workspace);
	policy->workspace = workspace ? workspace : strdup("/");
	compile->workspace = policy->workspace;
	if (home) {
		policy->home = home;
		compile->home = home;
	}
	return policy->cwd && policy->workspace ? 0 : -ENOMEM;
}

/* What says where everything else lies. */
static int build_view(struct policy_builder *builder, struct compile *compile)
{
	int r = 0;

	for (size_t i = 0; r != -ENOMEM && i < key_count; i++)
		if (keys[i].first)
			r = build_key(builder, compile, &keys[i]);
	if (r == -ENOMEM)
		return r;
	if (compile->policy->host_libs && !compile->policy->root)
		return contradiction(builder, "isolation.host_libs",
				     "without isolation.root the host's libraries are there");
	return compile->policy->root ? move_inside(builder, compile) : 0;
}

static int protect_files(const struct policy_builder *builder, struct policy *policy,
			 struct cordon_error *err)
{
	int r = policy_protect(policy, "/proc/self/exe", "the program that supervises", err);

	for (size_t i = 0; r == 0 && i < builder->own_count; i++)
		r = policy_protect(policy, builder->own[i].path, builder->own[i].why, err);
	return r;
}

static int build_all(struct policy_builder *builder, struct policy *policy)
{
	struct compile compile = { .policy = policy, .home = builder->home };
	struct cordon_error error = { 0 };
	int r = set_workspace(builder, &compile);

	if (r < 0)
		return r;
	r = build_view(builder, &compile);
	if (r < 0)
		return r;
	if (builder->home && !policy->home && !(policy->home = strdup(builder->home)))
		return -ENOMEM;
	for (size_t i = 0; i < key_count; i++) {
		if (keys[i].first)
			continue;
		r = build_key(builder, &compile, &keys[i]);
		if (r == -ENOMEM)
			return r;
	}
	r = net_index_new(policy->net, policy->net_count, &policy->net_index);
	if (r == 0)
		r = build_presence(builder, policy);
	if (r == 0)
		r = limits_derive(policy);
	if (r == 0)
		r = check_contradictions(builder, policy);
	if (r == 0)
		r = protect_files(builder, policy, &error);
	if (r < 0 && error.code)
		return problems_add(&builder->problems, r, NULL, "%s", error.text);
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
		if (path_is_under(path, policy->fs[i].path))
			return true;
		/*
		 * SECURITY: what stands there inside cannot be asked yet. A rule too many costs little, but
		 * without a supervisor it would end the start.
		 */
		if ((policy->root || policy->mount_count > 0) &&
		    policy->supervisor != SUPERVISOR_OFF)
			return true;
		if (policy->root)
			continue;
		real = realpath(policy->fs[i].path, NULL);
		if (real && path_is_under(path, real))
			return true;
	}
	return false;
}

/* One name of it. Return: 0 or -ENOMEM. */
static int protect_name(struct policy *policy, char *take_name, const char *why)
{
	struct entry entry = { .text = take_name, .place = { .file = why } };
	struct fs_rule rule = { .kind = FS_PROTECT, .fd = -1, .path = take_name };

	if (vec_grow(&policy->fs, policy->fs_count) < 0 ||
	    compile_rule(key_find("filesystem.protect"), &entry, &rule.rule) < 0) {
		free(take_name);
		return -ENOMEM;
	}
	policy->fs[policy->fs_count++] = rule;
	return 0;
}

int policy_protect(struct policy *policy, const char *path, const char *why,
		   struct cordon_error *err)
{
	cleanup_free char *found = realpath(path, NULL);
	int r = 0;

	if (!found && errno == ENOENT)
		return 0;
	if (!found)
		return err_sys(err, -errno, "protect '%s'", path);
	for (size_t i = 0; r == 0 && i < policy_inside_count(policy); i++) {
		cleanup_free char *name = NULL;

		r = policy_inside_by(policy, found, i, &name);
		if (r == 0 && name && is_writable(policy, name))
			r = protect_name(policy, steal_ptr(&name), why);
	}
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}
