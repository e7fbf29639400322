/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of an assignment: which calls are notified, and which are refused for lack of a handler. */
#include "supervisor/ablate.h"
#include "supervisor/assign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/net_rules.h"
#include "supervisor/filter_cache.h"
#include "supervisor/filterspec.h"
#include "supervisor/mediated.h"
#include "sys/compat.h"
#include "sys/nr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

/* Open flags that change something: writing, creating, truncating, O_TMPFILE. */
#define OPEN_WRITES 0x400243u

/* Not in the headers that programs include together with fcntl.h. */
#define FS_IOC_SETFLAGS_NR     0x40086602u
#define FS_IOC_FSSETXATTR_NR   0x401c5820u
#define FS_IOC_SETVERSION_NR   0x40087602u
#define EXT4_IOC_SETVERSION_NR 0x40086604u
#define FAT_IOC_SETATTR_NR     0x40047211u

/* Everything that the spec borrows while the program is made. */
struct overrides {
	struct filterspec_override *items;
	size_t count;
	struct filter_test tests[5];
	struct filter_rule rules[5];
	struct filter_test open_tests[2][2];
	struct filter_rule open_rules[2][2];
	struct filter_test access_tests[2];
	struct filter_rule access_rules[2];
	struct filter_test seal_test;
	struct filter_rule seal_rule;
};

#define PASS   SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF

/*
 * O_PATH gives a handle without content, and changes nothing; every use of it is decided again.
 * reads: whether opens that change nothing are notified as well.
 */
static void open_registers(struct overrides *o, int arg, bool reads,
			   struct filterspec_override *ret)
{
	int which = arg == 1 ? 0 : 1;
	struct filter_test *tests = o->open_tests[which];
	struct filter_rule *rules = o->open_rules[which];

	tests[0] = (struct filter_test){
		.arg = (uint8_t)arg, .width = 32, .cmp = FILTER_NE, .mask = O_PATH
	};
	tests[1] = (struct filter_test){
		.arg = (uint8_t)arg, .width = 32, .cmp = FILTER_NE, .mask = OPEN_WRITES
	};
	rules[0] = (struct filter_rule){ &tests[0], 1, PASS };
	rules[1] = (struct filter_rule){ &tests[1], 1, NOTIFY };
	ret->rules = rules;
	ret->rule_count = reads ? 1 : 2;
	ret->action = reads ? NOTIFY : PASS;
}

static void access_registers(struct overrides *o, int arg, struct filterspec_override *ret)
{
	struct filter_test *test = &o->access_tests[arg == 1 ? 0 : 1];
	struct filter_rule *rule = &o->access_rules[arg == 1 ? 0 : 1];

	*test = (struct filter_test){
		.arg = (uint8_t)arg, .width = 32, .cmp = FILTER_NE, .mask = W_OK | X_OK
	};
	*rule = (struct filter_rule){ test, 1, NOTIFY };
	ret->rules = rule;
	ret->rule_count = 1;
	ret->action = PASS;
}

/* Calls whose argument is zero, or NULL, concern nobody else and pass. rules[arg] tests that. */
static void zero_passes(struct overrides *o, int arg, uint8_t width, int slot,
			struct filterspec_override *ret)
{
	o->tests[slot] =
		(struct filter_test){ .arg = (uint8_t)arg, .width = width, .cmp = FILTER_EQ };
	o->rules[slot] = (struct filter_rule){ &o->tests[slot], 1, PASS };
	ret->rules = &o->rules[slot];
	ret->rule_count = 1;
}

static void override_row(struct overrides *o, const struct mediated *row, unsigned when)
{
	struct filterspec_override *item = &o->items[o->count++];
	bool reads = when & row->when & (WHEN_DENY | WHEN_LOOK | WHEN_TRACE);

	*item = (struct filterspec_override){ .name = row->name, .action = NOTIFY };
	switch (row->registers) {
	case REG_NONE:
		break;
	case REG_OPEN_FLAGS:
		if (!reads)
			open_registers(o, row->reg_arg, when & WHEN_RESOLV_CONF, item);
		break;
	case REG_ACCESS_MODE:
		if (!reads)
			access_registers(o, row->reg_arg, item);
		break;
	case REG_NO_EXEC_SEAL:
		o->seal_test = (struct filter_test){ .arg = (uint8_t)row->reg_arg,
						     .width = 32,
						     .cmp = FILTER_NE,
						     .mask = MFD_NOEXEC_SEAL };
		o->seal_rule = (struct filter_rule){ &o->seal_test, 1, PASS };
		item->rules = &o->seal_rule;
		item->rule_count = 1;
		break;
	case REG_NOT_NULL:
		zero_passes(o, row->reg_arg, 64, 0, item);
		break;
	case REG_NOT_ZERO:
		zero_passes(o, row->reg_arg, 32, 1 + row->reg_arg, item);
		break;
	}
}

/* What this version does not carry out for the program, and so refuses. */
static void override_refused(struct overrides *o, unsigned when)
{
	static const struct filter_test inode_flags[] = {
		{ .arg = 1, .width = 32, .cmp = FILTER_EQ, .value = FS_IOC_SETFLAGS_NR },
		{ .arg = 1, .width = 32, .cmp = FILTER_EQ, .value = FS_IOC_FSSETXATTR_NR },
		{ .arg = 1, .width = 32, .cmp = FILTER_EQ, .value = FS_IOC_SETVERSION_NR },
		{ .arg = 1, .width = 32, .cmp = FILTER_EQ, .value = EXT4_IOC_SETVERSION_NR },
		{ .arg = 1, .width = 32, .cmp = FILTER_EQ, .value = FAT_IOC_SETATTR_NR },
	};
	static const struct filter_rule inode_rules[] = {
		{ &inode_flags[0], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[1], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[2], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[3], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[4], 1, SECCOMP_RET_ERRNO | EACCES },
	};
	/* Opening or truncating a file with a lease waits for its holder: that would be our thread. */
	static const struct filter_test lease = {
		.arg = 1, .width = 32, .cmp = FILTER_EQ, .value = F_SETLEASE
	};
	static const struct filter_rule lease_rule = { &lease, 1, SECCOMP_RET_ERRNO | EACCES };
	/*
	 * SECURITY: what is opened on behalf of a program is opened in a domain that knows nothing
	 * of a narrower one the program takes later; so it is with sockets that are connected or
	 * bound. An inner Landlock domain would be an empty promise, so there is none inside.
	 */
	static const char *const landlock[] = { "landlock_create_ruleset", "landlock_add_rule",
						"landlock_restrict_self" };

	if (when & WHEN_METADATA)
		o->items[o->count++] =
			(struct filterspec_override){ .name = "ioctl",
						      .rules = inode_rules,
						      .rule_count = COUNT_OF(inode_rules),
						      .action = PASS };
	if (when &
	    (WHEN_GUARD_WRITE | WHEN_DENY | WHEN_NO_TRUNCATE | WHEN_TRACE | WHEN_RESOLV_CONF))
		o->items[o->count++] = (struct filterspec_override){
			.name = "fcntl", .rules = &lease_rule, .rule_count = 1, .action = PASS
		};
	for (size_t i = 0; i < COUNT_OF(landlock); i++)
		o->items[o->count++] =
			(struct filterspec_override){ .name = landlock[i],
						      .action = SECCOMP_RET_ERRNO | EOPNOTSUPP };
}

static unsigned filter_conditions(const struct policy *policy, const struct assignment *a)
{
	unsigned conditions = a->supervised ? ARG_SUPERVISED | ARG_HAS_LISTENER : ARG_OFF;
	unsigned schemes =
		a->supervised ? policy_net_schemes(policy) : assignment_off_schemes(policy);

	if (policy->exec_present && !(a->when & (WHEN_EXEC_LIST | WHEN_EXEC_MEMORY)))
		conditions |= ARG_EXEC_LIST;
	/* With this capability a netlink socket changes the host's network. */
	if (a->host.net_admin)
		conditions |= ARG_NO_NETLINK;
	if (!a->supervised && assignment_has_every_socket(policy))
		conditions |= ARG_UNIX_HELD | ARG_UNIX_DATAGRAM;
	if (a->when & WHEN_SENDS)
		conditions |= ARG_UNIX_DATAGRAM;
	if (schemes & NET_UDP)
		conditions |= ARG_UDP;
	if (schemes & NET_ICMP)
		conditions |= ARG_ICMP;
	if (a->when & (WHEN_GUARD_WRITE | WHEN_TRACE))
		conditions |= ARG_NAMES_HELD;
	if (a->when & WHEN_NO_SCOPE)
		conditions |= ARG_NO_SCOPE;
	if (policy->limits[LIMIT_MEMORY].value != LIMIT_UNSET)
		conditions |= ARG_MEMORY;
	return conditions;
}

/* Test build only: every errno of the filter becomes that of its layer. */
static void mark_refusals(struct bpf_program *program)
{
	for (size_t i = 0; i < program->length; i++) {
		struct sock_filter *code = &program->code[i];

		if (code->code == (BPF_RET | BPF_K) &&
		    (code->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			code->k = SECCOMP_RET_ERRNO | SENTINEL_FILTER;
	}
}

/* Everything that the program depends on. */
struct inputs {
	unsigned conditions, when;
	bool path_rules, supervised, only_present;
	const struct syscall_entry *entries;
	size_t entry_count;
};

/* The calls that the overrides are about, with what stands behind them. Return: 0 or -ENOMEM. */
static int make_overrides(const struct inputs *in, struct overrides *o)
{
	o->items = calloc(mediated_count + 8, sizeof(*o->items));
	if (!o->items)
		return -ENOMEM;
	for (size_t i = 0; i < mediated_count; i++)
		if (mediated[i].when & in->when)
			override_row(o, &mediated[i], in->when);
	if (in->supervised)
		override_refused(o, in->when);
	return 0;
}

static int make_program(const struct inputs *in, struct bpf_program *ret, struct cordon_error *err)
{
	cleanup_free const char **allow = calloc(in->entry_count + 1, sizeof(*allow));
	cleanup_free const char **deny = calloc(in->entry_count + 1, sizeof(*deny));
	cleanup_free const char **only = calloc(in->entry_count + 1, sizeof(*only));
	struct filterspec_options opt = {
		.arch = NR_ARCH_NATIVE,
		.conditions = in->conditions,
		.path_rules = in->path_rules,
		.allow = allow,
		.deny = deny,
		.only_present = in->only_present,
		.only = only,
	};
	struct filterspec *spec = NULL;
	struct overrides o = { 0 };
	int r;

	if (!allow || !deny || !only || make_overrides(in, &o) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < in->entry_count; i++) {
		const struct syscall_entry *entry = &in->entries[i];

		if (entry->list == SYSCALLS_DENY)
			deny[opt.deny_count++] = entry->rule.text;
		else if (entry->list == SYSCALLS_ALLOW)
			allow[opt.allow_count++] = entry->rule.text;
		else
			only[opt.only_count++] = entry->rule.text;
	}
	opt.overrides = o.items;
	opt.override_count = o.count;
	r = filterspec_build(&opt, &spec, err);
	if (r == 0)
		r = filter_build(filterspec_get(spec), ret, err);
	filterspec_free(spec);
	free(o.items);
	return r;
}

/* The inputs as bytes, each value of them. Return: length, or -ENOMEM; ret: from malloc. */
static ssize_t key_of(const struct inputs *in, unsigned char **ret)
{
	const unsigned values[] = { in->conditions, in->when, in->path_rules, in->supervised,
				    in->only_present };
	size_t length = sizeof(values);
	unsigned char *at;

	for (size_t i = 0; i < in->entry_count; i++)
		length += strlen(in->entries[i].rule.text) + 2;
	*ret = at = malloc(length);
	if (!at)
		return -ENOMEM;
	at = mempcpy(at, values, sizeof(values));
	for (size_t i = 0; i < in->entry_count; i++) {
		const struct syscall_entry *entry = &in->entries[i];

		*at++ = (unsigned char)('0' + entry->list);
		at = mempcpy(at, entry->rule.text, strlen(entry->rule.text) + 1);
	}
	return (ssize_t)length;
}

int assignment_filter(const struct policy *policy, struct assignment *a, struct cordon_error *err)
{
	const struct inputs in = {
		.conditions = filter_conditions(policy, a),
		.when = a->when,
		.path_rules = a->facts.any,
		.supervised = a->supervised,
		.only_present = policy->only_present,
		.entries = policy->syscalls,
		.entry_count = policy->syscall_count,
	};
	cleanup_free unsigned char *key = NULL;
	ssize_t length = key_of(&in, &key);
	int r = 0;

	if (length < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (!filter_cache_get(key, (size_t)length, &a->filter)) {
		r = make_program(&in, &a->filter, err);
		if (r == 0)
			filter_cache_put(key, (size_t)length, &a->filter);
	}
	if (r == 0 && ablated("sentinels"))
		mark_refusals(&a->filter);
	return r;
}
