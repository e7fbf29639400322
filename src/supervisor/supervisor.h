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

struct known_device {
	bool known, procfs;
	dev_t dev;
};

/* A path socket that the tree has bound. It is held, so that its inode cannot become another's. */
struct bound_socket {
	int fd;
	dev_t dev;
	ino_t ino;
};

struct supervisor {
	/* Set before the thread starts; borrowed from the sandbox. */
	const struct policy *policy;
	struct audit *audit;
	bool pidfd_getfd;     /* else sockets are made here and found again by inode */
	bool ids_differ;      /* callers may have other ids than this thread */
	bool execs_held;      /* a rule forbids to execute something that Landlock admits */
	bool abstract_scoped; /* Landlock keeps abstract names of the outside away */
	bool own_root; /* callers may have another root than this thread (chroot re-admitted) */

	/* Set by the thread. */
	struct loop *loop;
	int listener;
	int proc_fd;	/* /proc */
	int self_fd;	/* /proc/thread-self/fd: held descriptors by number */
	int root_fd;	/* / */
	dev_t proc_dev; /* of /proc */
	ino_t proc_root_ino;
	struct known_device devices[16]; /* which devices are procfs */
	pid_t own_tgid, keeper, program;
	bool tested; /* the self-test at the start has been answered */
	uid_t own_uid;
	gid_t own_gid;
	gid_t *own_groups;
	size_t own_group_count;
	uint64_t own_effective; /* capabilities */
	unsigned own_terminal;	/* device number of the controlling terminal of our process, 0: none
				*/
	struct socket_table *sockets; /* without pidfd_getfd */
	struct bound_socket bound[128];
	size_t bound_count;
	struct pending *pending; /* requests that are being carried out elsewhere */
	int pending_count;
	int pending_timer, pending_source;	    /* looks after callers that died meanwhile */
	void (*broken)(void *arg, const char *why); /* the listener stopped working: end the run */
	void *broken_arg;

	/* Row by native call number; NULL: not mediated. */
	const struct mediated **rows;
	int row_limit;

	atomic_ullong notified, continued;
};

#endif
