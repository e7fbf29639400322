/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixes a policy to the file system: see policy_bind() in load.h.
 *
 * Theory of operation. Each literal path is opened once, as a handle without content, and asked for
 * the kernel's own name of it; grants become Landlock rules from the same descriptor, so nothing
 * can be swapped between the look and the rule. Guarded paths hold under every name that is known
 * now: the path as written with its parents resolved, the link at its end and what the link leads
 * to, what lies behind bind mounts, and the identity of the object.
 *
 * SECURITY: a symbolic link inside the workspace may come from an earlier run of the program. A
 * grant that is written with $WORKSPACE must therefore lead to exactly that place.
 */
#include "policy/bind.h"
#include "policy/load.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/vec.h"
#include "policy/aliases.h"
#include "policy/expand.h"
#include "policy/git_places.h"
#include "policy/glob.h"
#include "policy/vars.h"
#include "sys/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEVPTS_MAGIC 0x1cd1
#define LINKS_MAX    16

static bool is_missing(int code)
{
	return code == -ENOENT || code == -ENOTDIR || code == -EACCES || code == -ELOOP ||
	       code == -ENAMETOOLONG;
}

/*
 * A handle of what a path leads to, and its canonical path. Most paths have no symbolic link in
 * them and are their own canonical path; only the others are asked for. Return: descriptor;
 * -ENOMEM; -errno.
 */
static int open_handle(int root, const char *path, char **ret)
{
	cleanup_fd int fd = -1;
	int r;

	/* KERNEL(5.6): openat2; where it is missing or refused the second way does it all. */
	if (path_is_plain(path, strlen(path))) {
		fd = rooted_open(root, path, O_PATH, RESOLVE_NO_SYMLINKS);
		if (fd == -ENOENT)
			return fd;
	}
	if (fd >= 0) {
		*ret = strdup(path);
		return *ret ? steal_fd(&fd) : -ENOMEM;
	}
	fd = rooted_open(root, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	r = rooted_path(root, fd, ret);
	return r < 0 ? r : steal_fd(&fd);
}

static int canonical_of(int root, const char *path, char **ret)
{
	int fd = open_handle(root, path, ret);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * The canonical path of the deepest parent that exists, and the rest as it was written.
 * Return: 0; -ENOMEM; -errno.
 */
static int canonical_of_parents(int root, const char *path, char **ret)
{
	cleanup_free char *parent = strdup(path), *found = NULL;
	int r = -ENOENT;

	if (!parent)
		return -ENOMEM;
	while (r != 0) {
		char *slash = strrchr(parent, '/');

		if (!slash) {
			*ret = strdup(path);
			return *ret ? 0 : -ENOMEM;
		}
		*slash = '\0';
		r = canonical_of(root, *parent ? parent : "/", &found);
		if (r < 0 && !is_missing(r))
			return r;
	}
	if (asprintf(ret, "%s%s", strcmp(found, "/") == 0 ? "" : found, path + strlen(parent)) < 0)
		return -ENOMEM;
	return 0;
}

/* Where a symbolic link leads, as a path. Return: 0; -EINVAL if it is none; -errno; -ENOMEM. */
static int target_of(int root, const char *link, char **ret)
{
	char text[PATH_MAX];
	ssize_t length = rooted_readlink(root, link, text, sizeof(text) - 1);
	const char *slash = strrchr(link, '/');

	if (length < 0)
		return (int)length;
	text[length] = '\0';
	if (text[0] == '/')
		*ret = strdup(text);
	else if (asprintf(ret, "%.*s/%s", (int)(slash - link), link, text) < 0)
		*ret = NULL;
	return *ret ? 0 : -ENOMEM;
}

/* A path whose object is missing, behind dangling links as well. Return: 0; -ENOMEM; -errno. */
static int canonical_of_missing(int root, const char *path, unsigned links, char **ret)
{
	cleanup_free char *target = NULL, *here = NULL;
	int r = canonical_of_parents(root, path, &here);

	if (r < 0)
		return r;
	r = links > 0 ? target_of(root, here, &target) : -EINVAL;
	if (r == -ENOMEM)
		return r;
	if (r == 0 && path_is_plain(target, strlen(target)))
		return canonical_of_missing(root, target, links - 1, ret);
	*ret = steal_ptr(&here);
	return 0;
}

static int fail(struct cordon_error *err, int code, const struct rule *rule, const char *why)
{
	err_set(err, code, "%s: '%s': %s", rule->key, rule->text, why);
	if (rule->origin.line > 0)
		err_place(err, rule->origin.file, rule->origin.line, rule->origin.column);
	return code;
}

static int fail_errno(struct cordon_error *err, int code, const struct rule *rule)
{
	return fail(err, code, rule, strerrordesc_np(-code));
}

static void look_at(struct fs_rule *rule)
{
	struct statfs fs;
	struct stat st;

	if (fstat(rule->fd, &st) < 0)
		return;
	rule->dev = st.st_dev;
	rule->ino = st.st_ino;
	rule->is_directory = S_ISDIR(st.st_mode);
	rule->is_linked = !rule->is_directory && st.st_nlink > 1;
	rule->is_device = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ||
			  (rule->is_directory && major(st.st_dev) == 0 &&
			   fstatfs(rule->fd, &fs) == 0 && fs.f_type == DEVPTS_MAGIC);
}

/* Guards also hold for a link at the end of their path. */
static int bind_link(int root, struct fs_rule *rule)
{
	cleanup_free char *here = NULL;
	struct stat st;
	int r = canonical_of_parents(root, rule->path, &here);

	if (r < 0 || rooted_stat(root, here, false, &st) < 0 || !S_ISLNK(st.st_mode))
		return r;
	rule->canonical_link = steal_ptr(&here);
	return 0;
}

static int check_workspace_link(const struct fs_rule *rule, struct cordon_error *err)
{
	if (strncmp(rule->rule.text, "$WORKSPACE", strlen("$WORKSPACE")) != 0 ||
	    strcmp(rule->canonical, rule->path) == 0)
		return 0;
	return fail(err, -EINVAL, &rule->rule,
		    "leads through a symbolic link inside the workspace; name its target instead");
}

static int bind_literal(int root, struct fs_rule *rule, struct cordon_error *err)
{
	bool guard = rule->kind <= FS_PROTECT;
	int r;

	if (vars_uses_tmp(rule->path)) { /* an offline question: there is no such directory */
		rule->canonical = strdup(rule->path);
		return rule->canonical ? 0 : -ENOMEM;
	}
	r = open_handle(root, rule->path, &rule->canonical);
	rule->fd = r < 0 ? -1 : r;
	r = r < 0 ? r : 0;
	if (is_missing(r))
		r = canonical_of_missing(root, rule->path, LINKS_MAX, &rule->canonical);
	if (r < 0)
		return fail_errno(err, r, &rule->rule);
	rule->exists = rule->fd >= 0;
	if (rule->exists)
		look_at(rule);
	r = guard ? bind_link(root, rule) : 0;
	if (r < 0)
		return fail_errno(err, r, &rule->rule);
	return guard || !rule->exists ? 0 : check_workspace_link(rule, err);
}

/* The pattern with its directory part resolved. Return: 0; -ENOMEM; -errno. */
static int canonical_pattern(int root, const char *pattern, char **ret)
{
	cleanup_free char *found = NULL, *dir = NULL;
	cleanup_strbuf struct strbuf sb = { 0 };
	size_t length;
	int r = 0;

	dir = glob_directory(pattern, &length);
	if (!dir)
		return -ENOMEM;
	if (length > 0 && dir[0] == '/') {
		r = canonical_of(root, dir, &found);
		if (is_missing(r))
			r = canonical_of_missing(root, dir, LINKS_MAX, &found);
		if (r < 0)
			return r;
		if (strcmp(found, "/") != 0)
			glob_quote(&sb, found);
		pattern += length;
	}
	strbuf_add(&sb, "%s", pattern);
	*ret = strbuf_take(&sb);
	return *ret ? 0 : -ENOMEM;
}

static int bind_glob(int root, struct fs_rule *rule, struct cordon_error *err)
{
	struct glob *glob;
	int r = canonical_pattern(root, rule->path, &rule->canonical);

	if (r == 0)
		r = glob_new(rule->canonical, &glob);
	if (r < 0)
		return fail_errno(err, r, &rule->rule);
	glob_free(rule->glob);
	rule->glob = glob;
	return 0;
}

static int put_tmp(struct policy *policy, const char *tmp)
{
	int r = 0;

	policy->tmp = strdup(tmp);
	if (!policy->tmp)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < policy->fs_count; i++)
		r = vars_put_tmp(&policy->fs[i].path, tmp, policy->fs[i].glob != NULL);
	for (size_t i = 0; r == 0 && i < policy->unix_count; i++)
		if (!policy->unix_rules[i].abstract)
			r = vars_put_tmp(&policy->unix_rules[i].path, tmp,
					 policy->unix_rules[i].glob != NULL);
	for (size_t i = 0; r == 0 && i < policy->env_set_count; i++)
		r = vars_put_tmp(&policy->env_set[i].value, tmp, false);
	if (r == 0 && policy->cwd)
		r = vars_put_tmp(&policy->cwd, tmp, false);
	return r;
}

static int bind_unix(int root, struct unix_rule *rule, struct cordon_error *err)
{
	struct glob *glob = NULL;
	int r;

	if (rule->abstract)
		return 0;
	if (rule->glob)
		r = canonical_pattern(root, rule->path, &rule->canonical);
	else
		r = canonical_of(root, rule->path, &rule->canonical);
	if (!rule->glob && is_missing(r))
		r = canonical_of_missing(root, rule->path, LINKS_MAX, &rule->canonical);
	if (r == 0 && rule->glob)
		r = glob_new(rule->canonical, &glob);
	if (r < 0)
		return fail_errno(err, r, &rule->rule);
	if (glob) {
		glob_free(rule->glob);
		rule->glob = glob;
	}
	return 0;
}

static int bind_rules(struct policy *policy, bool *ret_guards, struct cordon_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < policy->fs_count; i++) {
		struct fs_rule *rule = &policy->fs[i];

		r = rule->glob ? bind_glob(policy->root_fd, rule, err)
			       : bind_literal(policy->root_fd, rule, err);
	}
	for (size_t i = 0; r == 0 && i < policy->fs_count; i++)
		*ret_guards |=
			policy->fs[i].kind <= FS_PROTECT || bind_narrows(policy, &policy->fs[i]);
	for (size_t i = 0; r == 0 && i < policy->unix_count; i++)
		r = bind_unix(policy->root_fd, &policy->unix_rules[i], err);
	return r;
}

/* Return: 0; -ENOMEM; -errno with *err filled. */
static int find_aliases(const struct policy *policy, struct aliases **ret, struct cordon_error *err)
{
	int r = aliases_read(policy->mountinfo ? policy->mountinfo : "/proc/self/mountinfo", ret);

	if (r < 0)
		return err_sys(err, r, "read the mounts of this process");
	r = git_places_add(*ret, policy->root_fd, policy->workspace);
	return r < 0 ? err_sys(err, r, "find the repository of the workspace") : 0;
}

static int bind_all(struct policy *policy, const char *tmp, struct cordon_error *err)
{
	struct aliases *aliases = NULL;
	bool guards = false;
	int r = tmp ? put_tmp(policy, tmp) : 0;

	if (r == 0)
		r = bind_rules(policy, &guards, err);
	if (r < 0)
		return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
	if (guards)
		r = find_aliases(policy, &aliases, err);
	if (r == 0) {
		r = bind_index(policy, aliases);
		if (r < 0)
			err_sys(err, r, "index of the rules");
	}
	if (r == 0 && policy->expand) {
		r = policy_expand(policy);
		if (r < 0)
			err_sys(err, r, "filesystem.expand");
	}
	aliases_free(aliases);
	return r;
}

int policy_bind(struct policy *policy, const char *tmp, struct cordon_error *err)
{
	cleanup_fd int root = -1;
	int r;

	if (!policy->root || policy->root_fd >= 0)
		return bind_all(policy, tmp, err);
	/* An offline question: what is mounted below the root is not there yet. */
	root = rooted_open(-1, policy->root, O_PATH | O_DIRECTORY, 0);
	if (root < 0)
		return fail(err, root, &policy->root_rule, strerrordesc_np(-root));
	policy->root_fd = root;
	r = bind_all(policy, tmp, err);
	policy->root_fd = -1;
	return r;
}
