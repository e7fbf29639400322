/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a policy in words: see explain.h. Text and JSON come from the same list of lines. */
#include "supervisor/explain.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "bpf/dump.h"
#include "supervisor/assign.h"
#include "supervisor/filterspec.h"
#include "supervisor/folding.h"
#include "supervisor/mediated.h"
#include "sys/landlock.h"
#include "sys/nr.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/resource.h>

/* One line: a rule, what holds it, and where it was written. */
struct writer {
	json_t *rules, *mediated, *not_held, *notes; /* JSON form */
	struct strbuf *text;			     /* text form; NULL for JSON */
};

static const char *fs_mechanism(const struct assignment *a, const struct fs_rule *rule)
{
	switch (rule->kind) {
	case FS_READ:
	case FS_WRITE:
	case FS_EXEC:
		return a->host.landlock_abi > 0 ? "Landlock" : "not held: no Landlock";
	case FS_DENY:
		if (a->expanded)
			return "Landlock: the names beside it are granted one by one";
		break;
	case FS_HIDE:
	case FS_PROTECT:
	case FS_KIND_COUNT:
		break;
	}
	return a->supervised ? "supervisor" : "not held: needs the supervisor";
}

static const char *net_mechanism(const struct assignment *a, const struct net_rule *rule)
{
	if (!a->supervised)
		return rule->deny || rule->target != NET_ANY ? "not held: needs the supervisor"
							     : "Landlock";
	if (rule->name)
		return a->names.means == NAMES_NONE
			       ? "not held: lookups cannot be answered"
			       : "supervisor, by the addresses that lookups are answered with";
	return a->handled_net & LL_NET_CONNECT_TCP ? "supervisor, and Landlock for the ports"
						   : "supervisor";
}

/* leads_to: the place behind symbolic links, or NULL. */
static void add_rule_at(struct writer *w, const struct rule *rule, const char *leads_to,
			const char *mechanism)
{
	if (!w->text) {
		json_t *object =
			json_pack("{s:s, s:s%, s:s, s:i, s:s}", "key", rule->key, "entry",
				  rule->text, strlen(rule->text), "file", rule->origin.file, "line",
				  rule->origin.line, "mechanism", mechanism);

		if (leads_to)
			json_object_set_new(object, "leads_to", json_string(leads_to));
		json_array_append_new(w->rules, object);
		return;
	}
	strbuf_add(w->text, "  %-20s \"", rule->key);
	strbuf_add_escaped(w->text, rule->text, strlen(rule->text));
	if (leads_to) {
		strbuf_add(w->text, "\" -> \"");
		strbuf_add_escaped(w->text, leads_to, strlen(leads_to));
	}
	strbuf_add(w->text, "\"  %s  (%s", mechanism, rule->origin.file);
	if (rule->origin.line > 0)
		strbuf_add(w->text, ":%d", rule->origin.line);
	strbuf_add(w->text, ")\n");
}

static void add_rule(struct writer *w, const struct rule *rule, const char *mechanism)
{
	add_rule_at(w, rule, NULL, mechanism);
}

static void add_plain(struct writer *w, const char *key, const char *mechanism)
{
	const struct rule rule = { .key = key, .text = "", .origin = { .file = "policy" } };

	if (w->text)
		strbuf_add(w->text, "  %-20s %s\n", key, mechanism);
	else
		add_rule(w, &rule, mechanism);
}

static void add_view(struct writer *w, const struct policy *policy)
{
	static const char mechanism[] = "mount namespace";

	if (policy->root)
		add_rule(w, &policy->root_rule, mechanism);
	for (size_t i = 0; i < policy->mount_count; i++)
		add_rule(w, &policy->mounts[i].rule, mechanism);
	for (size_t i = 0; i < JOINS; i++)
		if (policy->joins[i].path)
			add_rule(w, &policy->joins[i].rule, "setns");
}

/* What every syscalls.only has besides what the policy names. */
static void add_needed(struct writer *w)
{
	cleanup_strbuf struct strbuf names = { 0 };

	for (size_t i = 0; filterspec_needed(i); i++)
		strbuf_add(&names, "%s%s", i > 0 ? " " : "", filterspec_needed(i));
	add_rule(w,
		 &(struct rule){ .key = "syscalls.only",
				 .text = names.text,
				 .origin = { .file = "to start and to end" } },
		 "BPF");
}

static void add_rules(struct writer *w, const struct policy *policy, const struct assignment *a)
{
	add_view(w, policy);
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];
		bool elsewhere = rule->exists && strcmp(rule->canonical, rule->path) != 0;

		add_rule_at(w, &rule->rule, elsewhere ? rule->canonical : NULL,
			    fs_mechanism(a, rule));
	}
	for (size_t i = 0; i < policy->net_count; i++)
		add_rule(w, &policy->net[i].rule, net_mechanism(a, &policy->net[i]));
	for (size_t i = 0; i < policy->listen_count; i++)
		add_rule(w, &policy->listen[i].rule,
			 a->supervised ? "supervisor, and Landlock for the ports" : "Landlock");
	for (size_t i = 0; i < policy->unix_count; i++)
		add_rule(w, &policy->unix_rules[i].rule, a->supervised ? "supervisor" : "BPF");
	for (size_t i = 0; i < policy->syscall_count; i++)
		add_rule(w, &policy->syscalls[i].rule, "BPF");
	if (policy->only_present)
		add_needed(w);
}

static void add_limits(struct writer *w, const struct policy *policy)
{
	static const char *const mechanisms[] = {
		[LIMIT_WALL] = "supervisor",
		[LIMIT_CPU] = "rlimit",
		[LIMIT_MEMORY] = "sampling, every 5 to 100 ms",
		[LIMIT_ADDRESS_SPACE] = "rlimit",
		[LIMIT_PROCESSES] = "sampling, every 5 to 100 ms",
		[LIMIT_OPEN_FILES] = "rlimit",
		[LIMIT_FILE_SIZE] = "rlimit",
		[LIMIT_OUTPUT] = "library, for outputs that the host reads",
		[LIMIT_CPU_PERCENT] = "stopping and continuing the tree, which job control sees",
	};

	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (policy->limits[i].value != LIMIT_UNSET)
			add_rule(w, &policy->limits[i].rule, mechanisms[i]);
	for (size_t i = 0; i < RLIMITS; i++)
		if (policy->rlimits[i].asked)
			add_plain(w, layer_name(LAYER_RLIMIT + (unsigned)i),
				  i == RLIMIT_NPROC ? "rlimit; counts all processes of the user on "
						      "this host"
						    : "rlimit");
	if (policy->core_dumps == NO)
		add_plain(w, "process.core_dumps", "rlimit");
	add_plain(w, "system calls", "BPF, default refuse");
	if (policy->net_count == 0)
		add_plain(w, "network", "none: BPF, Landlock and the supervisor");
}

/* Which registers let a call pass without a notification. */
static const char *register_text(const struct mediated *row, unsigned when)
{
	switch (row->registers) {
	case REG_OPEN_FLAGS:
		return when & (WHEN_DENY | WHEN_TRACE) ? "" : ", only when it writes";
	case REG_ACCESS_MODE:
		return when & WHEN_DENY ? "" : ", only for writing and executing";
	case REG_NO_EXEC_SEAL:
		return ", made so that it cannot be executed";
	case REG_NOT_NULL:
		return ", only with an address";
	case REG_NOT_ZERO:
		return ", only for another process";
	case REG_NONE:
		break;
	}
	return "";
}

static void add_mediated(struct writer *w, const struct assignment *a)
{
	for (size_t i = 0; i < mediated_count; i++) {
		const struct mediated *row = &mediated[i];
		unsigned bits = row->when & a->when;
		const char *why, *registers = register_text(row, a->when);

		if (!bits || nr_by_name(NR_ARCH_NATIVE, row->name) < 0)
			continue;
		why = when_text((enum when)(bits & -bits));
		if (bits & WHEN_DENY_EXEC && a->host.ptrace_error == 0)
			registers = ", verified by ptrace before the new program runs";
		if (w->text)
			strbuf_add(w->text, "  %-20s %s%s\n", row->name, why, registers);
		else
			json_array_append_new(w->mediated,
					      json_pack("{s:s, s:s, s:s}", "call", row->name, "why",
							why, "registers", registers));
	}
}

/* What this version lets pass although a rule might be read otherwise. */
static void add_gaps(struct writer *w, const struct policy *policy, const struct assignment *a)
{
	static const char expanded[] =
		"metadata of what is denied (expanded): names, sizes and times show; what somebody "
		"outside moves or links out of it meanwhile can be read";
	static const char *const without_supervisor[] = {
		"mode, owner, times and extended attributes of files outside every grant: Landlock "
		"does not "
		"hold them",
		"scheduling of other processes of the same user",
	};
	static const struct {
		unsigned when, unless;
		const char *text;
	} gaps[] = {
		{ WHEN_LOOK, 0,
		  "chdir and O_PATH against a thread that exchanges the path meanwhile: such a "
		  "handle "
		  "shows metadata; contents are refused as before" },
		{ WHEN_DENY, WHEN_LOOK,
		  "stat, access, readlink and chdir of denied objects (filesystem.metadata: "
		  "visible)" },
		{ WHEN_METADATA, 0, "stat and existence of paths outside every grant show" },
		{ WHEN_EXEC_LIST | WHEN_EXEC_MEMORY, 0,
		  "filesystem.exec does not say what a permitted program reads: an interpreter "
		  "runs any "
		  "script, and the loader any program, that may be read" },
		{ WHEN_METADATA, 0,
		  "a glob does not know other names (hard links) that a file had before" },
		{ WHEN_NO_GETFD, 0,
		  "unix datagram sockets are refused here, unless a rule is about "
		  "UDP or ICMP; then "
		  "sendmsg works on sockets that were made by socket(), and are not "
		  "connected streams, "
		  "alone" },
	};

	for (size_t i = 0; i < COUNT_OF(gaps); i++) {
		if (!(a->when & gaps[i].when) || a->when & gaps[i].unless)
			continue;
		if (w->text)
			strbuf_add(w->text, "  %s\n", gaps[i].text);
		else
			json_array_append_new(w->not_held, json_string(gaps[i].text));
	}
	if (a->expanded && policy->split_count > 0) {
		if (w->text)
			strbuf_add(w->text, "  %s\n", expanded);
		else
			json_array_append_new(w->not_held, json_string(expanded));
	}
	for (size_t i = 0; !a->supervised && i < COUNT_OF(without_supervisor); i++) {
		if (w->text)
			strbuf_add(w->text, "  %s\n", without_supervisor[i]);
		else
			json_array_append_new(w->not_held, json_string(without_supervisor[i]));
	}
	for (size_t i = 0; i < a->not_held_count; i++) {
		if (w->text)
			strbuf_add(w->text, "  %s\n", a->not_held[i]);
		else
			json_array_append_new(w->not_held, json_string(a->not_held[i]));
	}
}

static void add_notes(struct writer *w, const struct assignment *a)
{
	for (size_t i = 0; i < a->note_count; i++) {
		if (w->text)
			strbuf_add(w->text, "  %s\n", a->notes[i]);
		else
			json_array_append_new(w->notes, json_string(a->notes[i]));
	}
}

static char *as_text(const struct policy *policy, const struct assignment *a)
{
	struct strbuf text = { 0 };
	struct writer w = { .text = &text };

	strbuf_add(&text, "mode: %s\nlandlock: ABI %d\nfilter: %zu instructions\n\nrules:\n",
		   a->supervised ? "supervised" : "off", a->host.landlock_abi, a->filter.length);
	add_rules(&w, policy, a);
	add_limits(&w, policy);
	strbuf_add(&text, "\nmediated calls:\n");
	add_mediated(&w, a);
	strbuf_add(&text, "\nnot held:\n");
	add_gaps(&w, policy, a);
	strbuf_add(&text, "\nnotes:\n");
	add_notes(&w, a);
	return strbuf_take(&text);
}

static char *as_json(const struct policy *policy, const struct assignment *a)
{
	struct writer w = { json_array(), json_array(), json_array(), json_array(), NULL };
	json_t *root;
	char *text;

	add_rules(&w, policy, a);
	add_limits(&w, policy);
	add_mediated(&w, a);
	add_gaps(&w, policy, a);
	add_notes(&w, a);
	root = json_pack("{s:i, s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "schema_version", 1, "mode",
			 a->supervised ? "supervised" : "off", "landlock_abi", a->host.landlock_abi,
			 "filter_instructions", (int)a->filter.length, "rules", w.rules, "mediated",
			 w.mediated, "not_held", w.not_held, "notes", w.notes);
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

int explain_policy(const struct policy *policy, bool json, char **ret_text,
		   struct cordon_error *err)
{
	struct assignment a;
	struct host host;
	int r;

	*ret_text = NULL;
	host_probe(policy, &host);
	r = assignment_make(policy, &host, &a, err);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	/* Only here: asking each directory would make every start slower. */
	if (folding_note(policy, &a) == 0)
		*ret_text = json ? as_json(policy, &a) : as_text(policy, &a);
	assignment_done(&a);
	if (!*ret_text)
		return err_set(err, -ENOMEM, "out of memory");
	return r;
}

static const char *native_name(int nr, void *arg)
{
	(void)arg;
	return nr_name(NR_ARCH_NATIVE, nr);
}

int explain_filter(const struct policy *policy, char **ret_text, struct cordon_error *err)
{
	struct strbuf text = { 0 };
	struct assignment a;
	struct host host;
	int r;

	host_probe(policy, &host);
	r = assignment_make(policy, &host, &a, err);
	if (r < 0) {
		if (r == -EOPNOTSUPP)
			assignment_done(&a);
		return r;
	}
	dump_program(&text, &a.filter, native_name, NULL);
	assignment_done(&a);
	*ret_text = strbuf_take(&text);
	return *ret_text ? 0 : err_set(err, -ENOMEM, "out of memory");
}
