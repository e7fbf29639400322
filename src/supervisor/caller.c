/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking, and what procfs says of it and of its relatives: see caller.h. */
#include "supervisor/caller.h"

#include "supervisor/ids.h"
#include "sys/compat.h"
#include "sys/process.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

const char *held_name(int fd, char *buffer)
{
	char digits[12];
	int n = 0;

	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	for (int i = 0; i < n; i++)
		buffer[i] = digits[n - 1 - i];
	buffer[n] = '\0';
	return buffer;
}

int held_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

ssize_t held_path(const struct supervisor *sv, int fd, char *buffer, size_t size)
{
	char name[12];
	ssize_t n = readlinkat(sv->self_fd, held_name(fd, name), buffer, size - 1);

	if (n < 0)
		return -errno;
	if ((size_t)n >= size - 1)
		return -ENAMETOOLONG;
	buffer[n] = '\0';
	return n;
}

int caller_open(struct caller *caller, int dirfd, int flags)
{
	cleanup_ids struct supervisor *sv = ids_look(caller->sv);
	char name[48];
	int fd;

	if (dirfd == AT_FDCWD)
		snprintf(name, sizeof(name), "%d/cwd", caller->tid);
	else if (dirfd >= 0)
		snprintf(name, sizeof(name), "%d/fd/%d", caller->tid, dirfd);
	else
		return -EBADF;
	fd = openat(sv->proc_fd, name, O_PATH | O_CLOEXEC | flags);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -EBADF : -errno;
}

int caller_open_root(struct caller *caller)
{
	cleanup_ids struct supervisor *sv = ids_look(caller->sv);
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%d/root", caller->tid);
	fd = openat(sv->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -EACCES : fd;
}

int caller_open_again(struct caller *caller, int fd, int flags)
{
	cleanup_ids struct supervisor *sv = ids_look(caller->sv);
	char name[48];
	int copy;

	snprintf(name, sizeof(name), "%d/fd/%d", caller->tid, fd);
	copy = openat(sv->proc_fd, name, flags | O_CLOEXEC);
	return copy < 0 ? -errno : copy;
}

int caller_stat(struct caller *caller, int fd, struct stat *ret)
{
	cleanup_ids struct supervisor *sv = ids_look(caller->sv);
	char name[48];

	snprintf(name, sizeof(name), "%d/fd/%d", caller->tid, fd);
	if (fstatat(sv->proc_fd, name, ret, 0) == 0)
		return 0;
	return errno == ENOENT ? -EBADF : -errno;
}

int caller_open_file(struct caller *caller, int fd, struct open_file *ret)
{
	cleanup_ids struct supervisor *sv = ids_look(caller->sv);
	char name[48], text[256];
	const char *pos, *flags;
	cleanup_fd int info = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "%d/fdinfo/%d", caller->tid, fd);
	info = openat(sv->proc_fd, name, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (n < 0)
		return -EBADF;
	text[n] = '\0';
	pos = strstr(text, "pos:");
	flags = strstr(text, "flags:");
	if (!pos || !flags)
		return -EIO;
	ret->position = strtoll(pos + strlen("pos:"), NULL, 10);
	ret->flags = (unsigned)strtoul(flags + strlen("flags:"), NULL, 8);
	return 0;
}

bool caller_is_handle(struct caller *caller, int fd)
{
	struct open_file file;

	return caller_open_file(caller, fd, &file) == 0 && file.flags & O_PATH;
}

pid_t caller_tgid(struct caller *caller)
{
	struct process_status status;
	int r;

	if (caller->tgid > 0)
		return caller->tgid;
	r = process_status(caller->sv->proc_fd, caller->tid, &status);
	if (r < 0)
		return r;
	caller->tgid = status.tgid;
	return status.tgid;
}

int caller_inside(struct caller *caller, struct process_numbers *ret)
{
	if (caller->sv->pid_ns)
		return process_numbers(caller->sv->proc_fd, caller->tid, ret);
	ret->tid = caller->tid;
	ret->tgid = caller_tgid(caller);
	return ret->tgid < 0 ? ret->tgid : 0;
}

int caller_shown(struct caller *caller, struct process_numbers *ret)
{
	if (caller->sv->proc_inside)
		return caller_inside(caller, ret);
	ret->tid = caller->tid;
	ret->tgid = caller_tgid(caller);
	return ret->tgid < 0 ? ret->tgid : 0;
}

bool caller_is_member(struct caller *caller, pid_t pid)
{
	const struct supervisor *sv = caller->sv;

	if (pid == sv->own_tgid || pid == sv->keeper)
		return false;
	if (pid == caller->tid || pid == caller_tgid(caller))
		return true;
	/* The keeper is the subreaper of the tree: every member leads to it. */
	for (int depth = 0; depth < 4096 && pid > 1; depth++) {
		struct process_status status;

		if (pid == sv->keeper)
			return depth > 0;
		if (process_status(sv->proc_fd, pid, &status) < 0)
			return false;
		pid = status.ppid;
	}
	return false;
}

bool caller_may_name(struct caller *caller, pid_t pid)
{
	const struct supervisor *sv = caller->sv;

	/* A pid namespace of the run's own holds the tree, and these two. */
	return sv->pid_ns ? pid > 1 && pid != sv->keeper_inside : caller_is_member(caller, pid);
}

pid_t proc_owner(const char *path)
{
	pid_t pid = 0;

	if (strncmp(path, "/proc/", 6) != 0)
		return 0;
	for (path += 6; *path >= '0' && *path <= '9' && pid < 100000000; path++)
		pid = pid * 10 + (*path - '0');
	return *path == '/' || *path == '\0' ? pid : 0;
}

/* pid: as procfs shows it. */
static bool is_own(struct caller *caller, pid_t pid)
{
	struct process_numbers own;

	return caller_shown(caller, &own) == 0 && own.tgid == pid;
}

static bool is_memory(const char *path)
{
	const char *name = strrchr(path, '/');

	return name && strcmp(name, "/mem") == 0;
}

/* SECURITY: these files show, and change, the namespace of whoever opens them: that would be ours. */
static bool is_of_our_namespace(const struct supervisor *sv, const char *path)
{
	static const struct {
		const char *prefix;
		unsigned layer;
	} rows[] = {
		{ "/proc/sysvipc", LAYER_IPC_NS },	  { "/proc/sys/fs/mqueue", LAYER_IPC_NS },
		{ "/proc/sys/kernel/msg", LAYER_IPC_NS }, { "/proc/sys/kernel/sem", LAYER_IPC_NS },
		{ "/proc/sys/kernel/shm", LAYER_IPC_NS }, { "/proc/sys/net", LAYER_NET_NS },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (sv->namespaces & LAYER_BIT(rows[i].layer) &&
		    strncmp(path, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return true;
	return false;
}

/*
 * SECURITY: this thread may look into every process of the sandbox and, worse, into its own
 * process. What procfs shows of anything that is not a member is refused here, whatever way led to
 * it.
 */
int proc_check(struct caller *caller, const char *path, const struct stat *st)
{
	pid_t pid = proc_owner(path);

	/* SECURITY: a kept descriptor may lead to the host's, whose numbers are other processes'. */
	if (caller->sv->proc_inside && st->st_dev != caller->sv->proc_dev)
		return -EACCES;
	/* Another mount of procfs: nothing there can be told apart by its path. */
	if (strncmp(path, "/proc", 5) != 0 || (path[5] != '\0' && path[5] != '/'))
		return -EACCES;
	if (pid == 0)
		return is_of_our_namespace(caller->sv, path) ? -EACCES : 0;
	if (!(caller->sv->proc_inside ? caller_may_name(caller, pid)
				      : caller_is_member(caller, pid)))
		return -EACCES;
	/*
	 * SECURITY: a process may stand before the first instruction of a program that has not been looked at,
	 * and whose text is not to be read.
	 */
	if (caller->sv->exec_stop && is_memory(path) && !is_own(caller, pid))
		return -EACCES;
	return 0;
}

struct supervisor *caller_look(struct caller *caller, const char *path)
{
	pid_t pid = proc_owner(path);

	return pid > 0 && is_own(caller, pid) ? ids_look(caller->sv) : NULL;
}

/*
 * Whether an object lies on procfs, on whatever mount. The kind of a device is remembered: asking
 * costs a system call.
 */
bool proc_object(struct supervisor *sv, int fd, const struct stat *st)
{
	struct known_device *known = &sv->devices[st->st_dev % COUNT_OF(sv->devices)];
	struct statfs fs;

	if (!known->known || known->dev != st->st_dev) {
		if (fstatfs(fd, &fs) < 0)
			return true;
		*known = (struct known_device){ .known = true,
						.dev = st->st_dev,
						.procfs = fs.f_type == PROC_SUPER_MAGIC };
	}
	return known->procfs;
}
