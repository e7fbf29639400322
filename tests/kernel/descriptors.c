/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of others: taken from them, shared with them, and those that stand for them. */
#include "base/cleanup.h"
#include "kernel.h"
#include "sys/compat.h"
#include "sys/landlock.h"
#include "sys/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

TestSuite(kernel_descriptors, .timeout = 30);

#define LOW_FD	100
#define HIGH_FD 101

static int ready, go;

static void gate(int fd)
{
	eventfd_t value;

	EXPECT(eventfd_read(fd, &value) == 0);
}

static int hold(void)
{
	domain(1, LL_MAKE_SOCK, 0, 0, NULL, 0);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0L, 0L, 0L);
	eventfd_write(ready, 1);
	return pause();
}

static pid_t start_holder(void)
{
	pid_t pid;

	/* The child would be waited for in vain where it has to skip. */
	if (landlock_abi() < 1)
		skip("Landlock");
	ready = eventfd(0, EFD_CLOEXEC);
	pid = fork_to(hold);
	EXPECT(pid > 0);
	gate(ready);
	return pid;
}

static int take(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open_process(pid);
	cleanup_fd int fd = pidfd < 0 ? pidfd : pidfd_get(pidfd, ready);

	return fd < 0 ? fd : 0;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	await(pid);
}

/* before: without a domain of one's own, which tells a refusal by the host from Landlock's. */
static void expect_taken(pid_t pid, int before, int after, int expected)
{
	end(pid);
	if (before < 0)
		skip("pidfd_getfd, or the permission to use it");
	errno = -after;
	EXPECT(after == expected);
}

static void from_above_body(void)
{
	pid_t pid = start_holder();
	int before = take(pid), after;

	end(pid);
	domain(1, LL_MAKE_FIFO, 0, 0, NULL, 0);
	pid = start_holder();
	after = take(pid);
	expect_taken(pid, before, after, 0);
}

Test(kernel_descriptors, an_ancestor_domain_takes_them)
{
	in_child(from_above_body);
}

static void from_beside_body(void)
{
	pid_t pid = start_holder();
	int before = take(pid);

	domain(1, LL_MAKE_FIFO, 0, 0, NULL, 0);
	expect_taken(pid, before, take(pid), -EPERM);
}

Test(kernel_descriptors, a_sibling_domain_does_not_take_them)
{
	in_child(from_beside_body);
}

static int share_and_leave(void)
{
	if (fcntl(ready, F_DUPFD_CLOEXEC, LOW_FD) != LOW_FD)
		return 1;
	eventfd_write(ready, 1);
	gate(go);
	if (syscall(SYS_close_range, LOW_FD, LOW_FD, CLOSE_RANGE_UNSHARE) < 0)
		return 2;
	return fcntl(ready, F_DUPFD_CLOEXEC, HIGH_FD) == HIGH_FD ? 0 : 3;
}

static void shared_table_body(void)
{
	pid_t pid;
	int status;

	/* Nothing lies up there; only whether there is such a call is asked. */
	if (syscall(SYS_close_range, ~0u, ~0u, 0) < 0)
		skip("close_range");
	ready = eventfd(0, EFD_CLOEXEC);
	go = eventfd(0, EFD_CLOEXEC);
	EXPECT_ERRNO(fcntl(LOW_FD, F_GETFD), EBADF);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L);
	EXPECT(pid >= 0);
	if (pid == 0)
		_exit(share_and_leave());
	gate(ready);
	EXPECT(fcntl(LOW_FD, F_GETFD) >= 0);
	eventfd_write(go, 1);
	status = await(pid);
	EXPECT(status == 0);
	/* What it closed after leaving is open here, what it opened is not. */
	EXPECT(fcntl(LOW_FD, F_GETFD) >= 0);
	EXPECT_ERRNO(fcntl(HIGH_FD, F_GETFD), EBADF);
}

Test(kernel_descriptors, a_shared_table_is_one_until_close_range_leaves_it)
{
	in_child(shared_table_body);
}

static void pidfd_body(void)
{
	int pidfd = -1;
	/* No exit signal in the low byte of the flags. */
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD, 0L, &pidfd, 0L, 0L);
	siginfo_t info = { 0 };

	EXPECT(pid >= 0);
	if (pid == 0)
		_exit(7);
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINVAL)
		skip("waitid on a pidfd");
	EXPECT(info.si_pid == 0);
	EXPECT(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) == 0);
	EXPECT(info.si_pid == pid && info.si_status == 7);
	EXPECT_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
}

Test(kernel_descriptors, a_pidfd_reaps_a_child_without_exit_signal)
{
	in_child(pidfd_body);
}
