/* SPDX-License-Identifier: Apache-2.0 */
/* One system call in a process of its own: see worker.h. */
#include "supervisor/worker.h"

#include "base/cleanup.h"
#include "sys/compat.h"
#include "sys/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Closes everything but these, the listener first of all. -1 is nothing. */
static void close_others(const int keep[3])
{
	unsigned from = 0;

	for (;;) {
		unsigned next = ~0u;

		for (int i = 0; i < 3; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next == ~0u)
			break;
		if (next > from)
			syscall(SYS_close_range, from, next - 1, 0u);
		from = next + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0u);
}

static void send_result(int out, int error, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = { &error, sizeof(error) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	sendmsg(out, &message, MSG_NOSIGNAL);
}

/* Between clone and exit only system calls: the host may have threads. */
static void __attribute__((noreturn)) work(const struct worker_job *job, const char *path, int out)
{
	int fd = -1, error = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others((const int[3]){ job->socket, job->object, out });
	if (job->socket >= 0) {
		if (connect(job->socket, (const struct sockaddr *)&job->address,
			    job->address_length) < 0)
			error = errno;
	} else {
		fd = open(path, job->flags);
		if (fd < 0)
			error = errno;
	}
	send_result(out, error, fd);
	_exit(0);
}

int worker_start(const struct worker_job *job, struct worker *ret)
{
	int pair[2], pidfd = -1;
	char path[32];
	long pid;

	/* Formatted before the clone. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", job->object);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	/* Without an exit signal: the host's SIGCHLD handler never hears of it. */
	pid = syscall(SYS_clone, CLONE_PIDFD, NULL, &pidfd, NULL, NULL);
	if (pid == 0)
		work(job, path, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		int r = -errno;

		close(pair[0]);
		return r;
	}
	*ret = (struct worker){ .pidfd = pidfd, .result = pair[0] };
	return 0;
}

int worker_result(const struct worker *worker, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	int error = EIO;
	struct iovec data = { &error, sizeof(error) };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(worker->result, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*ret_fd = -1;
	if (n != (ssize_t)sizeof(error))
		return -EIO;
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&control.header), sizeof(*ret_fd));
	return -error;
}

void worker_end(struct worker *worker)
{
	siginfo_t info;

	if (worker->pidfd < 0)
		return;
	pidfd_signal(worker->pidfd, SIGKILL);
	/* A child without an exit signal has to be asked for by __WALL. */
	while (waitid(P_PIDFD, (id_t)worker->pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		continue;
	close(worker->pidfd);
	close(worker->result);
	worker->pidfd = -1;
}
