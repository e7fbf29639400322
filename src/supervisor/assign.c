/* SPDX-License-Identifier: Apache-2.0 */
/* Which wall holds which rule: see assign.h. */
#include "supervisor/assign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/inside.h"
#include "policy/name_rules.h"
#include "policy/net_rules.h"
#include "sys/landlock.h"

#include <errno.h>
#include <string.h>

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
	"filesystem.hide",
	"datagram sockets: any message may name a peer",
	"filesystem.deny or filesystem.hide (filesystem.metadata: held)",
	"filesystem.exec",
	"filesystem.exec, where this kernel cannot seal memory against execution",
	"filesystem.exec is empty: only the program itself is executed",
	"host names without user namespaces: the program reads another /etc/resolv.conf",
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

	rule_text(&text, rule);
	strbuf_add(&text, ": %s", why);
	return text.failed ? -ENOMEM : add_text(&a->not_held, &a->not_held_count, text.text);
}

int assignment_note(struct assignment *a, const char *text)
{
	return add_text(&a->notes, &a->note_count, text);
}

static bool is_every_socket(const struct unix_rule *rule)
{
	return !rule->abstract && (strcmp(rule->path, "/") == 0 || strcmp(rule->path, "/**") == 0);
}

bool assignment_has_every_socket(const struct policy *policy)
{
	for (size_t i = 0; i < policy->unix_count; i++)
		if (!policy->unix_rules[i].bind && is_every_socket(&policy->unix_rules[i]))
			return true;
	return false;
}

unsigned assignment_off_schemes(const struct policy *policy)
{
	unsigned sends = 0, binds = 0;

	for (size_t i = 0; i < policy->net_count; i++) {
		const struct net_rule *rule = &policy->net[i];

		if (!rule->deny && rule->target == NET_ANY && rule->port_count == 0)
			sends |= rule->schemes;
	}
	for (size_t i = 0; i < policy->listen_count; i++) {
		const struct listen_rule *rule = &policy->listen[i];

		if (rule->ports.low == 0 && rule->ports.high == UINT16_MAX && !rule->loopback_only)
			binds |= rule->scheme;
	}
	return (sends & NET_ICMP) | (sends & binds & NET_UDP);
}

static bool has_abstract_rule(const struct policy *policy)
{
	for (size_t i = 0; i < policy->unix_count; i++)
		if (policy->unix_rules[i].abstract && !policy->unix_rules[i].bind)
			return true;
	return false;
}

/* Guarded rules, in the mode without a supervisor. */
static int check_guards(const struct policy *policy, struct assignment *a)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];

		if (rule->kind > FS_PROTECT)
			continue;
		if (rule->kind != FS_DENY || rule->glob)
			r = not_held(a, &rule->rule, "needs the supervisor");
		else if (!a->expanded)
			r = not_held(a, &rule->rule,
				     policy->expand
					     ? "needs the supervisor: it could not be expanded"
					     : "needs the supervisor, or filesystem.expand");
		else if (assignment_has_every_socket(policy))
			r = not_held(a, &rule->rule,
				     "network.unix.connect grants the sockets beneath as well; the "
				     "kernel does not hold sockets");
	}
	return r;
}

/* Without a supervisor the kernel admits UDP sockets or does not; it knows no ports of theirs. */
static int check_off_udp(const struct policy *policy, struct assignment *a)
{
	static const char why[] = "without the supervisor UDP is all or nothing: \"udp://*\" under "
				  "both network.allow and network.listen";
	int r = 0;

	if (assignment_off_schemes(policy) & NET_UDP)
		return 0;
	for (size_t i = 0; r >= 0 && i < policy->net_count; i++)
		if (policy->net[i].schemes == NET_UDP)
			r = not_held(a, &policy->net[i].rule, why);
	for (size_t i = 0; r >= 0 && i < policy->listen_count; i++)
		if (policy->listen[i].scheme == NET_UDP)
			r = not_held(a, &policy->listen[i].rule, why);
	return r;
}

/* Rules that only the supervisor can hold, in the mode without one. */
static int check_off_mode(const struct policy *policy, struct assignment *a)
{
	static const char needs[] = "needs the supervisor";
	int r = check_guards(policy, a);

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
	if (r >= 0)
		r = check_off_udp(policy, a);
	for (size_t i = 0; r >= 0 && i < policy->unix_count; i++)
		if (policy->unix_rules[i].bind || !is_every_socket(&policy->unix_rules[i]))
			r = not_held(a, &policy->unix_rules[i].rule, needs);
	if (r >= 0 && policy->trace)
		r = add_text(&a->not_held, &a->not_held_count,
			     "report.trace: needs the supervisor");
	if (r >= 0 && a->host.landlock_abi < 4)
		r = add_text(&a->not_held, &a->not_held_count,
			     "network: TCP ports need Landlock ABI 4 or the supervisor");
	return r;
}

/* By which means names are looked up, and what is left out. */
static int note_names(struct assignment *a)
{
	static const char *const how[] = {
		[NAMES_NAMESPACE] =
			"which answers all that goes to port 53, through sockets of a network "
			"namespace of its own",
		[NAMES_LOOPBACK] = "at port 53 of a loopback address that /etc/resolv.conf names "
				   "inside, since this host makes no user namespaces. Left out: "
				   "programs that do not read /etc/resolv.conf and ask other "
				   "servers by UDP",
		[NAMES_STREAM] =
			"over TCP, as /etc/resolv.conf says inside (use-vc), since this host makes "
			"no user namespaces and lets port 53 of the loopback not be bound. Left "
			"out: "
			"programs that ask by UDP all the same (those of musl, and tools like dig)",
	};
	char servers[NAME_SERVICES_TEXT];
	cleanup_strbuf struct strbuf text = { 0 };
	int r;

	strbuf_add(&text, "names are looked up at %s by a resolver of cordon's, %s",
		   name_service_text(&a->names, servers, sizeof(servers)), how[a->names.means]);
	r = text.failed ? -ENOMEM : assignment_note(a, text.text);
	return r < 0 ? r
		     : assignment_note(a, "names in /etc/hosts count as they stand there at the "
					  "start; names that nscd, systemd-resolved, mDNS or LDAP "
					  "would know are not known: their sockets are outside the "
					  "sandbox");
}

/* Rules with a name, where the program cannot be given a resolver that it would believe. */
static int check_names(const struct policy *policy, struct assignment *a)
{
	cleanup_strbuf struct strbuf why = { 0 };
	int r = 0;

	if (!policy_has_names(policy))
		return 0;
	name_service_probe(&a->names);
	if (name_service_works(&a->names)) {
		if (a->names.means != NAMES_NAMESPACE)
			a->when |= WHEN_RESOLV_CONF;
		return note_names(a);
	}
	strbuf_add(&why,
		   "names need a user and network namespace, which this host refuses (%s), or an "
		   "/etc/resolv.conf and a port on the loopback",
		   strerrordesc_np(a->names.error));
	for (size_t i = 0; !why.failed && r >= 0 && i < policy->net_count; i++)
		if (policy->net[i].name)
			r = not_held(a, &policy->net[i].rule, why.text);
	return why.failed ? -ENOMEM : r;
}

static int check_landlock(struct assignment *a)
{
	int r = 0;

	if (a->host.landlock_abi == 0 && a->facts.any) {
		r = add_text(&a->not_held, &a->not_held_count,
			     a->supervised
				     ? "filesystem: no Landlock here: the kernel lacks it "
				       "(enable it with lsm=landlock,...) or an outer sandbox "
				       "refuses it; the supervisor alone decides, and nothing "
				       "bounds a mistake of its or a race on an execution"
				     : "filesystem: no Landlock here: the kernel lacks it "
				       "(enable it with lsm=landlock,...) or an outer sandbox "
				       "refuses it");
	} else if (a->host.landlock_abi == 1 && a->facts.any) {
		r = assignment_note(
			a, "Landlock ABI 1: renames and links between directories give EXDEV");
	}
	if (r >= 0 && a->facts.any && !a->supervised && a->host.landlock_abi < 3 &&
	    a->host.landlock_abi > 0)
		r = add_text(&a->not_held, &a->not_held_count,
			     "filesystem: Landlock below ABI 3 does not hold truncation: readable "
			     "files could be emptied; the supervisor holds it");
	if (r >= 0 && a->host.landlock_abi < 5)
		r = assignment_note(
			a, "Landlock below ABI 5: requests (ioctl) on devices are bounded by the "
			   "filter alone");
	if (r >= 0 && a->host.landlock_abi < 6 && !a->supervised)
		r = assignment_note(
			a, "Landlock below ABI 6: signals to processes outside are not held "
			   "without the supervisor");
	if (r >= 0 && !a->facts.any)
		r = assignment_note(a,
				    "the policy has no filesystem rules: files are not restricted");
	return r;
}

/* A grant of what does not exist is no error, and is not made good later. */
static int note_missing(const struct policy *policy, struct assignment *a)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];
		struct strbuf line = { 0 };

		/* $TMP is made for a run only. */
		if (rule->kind < FS_WRITE || rule->exists || rule->path[0] != '/')
			continue;
		rule_text(&line, &rule->rule);
		strbuf_add(&line, ": does not exist; not granted");
		r = line.failed ? -ENOMEM : assignment_note(a, line.text);
		strbuf_done(&line);
	}
	return r;
}

static int note_namespaces(const struct policy *policy, struct assignment *a)
{
	const uint64_t pid = LAYER_BIT(LAYER_PID_NS), mount = LAYER_BIT(LAYER_MOUNT_NS);

	if (policy->mount_count > 0 && policy->root_fd < 0)
		return assignment_note(
			a, "isolation.mounts: what they show is looked at when it runs");
	if ((policy->namespaces & (pid | mount)) != pid || policy_has_view(policy))
		return 0;
	return assignment_note(a, "isolation.namespaces: pid without mount: /proc shows the "
				  "processes of the host, by numbers that are theirs outside");
}

/* What was split and what that takes away; or why nothing was. */
static int note_expansion(const struct policy *policy, struct assignment *a)
{
	cleanup_strbuf struct strbuf text = { 0 };
	int r;

	if (policy->unexpanded) {
		strbuf_add(&text, "filesystem.expand: not done: %s; the supervisor holds the rules",
			   policy->unexpanded);
		return text.failed ? -ENOMEM : assignment_note(a, text.text);
	}
	for (size_t i = 0; a->expanded && i < policy->split_count; i++) {
		const struct fs_split *split = &policy->splits[i];
		struct strbuf line = { 0 };

		strbuf_add(&line, "filesystem.expand: '");
		strbuf_add_escaped(&line, split->path, strlen(split->path));
		strbuf_add(&line,
			   "' is split: %zu names in it are granted one by one%s%s; what "
			   "appears in it later is not granted",
			   split->names, split->is_listed ? "" : "; it cannot be listed",
			   split->is_changed ? "; names in it cannot be made, renamed or removed"
					     : "");
		r = line.failed ? -ENOMEM : assignment_note(a, line.text);
		strbuf_done(&line);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether the policy re-admits a call that is refused by default. */
static bool admits(const struct policy *policy, const char *call, const char *group)
{
	for (size_t i = 0; i < policy->syscall_count; i++) {
		const char *name = policy->syscalls[i].rule.text;

		if (policy->syscalls[i].list == SYSCALLS_ALLOW &&
		    (strcmp(name, call) == 0 || strcmp(name, group) == 0))
			return true;
	}
	return false;
}

/* What reaches into something executable is held where the execution stops. */
static int check_executions(const struct policy *policy, struct assignment *a)
{
	static const char why[] =
		"reaches into something that may be executed; that is held with ptrace, which this "
		"host refuses (kernel.yama.ptrace_scope above 1, or an outer sandbox). Allow "
		"ptrace, "
		"or name under filesystem.exec only what the rule does not reach into";

	static const char debugged[] =
		"syscalls.allow: a program that another one inside traces (strace, gdb) cannot "
		"execute "
		"anything, since a rule reaches into something executable and what is executed is "
		"held "
		"with ptrace; process_vm_readv can read what is denied and executed for a moment";

	if (!a->facts.deny_in_exec)
		return 0;
	if (admits(policy, "ptrace", "@debug") || admits(policy, "process_vm_readv", "@debug")) {
		int r = assignment_note(a, debugged);

		if (r < 0)
			return r;
	}
	if (a->host.ptrace_error == 0)
		return 0;
	return not_held(a, a->facts.exec_guard, why);
}

static unsigned conditions_of(const struct policy *policy, const struct assignment *a)
{
	unsigned when = WHEN_NETWORK | WHEN_CONTROL;

	if (a->facts.guard_in_write)
		when |= WHEN_GUARD_WRITE;
	if (a->facts.deny_or_hide)
		when |= WHEN_DENY;
	if (a->facts.hide || (a->facts.deny_or_hide && policy->metadata == METADATA_HELD))
		when |= WHEN_LOOK;
	if (a->facts.hide)
		when |= WHEN_HIDE;
	if (a->facts.deny_in_exec)
		when |= WHEN_DENY_EXEC;
	if (policy->exec_present && a->host.noexec_memory)
		when |= WHEN_EXEC_LIST;
	else if (policy->exec_present && a->host.ptrace_error == 0)
		when |= WHEN_EXEC_MEMORY;
	if (a->facts.no_exec)
		when |= WHEN_NO_EXEC;
	if (a->facts.any)
		when |= WHEN_METADATA;
	if (!a->host.pidfd_getfd)
		when |= WHEN_NO_GETFD;
	/*
	 * Without pidfd_getfd a send on a pair, or on an accepted connection, could not be carried
	 * out. So unix datagram sockets, which need it in every policy, are given up there.
	 */
	if (a->host.pidfd_getfd || (policy_net_schemes(policy) & (NET_UDP | NET_ICMP)))
		when |= WHEN_SENDS;
	if (a->facts.any && a->host.landlock_abi < 3)
		when |= WHEN_NO_TRUNCATE;
	/* The supervisor is the only wall then: every path is decided. */
	if (a->facts.any && a->host.landlock_abi == 0)
		when |= WHEN_GUARD_WRITE | WHEN_DENY | WHEN_DENY_EXEC;
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

/* Whether something that is not held is not accepted by isolation.on_failure. */
static bool is_refused(const struct policy *policy, const struct assignment *a)
{
	bool no_landlock = a->host.landlock_abi == 0 && a->facts.any;

	if (no_landlock && policy_failure_mode(policy, LAYER_LANDLOCK_FS) == FAIL_REFUSE)
		return true;
	/* Whatever else is not held is no layer that could be named. */
	return a->not_held_count > (no_landlock ? 1 : 0) &&
	       policy_failure_mode(policy, 0) == FAIL_REFUSE;
}

int assignment_make(const struct policy *policy, const struct host *host, struct assignment *ret,
		    struct cordon_error *err)
{
	int r;

	*ret = (struct assignment){ .host = *host,
				    .expanded = policy->expanded && host->landlock_abi > 0,
				    .supervised = policy->supervisor != SUPERVISOR_OFF };
	ret->facts = policy_fs_facts(policy, ret->expanded);
	ret->when = ret->supervised ? conditions_of(policy, ret) : 0;
	choose_landlock(policy, ret);
	r = check_landlock(ret);
	if (r >= 0)
		r = note_missing(policy, ret);
	if (r >= 0)
		r = note_namespaces(policy, ret);
	if (r >= 0)
		r = note_expansion(policy, ret);
	if (r >= 0)
		r = ret->supervised ? check_names(policy, ret) : check_off_mode(policy, ret);
	if (r >= 0 && ret->supervised)
		r = check_executions(policy, ret);
	if (r >= 0 && ret->facts.no_exec && !ret->supervised)
		r = assignment_note(
			ret, "filesystem.exec is empty: without a supervisor the program, its "
			     "interpreter and its loader can be executed again");
	if (r < 0) {
		assignment_done(ret);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = assignment_filter(policy, ret, err);
	if (r < 0) {
		assignment_done(ret);
		return r;
	}
	if (!is_refused(policy, ret))
		return 0;
	if (ret->not_held_count == 1)
		return err_set(err, -EOPNOTSUPP, "cannot be held here: %s", ret->not_held[0]);
	return err_set(err, -EOPNOTSUPP,
		       "cannot be held here: %s (and %zu more; `cordon explain` lists them)",
		       ret->not_held[0], ret->not_held_count - 1);
}

bool assignment_admits_chroot(const struct policy *policy)
{
	return admits(policy, "chroot", "@chroot");
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
