/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines in a file or on a descriptor of the host: see events_file.h. */
#include "lib/events_file.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <time.h>

int events_file_open(struct events_file *file, const char *target, struct cordon_error *err)
{
	uint64_t number;
	int fd;

	*file = (struct events_file){ .fd = -1 };
	if (!target)
		return 0;
	if (strncmp(target, "fd:", 3) == 0) {
		if (str_to_u64(target + 3, INT_MAX, &number) < 0)
			return err_set(err, -EINVAL, "report.events: '%s' is not fd:NUMBER",
				       target);
		fd = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return err_sys(err, -errno, "report.events: descriptor %d", (int)number);
	} else {
		fd = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
		if (fd < 0)
			return err_sys(err, -errno, "report.events: open '%s'", target);
	}
	file->fd = fd;
	return 0;
}

/*
 * The host's reader may be gone, and SIGPIPE would end the host: it is blocked for the write and
 * taken away if the write has caused it. The host's own mask and pending signals are as before.
 */
static ssize_t write_quietly(int fd, const char *bytes, size_t length)
{
	const struct timespec now = { 0 };
	sigset_t pipe_only, before, pending;
	bool was_pending;
	ssize_t n;
	int error;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	do {
		n = write(fd, bytes, length);
		error = errno;
	} while (n < 0 && error == EINTR);
	if (n < 0 && error == EPIPE && !was_pending)
		sigtimedwait(&pipe_only, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n < 0 ? -error : n;
}

void events_file_write(struct events_file *file, const struct cordon_event *event)
{
	cleanup_free char *line = NULL;
	char small[2048];
	char *text = small;
	ssize_t n;
	int length;

	if (file->fd < 0 || file->error)
		return;
	length = cordon_event_json(event, small, sizeof(small));
	if (length >= (int)sizeof(small)) {
		text = line = malloc((size_t)length + 1);
		if (!line) {
			file->error = ENOMEM;
			return;
		}
		length = cordon_event_json(event, line, (size_t)length + 1);
	}
	if (length < 0) {
		file->error = -length;
		return;
	}
	text[length] = '\n'; /* in place of the terminator */
	n = write_quietly(file->fd, text, (size_t)length + 1);
	if (n < 0)
		file->error = (int)-n;
	else if (n != length + 1)
		file->error = EIO;
}

void events_file_done(struct events_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
