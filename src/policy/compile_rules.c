/* SPDX-License-Identifier: Apache-2.0 */
/* Typing of paths, destinations, sockets and variables: see compile.h. */
#include "policy/compile.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/glob.h"
#include "policy/net_rules.h"
#include "policy/vars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_glob(struct compile *compile, const char *pattern, struct glob **ret)
{
	int r = glob_new(pattern, ret);

	if (r == -E2BIG)
		return compile_fail(compile, -EINVAL, "the glob is too long");
	if (r == -EINVAL)
		return compile_fail(compile, -EINVAL, "the '[' of the glob is not closed");
	return r;
}

int compile_extends(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)compile;
	(void)key;
	(void)entry;
	return 0;
}

/* The only path that may be relative: it is what the others are relative to. */
int compile_workspace(struct compile *compile, const struct key *key, const struct entry *entry)
{
	cleanup_free char *path = NULL;

	(void)key;
	if (vars_uses_tmp(entry->text) || strncmp(entry->text, "$WORKSPACE", 10) == 0)
		return compile_fail(compile, -EINVAL, "the workspace cannot depend on itself");
	if (entry->text[0] != '~' && entry->text[0] != '$')
		return 0;
	return vars_path(compile, entry->text, false, &path);
}

static int glob_refused(struct compile *compile)
{
	return compile_fail(compile, -EINVAL,
			    "a glob is only possible in deny, hide and protect: the kernel grants "
			    "whole subtrees");
}

int compile_fs(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	enum fs_kind kind = (enum fs_kind)key->offset;
	bool pattern = glob_has_wildcard(entry->text);
	struct fs_rule rule = { .kind = kind, .fd = -1 };
	int r;

	if (pattern && kind > FS_PROTECT)
		return glob_refused(compile);
	r = vec_grow(&policy->fs, policy->fs_count);
	if (r == 0)
		r = vars_path(compile, entry->text, pattern, &rule.path);
	if (r == 0 && pattern)
		r = make_glob(compile, rule.path, &rule.glob);
	if (r == 0)
		r = compile_rule(key, entry, &rule.rule);
	if (r < 0) {
		glob_free(rule.glob);
		free(rule.path);
		return r;
	}
	policy->uses_tmp |= vars_uses_tmp(rule.path);
	policy->fs[policy->fs_count++] = rule;
	return 0;
}

int compile_net(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	struct net_rule rule;
	const char *why = "";
	int r = vec_grow(&policy->net, policy->net_count);

	if (r == 0)
		r = net_rule_read(entry->text, key->offset, &rule, &why);
	if (r == -EINVAL)
		return compile_fail(compile, r, "%s", why);
	if (r < 0)
		return r;
	r = compile_rule(key, entry, &rule.rule);
	if (r < 0) {
		net_rule_done(&rule);
		return r;
	}
	policy->net[policy->net_count++] = rule;
	return 0;
}

int compile_listen(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	struct listen_rule rule;
	const char *why = "";
	int r = vec_grow(&policy->listen, policy->listen_count);

	if (r == 0)
		r = listen_rule_read(entry->text, &rule, &why);
	if (r == -EINVAL)
		return compile_fail(compile, r, "%s", why);
	if (r == 0)
		r = compile_rule(key, entry, &rule.rule);
	if (r < 0)
		return r;
	policy->listen[policy->listen_count++] = rule;
	return 0;
}

static int socket_path(struct compile *compile, const char *text, struct unix_rule *rule)
{
	bool pattern = glob_has_wildcard(text);
	int r;

	if (rule->abstract) {
		if (!text[1] || strlen(text) > 108)
			return compile_fail(compile, -EINVAL, "a name of 1 to 107 bytes is wanted");
		rule->path = strdup(text + 1);
		r = rule->path ? 0 : -ENOMEM;
	} else {
		r = vars_path(compile, text, pattern, &rule->path);
	}
	if (r == 0 && pattern)
		r = make_glob(compile, rule->path, &rule->glob);
	return r;
}

int compile_unix(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	struct unix_rule rule = { .bind = key->offset, .abstract = entry->text[0] == '@' };
	int r = vec_grow(&policy->unix_rules, policy->unix_count);

	if (rule.bind && rule.abstract)
		return compile_fail(compile, -EINVAL,
				    "abstract names need no rule: they stay inside the sandbox");
	if (r == 0)
		r = socket_path(compile, entry->text, &rule);
	if (r == 0)
		r = compile_rule(key, entry, &rule.rule);
	if (r < 0) {
		glob_free(rule.glob);
		free(rule.path);
		return r;
	}
	policy->uses_tmp |= vars_uses_tmp(rule.path);
	policy->unix_rules[policy->unix_count++] = rule;
	return 0;
}

int compile_cwd(struct compile *compile, const struct key *key, const struct entry *entry)
{
	char *path;
	int r = vars_path(compile, entry->text, false, &path);

	(void)key;
	if (r < 0)
		return r;
	free(compile->policy->cwd);
	compile->policy->cwd = path;
	compile->policy->uses_tmp |= vars_uses_tmp(path);
	return 0;
}

static bool is_env_name(const char *name, size_t length)
{
	if (length == 0 || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == '=' || name[i] == 0x7f)
			return false;
	return true;
}

int compile_env(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	if (strcmp(entry->text, "inherit") != 0)
		return compile_fail(compile, -EINVAL,
				    "'inherit' or a section with 'pass' and 'set' is wanted");
	compile->policy->env_mode = ENV_INHERIT;
	return 0;
}

static int add_env_pattern(struct compile *compile, const char *text, char ***list, size_t *count)
{
	size_t length = strlen(text);
	char *name;

	if (length > 1 && text[length - 1] == '*')
		length--;
	if (!is_env_name(text, length) || memchr(text, '*', length))
		return compile_fail(compile, -EINVAL, "NAME or PREFIX* is wanted");
	if (vec_grow(list, *count) < 0)
		return -ENOMEM;
	name = strdup(text);
	if (!name)
		return -ENOMEM;
	(*list)[(*count)++] = name;
	return 0;
}

int compile_env_pass(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;

	(void)key;
	if (strcmp(entry->text, "*") == 0) {
		policy->env_mode = ENV_INHERIT;
		return 0;
	}
	return add_env_pattern(compile, entry->text, &policy->env_pass, &policy->env_pass_count);
}

int compile_env_unset(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;

	(void)key;
	return add_env_pattern(compile, entry->text, &policy->env_unset, &policy->env_unset_count);
}

int compile_env_set(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	struct env_set set = { 0 };
	int r;

	(void)key;
	if (!is_env_name(entry->name, strlen(entry->name)))
		return compile_fail(compile, -EINVAL, "not the name of a variable");
	r = vec_grow(&policy->env_set, policy->env_set_count);
	if (r == 0)
		r = vars_value(compile, entry->text, &set.value);
	if (r < 0)
		return r;
	set.name = strdup(entry->name);
	if (!set.name) {
		free(set.value);
		return -ENOMEM;
	}
	policy->uses_tmp |= vars_uses_tmp(set.value);
	policy->env_set[policy->env_set_count++] = set;
	return 0;
}

int compile_umask(struct compile *compile, const struct key *key, const struct entry *entry)
{
	unsigned value;

	(void)key;
	if (str_to_octal(entry->text, 0777, &value) < 0)
		return compile_fail(compile, -EINVAL, "an octal number up to 777 is wanted");
	compile->policy->umask = (int)value;
	return 0;
}

static int add_number(struct compile *compile, const struct entry *entry, uint64_t least,
		      uint64_t most, int **list, size_t *count)
{
	uint64_t value;

	if (str_to_u64(entry->text, most, &value) < 0 || value < least)
		return compile_fail(compile, -EINVAL, "a number from %d to %d is wanted",
				    (int)least, (int)most);
	if (vec_grow(list, *count) < 0)
		return -ENOMEM;
	(*list)[(*count)++] = (int)value;
	return 0;
}

int compile_cpu(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	return add_number(compile, entry, 0, 4095, &compile->policy->cpus,
			  &compile->policy->cpu_count);
}

int compile_fd(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	return add_number(compile, entry, 3, 1 << 20, &compile->policy->fds,
			  &compile->policy->fd_count);
}

int compile_events(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	uint64_t fd;
	char *text = NULL;
	int r = 0;

	(void)key;
	if (strncmp(entry->text, "fd:", 3) == 0) {
		if (str_to_u64(entry->text + 3, 1 << 20, &fd) < 0)
			return compile_fail(compile, -EINVAL, "'fd:' and a number is wanted");
		text = strdup(entry->text);
	} else if (entry->text[0] == '~' || entry->text[0] == '$') {
		r = vars_path(compile, entry->text, false, &text);
	} else {
		text = strdup(entry->text);
	}
	if (r < 0)
		return r;
	if (!text)
		return -ENOMEM;
	if (vars_uses_tmp(text)) {
		free(text);
		return compile_fail(compile, -EINVAL,
				    "the program must not reach its own events: not in $TMP");
	}
	free(policy->events);
	policy->events = text;
	return 0;
}

int compile_hint(struct compile *compile, const struct key *key, const struct entry *entry)
{
	(void)key;
	if (strcmp(entry->text, "stderr") != 0 && strcmp(entry->text, "null") != 0)
		return compile_fail(compile, -EINVAL, "'stderr' or null is wanted");
	compile->policy->hint = strcmp(entry->text, "stderr") == 0;
	return 0;
}
