/* SPDX-License-Identifier: Apache-2.0 */
/* The key table: see keys.h. */
#include "policy/keys.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/compile.h"
#include "policy/settings.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FIELD(name) offsetof(struct policy, name)

/* clang-format off */
const struct key keys[] = {
	{ "version", SHAPE_SCALAR, TYPE_INTEGER, compile_version, .fallback = "1",
	  .help = "version of the policy language" },
	{ "extends", SHAPE_LIST, TYPE_TEXT, compile_extends,
	  .help = "presets, or files relative to this one, that come first" },
	{ "workspace", SHAPE_SCALAR, TYPE_PATH, compile_workspace,
	  .help = "directory that $WORKSPACE names; by default the current one" },

	{ "filesystem", SHAPE_SECTION, .help = "files and directories" },
	{ "filesystem.read", SHAPE_LIST, TYPE_PATH, compile_fs, FS_READ,
	  .help = "read files, list directories" },
	{ "filesystem.write", SHAPE_LIST, TYPE_PATH, compile_fs, FS_WRITE,
	  .help = "as read, and create, change, rename, link and remove" },
	{ "filesystem.exec", SHAPE_LIST, TYPE_PATH, compile_fs, FS_EXEC,
	  .help = "absent: what is readable may be executed; present: only these" },
	{ "filesystem.deny", SHAPE_LIST, TYPE_PATTERN, compile_fs, FS_DENY,
	  .help = "no access at all: EACCES" },
	{ "filesystem.hide", SHAPE_LIST, TYPE_PATTERN, compile_fs, FS_HIDE,
	  .help = "as deny, but ENOENT" },
	{ "filesystem.protect", SHAPE_LIST, TYPE_PATTERN, compile_fs, FS_PROTECT,
	  .help = "readable as granted, but never created, changed, renamed or removed" },
	{ "filesystem.expand", SHAPE_SCALAR, TYPE_BOOL, compile_bool, FIELD(expand),
	  .fallback = "false",
	  .help = "literal deny rules are held by the kernel alone, by granting the names beside "
		  "them one by one" },
	{ "filesystem.metadata", SHAPE_SCALAR, TYPE_WORD, compile_word, FIELD(metadata),
	  .words = "held|visible", .fallback = "held",
	  .help = "visible: stat, access, readlink and chdir of what is denied are left to the "
		  "kernel, for speed; its contents and changes stay refused" },
	{ "filesystem.keep_tmp", SHAPE_SCALAR, TYPE_BOOL, compile_bool, FIELD(keep_tmp),
	  .fallback = "false", .help = "$TMP is not removed at the end" },
	{ "filesystem.remove", SHAPE_REMOVE, TYPE_TEXT, .help = "inherited entries to take away" },

	{ "network", SHAPE_SECTION, .help = "network; without it there is none" },
	{ "network.allow", SHAPE_LIST, TYPE_NETWORK, compile_net, false,
	  .help = "destinations that may be reached" },
	{ "network.deny", SHAPE_LIST, TYPE_NETWORK, compile_net, true,
	  .help = "destinations that may not; wins over allow" },
	{ "network.listen", SHAPE_LIST, TYPE_PORTS, compile_listen,
	  .help = "TCP ports that may be bound" },
	{ "network.unix", SHAPE_SECTION, .help = "unix sockets" },
	{ "network.unix.connect", SHAPE_LIST, TYPE_SOCKET, compile_unix, false,
	  .help = "sockets of the outside world that may be reached" },
	{ "network.unix.bind", SHAPE_LIST, TYPE_SOCKET, compile_unix, true,
	  .help = "where sockets may be made; by default wherever write is allowed" },
	{ "network.unix.remove", SHAPE_REMOVE, TYPE_TEXT,
	  .help = "inherited entries to take away" },
	{ "network.remove", SHAPE_REMOVE, TYPE_TEXT, .help = "inherited entries to take away" },

	{ "process", SHAPE_SECTION, .help = "what the program starts with" },
	{ "process.cwd", SHAPE_SCALAR, TYPE_PATH, compile_cwd,
	  .help = "working directory; by default the current one" },
	{ "process.argv0", SHAPE_SCALAR, TYPE_TEXT, compile_argv0,
	  .help = "what the program finds as its own name; by default the one it was called by" },
	{ "process.env", SHAPE_EITHER, TYPE_WORD, compile_env, .words = "inherit",
	  .help = "'inherit' for the whole environment, or a section" },
	{ "process.env.pass", SHAPE_LIST, TYPE_ENV, compile_env_pass,
	  .help = "variables that are kept: only these; NAME or PREFIX*" },
	{ "process.env.set", SHAPE_MAP, TYPE_TEXT, compile_env_set,
	  .help = "variables with their values" },
	{ "process.env.unset", SHAPE_LIST, TYPE_ENV, compile_env_unset,
	  .help = "variables that are not passed whatever 'pass' says; NAME or PREFIX*" },
	{ "process.env.remove", SHAPE_REMOVE, TYPE_TEXT,
	  .help = "inherited names to take away" },
	{ "process.user", SHAPE_SCALAR, TYPE_TEXT, compile_user,
	  .help = "user to run as, by number or name; a name brings its group" },
	{ "process.group", SHAPE_SCALAR, TYPE_TEXT, compile_group,
	  .help = "group to run as, by number or name" },
	{ "process.groups", SHAPE_LIST, TYPE_TEXT, compile_groups,
	  .help = "supplementary groups; with user or group and without this: none" },
	{ "process.capabilities", SHAPE_SECTION, .help = "capabilities" },
	{ "process.capabilities.keep", SHAPE_LIST, TYPE_TEXT, compile_capability, CAPS_KEEP,
	  .help = "every set ends as exactly this; absent: untouched" },
	{ "process.capabilities.bounding", SHAPE_LIST, TYPE_TEXT, compile_capability,
	  CAPS_BOUNDING, .help = "this set alone, whatever keep says" },
	{ "process.capabilities.permitted", SHAPE_LIST, TYPE_TEXT, compile_capability,
	  CAPS_PERMITTED, .help = "this set alone; the kernel computes it anew at the exec" },
	{ "process.capabilities.effective", SHAPE_LIST, TYPE_TEXT, compile_capability,
	  CAPS_EFFECTIVE, .help = "this set alone, within permitted" },
	{ "process.capabilities.inheritable", SHAPE_LIST, TYPE_TEXT, compile_capability,
	  CAPS_INHERITABLE, .help = "this set alone" },
	{ "process.capabilities.ambient", SHAPE_LIST, TYPE_TEXT, compile_capability,
	  CAPS_AMBIENT, .help = "this set alone, within permitted and inheritable" },
	{ "process.capabilities.securebits", SHAPE_LIST, TYPE_TEXT, compile_securebit,
	  .help = "noroot, noroot_locked and so on: exactly these" },
	{ "process.capabilities.remove", SHAPE_REMOVE, TYPE_TEXT,
	  .help = "inherited entries to take away" },
	{ "process.umask", SHAPE_SCALAR, TYPE_OCTAL, compile_umask, FIELD(umask),
	  .help = "file mode mask, octal" },
	{ "process.nice", SHAPE_SCALAR, TYPE_SIGNED, compile_nice,
	  .help = "priority: 19 gives way to all others; below 0 needs privilege" },
	{ "process.signal_mask", SHAPE_LIST, TYPE_SIGNAL, compile_signal, FIELD(signal_mask),
	  .help = "signals that the program starts with blocked; by default none" },
	{ "process.signal_ignore", SHAPE_LIST, TYPE_SIGNAL, compile_signal, FIELD(signal_ignore),
	  .help = "signals that the program starts with ignored; by default none" },
	{ "process.aslr", SHAPE_SCALAR, TYPE_BOOL, compile_tristate, FIELD(aslr),
	  .help = "randomise the address space" },
	{ "process.huge_pages", SHAPE_SCALAR, TYPE_BOOL, compile_tristate, FIELD(huge_pages),
	  .help = "transparent huge pages" },
	{ "process.core_dumps", SHAPE_SCALAR, TYPE_BOOL, compile_tristate, FIELD(core_dumps),
	  .help = "write core files" },
	{ "process.cpu_affinity", SHAPE_LIST, TYPE_INTEGER, compile_cpu,
	  .help = "processors to run on" },
	{ "process.new_session", SHAPE_SCALAR, TYPE_BOOL, compile_bool, FIELD(new_session),
	  .fallback = "false", .help = "start a new session" },
	{ "process.terminal", SHAPE_SCALAR, TYPE_BOOL, compile_bool, FIELD(terminal),
	  .fallback = "false", .help = "with new_session: a controlling terminal" },
	{ "process.fds", SHAPE_LIST, TYPE_INTEGER, compile_fd,
	  .help = "descriptors above 2 that are kept; all others are closed" },
	{ "process.remove", SHAPE_REMOVE, TYPE_TEXT, .help = "inherited entries to take away" },

	{ "limits", SHAPE_SECTION, .help = "limits" },
	{ "limits.wall", SHAPE_SCALAR, TYPE_DURATION, compile_wall, LIMIT_WALL,
	  .fallback = "unlimited", .help = "time until the run is ended" },
	{ "limits.cpu", SHAPE_SCALAR, TYPE_DURATION, compile_cpu_time, LIMIT_CPU,
	  .fallback = "unlimited", .help = "processor time of each process" },
	{ "limits.memory", SHAPE_SCALAR, TYPE_SIZE, compile_size, LIMIT_MEMORY,
	  .fallback = "unlimited", .help = "memory of the whole tree" },
	{ "limits.address_space", SHAPE_SCALAR, TYPE_SIZE, compile_size, LIMIT_ADDRESS_SPACE,
	  .fallback = "unlimited", .help = "address space of each process" },
	{ "limits.processes", SHAPE_SCALAR, TYPE_INTEGER, compile_count, LIMIT_PROCESSES,
	  .fallback = "unlimited", .help = "processes of the whole tree, threads not counted" },
	{ "limits.open_files", SHAPE_SCALAR, TYPE_INTEGER, compile_count, LIMIT_OPEN_FILES,
	  .fallback = "unlimited", .help = "open descriptors of each process" },
	{ "limits.file_size", SHAPE_SCALAR, TYPE_SIZE, compile_size, LIMIT_FILE_SIZE,
	  .fallback = "unlimited", .help = "size of any file that is written" },
	{ "limits.output", SHAPE_SCALAR, TYPE_SIZE, compile_size, LIMIT_OUTPUT,
	  .fallback = "unlimited",
	  .help = "bytes of both outputs together, where the host reads them through the library" },
	{ "limits.rlimits", SHAPE_MAP, TYPE_TEXT, compile_rlimit,
	  .help = "other limits of each process, SOFT or SOFT:HARD, each 'unlimited' or a number: "
		  "stack core memlock data msgqueue (sizes), nproc (of the user on the whole host) "
		  "sigpending locks rtprio nice, rttime (a duration)" },
	{ "limits.derive", SHAPE_SCALAR, TYPE_WORD, compile_derive,
	  .words = "none|address_space|harden", .fallback = "none",
	  .help = "limits that are not given follow from others: address_space is eight times memory "
		  "and at least 4G; harden also makes cpu twice wall and at least 2s, and "
		  "open_files 256" },
	{ "limits.cpu_percent", SHAPE_SCALAR, TYPE_INTEGER, compile_percent, LIMIT_CPU_PERCENT,
	  .fallback = "unlimited",
	  .help = "processor time of the whole tree: 100 is one processor; it is stopped and continued" },

	{ "syscalls", SHAPE_SECTION, .help = "system calls" },
	{ "syscalls.deny", SHAPE_LIST, TYPE_TEXT, compile_syscall, SYSCALLS_DENY,
	  .help = "names or @groups that are refused as well" },
	{ "syscalls.allow", SHAPE_LIST, TYPE_TEXT, compile_syscall, SYSCALLS_ALLOW,
	  .help = "names or @groups that the default refuses" },
	{ "syscalls.only", SHAPE_LIST, TYPE_TEXT, compile_syscall, SYSCALLS_ONLY,
	  .help = "names or @groups; every other call is refused, but those that starting and ending "
		  "need and those under allow; absent: no such list" },
	{ "syscalls.remove", SHAPE_REMOVE, TYPE_TEXT, .help = "inherited entries to take away" },

	{ "isolation", SHAPE_SECTION, .help = "namespaces and mounts" },
	{ "isolation.namespaces", SHAPE_LIST, TYPE_TEXT, compile_namespace,
	  .help = "any of user pid mount net ipc uts cgroup time" },
	{ "isolation.root", SHAPE_SCALAR, TYPE_PATH, compile_root, .first = true,
	  .help = "directory that becomes /; brings a mount namespace" },
	{ "isolation.mounts", SHAPE_RECORDS, TYPE_TEXT, compile_mount, .first = true,
	  .help = "what is mounted, in this order: source, target, read_only, optional; or type (tmpfs, "
		  "proc, dev), target, size; brings a mount namespace" },
	{ "isolation.host_libs", SHAPE_SCALAR, TYPE_BOOL, compile_bool, FIELD(host_libs),
	  .fallback = "false", .first = true,
	  .help = "with a root: the host's /lib, /lib64, /usr/lib and /usr/bin are in it, read-only" },
	{ "isolation.time_offset", SHAPE_MAP, TYPE_TEXT, compile_time_offset,
	  .help = "monotonic and boottime: by how much these clocks differ inside; brings a time "
		  "namespace" },
	{ "isolation.max_user_namespaces", SHAPE_SCALAR, TYPE_TEXT, compile_inner_user_ns,
	  .help = "user namespaces that can be made inside, which are refused anyway; brings one" },
	{ "isolation.hostname", SHAPE_SCALAR, TYPE_TEXT, compile_hostname,
	  .help = "host name inside; brings a uts namespace" },
	{ "isolation.join", SHAPE_MAP, TYPE_TEXT, compile_join,
	  .help = "namespaces that are there already: net, ipc, uts or cgroup, and the file of each" },
	{ "isolation.on_failure", SHAPE_MODES, TYPE_WORD, compile_failure,
	  .words = "refuse|warn|ignore", .fallback = "refuse",
	  .help = "what happens when a layer cannot be set up; or a map of layers, and `default`" },
	{ "isolation.remove", SHAPE_REMOVE, TYPE_TEXT, .help = "inherited entries to take away" },

	{ "supervisor", SHAPE_SCALAR, TYPE_WORD, compile_word, FIELD(supervisor),
	  .words = "auto|required|off", .fallback = "auto",
	  .help = "off: only what the kernel holds alone" },

	{ "report", SHAPE_SECTION, .help = "what is reported" },
	{ "report.events", SHAPE_SCALAR, TYPE_TEXT, compile_events, FIELD(events),
	  .help = "file or fd:N for events, one JSON object a line" },
	{ "report.hint", SHAPE_SCALAR, TYPE_WORD, compile_hint, FIELD(hint), .words = "stderr",
	  .fallback = "stderr", .null_is_value = true,
	  .help = "one line for each distinct denial; null for none" },
	{ "report.trace", SHAPE_SCALAR, TYPE_BOOL, compile_bool, FIELD(trace),
	  .fallback = "false", .help = "see every denial, at the cost of speed" },
};
/* clang-format on */
const size_t key_count = COUNT_OF(keys);
static_assert(COUNT_OF(keys) <= KEYS_MAX, "settings have a place for each key");

const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < key_count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

size_t key_index(const struct key *key)
{
	return (size_t)(key - keys);
}

const char *key_leaf(const struct key *key)
{
	const char *dot = strrchr(key->name, '.');

	return dot ? dot + 1 : key->name;
}

bool key_is_in(const struct key *key, const char *section)
{
	size_t length = strlen(section);

	if (length == 0)
		return !strchr(key->name, '.');
	return strncmp(key->name, section, length) == 0 && key->name[length] == '.' &&
	       !strchr(key->name + length + 1, '.');
}

/* Candidate number `index` of a section, for str_nearest(). */
static const char *candidate(size_t index, const void *section)
{
	for (size_t i = 0; i < key_count; i++)
		if (key_is_in(&keys[i], section) && index-- == 0)
			return key_leaf(&keys[i]);
	return NULL;
}

const struct key *key_in_section(const char *section, const char *name, const char **ret_nearest)
{
	for (size_t i = 0; i < key_count; i++)
		if (key_is_in(&keys[i], section) && strcmp(key_leaf(&keys[i]), name) == 0)
			return &keys[i];
	*ret_nearest = str_nearest(name, candidate, section);
	return NULL;
}

static const char *const type_words[] = {
	[TYPE_NONE] = "",
	[TYPE_BOOL] = "true or false",
	[TYPE_INTEGER] = "a decimal number",
	[TYPE_OCTAL] = "an octal number",
	[TYPE_DURATION] = "a duration such as 500ms, 10s, 5m or 1h",
	[TYPE_SIZE] = "a size such as 512M or 2G",
	[TYPE_WORD] = "a word",
	[TYPE_PATH] = "a path",
	[TYPE_PATTERN] = "a path or glob",
	[TYPE_TEXT] = "a text",
	[TYPE_NETWORK] = "a destination such as 10.0.0.0/8:5432",
	[TYPE_PORTS] = "a port, a range or '*'",
	[TYPE_SOCKET] = "a path, a glob or @name",
	[TYPE_ENV] = "the name of a variable",
	[TYPE_SIGNED] = "a decimal number, which may be negative",
	[TYPE_SIGNAL] = "the name or number of a signal",
};

const char *key_wants(const struct key *key)
{
	return type_words[key->type];
}

static const char *shape_words(const struct key *key)
{
	switch (key->shape) {
	case SHAPE_LIST:
	case SHAPE_REMOVE:
	case SHAPE_RECORDS:
		return "list";
	case SHAPE_MAP:
		return "map";
	case SHAPE_MODES:
		return "one, or a map";
	case SHAPE_SECTION:
	case SHAPE_SCALAR:
	case SHAPE_EITHER:
		break;
	}
	return NULL;
}

/* scdoc reads `_` and `*` as marks. */
static void add_plain(struct strbuf *sb, const char *text)
{
	for (; *text; text++)
		strbuf_add(sb, strchr("_*\\<>#", *text) ? "\\%c" : "%c", *text);
}

char *keys_man_section(void)
{
	struct strbuf sb = { 0 };

	strbuf_add(&sb, "# KEYS\n\n");
	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &keys[i];
		const char *shape = shape_words(key);

		if (key->shape == SHAPE_SECTION)
			continue;
		strbuf_add(&sb, "*");
		add_plain(&sb, key->name);
		strbuf_add(&sb, "* (%s%s", shape ? shape : "", shape ? " of: " : "");
		add_plain(&sb, key->words ? key->words : key_wants(key));
		if (key->fallback) {
			strbuf_add(&sb, "; default ");
			add_plain(&sb, key->fallback);
		}
		strbuf_add(&sb, ")\n\t");
		add_plain(&sb, key->help);
		strbuf_add(&sb, "%s.\n\n",
			   key->unsupported ? "; not supported by this version" : "");
	}
	return strbuf_take(&sb);
}
