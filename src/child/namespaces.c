/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces of the program's own: see steps.h. System calls only (I11).
 *
 * One call for each, so that the refusal of one is the outcome of that one. The user namespace comes
 * first: in it the program's process has every capability, which the others need. Then it waits until
 * the parent has written the id maps, since without them it is nobody. The namespaces it left are
 * told from those it is in by their inodes. What the stage has made (stage.h) has been joined by then.
 */
#include "child/steps.h"

#include "base/cleanup.h"
#include "child/raw.h"
#include "child/spawn.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

long namespace_inode(const char *path)
{
	struct stat st = { 0 };
	long r = raw(SYS_newfstatat, AT_FDCWD, path, &st, 0);

	return r < 0 ? r : (long)st.st_ino;
}

int namespace_enter(int flag, const char *path)
{
	long before = namespace_inode(path), after, r;

	if (before < 0)
		return (int)before;
	r = raw(SYS_unshare, flag);
	if (r < 0)
		return (int)r;
	after = namespace_inode(path);
	if (after < 0)
		return (int)after;
	return after != before ? 0 : -EPERM;
}

int step_user_ns(struct setup *s)
{
	unsigned char byte = 0;
	long n;
	int r;

	if (!(s->plan->namespaces & ~s->plan->staged & LAYER_BIT(LAYER_USER_NS)))
		return NOT_ASKED;
	r = namespace_enter(CLONE_NEWUSER, "/proc/self/ns/user");
	if (r < 0)
		return r;
	setup_note(s, LAYER_USER_NS, false, 0);
	setup_flush(s);
	do {
		n = raw(SYS_read, s->ready, &byte, 1);
	} while (n == -EINTR);
	/* SECURITY: anything but the one byte means that there are no maps. */
	if (n != 1 || byte != SPAWN_MAPPED)
		raw_exit(EXIT_SETUP);
	return NOT_ASKED;
}

int step_inner_user_ns(struct setup *s)
{
	static const char name[] = "/proc/sys/user/max_user_namespaces";
	const char *wanted = s->plan->inner_user_ns;
	char got[16] = "";
	size_t length = s->plan->inner_user_ns_length;
	long fd, r;

	if (!wanted)
		return NOT_ASKED;
	/* SECURITY: outside a namespace of its own this would be the host's limit. */
	r = namespace_inode("/proc/self/ns/user");
	if (r < 0 || (uint64_t)r == s->plan->outer_user_ns)
		return r < 0 ? (int)r : -EPERM;
	fd = raw(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	r = raw(SYS_write, fd, wanted, length);
	if (r >= 0)
		r = raw(SYS_pread64, fd, got, sizeof(got), 0);
	raw(SYS_close, fd);
	for (size_t i = 0; r >= 0 && i < length; i++)
		if (got[i] != wanted[i])
			return -EPERM;
	return r < 0 ? (int)r : NOT_ASKED;
}

/* Nothing is there but the loopback device, and that is down. */
static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	long fd = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return (int)fd;
	r = raw(SYS_ioctl, fd, SIOCGIFFLAGS, &request);
	if (r == 0) {
		request.ifr_flags |= IFF_UP;
		r = raw(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
	}
	if (r == 0)
		r = raw(SYS_ioctl, fd, SIOCGIFFLAGS, &request);
	raw(SYS_close, fd);
	return r < 0 ? (int)r : setup_compare(request.ifr_flags & IFF_UP, IFF_UP);
}

/* What is made in the program's own process, or joined by it. */
static const struct space {
	unsigned layer;
	int flag;
	const char *path;
	size_t join; /* place in the plan */
	int (*then)(void);
} spaces[] = {
#define SPACE(KIND, kind, then)                                                                    \
	{                                                                                          \
		LAYER_##KIND##_NS, CLONE_NEW##KIND, "/proc/self/ns/" #kind,                        \
			offsetof(struct spawn_plan, join_##kind), then                             \
	}
	SPACE(NET, net, loopback_up),
	SPACE(IPC, ipc, NULL),
	SPACE(UTS, uts, NULL),
	SPACE(CGROUP, cgroup, NULL),
#undef SPACE
};

static int joined(const struct spawn_plan *plan, const struct space *space)
{
	return *(const int *)(const void *)((const char *)plan + space->join);
}

/* Before the user namespace: in that nothing of the host's can be joined. */
int step_join(struct setup *s)
{
	for (size_t i = 0; i < COUNT_OF(spaces); i++) {
		struct stat wanted = { 0 };
		int fd = joined(s->plan, &spaces[i]);
		long r;

		if (fd == 0)
			continue;
		r = raw(SYS_setns, fd, spaces[i].flag);
		if (r == 0)
			r = raw(SYS_newfstatat, fd, "", &wanted, AT_EMPTY_PATH);
		if (r == 0)
			r = setup_compare(namespace_inode(spaces[i].path), (long)wanted.st_ino);
		setup_note(s, spaces[i].layer, false, r);
	}
	return NOT_ASKED;
}

/* One record each, so the row itself has nothing to note. */
int step_namespaces(struct setup *s)
{
	for (size_t i = 0; i < COUNT_OF(spaces); i++) {
		int r;

		if (!(s->plan->namespaces & LAYER_BIT(spaces[i].layer)) ||
		    joined(s->plan, &spaces[i]) != 0)
			continue;
		r = namespace_enter(spaces[i].flag, spaces[i].path);
		if (r == 0 && spaces[i].then)
			r = spaces[i].then();
		s->entered |= r == 0 ? LAYER_BIT(spaces[i].layer) : 0;
		setup_note(s, spaces[i].layer, false, r);
	}
	return NOT_ASKED;
}

int step_hostname(struct setup *s)
{
	const char *name = s->plan->hostname;
	struct utsname now;
	size_t length = s->plan->hostname_length;
	long r;

	if (!name)
		return NOT_ASKED;
	/* SECURITY: outside a namespace of its own this would be the host's name. */
	if (!(s->entered & LAYER_BIT(LAYER_UTS_NS)))
		return -EPERM;
	r = raw(SYS_sethostname, name, length);
	if (r == 0)
		r = raw(SYS_uname, &now);
	for (size_t i = 0; r == 0 && i <= length; i++)
		if (now.nodename[i] != name[i])
			return -EPERM;
	return (int)r;
}

/* Its own root and directory are those of the namespace then. */
int step_view(struct setup *s)
{
	struct stat wanted = { 0 }, got = { 0 };
	long r;

	if (s->plan->join_mount < 0)
		return NOT_ASKED;
	r = raw(SYS_setns, s->plan->join_mount, CLONE_NEWNS);
	if (r == 0)
		r = raw(SYS_newfstatat, s->plan->join_root, "", &wanted, AT_EMPTY_PATH);
	if (r == 0)
		r = raw(SYS_newfstatat, AT_FDCWD, "/", &got, 0);
	if (r < 0)
		return (int)r;
	return wanted.st_dev == got.st_dev && wanted.st_ino == got.st_ino ? NOT_ASKED : -EPERM;
}
