/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a loaded policy: see model.h. */
#include "policy/model.h"

#include "base/str.h"
#include "policy/fs_rules.h"
#include "policy/glob.h"
#include "policy/net_index.h"
#include "policy/net_rules.h"

#include <stdlib.h>
#include <unistd.h>

void rule_text(struct strbuf *sb, const struct rule *rule)
{
	strbuf_add(sb, "%s \"", rule->key);
	strbuf_add_escaped(sb, rule->text, strlen(rule->text));
	strbuf_add(sb, "\" (");
	strbuf_add_escaped(sb, rule->origin.file, strlen(rule->origin.file));
	if (rule->origin.line > 0)
		strbuf_add(sb, ":%d", rule->origin.line);
	strbuf_add(sb, ")");
}

static void rule_done(struct rule *rule)
{
	/* The key is the key table's own. */
	free((void *)(uintptr_t)rule->text);
	free((void *)(uintptr_t)rule->origin.file);
}

void policy_drop_pieces(struct policy *policy)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		struct fs_rule *rule = &policy->fs[i];

		for (size_t k = 0; k < rule->piece_count; k++)
			close(rule->pieces[k].fd);
		free(rule->pieces);
		rule->pieces = NULL;
		rule->piece_count = 0;
	}
}

static void free_filesystem(struct policy *policy)
{
	policy_drop_pieces(policy);
	for (size_t i = 0; i < policy->fs_count; i++) {
		struct fs_rule *rule = &policy->fs[i];

		rule_done(&rule->rule);
		free(rule->path);
		free(rule->canonical);
		free(rule->canonical_link);
		glob_free(rule->glob);
		if (rule->fd >= 0)
			close(rule->fd);
	}
	free(policy->fs);
	for (size_t i = 0; i < policy->split_count; i++)
		free(policy->splits[i].path);
	free(policy->splits);
	free(policy->unexpanded);
	fs_index_free(policy->fs_index);
	net_index_free(policy->net_index);
}

static void free_network(struct policy *policy)
{
	for (size_t i = 0; i < policy->net_count; i++) {
		rule_done(&policy->net[i].rule);
		net_rule_done(&policy->net[i]);
	}
	free(policy->net);
	for (size_t i = 0; i < policy->listen_count; i++)
		rule_done(&policy->listen[i].rule);
	free(policy->listen);
	for (size_t i = 0; i < policy->unix_count; i++) {
		struct unix_rule *rule = &policy->unix_rules[i];

		rule_done(&rule->rule);
		free(rule->path);
		free(rule->canonical);
		glob_free(rule->glob);
	}
	free(policy->unix_rules);
}

static void free_process(struct policy *policy)
{
	for (size_t i = 0; i < policy->env_pass_count; i++)
		free(policy->env_pass[i]);
	free(policy->env_pass);
	for (size_t i = 0; i < policy->env_unset_count; i++)
		free(policy->env_unset[i]);
	free(policy->env_unset);
	for (size_t i = 0; i < policy->env_set_count; i++) {
		free(policy->env_set[i].name);
		free(policy->env_set[i].value);
	}
	free(policy->env_set);
	free(policy->cwd);
	free(policy->argv0);
	free(policy->cpus);
	free(policy->fds);
	free(policy->groups);
	free(policy->hostname);
	for (size_t i = 0; i < JOINS; i++) {
		rule_done(&policy->joins[i].rule);
		free(policy->joins[i].path);
	}
	free(policy->root);
	rule_done(&policy->root_rule);
	for (size_t i = 0; i < policy->mount_count; i++)
		mount_rule_done(&policy->mounts[i]);
	free(policy->mounts);
}

bool policy_caps(const struct policy *policy, enum cap_set set, uint64_t *ret)
{
	if (!policy->caps_present[set])
		set = CAPS_KEEP;
	*ret = policy->caps[set];
	return policy->caps_present[set];
}

enum failure_mode policy_failure_mode(const struct policy *policy, unsigned layer)
{
	signed char mode =
		policy->on_failure[layer] < 0 ? policy->on_failure[0] : policy->on_failure[layer];

	return mode < 0 ? FAIL_REFUSE : (enum failure_mode)mode;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		rule_done(&policy->limits[i].rule);
	rule_done(&policy->derive_rule);
	free_filesystem(policy);
	free_network(policy);
	free_process(policy);
	for (size_t i = 0; i < policy->syscall_count; i++)
		rule_done(&policy->syscalls[i].rule);
	free(policy->syscalls);
	free(policy->workspace);
	free(policy->home);
	free(policy->tmp);
	free(policy->events);
	free(policy->name);
	free(policy);
}
