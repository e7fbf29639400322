/* SPDX-License-Identifier: Apache-2.0 */
/* See fds.h. */
#include "sys/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
