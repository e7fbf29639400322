/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and layering: every error at its place, presets and files, flags, the printed policy. */
#include "tree.h"

#include "base/cleanup.h"
#include "sys/caps.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loads one text. Return: the result; *error is filled on failure. */
static int load(const char *text, size_t length, struct cordon_error *error)
{
	struct policy_context context = { .workspace = "/usr", .home = "/home/someone" };
	struct policy_builder *builder;
	struct policy *policy = NULL;
	int r;

	cr_assert_eq(policy_builder_new(&context, &builder, NULL), 0);
	r = policy_builder_add_text(builder, "p.yaml", text, length, error);
	if (r == 0)
		r = policy_build(builder, &policy, error);
	policy_free(policy);
	policy_builder_free(builder);
	return r;
}

static void expect_error(const char *text, size_t length, int code, const char *message)
{
	struct cordon_error error = { 0 };
	char line[800];
	int r = load(text, length, &error);

	cr_expect_eq(r, code, "result %d for:\n%s", r, text);
	cr_expect_str_eq(cordon_error_format(&error, line, sizeof(line)), message, "for:\n%s\n%s",
			 text, line);
}

#define ROW(text, code, message)                                                                   \
	{                                                                                          \
		text, sizeof(text) - 1, code, message                                              \
	}

Test(load, errors_and_their_places)
{
	static const struct {
		const char *text;
		size_t length;
		int code;
		const char *message;
	} rows[] = {
		ROW("filesystem:\n  redd: []\n", -EINVAL,
		    "p.yaml:2:3: filesystem.redd: unknown key (did you mean 'read'?)"),
		ROW("nothing_like_it: 1\n", -EINVAL, "p.yaml:1:1: nothing_like_it: unknown key"),
		ROW("\"a\\nb\": 1\n", -EINVAL, "p.yaml:1:1: a\\x0ab: unknown key"),
		ROW("version: 2\n", -EINVAL, "p.yaml:1:10: version: '2': only version 1 is known"),
		ROW("version: \"1\"\nversion: 1\n", -EINVAL, "p.yaml:2:1: duplicate key"),
		ROW("{\"version\": 1, \"version\": 1}", -EINVAL, "p.yaml:1:16: duplicate key"),
		ROW("version: 1\n---\nversion: 1\n", -EINVAL,
		    "p.yaml:2:1: only one document is allowed"),
		ROW("filesystem: { deny: [**/.env] }\n", -EINVAL,
		    "p.yaml:1:23: aliases are not allowed (put a text that begins with '*' in "
		    "quotes)"),
		ROW("version: &a 1\n", -EINVAL, "p.yaml:1:11: anchors are not allowed"),
		ROW("version: !!int 1\n", -EINVAL, "p.yaml:1:10: tags are not allowed"),
		ROW("filesystem: { <<: 1 }\n", -EINVAL,
		    "p.yaml:1:15: merge keys are not allowed: write the entries out"),
		ROW("[a]: 1\n", -EINVAL, "p.yaml:1:1: a key must be a text"),
		ROW("- a\n", -EINVAL,
		    "p.yaml:1:1: a policy is a map of keys, such as 'filesystem:'"),
		ROW("version: 1\nx\xff: 1\n", -EINVAL,
		    "p.yaml:2:2: not valid UTF-8, or a NUL byte"),
		ROW("a\0: 1\n", -EINVAL, "p.yaml:1:2: not valid UTF-8, or a NUL byte"),
		ROW("filesystem: { read: [\"/a\\0b\"] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: NUL in a text"),
		ROW("filesystem: { read: [\"/a\\nb\"] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: control character in a text"),
		ROW("filesystem: { read: [\"\"] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: empty text"),
		ROW("filesystem: { read: /a }\n", -EINVAL,
		    "p.yaml:1:21: filesystem.read: a list is wanted"),
		ROW("filesystem: { read: null }\n", -EINVAL,
		    "p.yaml:1:21: filesystem.read: a list is wanted"),
		ROW("filesystem: { read: [[/a]] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: a path is wanted"),
		ROW("filesystem: [a]\n", -EINVAL, "p.yaml:1:13: filesystem: a section is wanted"),
		ROW("filesystem: { read: [a/b] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: 'a/b': relative path: begin with '/', '~', "
		    "$HOME, $WORKSPACE or $TMP"),
		ROW("filesystem: { read: [./a] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: './a': relative path: begin with '/', '~', "
		    "$HOME, $WORKSPACE or $TMP"),
		ROW("filesystem: { read: [~bob] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: '~bob': the home of another user cannot be "
		    "named by '~'"),
		ROW("filesystem: { read: [$HOMES] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: '$HOMES': unknown variable: only $HOME, "
		    "$WORKSPACE and $TMP are known"),
		ROW("filesystem: { read: [/a/../b] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.read: '/a/../b': '..' in a path: write where it "
		    "leads"),
		ROW("filesystem: { write: [\"/a/*\"] }\n", -EINVAL,
		    "p.yaml:1:23: filesystem.write: '/a/*': a glob is only possible in deny, hide "
		    "and protect: the kernel grants whole subtrees"),
		ROW("filesystem: { deny: [\"/a/[b\"] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.deny: '/a/[b': the '[' of the glob is not closed"),
		ROW("filesystem: { deny: [\"*.env\"] }\n", -EINVAL,
		    "p.yaml:1:22: filesystem.deny: '*.env': relative path: begin with '/', '~', "
		    "$HOME, $WORKSPACE or $TMP"),
		ROW("filesystem: { remove: [/a] }\n", -EINVAL,
		    "p.yaml:1:24: filesystem.remove: '/a' is not an inherited entry"),
		ROW("filesystem: { expand: yes }\n", -EINVAL,
		    "p.yaml:1:23: filesystem.expand: 'yes': true or false is wanted"),
		ROW("network: { allow: [\"10.0.0.1/8\"] }\n", -EINVAL,
		    "p.yaml:1:20: network.allow: '10.0.0.1/8': bits behind the prefix length are "
		    "set"),
		ROW("network: { listen: [99999] }\n", -EINVAL,
		    "p.yaml:1:21: network.listen: '99999': a port is a number up to 65535 without "
		    "leading zeros"),
		ROW("network: { unix: { bind: [\"@x\"] } }\n", -EINVAL,
		    "p.yaml:1:27: network.unix.bind: '@x': abstract names need no rule: they stay "
		    "inside the sandbox"),
		ROW("limits: { wall: 08s }\n", -EINVAL,
		    "p.yaml:1:17: limits.wall: '08s': a duration such as 500ms, 10s, 5m or 1h is "
		    "wanted"),
		ROW("limits: { wall: 10 }\n", -EINVAL,
		    "p.yaml:1:17: limits.wall: '10': a duration such as 500ms, 10s, 5m or 1h is "
		    "wanted"),
		ROW("limits: { wall: 0s }\n", -EINVAL,
		    "p.yaml:1:17: limits.wall: '0s': the duration must be more than 0"),
		ROW("limits: { wall: -1s }\n", -EINVAL,
		    "p.yaml:1:17: limits.wall: '-1s': a duration such as 500ms, 10s, 5m or 1h is "
		    "wanted"),
		ROW("limits: { memory: 0 }\n", -EINVAL,
		    "p.yaml:1:19: limits.memory: '0': the limit must be more than 0"),
		ROW("limits: { cpu_percent: 0 }\n", -EINVAL,
		    "p.yaml:1:24: limits.cpu_percent: '0': the limit must be more than 0"),
		ROW("limits: { cpu_percent: 1000000 }\n", -EINVAL,
		    "p.yaml:1:24: limits.cpu_percent: '1000000': the number is too large"),
		ROW("limits: { processes: -1 }\n", -EINVAL,
		    "p.yaml:1:22: limits.processes: '-1': a decimal number is wanted"),
		ROW("limits: { memory: 5X }\n", -EINVAL,
		    "p.yaml:1:19: limits.memory: '5X': a size such as 512M or 2G is wanted"),
		ROW("limits: { memory: 18446744073709551615 }\n", -EINVAL,
		    "p.yaml:1:19: limits.memory: '18446744073709551615': the number is too large"),
		ROW("limits: { memory: 16777216T }\n", -EINVAL,
		    "p.yaml:1:19: limits.memory: '16777216T': the number is too large"),
		ROW("limits: { file_size: 99999999999T }\n", -EINVAL,
		    "p.yaml:1:22: limits.file_size: '99999999999T': the number is too large"),
		ROW("limits: { open_files: 1e3 }\n", -EINVAL,
		    "p.yaml:1:23: limits.open_files: '1e3': a decimal number is wanted"),
		ROW("limits: { open_files: 0x10 }\n", -EINVAL,
		    "p.yaml:1:23: limits.open_files: '0x10': a decimal number is wanted"),
		ROW("limits: { wall: }\n", -EINVAL, "p.yaml:1:11: limits.wall: empty text"),
		ROW("process: { umask: 0888 }\n", -EINVAL,
		    "p.yaml:1:19: process.umask: '0888': an octal number up to 777 is wanted"),
		ROW("process: { env: some }\n", -EINVAL,
		    "p.yaml:1:17: process.env: 'some': 'inherit' or a section with 'pass' and "
		    "'set' is wanted"),
		ROW("process: { env: { unset: [\"*\"] } }\n", -EINVAL,
		    "p.yaml:1:27: process.env.unset: '*': NAME or PREFIX* is wanted"),
		ROW("process: { nice: 20 }\n", -EINVAL,
		    "p.yaml:1:18: process.nice: '20': a number from -20 to 19 is wanted"),
		ROW("process: { nice: -21 }\n", -EINVAL,
		    "p.yaml:1:18: process.nice: '-21': a number from -20 to 19 is wanted"),
		ROW("process: { nice: --1 }\n", -EINVAL,
		    "p.yaml:1:18: process.nice: '--1': a number from -20 to 19 is wanted"),
		ROW("process: { signal_mask: [SIGFOO] }\n", -EINVAL,
		    "p.yaml:1:26: process.signal_mask: 'SIGFOO': the name or number of a signal is "
		    "wanted"),
		ROW("process: { signal_ignore: [65] }\n", -EINVAL,
		    "p.yaml:1:28: process.signal_ignore: '65': the name or number of a signal is "
		    "wanted"),
		ROW("process: { signal_ignore: [KILL] }\n", -EINVAL,
		    "p.yaml:1:28: process.signal_ignore: 'KILL': that signal cannot be blocked or "
		    "ignored"),
		ROW("limits: { rlimits: { stak: 1M } }\n", -EINVAL,
		    "p.yaml:1:28: limits.rlimits: '1M': no such limit as 'stak' (did you mean "
		    "'stack'?)"),
		ROW("limits: { rlimits: { nofile: 10 } }\n", -EINVAL,
		    "p.yaml:1:30: limits.rlimits: '10': 'nofile' has a key of its own, "
		    "limits.open_files"),
		ROW("limits: { rlimits: { stack: 2M:1M } }\n", -EINVAL,
		    "p.yaml:1:29: limits.rlimits: '2M:1M': the soft limit is above the hard one"),
		ROW("limits: { rlimits: { stack: unlimited:1M } }\n", -EINVAL,
		    "p.yaml:1:29: limits.rlimits: 'unlimited:1M': the soft limit is above the hard "
		    "one"),
		ROW("limits: { rlimits: { rttime: 5 } }\n", -EINVAL,
		    "p.yaml:1:30: limits.rlimits: '5': a duration is wanted, or two with ':' "
		    "between them"),
		ROW("limits: { rlimits: { nice: 41 } }\n", -EINVAL,
		    "p.yaml:1:28: limits.rlimits: '41': a number up to 40 is wanted, or two with "
		    "':' between them"),
		ROW("limits: { derive: all }\n", -EINVAL,
		    "p.yaml:1:19: limits.derive: 'all': one of none|address_space|harden is "
		    "wanted"),
		ROW("process: { env: { pass: [A=B] } }\n", -EINVAL,
		    "p.yaml:1:26: process.env.pass: 'A=B': NAME or PREFIX* is wanted"),
		ROW("process: { env: { set: { 1A: b } } }\n", -EINVAL,
		    "p.yaml:1:30: process.env.set: 'b': not the name of a variable"),
		ROW("process: { fds: [2] }\n", -EINVAL,
		    "p.yaml:1:18: process.fds: '2': a number from 3 to 1048576 is wanted"),
		ROW("process: { terminal: true }\n", -EINVAL,
		    "p.yaml:1:22: process.terminal: a controlling terminal needs "
		    "process.new_session: true"),
		ROW("process: { fds: [9] }\nlimits: { open_files: 9 }\n", -EINVAL,
		    "p.yaml:2:23: limits.open_files: lower than the descriptors that are kept"),
		ROW("supervisor: maybe\n", -EINVAL,
		    "p.yaml:1:13: supervisor: 'maybe': one of auto|required|off is wanted"),
		ROW("syscalls: { deny: [\"rm -rf\"] }\n", -EINVAL,
		    "p.yaml:1:20: syscalls.deny: 'rm -rf': the name of a call or @group is wanted"),
		ROW("report: { events: \"fd:x\" }\n", -EINVAL,
		    "p.yaml:1:19: report.events: 'fd:x': 'fd:' and a number is wanted"),
		ROW("extends: base\n", -EINVAL, "p.yaml:1:10: extends: a list is wanted"),
		ROW("extends: [bsae]\n", -ENOENT,
		    "p.yaml:1:11: no preset 'bsae' (did you mean 'base'? a file is named with a "
		    "'/' or the suffix .yaml)"),
		ROW("extends: [./x.yaml]\n", -EINVAL,
		    "p.yaml:1:11: extends: ./x.yaml: a text without a file cannot extend a "
		    "relative one"),
		ROW("extends: [/nonexistent/x.yaml]\n", -ENOENT,
		    "p.yaml:1:11: extends: /nonexistent/x.yaml: No such file or directory"),
		ROW("isolation: { namespaces: [usr] }\n", -EINVAL,
		    "p.yaml:1:27: isolation.namespaces: 'usr': one of user pid mount net ipc uts "
		    "cgroup time is wanted"),
		ROW("process: { user: 4294967295 }\n", -EINVAL,
		    "p.yaml:1:18: process.user: '4294967295': a number up to 4294967294, or a "
		    "name, is wanted"),
		ROW("process: { user: no-such-user }\n", -EINVAL,
		    "p.yaml:1:18: process.user: 'no-such-user': /etc has no user of that "
		    "name; a number names any that there is"),
		ROW("process: { groups: [0, no-such-group] }\n", -EINVAL,
		    "p.yaml:1:24: process.groups: 'no-such-group': /etc has no group of that "
		    "name; a number names any that there is"),
		ROW("process: { capabilities: { ambient: [CHOWN], permitted: [] } }\n", -EINVAL,
		    "p.yaml:1:38: process.capabilities.ambient: holds what permitted does not"),
		ROW("process: { capabilities: { keep: [CHOWN], inheritable: [] } }\n", -EINVAL,
		    "process.capabilities.ambient: holds what inheritable does not"),
		ROW("process: { capabilities: { securebits: [noroots] } }\n", -EINVAL,
		    "p.yaml:1:41: process.capabilities.securebits: 'noroots': noroot, "
		    "no_setuid_fixup, keep_caps or no_cap_ambient_raise, or one of them with "
		    "'_locked', is wanted"),
		ROW("isolation: { on_failure: maybe }\n", -EINVAL,
		    "p.yaml:1:26: isolation.on_failure: 'maybe': one of refuse|warn|ignore is "
		    "wanted"),
		ROW("isolation: { on_failure: { uids: warn } }\n", -EINVAL,
		    "p.yaml:1:34: isolation.on_failure: 'warn': no layer is called 'uids' (did you "
		    "mean 'uid'?)"),
		ROW("isolation: { on_failure: { uid: 1 } }\n", -EINVAL,
		    "p.yaml:1:33: isolation.on_failure: '1': one of refuse|warn|ignore is wanted"),
		ROW("isolation: { on_failure: [warn] }\n", -EINVAL,
		    "p.yaml:1:26: isolation.on_failure: a word is wanted"),
		ROW("isolation: { mounts: [{ source: /a }] }\n", -EINVAL,
		    "p.yaml:1:23: isolation.mounts: a map with source and target, or with type and "
		    "target, is wanted"),
		ROW("isolation: { mounts: [{ from: /a, target: /b }] }\n", -EINVAL,
		    "p.yaml:1:25: isolation.mounts: a map with source and target, or with type and "
		    "target, is wanted"),
		ROW("isolation: { mounts: [{ target: /b }] }\n", -EINVAL,
		    "p.yaml:1:23: isolation.mounts: '{target: /b}': it has no source"),
		ROW("isolation: { mounts: [{ type: ext4, target: /b }] }\n", -EINVAL,
		    "p.yaml:1:23: isolation.mounts: '{type: ext4, target: /b}': type: one of "
		    "bind tmpfs proc dev is wanted"),
		ROW("isolation: { mounts: [{ source: /a, target: / }] }\n", -EINVAL,
		    "p.yaml:1:23: isolation.mounts: '{source: /a, target: /}': target: '/' is "
		    "what isolation.root is for"),
		ROW("isolation: { mounts: [{ type: proc, target: /b, size: 1M }] }\n", -EINVAL,
		    "p.yaml:1:23: isolation.mounts: '{type: proc, target: /b, size: 1M}': "
		    "only a tmpfs has a size"),
		ROW("isolation: { join: { pid: /proc/1/ns/pid } }\n", -EINVAL,
		    "p.yaml:1:27: isolation.join: '/proc/1/ns/pid': one of net ipc uts cgroup can "
		    "be joined"),
		ROW("isolation: { namespaces: [net], join: { net: /run/netns/x } }\n", -EINVAL,
		    "p.yaml:1:46: isolation.join: '/run/netns/x': isolation.namespaces asks for a "
		    "new one"),
		ROW("isolation: { max_user_namespaces: none }\n", -EINVAL,
		    "p.yaml:1:35: isolation.max_user_namespaces: 'none': a number is wanted"),
		ROW("isolation: { time_offset: { realtime: 1 } }\n", -EINVAL,
		    "p.yaml:1:39: isolation.time_offset: '1': a clock is wanted: monotonic or "
		    "boottime"),
		ROW("isolation: { time_offset: { boottime: soon } }\n", -EINVAL,
		    "p.yaml:1:39: isolation.time_offset: 'soon': seconds, or a duration such as "
		    "90s or "
		    "24h, with or without '-', are wanted"),
		ROW("isolation: { root: / }\n", -EINVAL,
		    "p.yaml:1:20: isolation.root: '/': that is the root already"),
		ROW("isolation: { host_libs: true }\n", -EINVAL,
		    "p.yaml:1:25: isolation.host_libs: without isolation.root the host's libraries "
		    "are "
		    "there"),
		ROW("network: { allow: [1.2.3.4], deny: [\"*.example\"] }\n", -EINVAL,
		    "p.yaml:1:37: network.deny: a name only takes away from what 'allow' names; "
		    "deny the addresses, or allow by name"),
		ROW("isolation: { mounts: [{ source: a, target: /b }] }\n", -EINVAL,
		    "p.yaml:1:23: isolation.mounts: '{source: a, target: /b}': source: relative "
		    "path: "
		    "begin with '/', '~', $HOME, $WORKSPACE or $TMP"),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_error(rows[i].text, rows[i].length, rows[i].code, rows[i].message);
}

/* Every name that the kernel's header has, in every spelling, and no other. */
Test(load, capability_names)
{
	static const char *const good[] = {
		"CHOWN", "chown", "cap_chown", "CAP_CHOWN",	     "Cap_Chown",
		"0",	 "39",	  "BPF",       "checkpoint_restore", "NET_BIND_SERVICE",
	};
	/* In the order of the kernel's header. */
	static const char *const all[] = {
		"chown",
		"dac_override",
		"dac_read_search",
		"fowner",
		"fsetid",
		"kill",
		"setgid",
		"setuid",
		"setpcap",
		"linux_immutable",
		"net_bind_service",
		"net_broadcast",
		"net_admin",
		"net_raw",
		"ipc_lock",
		"ipc_owner",
		"sys_module",
		"sys_rawio",
		"sys_chroot",
		"sys_ptrace",
		"sys_pacct",
		"sys_admin",
		"sys_boot",
		"sys_nice",
		"sys_resource",
		"sys_time",
		"sys_tty_config",
		"mknod",
		"lease",
		"audit_write",
		"audit_control",
		"setfcap",
		"mac_override",
		"mac_admin",
		"syslog",
		"wake_alarm",
		"block_suspend",
		"audit_read",
		"perfmon",
		"bpf",
		"checkpoint_restore",
	};
	static const char *const bad[] = { "CHOWNS", "",    "CAP_",	     "64",
					   "-1",     "63x", "CAP_CAP_CHOWN", "00" };
	struct cordon_error error;
	char text[128];

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		snprintf(text, sizeof(text), "process: { capabilities: { keep: [%s] } }", good[i]);
		cr_expect_eq(load(text, strlen(text), &error), 0, "%s: %s", text, error.text);
	}
	cr_expect_eq(COUNT_OF(all), CAP_LAST_CAP + 1);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		cr_expect_eq(caps_by_name(all[i]), (int)i <= (int)caps_last() ? (int)i : -1, "%s",
			     all[i]);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		snprintf(text, sizeof(text), "process: { capabilities: { keep: ['%s'] } }", bad[i]);
		cr_expect_eq(load(text, strlen(text), &error), -EINVAL, "%s", text);
	}
}

Test(load, defaults_may_be_said)
{
	static const char text[] = "limits: { cpu_percent: unlimited }\n"
				   "isolation: { namespaces: [], root: null, mounts: [] }\n"
				   "network:\n";
	struct cordon_error error;

	cr_expect_eq(load(text, strlen(text), &error), 0, "%s", error.text);
}

Test(load, all_errors_are_listed)
{
	static const char text[] = "a: 1\nb: 1\nlimits: { wall: x }\n";
	struct tree tree = tree_new();
	struct policy_builder *builder = tree_builder(&tree);
	struct cordon_error error;

	cr_assert_eq(policy_builder_add_text(builder, "p", text, strlen(text), &error), -EINVAL);
	for (int line = 1; line <= 3; line++) {
		cr_assert_eq(policy_builder_problem(builder, (size_t)line - 1, &error), 0);
		cr_expect_eq(error.line, line);
	}
	cr_expect_eq(policy_builder_problem(builder, 3, &error), -ENOENT);
	policy_builder_free(builder);
	tree_free(&tree);
}

Test(load, size_depth_and_count_are_limited)
{
	size_t size = (1 << 20) + 1;
	char *text = malloc(size);
	struct cordon_error error;

	memset(text, ' ', size);
	cr_expect_eq(load(text, size, &error), -EINVAL);
	cr_expect_str_eq(error.text, "larger than 1 MiB");
	memset(text, '[', 33);
	cr_expect_eq(load(text, 33, &error), -EINVAL);
	cr_expect_str_eq(error.text, "nested deeper than 32");
	strcpy(text, "filesystem: { read: [");
	for (size_t i = 0; i < 100001; i++)
		strcpy(text + 21 + 2 * i, "a,");
	cr_expect_eq(load(text, strlen(text), &error), -EINVAL);
	cr_expect_str_eq(error.text, "more than 100000 entries");
	free(text);
}

static const char full[] =
	"version: 1\n"
	"extends: [base]\n"
	"filesystem:\n"
	"  write: [$WORKSPACE]\n"
	"  exec: [/usr, \"~/bin\"]\n"
	"  deny: [\"**/.env\", \"~/.ssh\"]\n"
	"  remove: [/opt]\n"
	"network:\n"
	"  allow: [\"10.0.0.0/8:5432\", \"[::1]:80,81\", \"loopback:8080\"]\n"
	"  deny: [metadata]\n"
	"  listen: [8080, 9000-9010]\n"
	"  unix: { connect: [/run/x, \"@name\"], bind: [] }\n"
	"process:\n"
	"  cwd: $WORKSPACE\n"
	"  env: { pass: [PATH, LC_*], set: { A: $TMP/a, B: \"\" } }\n"
	"  umask: \"022\"\n"
	"  aslr: false\n"
	"  cpu_affinity: [0, 1]\n"
	"  new_session: true\n"
	"  terminal: true\n"
	"  fds: [3]\n"
	"limits: { wall: 10m, cpu: 500ms, address_space: 8G, open_files: 1024, file_size: 1G }\n"
	"syscalls: { deny: [ptrace, \"@keyring\"], allow: [\"@sysv-ipc\"] }\n"
	"isolation: { on_failure: { caps: ignore, default: warn, umask: refuse } }\n"
	"supervisor: required\n"
	"report: { events: \"fd:5\", hint: null, trace: true }\n";

Test(load, limits_that_follow_from_others)
{
	static const struct {
		const char *text;
		uint64_t address_space, cpu, open_files;
	} rows[] = {
		{ "limits: { memory: 1G }\n", LIMIT_UNSET, LIMIT_UNSET, LIMIT_UNSET },
		{ "limits: { memory: 1M, derive: harden }\n", 4ull << 30, LIMIT_UNSET, 256 },
		{ "limits: { memory: 256M, derive: harden }\n", 4ull << 30, LIMIT_UNSET, 256 },
		{ "limits: { memory: 1024M, derive: harden }\n", 8ull << 30, LIMIT_UNSET, 256 },
		{ "limits: { memory: 2097152T, derive: address_space }\n", INT64_MAX - 1,
		  LIMIT_UNSET, LIMIT_UNSET },
		{ "limits: { wall: 10s, derive: harden }\n", 4ull << 30, 20, 256 },
		{ "limits: { wall: 10ms, derive: harden }\n", 4ull << 30, 2, 256 },
		{ "limits: { wall: 1300ms, derive: harden }\n", 4ull << 30, 3, 256 },
		{ "limits: { wall: 10s, derive: address_space }\n", 4ull << 30, LIMIT_UNSET,
		  LIMIT_UNSET },
		{ "limits: { cpu: 1s, open_files: 9, address_space: 1G, wall: 1h, derive: harden "
		  "}\n",
		  1ull << 30, 1, 9 },
		{ "limits: { memory: 1G, derive: none }\n", LIMIT_UNSET, LIMIT_UNSET, LIMIT_UNSET },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tree tree = tree_new();
		struct policy *policy = tree_policy(&tree, rows[i].text);

		cr_expect_eq(policy->limits[LIMIT_ADDRESS_SPACE].value, rows[i].address_space, "%s",
			     rows[i].text);
		cr_expect_eq(policy->limits[LIMIT_CPU].value, rows[i].cpu, "%s", rows[i].text);
		cr_expect_eq(policy->limits[LIMIT_OPEN_FILES].value, rows[i].open_files, "%s",
			     rows[i].text);
		policy_free(policy);
		tree_free(&tree);
	}
}

Test(load, every_supported_key_arrives)
{
	struct tree tree = tree_new();
	struct policy *policy = tree_policy(&tree, full);
	char *cwd = tree_path(&tree, "");

	cwd[strlen(cwd) - 1] = '\0';
	cr_expect(policy->exec_present);
	cr_expect(policy->uses_tmp);
	cr_expect_eq(policy->net_count, 4);
	cr_expect_eq(policy->listen_count, 2);
	cr_expect_eq(policy->unix_count, 2);
	cr_expect(policy->unix_bind_present);
	cr_expect_str_eq(policy->cwd, cwd);
	cr_expect_eq(policy->env_mode, ENV_LIST);
	cr_expect_eq(policy->env_pass_count, 2);
	cr_expect_eq(policy->env_set_count, 2);
	cr_expect_eq(policy->umask, 022);
	cr_expect_eq(policy->aslr, NO);
	cr_expect_eq(policy->huge_pages, UNSET);
	cr_expect_eq(policy->cpu_count, 2);
	cr_expect(policy->new_session && policy->terminal);
	cr_expect_eq(policy->fd_count, 1);
	cr_expect_eq(policy->limits[LIMIT_WALL].value, 600000);
	cr_expect_eq(policy->limits[LIMIT_CPU].value, 1);
	cr_expect_eq(policy->limits[LIMIT_ADDRESS_SPACE].value, 8ull << 30);
	cr_expect_eq(policy->limits[LIMIT_OPEN_FILES].value, 1024);
	cr_expect_eq(policy->limits[LIMIT_FILE_SIZE].value, 1ull << 30);
	cr_expect_eq(policy->syscall_count, 3);
	cr_expect_eq(policy_failure_mode(policy, LAYER_SECCOMP), FAIL_WARN);
	cr_expect_eq(policy_failure_mode(policy, LAYER_CAPS), FAIL_IGNORE);
	cr_expect_eq(policy_failure_mode(policy, LAYER_UMASK), FAIL_REFUSE);
	cr_expect_eq(policy->supervisor, SUPERVISOR_REQUIRED);
	cr_expect_str_eq(policy->events, "fd:5");
	cr_expect_not(policy->hint);
	cr_expect(policy->trace);
	for (size_t i = 0; i < policy->fs_count; i++)
		cr_expect_str_neq(policy->fs[i].path, "/opt");
	policy_free(policy);
	free(cwd);
	tree_free(&tree);
}

/* Builds a text and prints it. */
static char *show(const struct tree *tree, const char *text, bool json)
{
	struct policy_builder *builder = tree_builder(tree);
	struct policy *policy;
	struct cordon_error error = { 0 };
	char *shown;

	cr_assert_eq(policy_builder_add_text(builder, "p", text, strlen(text), &error), 0, "%s",
		     error.text);
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	shown = policy_show(builder, json, &error);
	cr_assert_not_null(shown);
	policy_free(policy);
	policy_builder_free(builder);
	return shown;
}

Test(load, the_printed_policy_reads_back)
{
	static const char *const texts[] = {
		full,
		"process: { env: inherit }\n",
		"isolation: { on_failure: ignore }\n",
		"extends: [git]\nprocess: { env: inherit }\n",
		"filesystem: { exec: [], read: [\"/a b\\\"\\\\\"] }\n",
		"{}",
	};
	struct tree tree = tree_new();

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *json, *json_again, *yaml;

		json = show(&tree, texts[i], true);
		yaml = show(&tree, texts[i], false);
		json_again = show(&tree, yaml, true);
		cr_expect_str_eq(json, json_again, "by way of:\n%s", yaml);
		free(json_again);
		json_again = show(&tree, json, true);
		cr_expect_str_eq(json, json_again);
		free(json_again);
		free(json);
		free(yaml);
	}
	tree_free(&tree);
}

/* A text that ends too early is an error, or means the same as what was read of it. */
Test(load, truncated_at_every_byte)
{
	struct cordon_error error;
	size_t loaded = 0;

	for (size_t length = 0; length < sizeof(full); length++) {
		char *part = strndup(full, length);
		int r = load(part, length, &error);

		cr_assert(r == 0 || r == -EINVAL || r == -ENOENT, "%d at %zu", r, length);
		cr_assert(r == 0 || error.text[0], "no words at %zu", length);
		loaded += r == 0;
		free(part);
	}
	cr_expect_gt(loaded, 0);
}

Test(load, layers)
{
	struct tree tree = tree_new();
	char *top, *json;
	struct policy_builder *builder = tree_builder(&tree);
	struct cordon_error error = { 0 };
	struct policy *policy = NULL;
	int r;

	tree_dir(&tree, "sub");
	tree_file(&tree, "top.yaml",
		  "extends: [sub/left.yaml, ./sub/right.yaml]\n"
		  "filesystem: { remove: [/b], read: [/c, /a] }\n"
		  "limits: { wall: null }\n");
	tree_file(&tree, "sub/left.yaml",
		  "extends: [common.yaml]\nlimits: { wall: 1s, cpu: 1s }\n");
	tree_file(&tree, "sub/right.yaml", "extends: [./common.yaml]\nlimits: { cpu: 2s }\n");
	tree_file(&tree, "sub/common.yaml", "filesystem: { read: [/a, /b] }\n");
	top = tree_path(&tree, "top.yaml");
	r = policy_builder_add(builder, top, &error);
	cr_assert_eq(r, 0, "%s", error.text);
	cr_assert_eq(policy_builder_set(builder, "filesystem.read", "/d", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "filesystem.read", "/a", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "limits.cpu", "3s", NULL), 0);
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	cr_expect_eq(policy->fs_count, 3);
	cr_expect_str_eq(policy->fs[0].path, "/a");
	cr_expect_str_eq(policy->fs[1].path, "/c");
	cr_expect_str_eq(policy->fs[2].path, "/d");
	cr_expect_str_eq(policy->fs[2].rule.origin.file, "command line");
	cr_expect_eq(policy->limits[LIMIT_WALL].value, LIMIT_UNSET);
	cr_expect_eq(policy->limits[LIMIT_CPU].value, 3);
	policy_free(policy);
	/* A second build gives the same. */
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	cr_expect_eq(policy->fs_count, 3);
	policy_free(policy);
	json = policy_show(builder, true, NULL);
	cr_expect(strstr(json, "\"3s\""));
	free(json);
	policy_builder_free(builder);
	free(top);
	tree_free(&tree);
}

Test(load, a_cycle_and_a_long_chain_are_errors)
{
	struct tree tree = tree_new();
	struct policy_builder *builder = tree_builder(&tree);
	struct cordon_error error = { 0 };
	char name[32], text[64], *path;

	tree_file(&tree, "a.yaml", "extends: [b.yaml]\n");
	tree_file(&tree, "b.yaml", "extends: [a.yaml]\n");
	path = tree_path(&tree, "a.yaml");
	cr_expect_eq(policy_builder_add(builder, path, &error), -EINVAL);
	cr_expect(strstr(error.text, "a cycle"), "%s", error.text);
	free(path);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "c%d.yaml", i);
		snprintf(text, sizeof(text), "extends: [c%d.yaml]\n", i + 1);
		tree_file(&tree, name, i == 19 ? "" : text);
	}
	path = tree_path(&tree, "c0.yaml");
	cr_expect_eq(policy_builder_add(builder, path, &error), -EINVAL);
	cr_expect(strstr(error.text, "more than 16 files deep"), "%s", error.text);
	free(path);
	path = tree_path(&tree, "c4.yaml");
	cr_expect_eq(policy_builder_add(builder, path, &error), 0, "%s", error.text);
	free(path);
	policy_builder_free(builder);
	tree_free(&tree);
}

/* A failing file leaves nothing of itself behind. */
Test(load, nothing_is_half_loaded)
{
	static const char bad[] = "filesystem: { read: [/a] }\nx: 1\n";
	struct tree tree = tree_new();
	struct policy_builder *builder = tree_builder(&tree);
	struct policy *policy = NULL;

	cr_assert_eq(policy_builder_add_text(builder, "ok", "", 0, NULL), 0);
	cr_assert_eq(policy_builder_add_text(builder, "bad", bad, strlen(bad), NULL), -EINVAL);
	cr_assert_eq(policy_build(builder, &policy, NULL), 0);
	cr_expect_eq(policy->fs_count, 0);
	policy_free(policy);
	policy_builder_free(builder);
	tree_free(&tree);
}

Test(load, flags)
{
	static const struct {
		const char *key, *value, *message;
	} rows[] = {
		{ "filesystem.raed", "/a",
		  "command line: filesystem.raed: unknown key (did you mean 'filesystem.read'?)" },
		{ "filesystem.read", "", "command line: filesystem.read: empty text" },
		{ "filesystem", "/a", "command line: filesystem: cannot be set as one value" },
		{ "process.env", "1=2",
		  "command line: process.env.set: '2': not the name of a variable" },
	};
	struct tree tree = tree_new();
	struct policy_builder *builder = tree_builder(&tree);
	struct policy *policy = NULL;
	struct cordon_error error;
	char line[800];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_eq(policy_builder_set(builder, rows[i].key, rows[i].value, &error),
			     -EINVAL);
		cr_expect_str_eq(cordon_error_format(&error, line, sizeof(line)), rows[i].message);
	}
	cr_assert_eq(policy_builder_set(builder, "filesystem.read", "/usr", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "process.env", "A=b=c", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "process.env", "EXTRA", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "report.hint", "null", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "supervisor", "off", NULL), 0);
	cr_assert_eq(policy_builder_set(builder, "supervisor", "auto", NULL), 0);
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	cr_expect_eq(policy->fs_count, 1, "only what is named applies");
	cr_expect_str_eq(policy->env_set[0].name, "A");
	cr_expect_str_eq(policy->env_set[0].value, "b=c");
	cr_expect_eq(policy->env_mode, ENV_LIST);
	cr_expect_str_eq(policy->env_pass[0], "EXTRA");
	cr_expect_str_eq(policy->env_pass[1], "PATH", "one more name, not instead of all others");
	cr_expect_not(policy->hint);
	cr_expect_eq(policy->supervisor, SUPERVISOR_AUTO);
	policy_free(policy);
	policy_builder_free(builder);
	tree_free(&tree);
}

Test(load, environment)
{
	static const struct {
		const char *text;
		enum env_mode mode;
		size_t pass;
	} rows[] = {
		{ "{}", ENV_LIST, 12 },
		{ "process: { env: { set: { A: b } } }", ENV_LIST, 12 },
		{ "process: { env: { pass: [] } }", ENV_LIST, 0 },
		{ "process: { env: { pass: [A, B_*] } }", ENV_LIST, 2 },
		{ "process: { env: inherit }", ENV_INHERIT, 0 },
		{ "process: { env: { pass: [\"*\"] } }", ENV_INHERIT, 0 },
	};
	struct tree tree = tree_new();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct policy *policy = tree_policy(&tree, rows[i].text);

		cr_expect_eq(policy->env_mode, rows[i].mode, "%s", rows[i].text);
		cr_expect_eq(policy->env_pass_count, rows[i].pass, "%s", rows[i].text);
		policy_free(policy);
	}
	tree_free(&tree);
}

/* Both spellings are one language. */
Test(load, yaml_and_json_mean_the_same)
{
	struct tree tree = tree_new();
	char *yaml = show(&tree, "filesystem:\n  read:\n  - /a\nlimits:\n  open_files: 8\n", true);
	char *json = show(&tree,
			  "{\"filesystem\": {\"read\": [\"/a\"]},\n"
			  "\t\"limits\": {\"open_files\": 8}}",
			  true);

	cr_expect_str_eq(yaml, json);
	free(yaml);
	free(json);
	tree_free(&tree);
}

Test(load, workspace)
{
	struct policy_context root = { .workspace = "/", .home = "/root" };
	struct policy_context missing = { .workspace = "/nonexistent" };
	struct policy_builder *builder;
	struct policy *policy;
	struct cordon_error error;

	cr_assert_eq(policy_builder_new(&root, &builder, NULL), 0);
	cr_expect_eq(policy_build(builder, &policy, &error), -EINVAL);
	cr_expect(strstr(error.text, "-W DIR"), "%s", error.text);
	/* A policy that does not use it does not mind. */
	cr_assert_eq(policy_builder_add_text(builder, "p", "", 0, NULL), 0);
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	policy_free(policy);
	policy_builder_free(builder);
	cr_assert_eq(policy_builder_new(&missing, &builder, NULL), 0);
	cr_expect_eq(policy_build(builder, &policy, &error), -ENOENT);
	policy_builder_free(builder);
}

Test(load, presets_come_from_their_directories_only)
{
	struct tree tree = tree_new();
	struct policy_context context = { .workspace = tree.root, .home = tree.root };
	struct policy_builder *builder = tree_builder(&tree);
	struct cordon_error error;
	char *name, *path, *summary, *mine;
	size_t found = 0;

	unsetenv("XDG_CONFIG_HOME");
	tree_dir(&tree, ".config");
	tree_dir(&tree, ".config/cordon");
	tree_dir(&tree, ".config/cordon/presets");
	tree_file(&tree, ".config/cordon/presets/mine.yaml", "# My own\nextends: [base]\n");
	tree_file(&tree, ".config/cordon/presets/git.yaml", "x: this is not read\n");
	tree_file(&tree, ".config/cordon/presets/loose.yaml", "version: 1\n");
	tree_file(&tree, "here", "x: 1\n");
	mine = tree_path(&tree, ".config/cordon/presets/loose.yaml");
	cr_assert_eq(chmod(mine, 0664), 0);
	cr_assert_eq(chdir(tree.root), 0);
	cr_expect_eq(policy_builder_add(builder, "mine", &error), 0, "%s", error.text);
	cr_expect_eq(policy_builder_add(builder, "git", &error), 0, "%s", error.text);
	cr_expect_eq(policy_builder_add(builder, "here", &error), -ENOENT);
	cr_expect_eq(policy_builder_add(builder, "../here", &error), -ENOENT);
	cr_expect_eq(policy_builder_add(builder, "loose", &error), -EPERM);
	for (size_t i = 0; policy_preset(&context, i, &name, &path, &summary) == 0; i++) {
		found += strcmp(name, "base") == 0 || strcmp(name, "git") == 0;
		if (strcmp(name, "mine") == 0) {
			cr_expect_str_eq(summary, "My own");
			found++;
		}
		free(name);
		free(path);
		free(summary);
	}
	cr_expect_eq(found, 3);
	free(mine);
	policy_builder_free(builder);
	tree_free(&tree);
}

Test(load, every_shipped_preset_loads)
{
	struct tree tree = tree_new();
	char *name, *path, *summary;

	for (size_t i = 0; policy_preset(NULL, i, &name, &path, &summary) == 0; i++) {
		struct policy_builder *builder = tree_builder(&tree);
		struct policy *policy = NULL;
		struct cordon_error error = { 0 };

		cr_expect_neq(summary[0], '\0', "%s has no summary", name);
		cr_expect_eq(policy_builder_add(builder, name, &error), 0, "%s", error.text);
		cr_expect_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
		cr_expect_eq(policy_bind(policy, tree.root, &error), 0, "%s", error.text);
		policy_free(policy);
		policy_builder_free(builder);
		free(name);
		free(path);
		free(summary);
	}
	tree_free(&tree);
}

/* A policy file that the program could write would be a way out of the next run. */
Test(load, policy_files_in_force_are_protected)
{
	struct tree tree = tree_new();
	struct policy_builder *builder = tree_builder(&tree);
	char *file = tree_path(&tree, "p.yaml");
	struct cordon_error error = { 0 };
	struct policy *policy = NULL;
	struct fs_object object;

	tree_file(&tree, "p.yaml", "filesystem: { write: [$WORKSPACE] }\n");
	cr_assert_eq(policy_builder_add(builder, file, &error), 0, "%s", error.text);
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	cr_assert_eq(policy_bind(policy, NULL, &error), 0, "%s", error.text);
	object = tree_object(file);
	cr_expect_not(policy_decide_fs(policy, OP_WRITE, &object).allow);
	cr_expect_not(policy_decide_fs(policy, OP_REMOVE, &object).allow);
	cr_expect(policy_decide_fs(policy, OP_READ, &object).allow);
	policy_free(policy);
	/* Outside of every write grant it costs nothing. */
	cr_assert_eq(policy_builder_set(builder, "filesystem.remove", "$WORKSPACE", &error), 0);
	cr_assert_eq(policy_build(builder, &policy, &error), 0, "%s", error.text);
	cr_expect_eq(policy->fs_count, 0);
	policy_free(policy);
	policy_builder_free(builder);
	free(file);
	tree_free(&tree);
}
