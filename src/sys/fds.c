/* SPDX-License-Identifier: Apache-2.0 */
/* See fds.h. */
#include "sys/fds.h"

#include "sys/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

unsigned fd_standard(void)
{
	unsigned open = 0;

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open |= 1u << fd;
	return open;
}

int fd_move_up(int *fd)
{
	int high;

	if (*fd > 2)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (high < 0)
		return -errno;
	close(*fd);
	*fd = high;
	return 0;
}

int fd_pipe(int *ret_reader, int *ret_writer)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_reader = ends[0];
	*ret_writer = ends[1];
	r = fd_move_up(ret_reader);
	return r < 0 ? r : fd_move_up(ret_writer);
}

static int make_memory(const char *name, bool executable)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, executable ? flags | MFD_EXEC : flags);

	if (fd < 0 && executable && errno == EINVAL) /* KERNEL(6.3): MFD_EXEC */
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int fd_memory(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = make_memory(name, mode & 0111), r = fd;

	if (r >= 0)
		r = fd_move_up(&fd);
	if (r == 0)
		r = write_all(fd, bytes, size);
	if (r == 0 && (fchmod(fd, mode) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0))
		r = -errno;
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}
