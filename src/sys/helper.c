/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the supervisor's own: see helper.h. */
#include "sys/helper.h"

#include "sys/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(HELPER_FDS_MAX * sizeof(int))];
};

pid_t helper_fork(unsigned long flags, int *ret_pidfd)
{
	pid_t parent = getpid();
	/* No handler of the host runs in a copy of it. The C library keeps two signals out of its sets. */
	uint64_t all = ~0ull, before;
	int pidfd = -1;
	long pid;

	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all)) < 0)
		return -errno;
	pid = syscall(SYS_clone, CLONE_PIDFD | flags, NULL, &pidfd, NULL, NULL);
	if (pid != 0) {
		int error = pid < 0 ? errno : 0;

		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
		errno = error;
	}
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		*ret_pidfd = pidfd;
		return (pid_t)pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* RACE: the parent may have gone before the line above. Nobody is seen from a new pid
	 * namespace; what runs there has to look for the end of its socket. */
	if (!(flags & CLONE_NEWPID) && syscall(SYS_getppid) != parent)
		syscall(SYS_exit_group, 0);
	return 0;
}

void helper_end(int *pidfd)
{
	siginfo_t info;

	if (*pidfd < 0)
		return;
	pidfd_signal(*pidfd, SIGKILL);
	/* A child without an exit signal has to be asked for by __WALL. */
	while (waitid(P_PIDFD, (id_t)*pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		continue;
	close(*pidfd);
	*pidfd = -1;
}

int helper_drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { 0 };

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

bool helper_reap(int *pidfd)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)*pidfd, &info, WEXITED | WNOHANG | __WALL) == 0 &&
	    info.si_pid == 0)
		return false;
	close(*pidfd);
	*pidfd = -1;
	return true;
}

void helper_close_others(const int *keep, size_t count, int also)
{
	unsigned from = 0;

	for (;;) {
		unsigned next = also >= 0 && (unsigned)also >= from ? (unsigned)also : ~0u;

		for (size_t i = 0; i < count; i++)
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

int helper_send(int socket, struct iovec *parts, size_t count, const int *fds, size_t fd_count)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	union rights control;

	if (fd_count > 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t helper_receive(int socket, struct iovec *parts, size_t count, int *fds, int flags)
{
	union rights control;
	struct msghdr message = { .msg_iov = parts,
				  .msg_iovlen = count,
				  .msg_control = fds ? &control : NULL,
				  .msg_controllen = fds ? sizeof(control) : 0 };
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);

	for (size_t i = 0; fds && i < HELPER_FDS_MAX; i++)
		fds[i] = -1;
	if (n < 0)
		return -errno;
	if (fds && message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(&control.header), control.header.cmsg_len - CMSG_LEN(0));
	return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EBADMSG : n;
}
