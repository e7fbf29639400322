/* SPDX-License-Identifier: Apache-2.0 */
/* Binding to the file system: links, missing things, devices, bind mounts, facts. */
#include "tree.h"

#include "base/cleanup.h"
#include "policy/aliases.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int bind_text(const struct tree *tree, const char *yaml, struct cordon_error *error)
{
	struct policy_builder *builder = tree_builder(tree);
	struct policy *policy = NULL;
	int r = policy_builder_add_text(builder, "p", yaml, strlen(yaml), error);

	if (r == 0)
		r = policy_build(builder, &policy, error);
	if (r == 0)
		r = policy_bind(policy, NULL, error);
	policy_free(policy);
	policy_builder_free(builder);
	return r;
}

static void expect_path(const struct tree *tree, const char *canonical, const char *path)
{
	char *full = tree_path(tree, path);

	cr_expect_str_eq(canonical, full);
	free(full);
}

Test(bind, canonical_paths)
{
	struct tree tree = tree_new();
	struct policy *policy;

	tree_dir(&tree, "real");
	tree_file(&tree, "real/f", "x");
	tree_link(&tree, "l", "real");
	tree_link(&tree, "dangling", "real/new");
	policy = tree_policy(&tree, "filesystem: { read: [~/l, ~/l/f, ~/l/none/x],\n"
				    "  deny: [~/l, ~/l/f, ~/dangling, \"~/l/*.c\"] }\n");
	expect_path(&tree, policy->fs[0].canonical, "real");
	cr_expect(policy->fs[0].is_directory);
	cr_expect_geq(policy->fs[0].fd, 0);
	cr_expect_null(policy->fs[0].canonical_link);
	expect_path(&tree, policy->fs[1].canonical, "real/f");
	cr_expect_not(policy->fs[1].is_directory);
	expect_path(&tree, policy->fs[2].canonical, "real/none/x");
	cr_expect_eq(policy->fs[2].fd, -1);
	expect_path(&tree, policy->fs[3].canonical, "real");
	expect_path(&tree, policy->fs[3].canonical_link, "l");
	expect_path(&tree, policy->fs[4].canonical, "real/f");
	cr_expect_null(policy->fs[4].canonical_link);
	expect_path(&tree, policy->fs[5].canonical, "real/new");
	expect_path(&tree, policy->fs[5].canonical_link, "dangling");
	expect_path(&tree, policy->fs[6].canonical, "real/*.c");
	policy_free(policy);
	tree_free(&tree);
}

Test(bind, devices)
{
	struct tree tree = tree_new();
	struct policy *policy =
		tree_policy(&tree, "filesystem: { write: [/dev/null, /dev/pts, /tmp] }\n");

	cr_expect(policy->fs[0].is_device);
	if (policy->fs[1].fd >= 0)
		cr_expect(policy->fs[1].is_device);
	cr_expect_not(policy->fs[2].is_device);
	policy_free(policy);
	tree_free(&tree);
}

/* FS-20: what an earlier run has left in the workspace never widens a grant. */
Test(bind, a_link_in_the_workspace_is_not_followed_by_a_grant)
{
	struct tree tree = tree_new();
	struct cordon_error error = { 0 };

	tree_link(&tree, "out", "/etc");
	tree_dir(&tree, "d");
	tree_link(&tree, "d/in", "..");
	cr_expect_eq(bind_text(&tree, "filesystem: { write: [$WORKSPACE/out] }", &error), -EINVAL);
	cr_expect_str_eq(error.source, "p");
	cr_expect_eq(error.line, 1);
	cr_expect(strstr(error.text, "symbolic link inside the workspace"), "%s", error.text);
	cr_expect_eq(bind_text(&tree, "filesystem: { read: [$WORKSPACE/out/ssl] }", &error),
		     -EINVAL);
	cr_expect_eq(bind_text(&tree, "filesystem: { write: [$WORKSPACE/d/in] }", &error), -EINVAL);
	cr_expect_eq(bind_text(&tree, "filesystem: { write: [$WORKSPACE/d] }", &error), 0);
	cr_expect_eq(bind_text(&tree, "filesystem: { deny: [$WORKSPACE/out] }", &error), 0);
	tree_free(&tree);
}

Test(bind, the_private_directory)
{
	static const char yaml[] =
		"filesystem: { write: [$TMP], deny: [$TMP/x, \"$TMP/*.y\"] }\n"
		"process: { cwd: $TMP/w, env: { set: { A: $TMP/a, B: $TMPX } } }\n";
	struct tree tree = tree_new();
	struct policy_builder *builder = tree_builder(&tree);
	struct policy *policy;
	struct fs_object object;
	char *tmp, *path;

	/* Brackets in the name must not become part of a pattern. */
	tree_dir(&tree, "t[1]");
	tmp = tree_path(&tree, "t[1]");
	cr_assert_eq(policy_builder_add_text(builder, "p", yaml, strlen(yaml), NULL), 0);
	cr_assert_eq(policy_build(builder, &policy, NULL), 0);
	cr_expect(policy->uses_tmp);
	cr_assert_eq(policy_bind(policy, tmp, NULL), 0);
	cr_expect_str_eq(policy->fs[0].canonical, tmp);
	expect_path(&tree, policy->cwd, "t[1]/w");
	expect_path(&tree, policy->env_set[0].value, "t[1]/a");
	cr_expect_str_eq(policy->env_set[1].value, "$TMPX");
	path = tree_path(&tree, "t[1]/b.y");
	object = tree_object(path);
	cr_expect_not(policy_decide_fs(policy, OP_READ, &object).allow);
	free(path);
	path = tree_path(&tree, "t[1]/b.z");
	object = tree_object(path);
	cr_expect(policy_decide_fs(policy, OP_READ, &object).allow);
	free(path);
	free(tmp);
	policy_free(policy);
	policy_builder_free(builder);
	tree_free(&tree);
}

/* Without a run there is no such directory; the rest can be asked about. */
Test(bind, offline)
{
	struct tree tree = tree_new();
	struct policy *policy = tree_policy(&tree, "filesystem: { write: [$TMP], read: [/usr] }");
	struct fs_object object = tree_object("/usr/bin");

	cr_expect(policy_decide_fs(policy, OP_READ, &object).allow);
	policy_free(policy);
	tree_free(&tree);
}

Test(bind, facts)
{
	static const struct {
		const char *yaml;
		struct fs_facts facts;
	} rows[] = {
		{ "{}", { 0 } },
		{ "filesystem: { exec: [] }", { .any = true } },
		{ "filesystem: { read: [/usr] }", { .any = true } },
		{ "filesystem: { write: [~/w], read: [~/w/ro] }",
		  { .any = true, .guard = true, .guard_in_write = true } },
		{ "filesystem: { read: [~], deny: [~/s] }",
		  { .any = true, .guard = true, .deny_or_hide = true, .deny_in_exec = true } },
		{ "filesystem: { read: [~], exec: [/usr], hide: [~/s] }",
		  { .any = true, .guard = true, .deny_or_hide = true, .hide = true } },
		{ "filesystem: { write: [~/w], protect: [~/s] }", { .any = true, .guard = true } },
		{ "filesystem: { write: [~/w], protect: [~/w/s] }",
		  { .any = true, .guard = true, .guard_in_write = true } },
		{ "filesystem: { write: [~/w], protect: [\"~/w/s/**\"] }",
		  { .any = true, .guard = true, .guard_in_write = true } },
		{ "filesystem: { write: [~/w], protect: [\"~/s/**\"] }",
		  { .any = true, .guard = true } },
		{ "filesystem: { write: [~/w], protect: [\"**/s\"] }",
		  { .any = true, .guard = true, .guard_in_write = true } },
		{ "filesystem: { write: [~/w], protect: [~/linked] }",
		  { .any = true, .guard = true, .guard_in_write = true } },
		/* The grant is the longer one. */
		{ "filesystem: { write: [~/w], protect: [~] }", { .any = true, .guard = true } },
	};
	struct tree tree = tree_new();

	tree_dir(&tree, "w");
	tree_dir(&tree, "w/ro");
	tree_file(&tree, "linked", "x");
	tree_hard(&tree, "other", "linked");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct policy *policy = tree_policy(&tree, rows[i].yaml);
		struct fs_facts facts = policy_fs_facts(policy, policy->expanded),
				want = rows[i].facts;

		cr_expect_eq(facts.any, want.any, "any: %s", rows[i].yaml);
		cr_expect_eq(facts.guard, want.guard, "guard: %s", rows[i].yaml);
		cr_expect_eq(facts.guard_in_write, want.guard_in_write, "in write: %s",
			     rows[i].yaml);
		cr_expect_eq(facts.deny_or_hide, want.deny_or_hide, "deny: %s", rows[i].yaml);
		cr_expect_eq(facts.hide, want.hide, "hide: %s", rows[i].yaml);
		cr_expect_eq(facts.deny_in_exec, want.deny_in_exec, "exec: %s", rows[i].yaml);
		policy_free(policy);
	}
	tree_free(&tree);
}

static const char mounts[] = "22 1 8:1 / / rw - ext4 /dev/sda rw\n"
			     "23 22 0:5 / /proc rw - proc proc rw\n"
			     "24 22 8:1 /home/u/p /mnt/p rw - ext4 /dev/sda rw\n"
			     "25 22 8:1 /home/u/p/secret/deep /mnt/deep rw - ext4 /dev/sda rw\n"
			     "26 22 8:2 /home/u/p /mnt/other rw - ext4 /dev/sdb rw\n"
			     "27 22 8:1 /home /mnt/with\\040space rw - ext4 /dev/sda rw\n"
			     "not a mount\n";

Test(bind, aliases_by_bind_mounts)
{
	static const struct {
		const char *path, *alias;
		bool deeper;
	} rows[] = {
		{ "/home/u/p/secret", "/mnt/p/secret", false },
		{ "/home/u/p/secret", "/mnt/deep", true },
		{ "/home/u/p/secret", "/mnt/with space/u/p/secret", false },
		{ "/home/u/p/secret", NULL, false },
		{ "/mnt/p/x", "/home/u/p/x", false },
		{ "/mnt/p/x", "/mnt/with space/u/p/x", false },
		{ "/mnt/p/x", NULL, false },
		{ "/proc/1", NULL, false },
		{ "/mnt/other/x", NULL, false },
		{ "/mnt/p", "/home/u/p", false },
	};
	struct aliases *aliases;
	const char *last = "";
	size_t index = 0;

	cr_assert_eq(aliases_parse(mounts, &aliases), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *alias = NULL;
		bool deeper = false;
		int r;

		index = strcmp(rows[i].path, last) == 0 ? index + 1 : 0;
		last = rows[i].path;
		r = aliases_get(aliases, rows[i].path, index, &alias, &deeper);
		cr_expect_eq(r, rows[i].alias ? 1 : 0, "%s %zu", rows[i].path, index);
		if (r != 1)
			continue;
		cr_expect_str_eq(alias, rows[i].alias ? rows[i].alias : "");
		cr_expect_eq(deeper, rows[i].deeper, "%s", alias);
		free(alias);
	}
	aliases_free(aliases);
	cr_assert_eq(aliases_read("/proc/self/mountinfo", &aliases), 0);
	aliases_free(aliases);
}

/* PO-14: in a worktree `.git` is a file, and hooks and configuration are elsewhere. */
Test(bind, the_repository_of_a_worktree_is_protected)
{
	static const char yaml[] = "extends: [git]\nfilesystem: { write: [~] }\n";
	static const struct {
		const char *path;
		enum op op;
		bool allow;
	} rows[] = {
		{ "main/.git/hooks/pre-commit", OP_CREATE, false },
		{ "main/.git/config", OP_WRITE, false },
		{ "main/.git/config", OP_READ, true },
		{ "main/.git/worktrees/wt/config", OP_CREATE, false },
		{ "main/.git/index", OP_CREATE, true },
		{ "main/.git/modules/m/hooks/x", OP_CREATE, false },
		{ "main/.git/hooks", OP_RENAME, false },
		{ "main/.git", OP_RENAME, false },
		{ "config-link", OP_WRITE, false },
		{ "wt/.git", OP_WRITE, false },
		{ "wt/.git", OP_REMOVE, false },
		{ "wt/file", OP_CREATE, true },
	};
	struct tree tree = tree_new();
	char *workspace = tree_path(&tree, "wt"), *pointer;
	struct policy_context context = { .workspace = workspace, .home = tree.root };
	struct policy_builder *builder;
	struct policy *policy = NULL;

	tree_dir(&tree, "wt");
	tree_dir(&tree, "main");
	tree_dir(&tree, "main/.git");
	tree_dir(&tree, "main/.git/hooks");
	tree_file(&tree, "main/.git/config", "");
	tree_hard(&tree, "config-link", "main/.git/config");
	tree_dir(&tree, "main/.git/worktrees");
	tree_dir(&tree, "main/.git/worktrees/wt");
	tree_file(&tree, "main/.git/worktrees/wt/commondir", "../..\n");
	cr_assert_geq(asprintf(&pointer, "gitdir: %s/main/.git/worktrees/wt\n", tree.root), 0);
	tree_file(&tree, "wt/.git", pointer);
	cr_assert_eq(policy_builder_new(&context, &builder, NULL), 0);
	cr_assert_eq(policy_builder_add_text(builder, "p", yaml, strlen(yaml), NULL), 0);
	cr_assert_eq(policy_build(builder, &policy, NULL), 0);
	cr_assert_eq(policy_bind(policy, NULL, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *path = tree_path(&tree, rows[i].path);
		struct fs_object object = tree_object(path);

		cr_expect_eq(policy_decide_fs(policy, rows[i].op, &object).allow, rows[i].allow,
			     "%s %s", op_info[rows[i].op].name, rows[i].path);
		free(path);
	}
	policy_free(policy);
	policy_builder_free(builder);
	free(pointer);
	free(workspace);
	tree_free(&tree);
}

Test(bind, sockets)
{
	static const char yaml[] =
		"filesystem: { write: [~/w], deny: [~/run/no] }\n"
		"network:\n"
		"  unix: { connect: [~/run, \"~/g/*.sock\", \"@name\", \"@x*\"],\n"
		"          bind: [~/w/here] }\n";
	static const struct {
		const char *path;
		bool connect, bind;
	} rows[] = {
		{ "run/x", true, false },	   { "run/no/x", false, false },
		{ "other", false, false },	   { "g/a.sock", true, false },
		{ "g/a", false, false },	   { "w/here/s", false, true },
		{ "w/elsewhere/s", false, false },
	};
	struct tree tree = tree_new();
	struct policy *policy;

	tree_dir(&tree, "w");
	policy = tree_policy(&tree, yaml);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *path = tree_path(&tree, rows[i].path);
		struct fs_object object = tree_object(path);

		cr_expect_eq(policy_decide_unix_connect(policy, &object).allow, rows[i].connect,
			     "connect %s", rows[i].path);
		cr_expect_eq(policy_decide_unix_bind(policy, &object).allow, rows[i].bind,
			     "bind %s", rows[i].path);
		free(path);
	}
	cr_expect(policy_decide_abstract(policy, "name", 4).allow);
	cr_expect_not(policy_decide_abstract(policy, "name\0", 5).allow);
	cr_expect_not(policy_decide_abstract(policy, "nam", 3).allow);
	cr_expect(policy_decide_abstract(policy, "xyz", 3).allow);
	policy_free(policy);
	tree_free(&tree);
}

Test(bind, destinations)
{
	static const char yaml[] = "network:\n"
				   "  allow: [\"*:443\", \"10.0.0.0/8\"]\n"
				   "  deny: [metadata, \"10.1.0.0/16\"]\n"
				   "  listen: [80, \"loopback:81\"]\n";
	struct endpoint where = { .scheme = NET_TCP,
				  .address = { [10] = 0xff, 0xff, 10, 0, 0, 1 } };
	struct tree tree = tree_new();
	struct policy *policy = tree_policy(&tree, yaml), *none = tree_policy(&tree, "{}");
	struct decision decision;

	where.port = 80;
	decision = policy_decide_connect(policy, &where);
	cr_expect(decision.allow);
	cr_expect_str_eq(decision.rule->text, "10.0.0.0/8");
	cr_expect_not(policy_decide_connect(none, &where).allow);
	cr_expect(policy_decide_listen(policy, &where).allow);
	cr_expect_not(policy_decide_listen(none, &where).allow);
	where.address[13] = 1;
	decision = policy_decide_connect(policy, &where);
	cr_expect_not(decision.allow);
	cr_expect_eq(decision.error, EACCES);
	cr_expect_str_eq(decision.rule->text, "10.1.0.0/16");
	where.address[12] = 127;
	where.port = 81;
	cr_expect(policy_decide_listen(policy, &where).allow);
	where.address[12] = 8;
	cr_expect_not(policy_decide_listen(policy, &where).allow);
	decision = policy_decide_connect(policy, &where);
	cr_expect_not(decision.allow);
	cr_expect_null(decision.rule);
	policy_free(policy);
	policy_free(none);
	tree_free(&tree);
}
