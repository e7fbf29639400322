/* SPDX-License-Identifier: Apache-2.0 */
/* The filter that is made of the tables: data rows, and what a policy changes. */
#include "base/cleanup.h"
#include "base/str.h"
#include "bpf/dump.h"
#include "bpf/filter.h"
#include "spec_eval.h"
#include "supervisor/filterspec.h"
#include "supervisor/known.h"
#include "sys/nr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FAIL(err) (SECCOMP_RET_ERRNO | (err))
#define NOTIFY	  SECCOMP_RET_USER_NOTIF
#define LIST_MAX  8

static const struct {
	const char *name;
	unsigned bit;
} conditions[] = {
	{ "supervised", ARG_SUPERVISED },
	{ "off", ARG_OFF },
	{ "listener", ARG_HAS_LISTENER },
	{ "exec-list", ARG_EXEC_LIST },
	{ "no-netlink", ARG_NO_NETLINK },
	{ "unix-held", ARG_UNIX_HELD },
	{ "udp", ARG_UDP },
	{ "icmp", ARG_ICMP },
	{ "unix-datagram", ARG_UNIX_DATAGRAM },
	{ "names-held", ARG_NAMES_HELD },
	{ "no-scope", ARG_NO_SCOPE },
	{ "memory", ARG_MEMORY },
};

/* A built filter for each architecture. */
struct built {
	struct filterspec *fs;
	struct bpf_program program;
	struct bpf_sim sim;
};

static void build(const struct filterspec_options *opt, struct built *ret)
{
	struct cordon_error err = { 0 };

	cr_assert_eq(filterspec_build(opt, &ret->fs, &err), 0, "%s", err.text);
	cr_assert_eq(filter_build(filterspec_get(ret->fs), &ret->program, &err), 0, "%s", err.text);
	cr_assert_eq(bpf_sim_init(&ret->sim, &ret->program), 0);
}

static void built_done(struct built *built)
{
	if (built->fs)
		bpf_sim_done(&built->sim);
	bpf_program_done(&built->program);
	filterspec_free(built->fs);
	*built = (struct built){ 0 };
}

static uint32_t verdict(struct built *built, const struct seccomp_data *data)
{
	uint32_t action = 0;

	cr_assert_eq(bpf_sim_run(&built->sim, data, &action), 0);
	return action;
}

/* By name, with up to two arguments. */
static uint32_t ask(struct built *built, const char *name, uint64_t a0, uint64_t a1)
{
	uint32_t arch = filterspec_get(built->fs)->arch;
	struct seccomp_data data = { .arch = arch,
				     .nr = nr_by_name(arch, name),
				     .args = { a0, a1 } };

	return verdict(built, &data);
}

/* Every set of conditions, both architectures: the program means what the spec says. */
Test(filterspec, program_agrees_with_spec)
{
	static const uint32_t archs[] = { NR_ARCH_X86_64, NR_ARCH_AARCH64 };
	static const unsigned sets[] = {
		ARG_OFF,
		ARG_OFF | ARG_UNIX_HELD | ARG_EXEC_LIST,
		ARG_SUPERVISED,
		ARG_SUPERVISED | ARG_HAS_LISTENER,
		ARG_SUPERVISED | ARG_HAS_LISTENER | ARG_EXEC_LIST | ARG_NO_NETLINK,
		ARG_SUPERVISED | ARG_HAS_LISTENER | ARG_UDP | ARG_UNIX_DATAGRAM,
		ARG_SUPERVISED | ARG_HAS_LISTENER | ARG_ICMP,
		ARG_SUPERVISED | ARG_HAS_LISTENER | ARG_NAMES_HELD | ARG_NO_SCOPE | ARG_MEMORY,
	};
	static const char *const allow[] = { "@ifinfo", "@sysv-ipc" };

	for (size_t a = 0; a < COUNT_OF(archs); a++) {
		for (size_t i = 0; i < COUNT_OF(sets) * 2; i++) {
			struct filterspec_options opt = { .arch = archs[a],
							  .conditions = sets[i / 2],
							  .allow = allow,
							  .allow_count = i % 2 ? 2 : 0 };
			struct built built = { 0 };

			build(&opt, &built);
			spec_check(filterspec_get(built.fs), &built.program, i);
			built_done(&built);
		}
	}
}

/* Reads `options` lines of the table: words for conditions, allow=NAME, deny=NAME. */
struct table {
	struct built x86_64, aarch64;
	char words[256];
	const char *allow[LIST_MAX], *deny[LIST_MAX];
	unsigned line;
};

static void use_options(struct table *t, const char *text)
{
	struct filterspec_options opt = { .allow = t->allow, .deny = t->deny };
	char *save = NULL;

	snprintf(t->words, sizeof(t->words), "%s", text);
	for (char *w = strtok_r(t->words, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		unsigned before = opt.conditions;

		if (strncmp(w, "allow=", 6) == 0) {
			t->allow[opt.allow_count++] = w + 6;
			continue;
		}
		if (strncmp(w, "deny=", 5) == 0) {
			t->deny[opt.deny_count++] = w + 5;
			continue;
		}
		for (size_t i = 0; i < COUNT_OF(conditions); i++) {
			if (strcmp(conditions[i].name, w) == 0)
				opt.conditions |= conditions[i].bit;
		}
		cr_assert_neq(opt.conditions, before, "line %u: '%s'", t->line, w);
	}
	built_done(&t->x86_64);
	built_done(&t->aarch64);
	opt.arch = NR_ARCH_X86_64;
	build(&opt, &t->x86_64);
	opt.arch = NR_ARCH_AARCH64;
	build(&opt, &t->aarch64);
}

/* Architecture, as in the first column, and call to what the kernel would hand to the filter. */
static struct built *find_call(struct table *t, const char *arch, const char *call,
			       struct seccomp_data *data)
{
	bool arm = strcmp(arch, "aarch64") == 0, x32 = strcmp(arch, "x32") == 0;
	bool i386 = strcmp(arch, "i386") == 0;
	char *end;

	cr_assert(arm || x32 || i386 || strcmp(arch, "x86_64") == 0, "line %u", t->line);
	data->nr = (int)strtol(call, &end, 0);
	if (*end)
		data->nr = nr_by_name(arm ? NR_ARCH_AARCH64 : NR_ARCH_X86_64, call);
	cr_assert_geq(data->nr, 0, "line %u: no '%s' on %s", t->line, call, arch);
	if (x32)
		data->nr |= 0x40000000;
	data->arch = arm ? AUDIT_ARCH_AARCH64 : i386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	return arm ? &t->aarch64 : &t->x86_64;
}

static void check_row(struct table *t, const char *line)
{
	char arch[16], call[64], args[6][32], want[64], got[64];
	struct prng prng = { t->line };
	struct seccomp_data data = { 0 };
	struct built *built;

	cr_assert_eq(sscanf(line, "%15s %63s %31s %31s %31s %31s %31s %31s -> %63s", arch, call,
			    args[0], args[1], args[2], args[3], args[4], args[5], want),
		     9, "line %u: %s", t->line, line);
	built = find_call(t, arch, call, &data);
	/* All arguments of the default filter are 32 bits wide: high words must not matter. */
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 6; i++) {
			bool any = strcmp(args[i], "*") == 0;
			uint64_t value = any ? prng_next(&prng) : strtoull(args[i], NULL, 0);

			data.args[i] =
				value | (round ? prng_next(&prng) & ~(uint64_t)UINT32_MAX : 0);
		}
		dump_action(verdict(built, &data), got, sizeof(got));
		cr_assert_str_eq(got, want, "line %u round %d: %s, not %s", t->line, round, got,
				 want);
	}
}

Test(filterspec, table)
{
	struct table t = { 0 };
	FILE *file = fopen(TABLES_DIR "/filter_default.tests", "re");
	char line[256];
	unsigned rows = 0;

	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *comment = strchr(line, '#');

		t.line++;
		if (comment)
			*comment = '\0';
		if (line[strspn(line, " \t\n")] == '\0')
			continue;
		if (strncmp(line, "options ", 8) == 0) {
			use_options(&t, line + 8);
			continue;
		}
		check_row(&t, line);
		rows++;
	}
	fclose(file);
	cr_assert_gt(rows, 100);
	built_done(&t.x86_64);
	built_done(&t.aarch64);
}

/* What the table of known calls says, for every call, without arguments that matter. */
Test(filterspec, defaults_follow_the_table)
{
	static const uint32_t archs[] = { NR_ARCH_X86_64, NR_ARCH_AARCH64 };

	for (size_t a = 0; a < COUNT_OF(archs); a++) {
		struct filterspec_options opt = { .arch = archs[a], .conditions = ARG_OFF };
		struct built built = { 0 };

		build(&opt, &built);
		for (size_t i = 0; i < known_count(); i++) {
			const struct known_call *call = known_at(i);
			uint32_t want = call->verdict == KNOWN_EPERM	? FAIL(EPERM)
					: call->verdict == KNOWN_ENOSYS ? FAIL(ENOSYS)
									: SECCOMP_RET_ALLOW;

			if (call->verdict != KNOWN_FILTERED &&
			    nr_by_name(archs[a], call->name) >= 0)
				cr_assert_eq(ask(&built, call->name, 0, 0), want, "%s", call->name);
		}
		built_done(&built);
	}
}

/* deny beats allow beats an override beats the default. */
Test(filterspec, precedence)
{
	static const char *const allow[] = { "shmget", "@keyring", "openat", "socket", "@ldt" };
	static const char *const deny[] = { "keyctl", "getpid", "connect", "clone3", "@swap" };
	static const struct filterspec_override overrides[] = {
		{ .name = "openat", .action = NOTIFY },
		{ .name = "connect", .action = NOTIFY },
		{ .name = "shmget", .action = NOTIFY },
		{ .name = "mount", .action = NOTIFY },
		{ .name = "getxattr", .action = FAIL(EACCES) },
	};
	struct filterspec_options opt = { .arch = NR_ARCH_X86_64,
					  .conditions = ARG_SUPERVISED,
					  .overrides = overrides,
					  .override_count = COUNT_OF(overrides),
					  .allow = allow,
					  .allow_count = COUNT_OF(allow),
					  .deny = deny,
					  .deny_count = COUNT_OF(deny) };
	struct built built = { 0 };

	build(&opt, &built);
	spec_check(filterspec_get(built.fs), &built.program, 5);
	cr_assert_eq(ask(&built, "shmget", 0, 0), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "shmat", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "keyctl", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "add_key", 0, 0), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "modify_ldt", 0, 0), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "getpid", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "connect", 0, 0), FAIL(EPERM));
	/* The child's own question, on no socket. */
	cr_assert_eq(ask(&built, "connect", (uint64_t)AT_FDCWD, 0), NOTIFY);
	cr_assert_eq(ask(&built, "mount", 0, 0), NOTIFY);
	cr_assert_eq(ask(&built, "getxattr", 0, 0), FAIL(EACCES));
	/* Refused already: the errno that libraries expect stays. */
	cr_assert_eq(ask(&built, "clone3", 0, 0), FAIL(ENOSYS));
	/* Allowed by default: naming it takes no check away. */
	cr_assert_eq(ask(&built, "openat", 0, 0), NOTIFY);
	cr_assert_eq(ask(&built, "socket", 40, 1), FAIL(EAFNOSUPPORT));
	built_done(&built);
}

/* Argument filters stay in front of an override, whatever it says. */
Test(filterspec, overrides_with_rules)
{
	static const struct filter_test write_flags = {
		.arg = 2, .width = 32, .cmp = FILTER_NE, .mask = 0x400243, .value = 0
	};
	static const struct filter_test no_address = { .arg = 4, .width = 64, .cmp = FILTER_EQ };
	static const struct filter_test set_flags = { .arg = 1, .width = 32, .value = 0x40086602 };
	static const struct filter_rule notify_writes = { &write_flags, 1, NOTIFY };
	static const struct filter_rule allow_connected = { &no_address, 1, SECCOMP_RET_ALLOW };
	static const struct filter_rule notify_flags = { &set_flags, 1, NOTIFY };
	static const struct filterspec_override overrides[] = {
		{ "openat", &notify_writes, 1, SECCOMP_RET_ALLOW },
		{ "sendto", &allow_connected, 1, NOTIFY },
		{ "ioctl", &notify_flags, 1, SECCOMP_RET_ALLOW },
		{ "socket", NULL, 0, NOTIFY },
	};
	struct filterspec_options opt = { .arch = NR_ARCH_X86_64,
					  .conditions = ARG_SUPERVISED | ARG_HAS_LISTENER,
					  .overrides = overrides,
					  .override_count = COUNT_OF(overrides) };
	struct built built = { 0 };
	struct seccomp_data data = { .arch = NR_ARCH_X86_64,
				     .nr = nr_by_name(NR_ARCH_X86_64, "sendto") };

	build(&opt, &built);
	spec_check(filterspec_get(built.fs), &built.program, 6);
	cr_assert_eq(ask(&built, "ioctl", 1, 0x5412), FAIL(EPERM));
	cr_assert_eq(ask(&built, "ioctl", 1, 0x40086602), NOTIFY);
	cr_assert_eq(ask(&built, "ioctl", 1, 0x5401), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "socket", 2, 1), NOTIFY);
	cr_assert_eq(ask(&built, "socket", 40, 1), FAIL(EAFNOSUPPORT));
	cr_assert_eq(verdict(&built, &data), SECCOMP_RET_ALLOW);
	data.args[4] = UINT64_C(1) << 32;
	cr_assert_eq(verdict(&built, &data), NOTIFY);
	data.args[3] = 0x20000000;
	cr_assert_eq(verdict(&built, &data), FAIL(EOPNOTSUPP));
	data.nr = nr_by_name(NR_ARCH_X86_64, "openat");
	data.args[2] = 0x80000;
	cr_assert_eq(verdict(&built, &data), SECCOMP_RET_ALLOW);
	data.args[2] = 0x80041;
	cr_assert_eq(verdict(&built, &data), NOTIFY);
	built_done(&built);
}

static void expect_refusal(const struct filterspec_options *opt, const char *part)
{
	struct filterspec *fs = NULL;
	struct cordon_error err = { 0 };

	cr_assert_eq(filterspec_build(opt, &fs, &err), -EINVAL, "no '%s'", part);
	cr_assert_null(fs);
	cr_assert_not_null(strstr(err.text, part), "%s: no '%s' in it", err.text, part);
}

Test(filterspec, refused_names)
{
	static const struct {
		const char *allow, *part;
	} rows[] = {
		{ "clone3", "in memory" },
		{ "io_uring_setup", "never" },
		{ "@io-uring", "never" },
		{ "setxattrat", "never" },
		{ "uselib", "never" },
		{ "lsm_set_self_attr", "never" },
		{ "ptrac", "did you mean 'ptrace'" },
		{ "@keyrings", "did you mean '@keyring'" },
		{ "qqqqqqqqqq", "no system call" },
		{ "@qqqqqqqqqq", "no group" },
		{ "open_by_handle_at", "by number" },
		{ "@handle", "by number" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct filterspec_options opt = { .arch = NR_ARCH_X86_64,
						  .conditions = ARG_OFF,
						  .path_rules = true,
						  .allow = &rows[i].allow,
						  .allow_count = 1 };

		expect_refusal(&opt, rows[i].part);
	}
}

Test(filterspec, accepted_names)
{
	/* Defaults repeated, a name of another architecture, handles without path rules. */
	static const char *const names[] = { "read", "modify_ldt", "@file", "open_by_handle_at" };
	struct filterspec_options opt = { .arch = NR_ARCH_AARCH64,
					  .conditions = ARG_OFF,
					  .allow = names,
					  .allow_count = COUNT_OF(names) };
	struct built built = { 0 };

	build(&opt, &built);
	cr_assert_eq(ask(&built, "open_by_handle_at", 0, 0), SECCOMP_RET_ALLOW);
	built_done(&built);
}

/* What is not named is refused; what is named keeps its checks, and admits nothing by itself. */
Test(filterspec, only)
{
	static const char *const only[] = { "@base", "clone", "socket", "openat", "shmget" };
	static const char *const allow[] = { "@sysv-ipc" };
	static const char *const deny[] = { "uname" }, *const wrong[] = { "@bas" };
	static const struct filterspec_override held[] = {
		{ .name = "openat", .action = NOTIFY }, { .name = "mkdirat", .action = NOTIFY }
	};
	struct filterspec_options opt = { .arch = NR_ARCH_AARCH64,
					  .conditions = ARG_SUPERVISED | ARG_HAS_LISTENER,
					  .overrides = held,
					  .override_count = COUNT_OF(held),
					  .only_present = true,
					  .only = only,
					  .only_count = COUNT_OF(only),
					  .allow = allow,
					  .allow_count = 1,
					  .deny = deny,
					  .deny_count = 1 };
	struct built built = { 0 };

	build(&opt, &built);
	cr_assert_eq(ask(&built, "getpid", 0, 0), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "uname", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "openat", 0, 0), NOTIFY);
	cr_assert_eq(ask(&built, "mkdirat", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "bind", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "dup", 0, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "clone", 0x10000000, 0), FAIL(EPERM));
	cr_assert_eq(ask(&built, "clone", 0, 0), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "socket", AF_ALG, SOCK_STREAM), FAIL(EAFNOSUPPORT));
	cr_assert_eq(ask(&built, "shmat", 0, 0), SECCOMP_RET_ALLOW);
	cr_assert_eq(ask(&built, "clone3", 0, 0), FAIL(ENOSYS));
	for (size_t i = 0; filterspec_needed(i); i++) {
		const char *name = filterspec_needed(i);

		cr_assert_not_null(known_find(name), "%s", name);
		if (nr_by_name(NR_ARCH_AARCH64, name) >= 0 && strcmp(name, "openat") != 0)
			cr_assert_eq(ask(&built, name, 0, 0), SECCOMP_RET_ALLOW, "%s", name);
	}
	built_done(&built);
	opt.allow_count = 0;
	expect_refusal(&opt, "'shmget' is refused by default");
	opt.only = wrong;
	opt.only_count = 1;
	expect_refusal(&opt, "did you mean '@base'");
}

Test(filterspec, refused_overrides)
{
	static const struct filter_test test = { .width = 32 };
	static const struct filter_rule rule = { &test, 1, SECCOMP_RET_ALLOW };
	static const struct {
		struct filterspec_override overrides[2];
		size_t count;
		const char *part;
	} rows[] = {
		{ { { .name = "read", .action = NOTIFY }, { .name = "read" } }, 2, "twice" },
		{ { { .name = "mount", .action = SECCOMP_RET_ALLOW } }, 1, "refused" },
		{ { { "mount", &rule, 1, NOTIFY } }, 1, "refused" },
		{ { { .name = "clone3", .action = NOTIFY } }, 1, "absent" },
		{ { { .name = "opnat", .action = NOTIFY } }, 1, "openat" },
	};
	static const char *const wrong[] = { "getpidd" };
	struct filterspec_options opt = { .arch = NR_ARCH_X86_64, .conditions = ARG_OFF };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		opt.overrides = rows[i].overrides;
		opt.override_count = rows[i].count;
		expect_refusal(&opt, rows[i].part);
	}
	opt.override_count = 0;
	opt.deny = wrong;
	opt.deny_count = 1;
	expect_refusal(&opt, "syscalls.deny");
	opt.deny_count = 0;
	opt.conditions = ARG_OFF | ARG_SUPERVISED;
	expect_refusal(&opt, "supervisor");
	opt.conditions = 0;
	expect_refusal(&opt, "supervisor");
	filterspec_free(NULL);
}

/* What the list of sockets says, written down once more: as an if for each line of it. */
static uint32_t socket_answer(unsigned set, int domain, int type, int protocol)
{
	bool inet = domain == AF_INET || domain == AF_INET6;
	bool udp = protocol == 0 || protocol == IPPROTO_UDP;
	bool icmp = protocol == (domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (domain == AF_UNIX) {
		if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
			return FAIL(ESOCKTNOSUPPORT);
		if (protocol != 0 && protocol != 1)
			return FAIL(EPROTONOSUPPORT);
		if (type == SOCK_DGRAM && !(set & ARG_UNIX_DATAGRAM))
			return FAIL(EACCES);
		return SECCOMP_RET_ALLOW;
	}
	if (domain == AF_NETLINK) {
		if (type != SOCK_RAW && type != SOCK_DGRAM)
			return FAIL(ESOCKTNOSUPPORT);
		return protocol == 0 ? SECCOMP_RET_ALLOW : FAIL(EPROTONOSUPPORT);
	}
	if (!inet)
		return FAIL(EAFNOSUPPORT);
	if (type == SOCK_RAW || type == SOCK_PACKET)
		return FAIL(EPERM);
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return FAIL(ESOCKTNOSUPPORT);
	if (type == SOCK_STREAM)
		return protocol == 0 || protocol == IPPROTO_TCP ? SECCOMP_RET_ALLOW
								: FAIL(EPROTONOSUPPORT);
	if (!udp && !icmp)
		return FAIL(EPROTONOSUPPORT);
	return set & (udp ? ARG_UDP : ARG_ICMP) ? SECCOMP_RET_ALLOW : FAIL(EACCES);
}

static void check_socket(struct built *built, unsigned set, int domain, int type, int protocol)
{
	static const unsigned flags[] = { 0, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC };
	uint32_t arch = filterspec_get(built->fs)->arch;
	uint32_t want = socket_answer(set, domain, type, protocol);

	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		struct seccomp_data data = {
			.arch = arch,
			.nr = nr_by_name(arch, "socket"),
			.args = { (unsigned)domain, (unsigned)type | flags[i] | UINT64_C(1) << 32,
				  (unsigned)protocol }
		};

		cr_assert_eq(verdict(built, &data), want, "socket(%d, %d, %d) under %x", domain,
			     type, protocol, set);
		if (domain == AF_UNIX)
			continue;
		data.nr = nr_by_name(arch, "socketpair");
		cr_assert_eq(verdict(built, &data), (uint32_t)FAIL(EAFNOSUPPORT));
	}
}

/* Every family, type and protocol there is, and some that are not. */
Test(filterspec, socket_matrix)
{
	static const int protocols[] = { 0,   1,   2,	4,   6,	  17,  33,  41,	 46,  47,  58, 103,
					 115, 132, 136, 137, 143, 253, 255, 256, 262, 263, -1 };
	static const unsigned sets[] = { 0, ARG_UDP, ARG_ICMP, ARG_UNIX_DATAGRAM,
					 ARG_UDP | ARG_ICMP | ARG_UNIX_DATAGRAM };
	static const uint32_t archs[] = { NR_ARCH_X86_64, NR_ARCH_AARCH64 };

	for (size_t i = 0; i < COUNT_OF(sets) * COUNT_OF(archs); i++) {
		unsigned set = sets[i / COUNT_OF(archs)];
		struct filterspec_options opt = { .arch = archs[i % COUNT_OF(archs)],
						  .conditions =
							  ARG_SUPERVISED | ARG_HAS_LISTENER | set };
		struct built built = { 0 };

		build(&opt, &built);
		for (int domain = -1; domain <= 50; domain++)
			for (int type = 0; type <= 15; type++)
				for (size_t p = 0; p < COUNT_OF(protocols); p++)
					check_socket(&built, set, domain, type, protocols[p]);
		built_done(&built);
	}
}
