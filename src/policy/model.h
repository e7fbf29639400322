/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loaded policy: what the files and flags say, typed, with the place each entry came from.
 *
 * It owns all its memory. It is built by load.h, bound to the file system once by policy_bind()
 * (canonical paths, identities, held descriptors), and immutable from then on.
 */
#ifndef CORDON_POLICY_MODEL_H
#define CORDON_POLICY_MODEL_H

#include "base/layer.h"

#include <limits.h>
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

struct strbuf;
/* Adds `key "text" (file:line)`, escaped. */
void rule_text(struct strbuf *sb, const struct rule *rule);

/* The order is that of precedence at equal length: the first wins. */
enum fs_kind { FS_DENY, FS_HIDE, FS_PROTECT, FS_WRITE, FS_READ, FS_EXEC, FS_KIND_COUNT };

/* Part of a grant that was split around what is denied (expand.h). */
enum fs_part { FS_PART_LOOK = 1, FS_PART_CHANGE = 2 };
struct fs_piece {
	int fd; /* O_PATH */
	bool is_directory;
	unsigned parts; /* enum fs_part: which of the grant's rights */
};

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
	bool exists;	      /* there is an object */
	int fd;		      /* O_PATH of it, until policy_drop_handles(); -1 */
	bool is_directory, is_device;
	bool is_linked;	 /* a file that has further names (hard links) */
	bool is_aliased; /* guarded under another path as well (bind mount, repository elsewhere) */
	dev_t dev;
	ino_t ino;
	bool is_split; /* a grant: its pieces are granted in place of its object */
	struct fs_piece *pieces;
	size_t piece_count;
};

/* A directory whose names are granted one by one. */
struct fs_split {
	char *path;
	size_t names;	 /* that are granted */
	bool is_listed;	 /* it still can be listed */
	bool is_changed; /* a write grant was split: names in it can no longer be made or removed */
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
enum metadata_mode { METADATA_HELD, METADATA_VISIBLE };
enum failure_mode { FAIL_REFUSE, FAIL_WARN, FAIL_IGNORE };

enum mount_type { MOUNT_BIND, MOUNT_TMPFS, MOUNT_PROC, MOUNT_DEV };

/* An entry of isolation.mounts. */
struct mount_rule {
	struct rule rule;
	enum mount_type type;
	char *source;  /* MOUNT_BIND: as the host calls it */
	char *target;  /* as the program calls it */
	uint64_t size; /* MOUNT_TMPFS: bytes; 0: what the kernel takes */
	bool read_only, optional;
};
void mount_rule_done(struct mount_rule *mount);

/* isolation.join: a namespace that is there already, as the host calls its file. */
enum { JOIN_NET, JOIN_IPC, JOIN_UTS, JOIN_CGROUP, JOINS };
struct join_rule {
	struct rule rule;
	char *path; /* NULL: none */
};

/* isolation.time_offset: what a clock inside shows more than the host's; back: less. */
enum { CLOCK_OF_MONOTONIC, CLOCK_OF_BOOTTIME, CLOCKS_COUNT };
struct clock_offset {
	int64_t seconds;
	int milliseconds;
	bool back;
};

/* process.capabilities.*; keep stands for those that are not named. */
enum cap_set {
	CAPS_KEEP,
	CAPS_BOUNDING,
	CAPS_PERMITTED,
	CAPS_EFFECTIVE,
	CAPS_INHERITABLE,
	CAPS_AMBIENT,
	CAPS_COUNT
};

#define LIMIT_UNSET UINT64_MAX

enum limit_kind {
	LIMIT_WALL,	     /* milliseconds */
	LIMIT_CPU,	     /* whole seconds, of each process */
	LIMIT_MEMORY,	     /* bytes, of the tree */
	LIMIT_ADDRESS_SPACE, /* bytes, of each process */
	LIMIT_PROCESSES,     /* of the tree */
	LIMIT_OPEN_FILES,
	LIMIT_FILE_SIZE, /* bytes */
	LIMIT_OUTPUT,	 /* bytes captured of both streams */
	LIMIT_CPU_PERCENT,
	LIMIT_COUNT,
};

struct limit {
	uint64_t value;	  /* LIMIT_UNSET: none */
	struct rule rule; /* where it was written; its key is NULL if nowhere */
};

#define RLIMITS 16 /* numbers of resources are below this */
struct rlimit_wish {
	bool asked;
	uint64_t soft, hard; /* in the kernel's units */
};

/* Limits that follow from others where they are not given themselves. */
enum derive_mode { DERIVE_NONE, DERIVE_ADDRESS_SPACE, DERIVE_HARDEN };

#define NICE_UNSET INT_MIN

struct env_set {
	char *name, *value;
};

enum syscall_list {
	SYSCALLS_DENY,
	SYSCALLS_ALLOW,
	SYSCALLS_ONLY,
};

struct syscall_entry {
	struct rule rule; /* rule.text is the name or "@group" */
	enum syscall_list list;
};

struct policy {
	/* From the caller of the load functions: */
	char *workspace; /* canonical absolute path of $WORKSPACE */
	char *home;	 /* $HOME, NULL if unset */
	char *tmp; /* $TMP of this run, NULL until policy_bind(); rules that use it are in fs[] */
	bool uses_tmp;
	bool keep_tmp; /* filesystem.keep_tmp */
	/* For policy_bind(): where the paths of the program are looked up. Borrowed. */
	int root_fd;	       /* as in sys/rooted.h */
	const char *mountinfo; /* the mounts there; NULL: ours */

	struct fs_rule *fs;
	size_t fs_count;
	bool exec_present;	     /* filesystem.exec was given, perhaps empty */
	enum metadata_mode metadata; /* of what is denied */
	bool expand;		     /* filesystem.expand */
	bool expanded;		     /* it was done: the kernel alone holds what is denied */
	char *unexpanded;	     /* why it was not */
	struct fs_split *splits;
	size_t split_count;
	struct fs_index *fs_index; /* trie, globs and identities: fs_rules.c */

	struct net_rule *net;
	size_t net_count;
	struct net_index *net_index; /* of net: net_index.c */
	struct listen_rule *listen;
	size_t listen_count;
	struct unix_rule *unix_rules;
	size_t unix_count;
	bool unix_bind_present; /* network.unix.bind was given, perhaps empty */

	char *argv0; /* process.argv0; NULL: as the caller named the program */
	char *cwd;   /* process.cwd, expanded; NULL: inherited */
	enum env_mode env_mode;
	char **env_pass; /* exact names or PREFIX* */
	size_t env_pass_count;
	struct env_set *env_set;
	size_t env_set_count;
	char **env_unset; /* as env_pass: never passed */
	size_t env_unset_count;
	/* LAYER_BIT of each of isolation.namespaces, and of those that are joined. */
	uint64_t namespaces;
	struct join_rule joins[JOINS];
	char *hostname; /* NULL: the host's */
	char *root;	/* isolation.root, as the host calls it; NULL: the host's */
	struct rule root_rule;
	struct mount_rule *mounts;
	size_t mount_count;
	bool host_libs;
	struct clock_offset offsets[CLOCKS_COUNT];
	int64_t inner_user_ns; /* isolation.max_user_namespaces; -1: as many as the kernel lets */
	int64_t uid, gid;      /* process.user, process.group; -1: untouched */
	int64_t user_gid;      /* the primary group of process.user, if that was a name; -1 */
	gid_t *groups;
	size_t group_count;
	bool groups_present;
	uint64_t caps[CAPS_COUNT]; /* masks */
	bool caps_present[CAPS_COUNT];
	unsigned securebits;
	bool securebits_present;
	int umask;			     /* -1: inherited */
	int nice;			     /* NICE_UNSET: inherited */
	uint64_t signal_mask, signal_ignore; /* bit 0 is signal 1 */
	enum tristate aslr, huge_pages, core_dumps;
	int *cpus; /* process.cpu_affinity */
	size_t cpu_count;
	bool new_session, terminal;
	int *fds; /* process.fds */
	size_t fd_count;

	struct limit limits[LIMIT_COUNT];
	struct rlimit_wish rlimits[RLIMITS]; /* by resource */
	enum derive_mode derive;
	struct rule derive_rule; /* its key is NULL if nothing is to be derived */

	struct syscall_entry *syscalls;
	size_t syscall_count;
	bool only_present; /* syscalls.only was given, perhaps empty */

	signed char on_failure[LAYER_COUNT]; /* enum failure_mode, -1: not said; 0 is the default */
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
	bool no_exec;	   /* filesystem.exec is given and empty */
	const struct rule *exec_guard; /* the first rule that does */
};
/* expanded: deny rules are left out, the kernel alone holds them. */
struct fs_facts policy_fs_facts(const struct policy *policy, bool expanded);

/* The set that the policy wants, from its own list or from keep. Return: false if it says nothing. */
bool policy_caps(const struct policy *policy, enum cap_set set, uint64_t *ret);

/* What happens when a layer cannot be set up. */
enum failure_mode policy_failure_mode(const struct policy *policy, unsigned layer);

void policy_free(struct policy *policy);
/* Closes the pieces of split grants: nobody needs them once the rulesets are made. */
void policy_drop_pieces(struct policy *policy);

#endif
