/* SPDX-License-Identifier: Apache-2.0 */
/* Which wall holds which rule: see assign.h. */
#include "supervisor/assign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
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

bool assignment_is_every_socket(const struct unix_rule *rule)
{
	return !rule->abstract && (strcmp(rule->path, "/") == 0 || strcmp(rule->path, "/**") == 0);
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
		if (policy->unix_rules[i].bind ||
		    !assignment_is_every_socket(&policy->unix_rules[i]))
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
			     "filesystem: no Landlock here: the kernel lacks it (enable it with "
			     "lsm=landlock,...) or an outer sandbox refuses it");
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
	r = assignment_filter(policy, ret, err);
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
