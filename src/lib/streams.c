/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard streams that the host has in its hands.
 *
 * Theory of operation. Each stream of the program is inherited, /dev/null, a descriptor of the host,
 * a pipe, bytes from memory, or one terminal for all three. The program's ends exist until it has been
 * started; ours are close-on-exec, numbered 3 or higher and do not block. Outputs are read on the thread
 * that calls dispatch or wait, in pieces, and handed to the callback or kept. A host that does neither
 * makes the program wait when the pipe is full, as any reader does.
 *
 *   limit      what both outputs may give together. Beyond it they are read and counted, so that the
 *              program meets neither a full pipe nor a closed one
 *   drain      when the run has ended, every process of it is gone. Whoever still holds an output was
 *              given it from the tree, or has taken it; he is not waited for longer than DRAIN_MS
 *   watch      one epoll descriptor stands for outputs, timer and events together; the host polls it
 *
 * Bytes from memory become a sealed file of memory: nothing has to be fed while the program runs, and one
 * that does not read them hurts nobody. To write to a pipe whose reader has gone raises SIGPIPE in the
 * calling thread, which is taken back before it is delivered (I13).
 */
#include "lib/streams.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "sys/fds.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>

#define PIECE	 65536
#define PIECES	 16 /* read from each output before the events have their turn */
#define DRAIN_MS 500

static const char *const names[] = { "in", "out", "err" };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int no_wait(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Not what somebody has put in the place of the device. */
static int open_null(int *ret)
{
	struct stat st;

	*ret = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (*ret < 0 || fstat(*ret, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return -ENODEV;
	return fd_move_up(ret);
}

static int open_bytes(const struct cordon_stream *wanted, int *ret)
{
	cleanup_fd int file = memfd_create("cordon-input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const char *at = wanted->bytes;
	size_t left = wanted->length;
	char path[48];

	if (file < 0)
		return -errno;
	while (left > 0) {
		ssize_t n = write(file, at, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	if (fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	/* Another opening of the file, for reading only and with a position of its own. */
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", file);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? -errno : fd_move_up(ret);
}

static int open_one(struct streams *streams, int number)
{
	const struct cordon_stream *wanted = &streams->wanted[number];
	int *program = &streams->program[number], r;

	switch (wanted->kind) {
	case CORDON_STREAM_INHERIT:
		return 0;
	case CORDON_STREAM_NULL:
		return open_null(program);
	case CORDON_STREAM_FD:
		*program = fcntl(wanted->fd, F_DUPFD_CLOEXEC, 3);
		return *program < 0 ? -errno : 0;
	case CORDON_STREAM_PIPE:
		if (number == 0)
			r = fd_pipe(program, &streams->input);
		else
			r = fd_pipe(&streams->output[number - 1].fd, program);
		return r < 0 ? r
			     : no_wait(number == 0 ? streams->input
						   : streams->output[number - 1].fd);
	case CORDON_STREAM_BYTES:
		return number == 0 ? open_bytes(wanted, program) : -EINVAL;
	case CORDON_STREAM_STDOUT:
		if (number != 2)
			return -EINVAL;
		*program = fcntl(streams->program[1] >= 0 ? streams->program[1] : 1,
				 F_DUPFD_CLOEXEC, 3);
		return *program < 0 ? -errno : 0;
	case CORDON_STREAM_TERMINAL:
		break; /* all three, or none: open_terminal() */
	}
	return -EINVAL;
}

static int open_terminal(struct streams *streams, const struct cordon_stream *wanted)
{
	int *ours = &streams->output[0].fd, peer;

	*ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ours < 0 || grantpt(*ours) < 0 || unlockpt(*ours) < 0)
		return -errno;
	peer = fd_move_up(ours);
	if (peer < 0)
		return peer;
	/* By the descriptor: a path would be looked up in whatever /dev/pts there is. */
	peer = ioctl(*ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		streams->program[i] = fcntl(peer, F_DUPFD_CLOEXEC, 3);
		if (streams->program[i] < 0) {
			close(peer);
			return -errno;
		}
	}
	close(peer);
	streams->terminal = true;
	streams->input = fcntl(*ours, F_DUPFD_CLOEXEC, 3);
	if (streams->input < 0)
		return -errno;
	if (wanted->rows > 0) {
		struct winsize size = { .ws_row = wanted->rows, .ws_col = wanted->columns };

		if (ioctl(*ours, TIOCSWINSZ, &size) < 0)
			return -errno;
	}
	return no_wait(*ours);
}

static int add(const struct streams *streams, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(streams->watch, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch(struct streams *streams, int events)
{
	int r;

	streams->watch = epoll_create1(EPOLL_CLOEXEC);
	r = streams->watch < 0 ? -errno : fd_move_up(&streams->watch);
	if (r == 0)
		r = add(streams, events);
	for (int i = 0; i < 2 && r == 0; i++)
		if (streams->output[i].fd >= 0)
			r = add(streams, streams->output[i].fd);
	return r;
}

static bool is_terminal(const struct cordon_stream wanted[3])
{
	return wanted[0].kind == CORDON_STREAM_TERMINAL &&
	       wanted[1].kind == CORDON_STREAM_TERMINAL && wanted[2].kind == CORDON_STREAM_TERMINAL;
}

int streams_open(struct streams *streams, const struct cordon_options *options, uint64_t limit,
		 int events, struct cordon_error *err)
{
	int r = 0;

	memcpy(streams->wanted, options->stream, sizeof(streams->wanted));
	streams->on_output = options->on_output;
	streams->output_arg = options->output_arg;
	streams->limit = limit;
	if (is_terminal(streams->wanted)) {
		r = open_terminal(streams, &streams->wanted[0]);
		if (r < 0)
			return err_sys(err, r, "streams: a pseudo-terminal");
	}
	for (int i = 0; i < 3 && !streams->terminal; i++) {
		r = open_one(streams, i);
		if (r < 0)
			return err_sys(err, r, "streams: standard %s", names[i]);
	}
	if (streams->output[0].fd < 0 && streams->output[1].fd < 0)
		return 0;
	r = watch(streams, events);
	return r < 0 ? err_sys(err, r, "streams: epoll") : 0;
}

void streams_started(struct streams *streams)
{
	for (int i = 0; i < 3; i++)
		close_fd(&streams->program[i]);
}

void streams_done(struct streams *streams)
{
	streams_started(streams);
	close_fd(&streams->input);
	for (int i = 0; i < 2; i++) {
		close_fd(&streams->output[i].fd);
		free(streams->output[i].kept);
	}
	close_fd(&streams->watch);
	close_fd(&streams->timer);
}

/* Return: 0 or -ENOMEM. */
static int keep(struct stream_output *output, const char *bytes, size_t length)
{
	size_t capacity = output->kept_capacity ? output->kept_capacity : 4096;
	char *more;

	while (capacity < output->kept_size + length)
		capacity *= 2;
	if (capacity != output->kept_capacity) {
		more = realloc(output->kept, capacity);
		if (!more)
			return -ENOMEM;
		output->kept = more;
		output->kept_capacity = capacity;
	}
	memcpy(output->kept + output->kept_size, bytes, length);
	output->kept_size += length;
	return 0;
}

static void hand_on(struct streams *streams, int number, const char *bytes, size_t length)
{
	struct stream_output *output = &streams->output[number];
	uint64_t taken = streams->output[0].bytes + streams->output[1].bytes -
			 streams->output[0].dropped - streams->output[1].dropped;
	size_t room = streams->limit - taken < length ? (size_t)(streams->limit - taken) : length;

	output->bytes += length;
	if (room > 0 && streams->on_output)
		streams->on_output(number + 1, bytes, room, streams->output_arg);
	else if (room > 0 && keep(output, bytes, room) < 0)
		room = 0;
	output->dropped += length - room;
}

static void at_end(struct streams *streams, struct stream_output *output)
{
	/* A terminal has a second descriptor, so that the set would not forget it by itself. */
	if (output->fd >= 0)
		epoll_ctl(streams->watch, EPOLL_CTL_DEL, output->fd, NULL);
	close_fd(&output->fd);
}

/* Return: whether there may be more at once. */
static bool read_output(struct streams *streams, int number, char *piece)
{
	struct stream_output *output = &streams->output[number];

	for (int i = 0; i < PIECES; i++) {
		ssize_t n = read(output->fd, piece, PIECE);

		if (n > 0) {
			hand_on(streams, number, piece, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		/* The last holder of a terminal has gone: EIO. */
		if (n == 0 || errno != EAGAIN)
			at_end(streams, output);
		return false;
	}
	return true;
}

bool streams_read(struct streams *streams)
{
	cleanup_free char *piece = NULL;
	bool more = false;
	uint64_t ticks;

	if (!streams_left(streams))
		return false;
	piece = malloc(PIECE);
	for (int i = 0; i < 2 && piece; i++)
		if (streams->output[i].fd >= 0)
			more |= read_output(streams, i, piece);
	streams->expired =
		streams->timer >= 0 && read(streams->timer, &ticks, sizeof(ticks)) == sizeof(ticks);
	return more && !streams->expired;
}

bool streams_left(const struct streams *streams)
{
	return !streams->expired && (streams->output[0].fd >= 0 || streams->output[1].fd >= 0);
}

void streams_drain(struct streams *streams, int events)
{
	const struct itimerspec spec = { .it_value = { 0, DRAIN_MS * 1000000 } };

	/* Readable for ever from now on: it would keep the host awake. */
	epoll_ctl(streams->watch, EPOLL_CTL_DEL, events, NULL);
	streams->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	/* Without a clock there is no waiting. */
	if (streams->timer < 0 || timerfd_settime(streams->timer, 0, &spec, NULL) < 0 ||
	    add(streams, streams->timer) < 0)
		streams->expired = true;
}

void streams_end(struct streams *streams, int events)
{
	if (streams->watch < 0)
		return;
	streams->failed = streams->output[0].fd >= 0 || streams->output[1].fd >= 0;
	for (int i = 0; i < 2; i++)
		at_end(streams, &streams->output[i]);
	close_fd(&streams->timer);
	/* It is still there if nothing had to be drained. */
	add(streams, events);
}

bool streams_over_limit(const struct streams *streams)
{
	return streams->output[0].dropped + streams->output[1].dropped > 0;
}

bool streams_truncated(const struct streams *streams)
{
	return streams_over_limit(streams) || streams->failed;
}

/* Takes back the SIGPIPE that the write has raised in this thread, unless one was pending before. */
static ssize_t write_quietly(int fd, const void *bytes, size_t length)
{
	const struct timespec now = { 0, 0 };
	sigset_t pipe_set, before, pending;
	ssize_t n;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
	n = write(fd, bytes, length);
	if (n < 0)
		n = -errno;
	if (n == -EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

ssize_t streams_write(struct streams *streams, const void *bytes, size_t length)
{
	ssize_t n;

	if (streams->input < 0)
		return -EPIPE;
	do {
		n = write_quietly(streams->input, bytes, length);
	} while (n == -EINTR);
	return n;
}

int streams_resize(const struct streams *streams, unsigned short rows, unsigned short columns)
{
	const struct winsize size = { .ws_row = rows, .ws_col = columns };

	if (!streams->terminal || streams->input < 0)
		return -ENOTTY;
	return ioctl(streams->input, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

void streams_close_input(struct streams *streams)
{
	close_fd(&streams->input);
}
