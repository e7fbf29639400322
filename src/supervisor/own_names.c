/* SPDX-License-Identifier: Apache-2.0 */
/* Abstract names of the tree: see own_names.h. */
#include "supervisor/own_names.h"

#include "base/cleanup.h"
#include "supervisor/ids.h"
#include "supervisor/sockets.h"
#include "sys/process.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

/* Return: whether the socket has an abstract name. */
static bool read_name(int socket, struct bound_name *ret)
{
	const size_t offset = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_un un;
	socklen_t length = sizeof(un);
	struct stat st;

	if (getsockname(socket, (struct sockaddr *)&un, &length) < 0 || length <= offset ||
	    un.sun_family != AF_UNIX || un.sun_path[0] != '\0' || fstat(socket, &st) < 0)
		return false;
	ret->ino = st.st_ino;
	ret->length = length - offset - 1;
	memcpy(ret->name, un.sun_path + 1, ret->length);
	return true;
}

static bool is_named(const struct bound_name *bound, const char *name, size_t length)
{
	return bound->length == length && memcmp(bound->name, name, length) == 0;
}

void own_names_add(struct supervisor *sv, int socket)
{
	struct bound_name bound;

	if (!read_name(socket, &bound))
		return;
	if (sv->name_count == COUNT_OF(sv->names))
		memmove(&sv->names[0], &sv->names[1], (--sv->name_count) * sizeof(sv->names[0]));
	sv->names[sv->name_count++] = bound;
}

struct search {
	const struct bound_name *wanted;
	int found;
};

static bool look_at(void *arg, pid_t pid, int fd, ino_t ino)
{
	struct search *search = arg;
	struct bound_name bound;
	cleanup_fd int pidfd = -1, copy = -1;

	if (ino != search->wanted->ino)
		return true;
	pidfd = pidfd_open_process(pid);
	copy = pidfd < 0 ? -1 : pidfd_get(pidfd, fd);
	/* RACE: the number may have become another's. */
	if (copy < 0 || !read_name(copy, &bound) || bound.ino != ino ||
	    !is_named(&bound, search->wanted->name, search->wanted->length))
		return true;
	search->found = steal_fd(&copy);
	return false;
}

int own_names_hold(struct supervisor *sv, const char *name, size_t length)
{
	cleanup_ids struct supervisor *own = ids_look(sv);

	for (size_t i = sv->name_count; sv->pidfd_getfd && i > 0; i--) {
		struct search search = { &sv->names[i - 1], -1 };

		if (!is_named(search.wanted, name, length))
			continue;
		sockets_each(sv, look_at, &search);
		if (search.found >= 0)
			return search.found;
	}
	return -ENOENT;
}
