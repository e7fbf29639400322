/* SPDX-License-Identifier: Apache-2.0 */
/* Kept duplicates of injected sockets: see sockets.h. */
#include "supervisor/sockets.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define KEPT_MAX      256
#define CONNECTED_MAX 256

struct kept {
	int fd; /* -1: free */
	ino_t ino;
	bool connecting;
	uint64_t age;
	bool held; /* by a process of the tree, when it was last looked at */
};

struct socket_table {
	struct supervisor *sv;
	struct kept kept[KEPT_MAX];
	int count;
	uint64_t clock;
	int timer, timer_source;
	int connecting, connecting_source; /* epoll */
	ino_t connected[CONNECTED_MAX];
	unsigned connected_next;
};

static void on_timer(void *arg, short events);
static void on_connecting(void *arg, short events);

int sockets_new(struct supervisor *sv)
{
	struct socket_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	sv->sockets = table;
	table->sv = sv;
	for (int i = 0; i < KEPT_MAX; i++)
		table->kept[i].fd = -1;
	table->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	table->connecting = epoll_create1(EPOLL_CLOEXEC);
	if (table->timer < 0 || table->connecting < 0)
		return -errno;
	table->timer_source = loop_add(sv->loop, table->timer, on_timer, table);
	if (table->timer_source < 0)
		return table->timer_source;
	table->connecting_source = loop_add(sv->loop, table->connecting, on_connecting, table);
	return table->connecting_source < 0 ? table->connecting_source : 0;
}

void sockets_free(struct socket_table *table)
{
	if (!table)
		return;
	for (int i = 0; i < KEPT_MAX; i++)
		if (table->kept[i].fd >= 0)
			close(table->kept[i].fd);
	if (table->timer >= 0)
		close(table->timer);
	if (table->connecting >= 0)
		close(table->connecting);
	free(table);
}

/* Looks every second as long as something is kept. */
static void set_timer(struct socket_table *table)
{
	struct itimerspec spec = { 0 };

	if (table->count > 0)
		spec.it_value.tv_sec = spec.it_interval.tv_sec = 1;
	timerfd_settime(table->timer, 0, &spec, NULL);
}

static void drop(struct socket_table *table, struct kept *kept)
{
	/* KERNEL: a descriptor stays in an epoll set as long as somebody else has the socket. */
	if (kept->connecting)
		epoll_ctl(table->connecting, EPOLL_CTL_DEL, kept->fd, NULL);
	close(kept->fd);
	kept->fd = -1;
	if (--table->count == 0)
		set_timer(table);
}

int sockets_keep(struct socket_table *table, int fd)
{
	struct kept *slot = &table->kept[0];
	struct stat st;
	int copy;

	if (fstat(fd, &st) < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	for (int i = 0; i < KEPT_MAX; i++) {
		if (table->kept[i].fd < 0) {
			slot = &table->kept[i];
			break;
		}
		if (table->kept[i].age < slot->age)
			slot = &table->kept[i];
	}
	if (slot->fd >= 0)
		drop(table, slot);
	*slot = (struct kept){ .fd = copy, .ino = st.st_ino, .age = ++table->clock };
	if (table->count++ == 0)
		set_timer(table);
	return 0;
}

static struct kept *find(struct socket_table *table, ino_t ino)
{
	for (int i = 0; i < KEPT_MAX; i++)
		if (table->kept[i].fd >= 0 && table->kept[i].ino == ino)
			return &table->kept[i];
	return NULL;
}

static struct kept *find_same(struct socket_table *table, int fd)
{
	struct stat st;

	return table && fstat(fd, &st) == 0 ? find(table, st.st_ino) : NULL;
}

void sockets_drop(struct socket_table *table, int fd)
{
	struct kept *kept = find_same(table, fd);

	if (kept)
		drop(table, kept);
}

static void drop_connected(struct socket_table *table, struct kept *kept)
{
	table->connected[table->connected_next++ % CONNECTED_MAX] = kept->ino;
	drop(table, kept);
}

void sockets_connected(struct socket_table *table, int fd)
{
	struct kept *kept = find_same(table, fd);

	if (kept)
		drop_connected(table, kept);
}

void sockets_connecting(struct socket_table *table, int fd)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLONESHOT };
	struct kept *kept = find_same(table, fd);

	if (!kept)
		return;
	event.data.ptr = kept;
	if (epoll_ctl(table->connecting, kept->connecting ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, kept->fd,
		      &event) == 0)
		kept->connecting = true;
}

static void on_connecting(void *arg, short events)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	struct socket_table *table = arg;
	struct epoll_event event;
	struct kept *kept;

	(void)events;
	if (epoll_wait(table->connecting, &event, 1, 0) != 1)
		return;
	kept = event.data.ptr;
	/* One that failed may be connected once more. */
	if (getpeername(kept->fd, (struct sockaddr *)&peer, &length) == 0)
		drop_connected(table, kept);
}

/* The inode of the socket that a link in a directory of descriptors leads to, or 0. */
static ino_t socket_at(int dirfd, const char *name)
{
	char target[64];
	uintmax_t ino;
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	return sscanf(target, "socket:[%" SCNuMAX "]", &ino) == 1 ? (ino_t)ino : 0;
}

/* The sockets of one process. Return: whether to go on. */
static bool each_of(struct supervisor *sv, pid_t pid, sockets_fn fn, void *arg)
{
	bool on = true;
	char name[32];
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), "%d/fd", pid);
	fd = openat(sv->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	for (struct dirent *entry; on && (entry = readdir(dir));) {
		ino_t ino = socket_at(dirfd(dir), entry->d_name);

		if (ino != 0)
			on = fn(arg, pid, (int)strtol(entry->d_name, NULL, 10), ino);
	}
	closedir(dir);
	return on;
}

int sockets_each(struct supervisor *sv, sockets_fn fn, void *arg)
{
	struct caller caller = { .sv = sv, .tid = sv->program };
	int fd = openat(sv->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool on = true;

	if (!dir) {
		int r = -errno;

		if (fd >= 0)
			close(fd);
		return r;
	}
	for (struct dirent *entry; on && (entry = readdir(dir));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && caller_is_member(&caller, pid))
			on = each_of(sv, pid, fn, arg);
	}
	closedir(dir);
	return 0;
}

static bool mark(void *arg, pid_t pid, int fd, ino_t ino)
{
	struct kept *kept = find(arg, ino);

	(void)pid;
	(void)fd;
	if (kept)
		kept->held = true;
	return true;
}

void sockets_sweep(struct socket_table *table)
{
	for (int i = 0; i < KEPT_MAX; i++)
		table->kept[i].held = false;
	/* Without procfs nothing is known, and so nothing is dropped. */
	if (sockets_each(table->sv, mark, table) < 0)
		return;
	for (int i = 0; i < KEPT_MAX; i++) {
		struct kept *kept = &table->kept[i];

		if (kept->fd >= 0 && !kept->held)
			drop(table, kept);
	}
}

static void on_timer(void *arg, short events)
{
	struct socket_table *table = arg;
	uint64_t ticks;

	(void)events;
	if (read(table->timer, &ticks, sizeof(ticks)) == sizeof(ticks))
		sockets_sweep(table);
}

static ino_t socket_of(const struct caller *caller, int fd, char name[48])
{
	snprintf(name, 48, "%d/fd/%d", caller->tid, fd);
	return socket_at(caller->sv->proc_fd, name);
}

bool sockets_has_peer(struct caller *caller, int fd)
{
	const struct socket_table *table = caller->sv->sockets;
	char name[48];
	ino_t ino = table ? socket_of(caller, fd, name) : 0;

	for (int i = 0; ino != 0 && i < CONNECTED_MAX; i++)
		if (table->connected[i] == ino)
			return true;
	return false;
}

int sockets_find(struct caller *caller, int fd)
{
	char name[48];
	ino_t ino = socket_of(caller, fd, name);
	struct kept *kept;
	cleanup_fd int object = -1;
	struct stat st;
	int copy;

	if (ino == 0) {
		object = openat(caller->sv->proc_fd, name, O_PATH | O_CLOEXEC);
		if (object < 0)
			return errno == ENOENT ? -EBADF : -EACCES;
		return fstat(object, &st) == 0 && S_ISSOCK(st.st_mode) ? -EACCES : -ENOTSOCK;
	}
	kept = find(caller->sv->sockets, ino);
	if (!kept)
		return -EACCES;
	copy = fcntl(kept->fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 ? -errno : copy;
}
