/* SPDX-License-Identifier: Apache-2.0 */
/* User notification: what the request path relies on. */
#include "kernel.h"

#include "sys/seccomp.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

TestSuite(kernel_notify, .init = directory_enter, .fini = directory_leave, .timeout = 30);

static int ask(void)
{
	return (int)syscall(SYS_getppid);
}

/* What the descriptor's file says, as an exit status. */
static int open_and_read(void)
{
	char byte = 0;
	int fd = openat(AT_FDCWD, "no-such-file", O_RDONLY);

	return fd >= 0 && read(fd, &byte, 1) == 1 ? byte : 255;
}

static int nothing(void)
{
	return 0;
}

static uint64_t receive(const struct target *target)
{
	union {
		struct seccomp_notif notif;
		char room[256];
	} buffer;
	struct notif_sizes sizes;

	EXPECT(notif_sizes(&sizes) == 0 && sizes.request <= sizeof(buffer));
	EXPECT(notif_recv(target->listener, &buffer.notif, sizes.request) == 0);
	EXPECT((pid_t)buffer.notif.pid == target->pid);
	return buffer.notif.id;
}

static void sizes_body(void)
{
	struct notif_sizes sizes;

	EXPECT(notif_sizes(&sizes) == 0);
	EXPECT(sizes.request >= sizeof(struct seccomp_notif));
	EXPECT(sizes.reply >= sizeof(struct seccomp_notif_resp));
	EXPECT(sizes.data == sizeof(struct seccomp_data));
	/* The structures only grow; the room that the dispatcher keeps must do. */
	EXPECT(sizes.request <= 256);
}

Test(kernel_notify, sizes_are_at_least_those_of_the_headers)
{
	in_child(sizes_body);
}

static void zeroed_body(void)
{
	struct target target = target_start(SYS_getppid, ask);
	union {
		struct seccomp_notif notif;
		char room[256];
	} buffer = { .notif = { .flags = 1 } };
	uint64_t id;

	EXPECT_ERRNO(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer), EINVAL);
	/* The request is not lost by it. */
	id = receive(&target);
	EXPECT(notif_send(target.listener, id, 0, 0) == 0);
	EXPECT(await(target.pid) == 0);
}

Test(kernel_notify, receiving_needs_a_zeroed_buffer)
{
	in_child(zeroed_body);
}

static void one_listener_body(void)
{
	int first = listener_for(SYS_getppid, 0);

	if (first == -EBUSY)
		skip("the tests run under a listener already");
	EXPECT(first >= 0);
	EXPECT(listener_for(SYS_getppid, 0) == -EBUSY);
	close(first);
	EXPECT(listener_for(SYS_getppid, 0) >= 0);
}

Test(kernel_notify, a_second_listener_is_busy_until_the_first_is_closed)
{
	in_child(one_listener_body);
}

static void closed_body(void)
{
	int listener = listener_for(SYS_getppid, 0);

	if (listener == -EBUSY)
		skip("the tests run under a listener already");
	EXPECT(listener >= 0);
	close(listener);
	EXPECT_ERRNO(syscall(SYS_getppid), ENOSYS);
}

Test(kernel_notify, without_a_listener_the_call_is_refused)
{
	in_child(closed_body);
}

static void sync_body(void)
{
	struct target target = target_start(SYS_getppid, nothing);
	uint64_t flags = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;

	if (notif_sync_wake_up(target.listener) < 0)
		skip("SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP");
	EXPECT_ERRNO(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, &flags), EINVAL);
	EXPECT(await(target.pid) == 0);
}

Test(kernel_notify, synchronous_wake_up_is_set_by_value)
{
	in_child(sync_body);
}

static void path_fd_body(void)
{
	struct target target = target_start(SYS_openat, open_and_read);
	uint64_t id = receive(&target);
	int held = open(".", O_PATH | O_CLOEXEC);

	EXPECT(held >= 0);
	EXPECT(notif_addfd(target.listener, id, held, 0) == -EBADF);
	EXPECT(notif_send(target.listener, id, 0, -EACCES) == 0);
	EXPECT(await(target.pid) == 255);
}

Test(kernel_notify, a_path_descriptor_cannot_be_injected)
{
	in_child(path_fd_body);
}

static void addfd_body(void)
{
	struct target target = target_start(SYS_openat, open_and_read);
	uint64_t id = receive(&target);
	int file = open("file", O_RDONLY | O_CLOEXEC);
	int r;

	EXPECT(file >= 0);
	r = notif_addfd(target.listener, id, file, 0);
	if (r == -EINVAL)
		skip("SECCOMP_ADDFD_FLAG_SEND");
	EXPECT(r >= 0);
	/* Injected and answered in one. */
	EXPECT(notif_send(target.listener, id, 0, 0) == -ENOENT);
	EXPECT(await(target.pid) == 'c');
}

Test(kernel_notify, one_call_injects_and_answers)
{
	make_file("file", "content");
	in_child(addfd_body);
}

static void positive_body(void)
{
	struct target target = target_start(SYS_getppid, ask);
	uint64_t id = receive(&target);

	EXPECT(notif_send(target.listener, id, 0, 5) == 0);
	EXPECT(await(target.pid) == 5);
}

Test(kernel_notify, a_positive_error_is_a_successful_result)
{
	in_child(positive_body);
}

static void death_body(void)
{
	struct target target = target_start(SYS_getppid, ask);
	uint64_t id = receive(&target);

	EXPECT(notif_valid(target.listener, id) == 0);
	EXPECT(kill(target.pid, SIGKILL) == 0);
	EXPECT(await(target.pid) == 128 + SIGKILL);
	EXPECT(notif_valid(target.listener, id) == -ENOENT);
	EXPECT(notif_send(target.listener, id, 0, 0) == -ENOENT);
}

Test(kernel_notify, a_request_of_the_dead_is_not_valid)
{
	in_child(death_body);
}

static void hang_up_body(void)
{
	struct target target = target_start(SYS_getppid, nothing);
	struct pollfd fd = { .fd = target.listener, .events = POLLIN };

	EXPECT(await(target.pid) == 0);
	EXPECT(poll(&fd, 1, -1) == 1);
	EXPECT(fd.revents & POLLHUP);
}

/* KERNEL(5.9): before, nothing was reported, and this test times out. */
Test(kernel_notify, the_listener_hangs_up_with_the_last_task)
{
	in_child(hang_up_body);
}
