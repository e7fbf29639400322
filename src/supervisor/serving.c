/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What serving a program needs: made while the program's process confines itself, given back when nothing of
 * the run is left. See run.h.
 */
#include "supervisor/run.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "supervisor/ablate.h"
#include "supervisor/dns.h"
#include "supervisor/execution.h"
#include "supervisor/ids.h"
#include "supervisor/pending.h"
#include "supervisor/slow.h"
#include "supervisor/sockets.h"
#include "supervisor/sticky.h"
#include "sys/compat.h"
#include "sys/process.h"
#include "sys/rooted.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static int open_held(struct sandbox *s, const char *path, int *ret)
{
	*ret = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_sys(&s->error, -errno, "supervisor: open '%s'", path) : 0;
}

/*
 * The descriptors of this thread by number, as /proc/TID/fd. Not /proc/thread-self/fd, which lies below
 * the process's directory: whoever reaps the process then waits, busily, for the end of this thread to
 * throw away its part of the same subtree. Not /proc/self/fd: that is empty once the main thread of the
 * host has ended.
 */
static int open_own_descriptors(struct sandbox *s)
{
	char target[64], path[96];
	ssize_t n = readlink("/proc/thread-self", target, sizeof(target) - 1);
	const char *slash;

	if (n < 0)
		return err_sys(&s->error, -errno, "supervisor: /proc/thread-self");
	target[n] = '\0'; /* PID/task/TID, in the numbers of this procfs */
	slash = strrchr(target, '/');
	snprintf(path, sizeof(path), "/proc/%s/fd", slash ? slash + 1 : target);
	return open_held(s, path, &s->sv.self_fd);
}

static void own_ids(struct supervisor *sv)
{
	uid_t uid[3];
	gid_t gid[3];

	sv->own_uid = geteuid();
	sv->own_gid = getegid();
	sv->one_id = getresuid(&uid[0], &uid[1], &uid[2]) == 0 && uid[0] == uid[1] &&
		     uid[1] == uid[2] && getresgid(&gid[0], &gid[1], &gid[2]) == 0 &&
		     gid[0] == gid[1] && gid[1] == gid[2];
}

static int own_groups(struct supervisor *sv)
{
	int count = getgroups(0, NULL);

	if (count < 0)
		return -errno;
	sv->own_groups = calloc((size_t)count + 1, sizeof(*sv->own_groups));
	if (!sv->own_groups)
		return -ENOMEM;
	count = getgroups(count, sv->own_groups);
	sv->own_group_count = count < 0 ? 0 : (size_t)count;
	return count < 0 ? -errno : 0;
}

/* The program's root, and the procfs that it sees, if it sees any. */
static int open_root(struct sandbox *s)
{
	struct supervisor *sv = &s->sv;
	struct stat own, shown;
	struct statfs fs;
	cleanup_fd int proc = -1;

	if (fstat(sv->proc_fd, &own) < 0)
		return err_sys(&s->error, -errno, "supervisor: /proc");
	sv->proc_dev = own.st_dev;
	sv->proc_root_ino = own.st_ino;
	if (s->stage.fds[STAGE_ROOT] < 0)
		return open_held(s, "/", &sv->root_fd);
	sv->root_fd = fcntl(s->stage.fds[STAGE_ROOT], F_DUPFD_CLOEXEC, 3);
	if (sv->root_fd < 0)
		return err_sys(&s->error, -errno, "supervisor: the program's root");
	proc = rooted_open(sv->root_fd, "/proc", O_PATH | O_DIRECTORY, 0);
	sv->proc_dev = 0;
	if (proc < 0 || fstat(proc, &shown) < 0 || fstatfs(proc, &fs) < 0 ||
	    fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	sv->proc_dev = shown.st_dev;
	sv->proc_root_ino = shown.st_ino;
	sv->proc_inside = sv->pid_ns && shown.st_dev != own.st_dev;
	return 0;
}

/* Everything the request path needs besides the listener. */
static int prepare_supervisor(struct sandbox *s)
{
	struct supervisor *sv = &s->sv;
	int r = open_held(s, "/proc", &sv->proc_fd);

	if (r == 0)
		r = open_own_descriptors(s);
	if (r == 0)
		r = open_root(s);
	if (r < 0)
		return r;
	sv->own_tgid = getpid();
	own_ids(sv);
	sticky_read(sv);
	if (process_terminal(sv->proc_fd, sv->own_tgid, &sv->own_terminal) < 0)
		sv->own_terminal = 0;
	r = own_groups(sv);
	if (r == 0)
		r = ids_own_effective(&sv->own_effective);
	sv->namespaces = s->prepared.plan.namespaces;
	sv->user_ns = s->prepared.plan.namespaces & LAYER_BIT(LAYER_USER_NS);
	sv->ids_differ =
		s->prepared.plan.uid_asked || s->prepared.plan.gid_asked ||
		s->prepared.plan.groups_asked ||
		((s->prepared.plan.caps.sets_asked || sv->user_ns) && sv->own_effective != 0);
	if (r == 0 && !sv->pidfd_getfd)
		r = sockets_new(sv);
	if (r == 0)
		r = pending_new(sv);
	if (r == 0)
		r = slow_new(sv);
	if (r == 0)
		r = dispatcher_new(sv, &s->dispatcher);
	if (r == 0 && sv->exec_stop)
		r = executions_new(sv);
	return r < 0 ? err_sys(&s->error, r, "supervisor: prepare") : 0;
}

int run_get_ready(struct sandbox *s)
{
	const bool listener = s->prepared.plan.listener;
	/* Without a listener nothing is done for the program, and a ring is costly to make. */
	int r = loop_new(listener && !ablated("io_uring"), &s->sv.loop);

	if (r < 0)
		return err_sys(&s->error, r, "supervisor: make the loop");
	s->backend = loop_backend(s->sv.loop);
	if (listener)
		r = prepare_supervisor(s);
	return r == 0 && s->sv.dns ? dns_serve(s->sv.dns, &s->error) : r;
}

void run_give_back(struct sandbox *s)
{
	struct supervisor *sv = &s->sv;
	int *fds[] = { &sv->listener, &sv->proc_fd, &sv->self_fd, &sv->root_fd, &s->wall_timer };

	if (sv->loop && sv->pending)
		pending_free(sv);
	executions_free(sv);
	slow_free(sv);
	dns_free(sv->dns);
	sv->dns = NULL;
	dispatcher_free(s->dispatcher);
	s->dispatcher = NULL;
	loop_free(sv->loop);
	sv->loop = NULL;
	sockets_free(sv->sockets);
	while (sv->bound_count > 0)
		close(sv->bound[--sv->bound_count].fd);
	sv->sockets = NULL;
	free(sv->own_groups);
	sv->own_groups = NULL;
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
