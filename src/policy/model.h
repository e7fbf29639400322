/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loaded policy: what the files and flags say, typed, with the place each entry came from.
 *
 * It owns all its memory. It is built by load.h, bound to the file system once by policy_bind()
 * (canonical paths, identities, held descriptors), and immutable from then on.
 */
#ifndef CORDON_POLICY_MODEL_H
#define CORDON_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct glob;
struct fs_index;
struct net_index;

/* Where an entry was written. file is a path, a preset name, or "command line" (then line is 0). */
struct origin {
	const char *file;
	int line, column;
};

/* What events, hints and `why` show of a rule. */
struct rule {
	const char *key;  /* "filesystem.protect" */
	const char *text; /* the entry as it was written */
	struct origin origin;
};

/* The order is that of precedence at equal length: the first wins. */
enum fs_kind { FS_DENY, FS_HIDE, FS_PROTECT, FS_WRITE, FS_READ, FS_EXEC, FS_KIND_COUNT };

struct fs_rule {
	struct rule rule;
	enum fs_kind kind;
	char *path;	   /* expanded, plain, absolute; for a glob the pattern */
	struct glob *glob; /* NULL for a literal */
	/* Filled by policy_bind(): */
	char *canonical; /* path of the object after symbolic links; for a glob the pattern with its
			    literal directory part made canonical; equals path if nothing exists */
	char *canonical_link; /* where path's last component is a symbolic link: canonical path of
			       the link itself; else NULL. Guarded rules hold for both. */
	int fd;		      /* O_PATH of the object; -1: missing, or a glob */
	bool is_directory, is_device;
	bool is_linked;	 /* a file that has further names (hard links) */
	bool is_aliased; /* guarded under another path as well (bind mount, repository elsewhere) */
	dev_t dev;
	ino_t ino;
};

enum net_scheme { NET_TCP = 1, NET_UDP = 2, NET_ICMP = 4 };
enum net_target {
	NET_ANY,
	NET_CIDR,
	NET_NAME,
	NET_WILDCARD,
	NET_LOOPBACK,
	NET_PRIVATE,
	NET_METADATA
};

struct port_range {
	uint16_t low, high;
};

struct net_rule {
	struct rule rule;
	bool deny;
	unsigned schemes; /* NET_TCP | ... */
	enum net_target target;
	uint8_t address[16]; /* NET_CIDR: IPv4 as ::ffff:a.b.c.d */
	unsigned prefix;     /* NET_CIDR: 0 to 128, IPv4 counted from 96 */
	char *name;	     /* NET_NAME, NET_WILDCARD: lower case, no trailing dot, without `*.` */
	struct port_range *ports; /* port_count 0: any */
	size_t port_count;
};

struct listen_rule {
	struct rule rule;
	unsigned scheme;	 /* NET_TCP or NET_UDP */
	struct port_range ports; /* '*' is 0-65535 */
	bool loopback_only;
};

struct unix_rule {
	struct rule rule;
	bool bind;	   /* network.unix.bind, else .connect */
	bool abstract;	   /* text was '@name' */
	char *path;	   /* expanded path or pattern; abstract: the name without '@' */
	struct glob *glob; /* NULL for a literal (a directory covers what is beneath) */
	char *canonical;   /* as in struct fs_rule */
};

enum env_mode { ENV_LIST, ENV_INHERIT };
enum tristate { UNSET = -1, NO = 0, YES = 1 };
enum supervisor_mode { SUPERVISOR_AUTO, SUPERVISOR_REQUIRED, SUPERVISOR_OFF };
enum failure_mode { FAIL_REFUSE, FAIL_WARN, FAIL_IGNORE };

#define LIMIT_UNSET UINT64_MAX

struct env_set {
	char *name, *value;
};

struct syscall_entry {
	struct rule rule; /* rule.text is the name or "@group" */
	bool deny;
};

struct policy {
	/* From the caller of the load functions: */
	char *workspace; /* canonical absolute path of $WORKSPACE */
	char *home;	 /* $HOME, NULL if unset */
	char *tmp; /* $TMP of this run, NULL until policy_bind(); rules that use it are in fs[] */
	bool uses_tmp;

	struct fs_rule *fs;
	size_t fs_count;
	bool exec_present; /* filesystem.exec was given, perhaps empty */
	bool expand;
	struct fs_index *fs_index; /* trie, globs and identities: fs_rules.c */

	struct net_rule *net;
	size_t net_count;
	struct listen_rule *listen;
	size_t listen_count;
	struct unix_rule *unix_rules;
	size_t unix_count;
	bool unix_bind_present; /* network.unix.bind was given, perhaps empty */

	char *cwd; /* process.cwd, expanded; NULL: inherited */
	enum env_mode env_mode;
	char **env_pass; /* exact names or PREFIX* */
	size_t env_pass_count;
	struct env_set *env_set;
	size_t env_set_count;
	int umask; /* -1: inherited */
	enum tristate aslr, huge_pages, core_dumps;
	int *cpus; /* process.cpu_affinity */
	size_t cpu_count;
	bool new_session, terminal;
	int *fds; /* process.fds */
	size_t fd_count;

	uint64_t wall_ms, cpu_s; /* LIMIT_UNSET: none */
	struct rule wall_rule;	 /* where limits.wall was written; its key is NULL if nowhere */
	uint64_t address_space, open_files, file_size;

	struct syscall_entry *syscalls;
	size_t syscall_count;

	enum failure_mode on_failure;
	enum supervisor_mode supervisor;

	char *events; /* file, or "fd:N"; NULL: none */
	bool hint;    /* report.hint: stderr (default) */
	bool trace;
	char *name; /* --name; NULL: none */
};

/* What the plan asks of the filesystem rules; all false for a policy that the kernel holds alone.
 */
struct fs_facts {
	bool any;   /* some filesystem rule exists */
	bool guard; /* deny, hide or protect exists, or a read rule inside a longer-reaching write
		       rule */
	bool guard_in_write; /* one of these can concern an object inside a write grant */
	bool deny_or_hide;   /* reads are concerned */
	bool hide;
	bool deny_in_exec; /* deny or hide reaches into something that may be executed */
};
struct fs_facts policy_fs_facts(const struct policy *policy);

void policy_free(struct policy *policy);

#endif
