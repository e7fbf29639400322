/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a policy in words: see explain.h. Text and JSON come from the same list of lines. */
#include "supervisor/explain.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "bpf/dump.h"
#include "supervisor/assign.h"
#include "supervisor/mediated.h"
#include "sys/landlock.h"
#include "sys/nr.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

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
	return a->handled_net & LL_NET_CONNECT_TCP ? "supervisor, and Landlock for the ports"
						   : "supervisor";
}

static void add_rule(struct writer *w, const struct rule *rule, const char *mechanism)
{
	if (!w->text) {
		json_array_append_new(w->rules,
				      json_pack("{s:s, s:s%, s:s, s:i, s:s}", "key", rule->key,
						"entry", rule->text, strlen(rule->text), "file",
						rule->origin.file, "line", rule->origin.line,
						"mechanism", mechanism));
		return;
	}
	strbuf_add(w->text, "  %-20s \"", rule->key);
	strbuf_add_escaped(w->text, rule->text, strlen(rule->text));
	strbuf_add(w->text, "\"  %s  (%s", mechanism, rule->origin.file);
	if (rule->origin.line > 0)
		strbuf_add(w->text, ":%d", rule->origin.line);
	strbuf_add(w->text, ")\n");
}

static void add_plain(struct writer *w, const char *key, const char *mechanism)
{
	const struct rule rule = { .key = key, .text = "", .origin = { .file = "policy" } };

	if (w->text)
		strbuf_add(w->text, "  %-20s %s\n", key, mechanism);
	else
		add_rule(w, &rule, mechanism);
}

static void add_rules(struct writer *w, const struct policy *policy, const struct assignment *a)
{
	for (size_t i = 0; i < policy->fs_count; i++)
		add_rule(w, &policy->fs[i].rule, fs_mechanism(a, &policy->fs[i]));
	for (size_t i = 0; i < policy->net_count; i++)
		add_rule(w, &policy->net[i].rule, net_mechanism(a, &policy->net[i]));
	for (size_t i = 0; i < policy->listen_count; i++)
		add_rule(w, &policy->listen[i].rule,
			 a->supervised ? "supervisor, and Landlock for the ports" : "Landlock");
	for (size_t i = 0; i < policy->unix_count; i++)
		add_rule(w, &policy->unix_rules[i].rule, a->supervised ? "supervisor" : "BPF");
	for (size_t i = 0; i < policy->syscall_count; i++)
		add_rule(w, &policy->syscalls[i].rule, "BPF");
}

static void add_limits(struct writer *w, const struct policy *policy)
{
	const struct {
		const char *key, *mechanism;
		bool set;
	} limits[] = {
		{ "limits.wall", "supervisor", policy->wall_ms != LIMIT_UNSET },
		{ "limits.cpu", "rlimit", policy->cpu_s != LIMIT_UNSET },
		{ "limits.address_space", "rlimit", policy->address_space != LIMIT_UNSET },
		{ "limits.open_files", "rlimit", policy->open_files != LIMIT_UNSET },
		{ "limits.file_size", "rlimit", policy->file_size != LIMIT_UNSET },
		{ "process.core_dumps", "rlimit", policy->core_dumps == NO },
	};

	for (size_t i = 0; i < COUNT_OF(limits); i++)
		if (limits[i].set)
			add_plain(w, limits[i].key, limits[i].mechanism);
	add_plain(w, "system calls", "BPF, default refuse");
	if (policy->net_count == 0)
		add_plain(w, "network", "none: BPF, Landlock and the supervisor");
}

/* Which registers let a call pass without a notification. */
static const char *register_text(const struct mediated *row, unsigned when)
{
	switch (row->registers) {
	case REG_OPEN_FLAGS:
		return when & (WHEN_DENY | WHEN_TRACE) ? ", but not O_PATH"
						       : ", only when it writes";
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
		if (w->text)
			strbuf_add(w->text, "  %-20s %s%s\n", row->name, why, registers);
		else
			json_array_append_new(w->mediated,
					      json_pack("{s:s, s:s, s:s}", "call", row->name, "why",
							why, "registers", registers));
	}
}

/* What this version lets pass although a rule might be read otherwise. */
static void add_gaps(struct writer *w, const struct assignment *a)
{
	static const char *const without_supervisor[] = {
		"mode, owner, times and extended attributes of files outside every grant: Landlock "
		"does not "
		"hold them",
		"scheduling of other processes of the same user",
	};
	static const struct {
		unsigned when;
		const char *text;
	} gaps[] = {
		{ WHEN_DENY,
		  "stat, access, readlink, chdir and O_PATH of denied or hidden objects: metadata "
		  "and existence show; contents do not" },
		{ WHEN_DENY, "getdents: hidden names are listed" },
		{ WHEN_DENY_EXEC,
		  "execution, and so the contents, of denied files that are executable, against a "
		  "thread that exchanges the path meanwhile" },
		{ WHEN_METADATA, "stat and existence of paths outside every grant show" },
		{ WHEN_METADATA,
		  "a glob does not know other names (hard links) that a file had before" },
		{ WHEN_NETWORK,
		  "UDP, ICMP and unix datagram sockets are refused as a whole in this version" },
	};

	for (size_t i = 0; i < COUNT_OF(gaps); i++) {
		if (!(a->when & gaps[i].when))
			continue;
		if (w->text)
			strbuf_add(w->text, "  %s\n", gaps[i].text);
		else
			json_array_append_new(w->not_held, json_string(gaps[i].text));
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

/* A grant of what does not exist is no error, and is not made good later. */
static void add_missing(struct writer *w, const struct policy *policy)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];
		struct strbuf line = { 0 };

		if (rule->kind < FS_WRITE || rule->fd >= 0)
			continue;
		strbuf_add(&line, "%s \"", rule->rule.key);
		strbuf_add_escaped(&line, rule->rule.text, strlen(rule->rule.text));
		strbuf_add(&line, "\": does not exist; not granted");
		if (w->text)
			strbuf_add(w->text, "  %s\n", line.text ? line.text : "");
		else
			json_array_append_new(w->notes, json_string(line.text));
		strbuf_done(&line);
	}
}

static void add_notes(struct writer *w, const struct policy *policy, const struct assignment *a)
{
	add_missing(w, policy);
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
	add_gaps(&w, a);
	strbuf_add(&text, "\nnotes:\n");
	add_notes(&w, policy, a);
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
	add_gaps(&w, a);
	add_notes(&w, policy, a);
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
	host_probe(&host);
	r = assignment_make(policy, &host, &a, err);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
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

	host_probe(&host);
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
