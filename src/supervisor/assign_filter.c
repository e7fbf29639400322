/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of an assignment: which calls are notified, and which are refused for lack of a handler. */
#include "supervisor/assign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "supervisor/filterspec.h"
#include "supervisor/mediated.h"
#include "sys/nr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>

/* Open flags that change something: writing, creating, truncating, O_TMPFILE. */
#define OPEN_WRITES 0x400243u

/* Not in the headers that programs include together with fcntl.h. */
#define FS_IOC_SETFLAGS_NR     0x40086602u
#define FS_IOC_FSSETXATTR_NR   0x401c5820u
#define FS_IOC_SETVERSION_NR   0x40087602u
#define EXT4_IOC_SETVERSION_NR 0x40086604u

static bool all_sockets_allowed(const struct policy *policy)
{
	for (size_t i = 0; i < policy->unix_count; i++)
		if (!policy->unix_rules[i].bind &&
		    assignment_is_every_socket(&policy->unix_rules[i]))
			return true;
	return false;
}

/* Everything that the spec borrows while the program is made. */
struct overrides {
	struct filterspec_override *items;
	size_t count;
	struct filter_test tests[5];
	struct filter_rule rules[5];
	struct filter_test open_tests[2][2];
	struct filter_rule open_rules[2][2];
};

#define PASS   SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF

/* O_PATH gives a handle without content; every use of it is decided again. */
static void open_registers(struct overrides *o, int which, int arg, bool reads,
			   struct filterspec_override *ret)
{
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
	bool reads = when & row->when & (WHEN_DENY | WHEN_TRACE);

	*item = (struct filterspec_override){ .name = row->name, .action = NOTIFY };
	switch (row->registers) {
	case REG_NONE:
		break;
	case REG_OPEN_FLAGS:
		open_registers(o, row->reg_arg == 1 ? 0 : 1, row->reg_arg, reads, item);
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
	};
	static const struct filter_rule inode_rules[] = {
		{ &inode_flags[0], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[1], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[2], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[3], 1, SECCOMP_RET_ERRNO | EACCES },
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
	if (when & (WHEN_GUARD_WRITE | WHEN_DENY | WHEN_TRACE))
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

	if (policy->exec_present)
		conditions |= ARG_EXEC_LIST;
	/* With this capability a netlink socket changes the host's network. */
	if (a->host.net_admin)
		conditions |= ARG_NO_NETLINK;
	if (!a->supervised && all_sockets_allowed(policy))
		conditions |= ARG_UNIX_HELD;
	return conditions;
}

int assignment_filter(const struct policy *policy, struct assignment *a, struct cordon_error *err)
{
	cleanup_free const char **allow = calloc(policy->syscall_count + 1, sizeof(*allow));
	cleanup_free const char **deny = calloc(policy->syscall_count + 1, sizeof(*deny));
	struct overrides o = { .items = calloc(mediated_count + 8, sizeof(*o.items)) };
	struct filterspec_options opt = {
		.arch = NR_ARCH_NATIVE,
		.conditions = filter_conditions(policy, a),
		.path_rules = a->facts.any,
		.allow = allow,
		.deny = deny,
	};
	struct filterspec *spec = NULL;
	int r;

	if (!allow || !deny || !o.items) {
		free(o.items);
		return err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < policy->syscall_count; i++) {
		const struct syscall_entry *entry = &policy->syscalls[i];

		if (entry->deny)
			deny[opt.deny_count++] = entry->rule.text;
		else
			allow[opt.allow_count++] = entry->rule.text;
	}
	for (size_t i = 0; i < mediated_count; i++)
		if (mediated[i].when & a->when)
			override_row(&o, &mediated[i], a->when);
	if (a->supervised)
		override_refused(&o, a->when);
	opt.overrides = o.items;
	opt.override_count = o.count;
	r = filterspec_build(&opt, &spec, err);
	if (r == 0)
		r = filter_build(filterspec_get(spec), &a->filter, err);
	filterspec_free(spec);
	free(o.items);
	return r;
}
