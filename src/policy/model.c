/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a loaded policy: see model.h. */
#include "policy/model.h"

#include "policy/fs_rules.h"
#include "policy/glob.h"
#include "policy/net_rules.h"

#include <stdlib.h>
#include <unistd.h>

static void rule_done(struct rule *rule)
{
	/* The key is the key table's own. */
	free((void *)(uintptr_t)rule->text);
	free((void *)(uintptr_t)rule->origin.file);
}

static void free_filesystem(struct policy *policy)
{
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
	fs_index_free(policy->fs_index);
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
	for (size_t i = 0; i < policy->env_set_count; i++) {
		free(policy->env_set[i].name);
		free(policy->env_set[i].value);
	}
	free(policy->env_set);
	free(policy->cwd);
	free(policy->cpus);
	free(policy->fds);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	rule_done(&policy->wall_rule);
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
