/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The id maps of a run in a user namespace of its own: see run.h.
 *
 * They are written by the host's thread that starts the run: the one that acts for the sandbox has
 * taken its Landlock domain by then, in which procfs cannot be written to. The program's process
 * waits meanwhile. The host's thread waits for the start anyway.
 */
#include "supervisor/run.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static int write_file(int dir, const char *name, const char *text)
{
	cleanup_fd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

/* Writes one line and reads it back. */
static int write_map(int dir, const char *name, unsigned inside, unsigned outside)
{
	char text[64];
	unsigned got[3];
	cleanup_fd int fd = -1;
	ssize_t n;
	int r;

	snprintf(text, sizeof(text), "%u %u 1\n", inside, outside);
	r = write_file(dir, name, text);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (sscanf(text, "%u %u %u", &got[0], &got[1], &got[2]) != 3)
		return -EBADMSG;
	return got[0] == inside && got[1] == outside && got[2] == 1 ? 0 : -EPERM;
}

int id_maps_write(pid_t pid, int pidfd, const struct id_maps *maps)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	char path[32];
	cleanup_fd int dir = -1;
	int r;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	/* RACE: the number may be another's by now; the directory stays with the process it was
	 * opened for, which is ours if ours still lives. */
	if (poll(&ended, 1, 0) != 0)
		return -ESRCH;
	/* KERNEL(3.19): an ordinary user maps his group only where groups cannot be dropped. */
	r = maps->keeps_setgroups ? 0 : write_file(dir, "setgroups", "deny");
	if (r == 0)
		r = write_map(dir, "gid_map", maps->gid, getegid());
	if (r == 0)
		r = write_map(dir, "uid_map", maps->uid, geteuid());
	return r;
}

int run_write_maps(const struct sandbox *s)
{
	return id_maps_write(s->spawned.program, s->spawned.program_pidfd, &s->prepared.maps);
}

int run_ask_for_maps(struct sandbox *s)
{
	int r;

	pthread_mutex_lock(&s->lock);
	s->maps_wanted = true;
	pthread_cond_broadcast(&s->changed);
	while (s->maps_wanted)
		pthread_cond_wait(&s->changed, &s->lock);
	r = s->maps_result;
	pthread_mutex_unlock(&s->lock);
	return r;
}
