/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asking: the calling thread, its process, its directories, and what procfs may show of
 * others.
 *
 * A notification names a thread. Directories and descriptors are those of that thread; membership
 * in the sandbox and `self` are those of its process.
 */
#ifndef CORDON_SUPERVISOR_CALLER_H
#define CORDON_SUPERVISOR_CALLER_H

#include "supervisor/supervisor.h"
#include "sys/process.h"

#include <sys/stat.h>

#define SCRATCH_SIZE (2 * PATH_MAX)

struct caller {
	struct supervisor *sv;
	pid_t tid;
	pid_t tgid;    /* 0 until somebody needed it: caller_tgid() */
	bool careful;  /* what may hang is left alone: slow.h */
	char *scratch; /* SCRATCH_SIZE bytes for the walk */
};

/* Return: the caller's process id, or -errno. */
pid_t caller_tgid(struct caller *caller);
/* What the caller's own calls call it and its process: other numbers in a pid namespace. Return: 0 or -errno. */
int caller_inside(struct caller *caller, struct process_numbers *ret);
/* What the procfs that the caller sees calls them. */
int caller_shown(struct caller *caller, struct process_numbers *ret);
/* Whether the process belongs to the sandbox: the keeper is above it, and is not it. */
bool caller_is_member(struct caller *caller, pid_t pid);
/* The same for a number that the caller has given to a call. */
bool caller_may_name(struct caller *caller, pid_t pid);
/*
 * Holds (O_PATH) the caller's working directory (AT_FDCWD) or descriptor. flags: 0 or O_DIRECTORY.
 * Return: fd; -EBADF; -ENOTDIR; -errno.
 */
int caller_open(struct caller *caller, int dirfd, int flags);
/* Holds the caller's own root. Return: fd or -errno. */
int caller_open_root(struct caller *caller);
/* Opens what is behind a descriptor of the caller once more. Return: fd or -errno. */
int caller_open_again(struct caller *caller, int fd, int flags);
/* fstat() of whatever the caller has open. Return: 0; -EBADF; -errno. */
int caller_stat(struct caller *caller, int fd, struct stat *ret);
/* What the caller has open behind a descriptor. Return: 0; -EBADF; -errno. */
struct open_file {
	int64_t position;
	unsigned flags; /* as given to open(), O_CLOEXEC is that of the descriptor */
};
int caller_open_file(struct caller *caller, int fd, struct open_file *ret);
/* Whether the descriptor is a handle without content (O_PATH), on which changes are EBADF. */
bool caller_is_handle(struct caller *caller, int fd);

/* Process that a path of procfs belongs to; 0 for none, as /proc/meminfo. */
pid_t proc_owner(const char *path);
/*
 * SECURITY: this thread may look into every process of the sandbox and, worse, into its own
 * process. What procfs shows of anything that is not a member is refused here, whatever way led to
 * it. path: canonical, of an object on procfs. Return: 0 or -EACCES.
 */
int proc_check(struct caller *caller, const char *path, const struct stat *st);
/*
 * Whether an object lies on procfs, on whatever mount. The kind of a device is remembered: asking
 * costs a system call.
 */
bool proc_object(struct supervisor *sv, int fd, const struct stat *st);

/* ids_look() if the path shows the caller's own process, which nobody is refused to look at; else NULL. */
struct supervisor *caller_look(struct caller *caller, const char *path);

/* Path of a held descriptor as the kernel shows it. Return: length or -errno. */
ssize_t held_path(const struct supervisor *sv, int fd, char *buffer, size_t size);
/* A further descriptor of a held object. Return: fd or -errno. */
int held_copy(int fd);
/* `N` for openat(sv->self_fd, "N"): reopens a held object. buffer: at least 12 bytes. Return:
 * buffer. */
const char *held_name(int fd, char *buffer);

#endif
