/* SPDX-License-Identifier: Apache-2.0 */
/* A few system calls in a process of their own: see worker.h. */
#include "supervisor/worker.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "sys/helper.h"
#include "sys/process.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void nothing(int signal)
{
	(void)signal;
}

/* All signals are blocked in the thread that made it; this one is let in, and does nothing. */
void worker_admit_interruption(bool admit)
{
	const struct sigaction action = { .sa_handler = nothing };
	sigset_t set;

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(admit ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/*
 * A thread that acts for a caller with other ids has them as filesystem ids alone. Peers of unix
 * sockets are shown the real and effective ones, which a process of its own may change (the host's
 * others share nothing with it). Needs the capabilities that the thread has put aside meanwhile.
 */
static int64_t take_own_ids(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	long gid = syscall(SYS_setfsgid, -1), uid = syscall(SYS_setfsuid, -1);

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective |= data[0].permitted & (1u << CAP_SETUID | 1u << CAP_SETGID);
	if (syscall(SYS_capset, &header, data) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static void __attribute__((noreturn)) work(const struct worker_job *job, int out)
{
	int64_t result;
	struct iovec data[] = { { &result, sizeof(result) }, { job->back, job->back_size } };
	int fd = -1;

	helper_close_others(job->keep, job->keep_count, out);
	worker_admit_interruption(true);
	result = job->own_ids ? take_own_ids() : 0;
	if (result == 0)
		result = job->call(job->arg, &fd);
	helper_send(out, data, COUNT_OF(data), &fd, fd >= 0);
	_exit(0);
}

int worker_start(const struct worker_job *job, struct worker *ret)
{
	int pair[2], pidfd = -1;
	pid_t pid;

	if (fault("worker"))
		return -EAGAIN;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = helper_fork(0, &pidfd);
	if (pid == 0)
		work(job, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
	}
	*ret = (struct worker){
		.pidfd = pidfd, .result = pair[0], .back = job->back, .back_size = job->back_size
	};
	return 0;
}

int64_t worker_result(const struct worker *worker, int *ret_fd)
{
	int64_t result = -EIO;
	struct iovec data[] = { { &result, sizeof(result) }, { worker->back, worker->back_size } };
	int fds[HELPER_FDS_MAX];
	ssize_t n = helper_receive(worker->result, data, COUNT_OF(data), fds, MSG_DONTWAIT);

	*ret_fd = fds[0];
	return n < (ssize_t)sizeof(result) ? -EIO : result;
}

void worker_interrupt(const struct worker *worker)
{
	pidfd_signal(worker->pidfd, SIGUSR1);
}

int worker_kill(struct worker *worker)
{
	int pidfd = worker->pidfd;

	if (pidfd < 0)
		return -1;
	pidfd_signal(pidfd, SIGKILL);
	close(worker->result);
	worker->pidfd = -1;
	return pidfd;
}
