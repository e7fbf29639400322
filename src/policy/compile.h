/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the key table names: each types one entry and puts it into the policy. */
#ifndef CORDON_POLICY_COMPILE_H
#define CORDON_POLICY_COMPILE_H

#include "policy/keys.h"

typedef int compile_fn(struct compile *compile, const struct key *key, const struct entry *entry);

/* Common types, stored at key->offset. */
compile_fn compile_bool, compile_tristate, compile_word, compile_size, compile_count;
/* Checked in full, stored nowhere: keys that this version refuses. */
compile_fn check_bool, check_id, check_size, check_count, check_percent, check_name,
	check_namespace, check_path, check_mount, check_capability;

compile_fn compile_version, compile_extends, compile_workspace, compile_fs, compile_net,
	compile_listen, compile_unix, compile_cwd, compile_env, compile_env_pass, compile_env_set,
	compile_umask, compile_cpu, compile_fd, compile_wall, compile_cpu_time, compile_syscall,
	compile_events, compile_hint;

/* Fills compile->reason. Return: code. */
int compile_fail(struct compile *compile, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Fills a rule from an entry. Return: 0 or -ENOMEM. */
int compile_rule(const struct key *key, const struct entry *entry, struct rule *ret);
/* Frees what compile_rule() made. */
void compile_rule_done(struct rule *rule);

#endif
