/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the key table names: each types one entry and puts it into the policy. */
#ifndef CORDON_POLICY_COMPILE_H
#define CORDON_POLICY_COMPILE_H

#include "policy/keys.h"

typedef int compile_fn(struct compile *compile, const struct key *key, const struct entry *entry);

/* Common types, stored at key->offset. */
compile_fn compile_bool, compile_tristate, compile_word;
/* Limits; key->offset is an enum limit_kind. */
compile_fn compile_wall, compile_cpu_time, compile_size, compile_count, compile_percent;
compile_fn compile_rlimit, compile_derive, compile_nice, compile_env_unset;
/* A bit in the mask at key->offset. */
compile_fn compile_signal;

compile_fn compile_version, compile_extends, compile_workspace, compile_fs, compile_net,
	compile_listen, compile_unix, compile_cwd, compile_env, compile_env_pass, compile_env_set,
	compile_umask, compile_cpu, compile_fd, compile_syscall, compile_events, compile_hint,
	compile_failure, compile_argv0, compile_namespace, compile_root, compile_mount,
	compile_time_offset, compile_inner_user_ns, compile_join, compile_hostname, compile_user,
	compile_group, compile_groups, compile_capability, compile_securebit;

/* When all keys are typed: the limits that follow from others. Return: 0 or -ENOMEM. */
int limits_derive(struct policy *policy);

/* Where the key's field lies. */
void *compile_field(struct compile *compile, const struct key *key);
/* Fills compile->reason. Return: code. */
int compile_fail(struct compile *compile, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a text that is not of the key's type; code: of the function that read it. Return: -EINVAL. */
int compile_wrong_type(struct compile *compile, const struct key *key, int code);
/* Fills a rule from an entry. Return: 0 or -ENOMEM. */
int compile_rule(const struct key *key, const struct entry *entry, struct rule *ret);
/* Frees what compile_rule() made. */
void compile_rule_done(struct rule *rule);

#endif
