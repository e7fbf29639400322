/* SPDX-License-Identifier: Apache-2.0 */
/* What the thread that acts for one sandbox knows. Private to this folder. */
#ifndef CORDON_SUPERVISOR_SUPERVISOR_H
#define CORDON_SUPERVISOR_SUPERVISOR_H

#include "policy/model.h"
#include "supervisor/loop.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

struct audit;
struct mediated;
struct socket_table;
struct pending;
struct dns;
struct executions;
struct slow_mounts;
struct aside;
struct outcome;

struct known_device {
	bool known, procfs;
	dev_t dev;
};

/* How /proc/PID/maps show a file. */
struct map_identity {
	unsigned major, minor;
	uint64_t inode;
};

struct measured {
	bool known;
	dev_t dev; /* as stat() shows it */
	ino_t ino;
	struct map_identity shown;
};

/* A path socket that the tree has bound. It is held, so that its inode cannot become another's. */
struct bound_socket {
	int fd;
	dev_t dev;
	ino_t ino;
	char name[108]; /* as getsockname() shows it */
};

/* An abstract name that the tree has bound, by the inode of the socket. */
struct bound_name {
	ino_t ino;
	size_t length;
	char name[108];
};

struct supervisor {
	/* Set before the thread starts; borrowed from the sandbox. */
	const struct policy *policy;
	struct audit *audit;
	bool waits_killable;  /* a received request is left by SIGKILL only */
	bool pidfd_getfd;     /* else sockets are made here and found again by inode */
	bool ids_differ;      /* callers may have other ids than this thread */
	bool user_ns;	      /* callers are in a user namespace of their own */
	bool pid_ns;	      /* and in a pid namespace, the keeper too */
	uint64_t namespaces;  /* LAYER_BIT of each that they are in and this thread is not */
	bool execs_held;      /* a rule forbids to execute something that Landlock admits */
	bool program_only;    /* nothing is executed after the program itself */
	bool exec_stop;	      /* so what was executed is looked at before it runs */
	bool abstract_scoped; /* Landlock keeps abstract names of the outside away */
	bool own_root; /* callers may have another root than this thread (chroot re-admitted) */

	/* Set by the thread. */
	struct loop *loop;
	int listener;
	int proc_fd;	/* /proc */
	int self_fd;	/* /proc/TID/fd of the thread: held descriptors by number */
	int root_fd;	/* the program's / */
	dev_t proc_dev; /* of its /proc */
	ino_t proc_root_ino;
	bool proc_inside;		 /* which names processes as its pid namespace does */
	struct known_device devices[16]; /* which devices are procfs */
	pid_t own_tgid, keeper, program;
	pid_t keeper_inside; /* its number in the pid namespace of the tree */
	bool tested;	     /* the self-test at the start has been answered */
	bool executed;	     /* the program itself has been: what is asked later is judged */
	int program_memory;  /* it lies in memory, which is on no list; -1 */
	uid_t own_uid;
	gid_t own_gid;
	bool one_id; /* they are the real, effective and saved ones */
	gid_t *own_groups;
	size_t own_group_count;
	uint64_t own_effective;	  /* capabilities */
	bool ids_taken;		  /* this thread runs with the ids of the caller that it serves */
	uint64_t taken_effective; /* capabilities meanwhile */
	unsigned own_terminal; /* device number of the controlling terminal of our process, 0: none
				*/
	int protected_symlinks, protected_regular, protected_fifos; /* settings of this host */
	struct socket_table *sockets;				    /* without pidfd_getfd */
	struct bound_socket bound[128];
	size_t bound_count;
	struct bound_name names[64]; /* where the kernel does not tell names of the outside */
	size_t name_count;
	struct pending *pending; /* requests that are being carried out elsewhere */
	int pending_count;
	void (*room)(void *arg); /* there may be room for one more */
	void *room_arg;
	int *dying; /* processes of ours that were killed and are to be reaped */
	size_t dying_count;
	size_t messages_bytes, messages_rights; /* held for calls that wait */
	bool pending_timed;			/* the timer runs */
	int pending_timer, pending_source;	/* looks after callers that died meanwhile */
	struct executions *executions;		/* that are held; NULL without exec_stop */
	struct slow_mounts *slow;		/* mounts that may hang */
	bool careful;				/* there are some */
	struct aside *aside;			/* processes that serve requests about them */
	struct outcome *outcome; /* in such a process: of the request that it serves; else NULL */
	int keeper_socket;	 /* borrowed */
	struct measured measured[16]; /* the last ones that had to be measured */
	unsigned measured_next;
	void (*broken)(void *arg, const char *why); /* the listener stopped working: end the run */
	void (*violated)(void *arg); /* something that the policy forbids was executed: end it */
	void (*limit_hit)(void *arg, enum limit_kind kind); /* a call failed for a limit */
	void *callback_arg;
	struct dns *dns; /* NULL if no rule has a name */

	/* Row by native call number; NULL: not mediated. */
	const struct mediated **rows;
	int row_limit;

	atomic_ullong notified, continued;
};

#endif
