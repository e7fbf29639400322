/* SPDX-License-Identifier: Apache-2.0 */
/* Which wall holds which rule: see assign.h. */
#include "supervisor/assign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "supervisor/ablate.h"
#include "supervisor/filterspec.h"
#include "supervisor/mediated.h"
#include "sys/landlock.h"
#include "sys/nr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>

/* Open flags that change something: writing, creating, truncating, O_TMPFILE. */
#define OPEN_WRITES 0x400243u

/* Not in the headers that programs include together with fcntl.h. */
#define FS_IOC_SETFLAGS_NR   0x40086602u
#define FS_IOC_FSSETXATTR_NR 0x401c5820u

static const char *const when_texts[WHEN_COUNT] = {
	"a guarded rule inside a write grant",
	"filesystem.deny or filesystem.hide",
	"filesystem.deny or filesystem.hide over something executable",
	"filesystem rules (metadata is not held by Landlock)",
	"network rules and unix sockets of the outside",
	"this host refuses pidfd_getfd",
	"Landlock below ABI 3 does not hold truncation",
	"Landlock below ABI 6 does not hold signals",
	"limits and priorities of other processes",
	"the program may change its ids: what is done for it follows",
	"report.trace",
};

const char *when_text(enum when bit)
{
	for (int i = 0; i < WHEN_COUNT; i++)
		if (bit == 1u << i)
			return when_texts[i];
	return "?";
}

static int add_text(char ***list, size_t *count, const char *text)
{
	int r = vec_grow(list, *count);

	if (r < 0)
		return r;
	(*list)[*count] = strdup(text);
	if (!(*list)[*count])
		return -ENOMEM;
	(*count)++;
	return 0;
}

static int not_held(struct assignment *a, const struct rule *rule, const char *why)
{
	cleanup_strbuf struct strbuf text = { 0 };

	strbuf_add(&text, "%s \"", rule->key);
	strbuf_add_escaped(&text, rule->text, strlen(rule->text));
	strbuf_add(&text, "\" (%s", rule->origin.file);
	if (rule->origin.line > 0)
		strbuf_add(&text, ":%d", rule->origin.line);
	strbuf_add(&text, "): %s", why);
	return text.failed ? -ENOMEM : add_text(&a->not_held, &a->not_held_count, text.text);
}

static int note(struct assignment *a, const char *text)
{
	return add_text(&a->notes, &a->note_count, text);
}

static bool everything(const struct unix_rule *rule)
{
	return !rule->abstract && (strcmp(rule->path, "/") == 0 || strcmp(rule->path, "/**") == 0);
}

static bool all_sockets_allowed(const struct policy *policy)
{
	for (size_t i = 0; i < policy->unix_count; i++)
		if (!policy->unix_rules[i].bind && everything(&policy->unix_rules[i]))
			return true;
	return false;
}

static bool has_abstract_rule(const struct policy *policy)
{
	for (size_t i = 0; i < policy->unix_count; i++)
		if (policy->unix_rules[i].abstract && !policy->unix_rules[i].bind)
			return true;
	return false;
}

/* Rules that only the supervisor can hold, in the mode without one. */
static int check_off_mode(const struct policy *policy, struct assignment *a)
{
	static const char needs[] = "needs the supervisor";
	int r = 0;

	for (size_t i = 0; r >= 0 && i < policy->fs_count; i++)
		if (policy->fs[i].kind <= FS_PROTECT)
			r = not_held(a, &policy->fs[i].rule, needs);
	if (r >= 0 && a->facts.guard && a->not_held_count == 0)
		r = add_text(&a->not_held, &a->not_held_count,
			     "filesystem.read inside filesystem.write: needs the supervisor");
	for (size_t i = 0; r >= 0 && i < policy->net_count; i++)
		if (policy->net[i].deny || policy->net[i].target != NET_ANY)
			r = not_held(a, &policy->net[i].rule,
				     "addresses need the supervisor; the kernel alone holds ports");
	for (size_t i = 0; r >= 0 && i < policy->listen_count; i++)
		if (policy->listen[i].loopback_only)
			r = not_held(a, &policy->listen[i].rule, needs);
	for (size_t i = 0; r >= 0 && i < policy->unix_count; i++)
		if (policy->unix_rules[i].bind || !everything(&policy->unix_rules[i]))
			r = not_held(a, &policy->unix_rules[i].rule, needs);
	if (r >= 0 && policy->trace)
		r = add_text(&a->not_held, &a->not_held_count,
			     "report.trace: needs the supervisor");
	if (r >= 0 && a->host.landlock_abi < 4)
		r = add_text(&a->not_held, &a->not_held_count,
			     "network: TCP ports need Landlock ABI 4 or the supervisor");
	return r;
}

static int check_landlock(struct assignment *a)
{
	int r = 0;

	if (a->host.landlock_abi == 0 && a->facts.any)
		r = add_text(&a->not_held, &a->not_held_count,
			     "filesystem: this kernel has no Landlock (enable it with "
			     "lsm=landlock,...)");
	else if (a->host.landlock_abi == 1 && a->facts.any)
		r = note(a, "Landlock ABI 1: renames and links between directories give EXDEV");
	if (r >= 0 && !a->facts.any)
		r = note(a, "the policy has no filesystem rules: files are not restricted");
	return r;
}

static unsigned conditions_of(const struct policy *policy, const struct assignment *a)
{
	unsigned when = WHEN_NETWORK | WHEN_CONTROL;

	if (a->facts.guard_in_write)
		when |= WHEN_GUARD_WRITE;
	if (a->facts.deny_or_hide)
		when |= WHEN_DENY;
	if (a->facts.deny_in_exec)
		when |= WHEN_DENY_EXEC;
	if (a->facts.any)
		when |= WHEN_METADATA;
	if (!a->host.pidfd_getfd)
		when |= WHEN_NO_GETFD;
	if (a->facts.any && a->host.landlock_abi < 3)
		when |= WHEN_NO_TRUNCATE;
	if (a->host.landlock_abi < 6)
		when |= WHEN_NO_SCOPE;
	if (a->host.switch_ids)
		when |= WHEN_IDS;
	if (policy->trace)
		when |= WHEN_TRACE;
	return when;
}

/* Ports of one list for Landlock; false if the kernel cannot hold it because some rule has any
 * port. */
static bool connect_ports_known(const struct policy *policy)
{
	for (size_t i = 0; i < policy->net_count; i++)
		if (!policy->net[i].deny && (policy->net[i].schemes & NET_TCP) &&
		    policy->net[i].port_count == 0)
			return false;
	return true;
}

static bool listen_ports_known(const struct policy *policy)
{
	for (size_t i = 0; i < policy->listen_count; i++)
		if (policy->listen[i].ports.low == 0 && policy->listen[i].ports.high == UINT16_MAX)
			return false;
	return true;
}

static void choose_landlock(const struct policy *policy, struct assignment *a)
{
	int abi = a->host.landlock_abi;

	a->handled_fs = a->facts.any ? landlock_fs_rights(abi) : 0;
	a->handled_net = landlock_net_rights(abi);
	if (!connect_ports_known(policy))
		a->handled_net &= ~LL_NET_CONNECT_TCP;
	if (!listen_ports_known(policy))
		a->handled_net &= ~LL_NET_BIND_TCP;
	a->scoped = landlock_scopes(abi);
	if (a->supervised && has_abstract_rule(policy))
		a->scoped &= ~LL_SCOPE_ABSTRACT_UNIX;
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
	};
	static const struct filter_rule inode_rules[] = {
		{ &inode_flags[0], 1, SECCOMP_RET_ERRNO | EACCES },
		{ &inode_flags[1], 1, SECCOMP_RET_ERRNO | EACCES },
	};
	/* Opening or truncating a file with a lease waits for its holder: that would be our thread. */
	static const struct filter_test lease = {
		.arg = 1, .width = 32, .cmp = FILTER_EQ, .value = F_SETLEASE
	};
	static const struct filter_rule lease_rule = { &lease, 1, SECCOMP_RET_ERRNO | EACCES };
	/*
	 * SECURITY: what is opened on behalf of a program is opened in a domain that knows nothing
	 * of a narrower one the program takes later. Where opens are mediated, an inner Landlock
	 * domain would be an empty promise, so there is no Landlock inside.
	 */
	static const char *const landlock[] = { "landlock_create_ruleset", "landlock_add_rule",
						"landlock_restrict_self" };

	if (when & WHEN_METADATA)
		o->items[o->count++] = (struct filterspec_override){
			.name = "ioctl", .rules = inode_rules, .rule_count = 2, .action = PASS
		};
	if (!(when & (WHEN_GUARD_WRITE | WHEN_DENY | WHEN_TRACE)))
		return;
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

static int build_filter(const struct policy *policy, struct assignment *a, struct cordon_error *err)
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

int assignment_make(const struct policy *policy, const struct host *host, struct assignment *ret,
		    struct cordon_error *err)
{
	int r;

	*ret = (struct assignment){ .host = *host,
				    .facts = policy_fs_facts(policy),
				    .supervised = policy->supervisor != SUPERVISOR_OFF };
	ret->when = ret->supervised ? conditions_of(policy, ret) : 0;
	choose_landlock(policy, ret);
	r = check_landlock(ret);
	if (r >= 0 && !ret->supervised)
		r = check_off_mode(policy, ret);
	if (r < 0) {
		assignment_done(ret);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = build_filter(policy, ret, err);
	if (r < 0) {
		assignment_done(ret);
		return r;
	}
	if (ret->not_held_count == 0 || policy->on_failure != FAIL_REFUSE)
		return 0;
	if (ret->not_held_count == 1)
		return err_set(err, -EOPNOTSUPP, "cannot be held here: %s", ret->not_held[0]);
	return err_set(err, -EOPNOTSUPP,
		       "cannot be held here: %s (and %zu more; `cordon explain` lists them)",
		       ret->not_held[0], ret->not_held_count - 1);
}

bool assignment_admits_chroot(const struct policy *policy)
{
	for (size_t i = 0; i < policy->syscall_count; i++) {
		const char *name = policy->syscalls[i].rule.text;

		if (!policy->syscalls[i].deny &&
		    (strcmp(name, "chroot") == 0 || strcmp(name, "@chroot") == 0))
			return true;
	}
	return false;
}

static void free_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void assignment_done(struct assignment *a)
{
	bpf_program_done(&a->filter);
	free_list(a->not_held, a->not_held_count);
	free_list(a->notes, a->note_count);
	a->not_held = a->notes = NULL;
	a->not_held_count = a->note_count = 0;
}
