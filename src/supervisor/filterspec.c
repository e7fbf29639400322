/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function that says what the installed filter contains.
 *
 * Theory of operation
 *
 * Each row of known.c gets a fate: what the lists and overrides make of it (settle). A second pass
 * turns fates into calls of the spec (add_call): a constant, or the argument filters in force
 * followed by the override's rules.
 *
 * SECURITY: `allow` changes default refusals alone. A call that is mediated or argument-checked is
 * allowed by default, and naming it under `allow` must not take the check away.
 */
#include "supervisor/filterspec.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "child/plan.h"
#include "supervisor/known.h"
#include "sys/nr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(err) (SECCOMP_RET_ERRNO | (err))
/* What the caller may say; the other conditions follow. */
#define ARG_GIVEN                                                                                  \
	(ARG_SUPERVISED | ARG_OFF | ARG_HAS_LISTENER | ARG_EXEC_LIST | ARG_NO_NETLINK |            \
	 ARG_UNIX_HELD | ARG_UDP | ARG_ICMP | ARG_UNIX_DATAGRAM | ARG_NAMES_HELD | ARG_NO_SCOPE |  \
	 ARG_MEMORY)

struct filterspec {
	struct filter_spec spec;
	struct filter_call *calls;
	struct filter_rule *rules; /* of all calls, one after the other */
	size_t rule_count;
};

/* What the policy says about one row of known.c. */
struct fate {
	bool denied, readmitted;
	bool named; /* by `only`, or needed */
	const struct filterspec_override *override;
};

struct builder {
	const struct filterspec_options *opt;
	unsigned conditions;
	struct fate *fates; /* by row of known.c */
	struct filterspec *fs;
};

static bool refused(const struct known_call *call)
{
	return call->verdict == KNOWN_EPERM || call->verdict == KNOWN_ENOSYS;
}

static int unknown_name(const char *name, const char *list, struct cordon_error *err)
{
	const char *near = str_nearest(name, known_candidate, NULL);
	const char *what = name[0] == '@' ? "group of system calls" : "system call";

	if (near)
		return err_set(err, -EINVAL, "%s: no %s is called '%s' (did you mean '%s'?)", list,
			       what, name, near);
	return err_set(err, -EINVAL, "%s: no %s is called '%s'", list, what, name);
}

/* Whether the name, of a call or of a group, stands for the call. */
static bool names_call(const char *name, const struct known_call *call)
{
	return strcmp(name, name[0] == '@' ? call->group : call->name) == 0;
}

/* Return: 0, or -EINVAL with the reason why the name may not stand under `allow`. */
static int check_allow(const struct builder *b, const char *name, struct cordon_error *err)
{
	const struct known_call *call = name[0] == '@' ? NULL : known_find(name);
	const char *never = known_never(call ? call->group : name);

	if (never)
		return err_set(err, -EINVAL, "syscalls.allow: '%s' is never re-admitted: %s", name,
			       never);
	if (b->opt->path_rules && names_call(name, known_find("open_by_handle_at")))
		return err_set(err, -EINVAL,
			       "syscalls.allow: '%s' opens files by number, past the rules under "
			       "filesystem",
			       name);
	return 0;
}

static int settle_allow(struct builder *b, const char *name, struct cordon_error *err)
{
	int r;

	if (!known_group(name) && !known_find(name))
		return unknown_name(name, "syscalls.allow", err);
	r = check_allow(b, name, err);
	if (r < 0)
		return r;
	if (strcmp(name, KNOWN_IFINFO) == 0)
		b->conditions |= ARG_IFINFO;
	for (size_t i = 0; i < known_count(); i++)
		b->fates[i].readmitted |= refused(known_at(i)) && names_call(name, known_at(i));
	return 0;
}

static int settle_deny(struct builder *b, const char *name, struct cordon_error *err)
{
	if (!known_group(name) && !known_find(name))
		return unknown_name(name, "syscalls.deny", err);
	if (strcmp(name, KNOWN_IFINFO) == 0)
		b->conditions &= ~(unsigned)ARG_IFINFO;
	for (size_t i = 0; i < known_count(); i++)
		b->fates[i].denied |= names_call(name, known_at(i));
	return 0;
}

const char *filterspec_needed(size_t index)
{
	/*
	 * Of cordon's child behind the filter, of the dynamic linker, and of the C library. By the
	 * first three the child puts its descriptors in order, where that has to wait for the
	 * listener (setup.c).
	 */
	static const char *const names[] = {
		"close_range",	   "dup3",     "fcntl",	     "execve",
		"execveat",	   "exit",     "exit_group", "rt_sigreturn",
		"restart_syscall", "brk",      "mmap",	     "munmap",
		"mprotect",	   "open",     "openat",     "read",
		"pread64",	   "write",    "close",	     "fstat",
		"newfstatat",	   "statx",    "access",     "faccessat",
		"faccessat2",	   "readlink", "readlinkat", "arch_prctl",
		"prlimit64",	   "rseq",     "getrandom",  "set_tid_address",
		"set_robust_list",
	};

	return index < COUNT_OF(names) ? names[index] : NULL;
}

static int settle_only(struct builder *b, const char *name, struct cordon_error *err)
{
	bool any = strcmp(name, KNOWN_IFINFO) == 0;

	if (!known_group(name) && !known_find(name))
		return unknown_name(name, "syscalls.only", err);
	for (size_t i = 0; i < known_count(); i++) {
		struct fate *fate = &b->fates[i];

		if (!names_call(name, known_at(i)))
			continue;
		fate->named = true;
		any |= !refused(known_at(i)) || fate->readmitted;
	}
	if (!any)
		return err_set(err, -EINVAL,
			       "syscalls.only: '%s' is refused by default: what is to be admitted "
			       "all the same stands under syscalls.allow",
			       name);
	return 0;
}

/* Return: what is wrong with an override of that call, or NULL. */
static const char *check_override(const struct filterspec_override *over,
				  const struct known_call *call)
{
	if (call->verdict == KNOWN_ENOSYS)
		return "it is refused as absent";
	if (call->verdict != KNOWN_EPERM)
		return NULL;
	if (over->action == SECCOMP_RET_ALLOW)
		return "it is refused by default";
	for (size_t i = 0; i < over->rule_count; i++) {
		if (over->rules[i].action == SECCOMP_RET_ALLOW)
			return "it is refused by default";
	}
	return NULL;
}

static int settle_override(struct builder *b, const struct filterspec_override *over,
			   struct cordon_error *err)
{
	const struct known_call *known = known_find(over->name);
	struct fate *fate;
	const char *why;

	if (!known)
		return unknown_name(over->name, "filter", err);
	fate = &b->fates[known - known_at(0)];
	why = fate->override ? "it stands twice" : check_override(over, known);
	if (why)
		return err_set(err, -EINVAL, "filter: override of '%s': %s", over->name, why);
	fate->override = over;
	return 0;
}

static int settle(struct builder *b, struct cordon_error *err)
{
	const struct filterspec_options *opt = b->opt;
	int r = 0;

	if (!(opt->conditions & ARG_SUPERVISED) == !(opt->conditions & ARG_OFF))
		return err_set(err, -EINVAL, "filter: either with a supervisor or without one");
	if ((opt->conditions & ARG_OFF) && !(opt->conditions & ARG_UNIX_HELD))
		b->conditions |= ARG_NO_UNIX;
	for (size_t i = 0; i < opt->allow_count && r == 0; i++)
		r = settle_allow(b, opt->allow[i], err);
	for (size_t i = 0; i < opt->only_count && r == 0; i++)
		r = settle_only(b, opt->only[i], err);
	for (size_t i = 0; filterspec_needed(i); i++)
		b->fates[known_find(filterspec_needed(i)) - known_at(0)].named = true;
	for (size_t i = 0; i < opt->deny_count && r == 0; i++)
		r = settle_deny(b, opt->deny[i], err);
	for (size_t i = 0; i < opt->override_count && r == 0; i++)
		r = settle_override(b, &opt->overrides[i], err);
	return r;
}

/* Appends the argument filters of a call. call->otherwise: what passing on means. */
static void add_argument_rules(struct builder *b, const char *name, struct filter_call *call)
{
	const uint32_t pass = call->otherwise;

	for (size_t i = 0; i < argfilter_count(); i++) {
		const struct arg_rule *row = argfilter_at(i);
		uint32_t action = row->action == SECCOMP_RET_ALLOW ? pass : row->action;

		if (!str_equal(row->call, name) || !argfilter_in_force(row, b->conditions))
			continue;
		if (row->test_count == 0)
			call->otherwise = action;
		else
			b->fs->rules[b->fs->rule_count++] = (struct filter_rule){
				.tests = row->tests, .test_count = row->test_count, .action = action
			};
	}
}

static void add_rules(struct builder *b, const struct known_call *known,
		      const struct filterspec_override *over, struct filter_call *call)
{
	struct filterspec *fs = b->fs;
	size_t first = fs->rule_count;

	if (known->verdict == KNOWN_FILTERED)
		add_argument_rules(b, known->name, call);
	for (size_t i = 0; over && i < over->rule_count; i++)
		fs->rules[fs->rule_count++] = over->rules[i];
	call->rules = &fs->rules[first];
	call->rule_count = fs->rule_count - first;
}

/* Refused, but for the one call by which the child finds out whether the listener answers. */
static void add_refusal(struct builder *b, const char *name, uint32_t refusal,
			struct filter_call *call)
{
	static const struct filter_test self_test = {
		.arg = 0, .width = 32, .cmp = FILTER_EQ, .value = (uint32_t)AT_FDCWD
	};

	call->otherwise = refusal;
	if (!(b->conditions & ARG_SUPERVISED) || strcmp(name, SELF_TEST_CALL) != 0)
		return;
	call->rules = &b->fs->rules[b->fs->rule_count];
	call->rule_count = 1;
	b->fs->rules[b->fs->rule_count++] = (struct filter_rule){
		.tests = &self_test, .test_count = 1, .action = SECCOMP_RET_USER_NOTIF
	};
}

static void add_call(struct builder *b, const struct known_call *known, const struct fate *fate)
{
	const uint32_t refusal = REFUSE(known->verdict == KNOWN_ENOSYS ? ENOSYS : EPERM);
	struct filter_call call = { .nr = nr_by_name(b->opt->arch, known->name) };

	if (call.nr < 0)
		return;
	if (fate->denied || (b->opt->only_present && !fate->named && !fate->readmitted)) {
		add_refusal(b, known->name, refusal, &call);
	} else if (fate->readmitted) {
		call.otherwise = SECCOMP_RET_ALLOW;
	} else {
		call.otherwise = refused(known) ? refusal : SECCOMP_RET_ALLOW;
		if (fate->override)
			call.otherwise = fate->override->action;
		add_rules(b, known, fate->override, &call);
	}
	b->fs->calls[b->fs->spec.call_count++] = call;
}

static struct filterspec *filterspec_new(const struct filterspec_options *opt)
{
	struct filterspec *fs = calloc(1, sizeof(*fs));
	size_t rule_max = argfilter_count() + 2; /* and the self-test's */

	if (!fs)
		return NULL;
	for (size_t i = 0; i < opt->override_count; i++)
		rule_max += opt->overrides[i].rule_count;
	fs->calls = calloc(known_count(), sizeof(*fs->calls));
	fs->rules = calloc(rule_max, sizeof(*fs->rules));
	if (!fs->calls || !fs->rules) {
		filterspec_free(fs);
		return NULL;
	}
	fs->spec = (struct filter_spec){ .arch = opt->arch,
					 .foreign_action = SECCOMP_RET_KILL_PROCESS,
					 .unknown_action = REFUSE(ENOSYS),
					 .calls = fs->calls };
	return fs;
}

int filterspec_build(const struct filterspec_options *opt, struct filterspec **ret,
		     struct cordon_error *err)
{
	cleanup_free struct fate *fates = calloc(known_count(), sizeof(*fates));
	struct builder b = { .opt = opt,
			     .conditions = opt->conditions & ARG_GIVEN,
			     .fates = fates };
	int r;

	if (!fates)
		return err_set(err, -ENOMEM, "filter: out of memory");
	r = settle(&b, err);
	if (r < 0)
		return r;
	b.fs = filterspec_new(opt);
	if (!b.fs)
		return err_set(err, -ENOMEM, "filter: out of memory");
	for (size_t i = 0; i < known_count(); i++)
		add_call(&b, known_at(i), &fates[i]);
	*ret = b.fs;
	return 0;
}

const struct filter_spec *filterspec_get(const struct filterspec *fs)
{
	return &fs->spec;
}

void filterspec_free(struct filterspec *fs)
{
	if (!fs)
		return;
	free(fs->calls);
	free(fs->rules);
	free(fs);
}
