/* SPDX-License-Identifier: Apache-2.0 */
/* Kept duplicates of injected sockets: see sockets.h. */
#include "supervisor/sockets.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEPT_MAX 256

struct kept {
	int fd; /* -1: free */
	ino_t ino;
	uint64_t age;
};

struct socket_table {
	struct kept kept[KEPT_MAX];
	uint64_t clock;
};

int sockets_new(struct socket_table **ret)
{
	struct socket_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (int i = 0; i < KEPT_MAX; i++)
		table->kept[i].fd = -1;
	*ret = table;
	return 0;
}

void sockets_free(struct socket_table *table)
{
	if (!table)
		return;
	for (int i = 0; i < KEPT_MAX; i++)
		if (table->kept[i].fd >= 0)
			close(table->kept[i].fd);
	free(table);
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
		close(slot->fd);
	*slot = (struct kept){ .fd = copy, .ino = st.st_ino, .age = ++table->clock };
	return 0;
}

static struct kept *find(struct socket_table *table, ino_t ino)
{
	for (int i = 0; i < KEPT_MAX; i++)
		if (table->kept[i].fd >= 0 && table->kept[i].ino == ino)
			return &table->kept[i];
	return NULL;
}

void sockets_drop(struct socket_table *table, int fd)
{
	struct kept *kept;
	struct stat st;

	if (!table || fstat(fd, &st) < 0)
		return;
	kept = find(table, st.st_ino);
	if (!kept)
		return;
	close(kept->fd);
	kept->fd = -1;
}

int sockets_find(struct caller *caller, int fd)
{
	char name[48], target[64];
	struct kept *kept;
	uintmax_t ino;
	ssize_t n;
	int copy;

	snprintf(name, sizeof(name), "%d/fd/%d", caller->tid, fd);
	n = readlinkat(caller->sv->proc_fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return errno == ENOENT ? -EBADF : -EACCES;
	target[n] = '\0';
	if (sscanf(target, "socket:[%" SCNuMAX "]", &ino) != 1)
		return -ENOTSOCK;
	kept = find(caller->sv->sockets, (ino_t)ino);
	if (!kept)
		return -EACCES;
	copy = fcntl(kept->fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 ? -errno : copy;
}
