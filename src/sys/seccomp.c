/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp and its notifications: see seccomp.h. */
#include "sys/seccomp.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_install(const struct sock_filter *code, size_t length, unsigned flags)
{
	union {
		const struct sock_filter *in;
		struct sock_filter *out;
	} unconst = { .in = code };
	struct sock_fprog program = { .filter = unconst.out };
	long r;

	if (length == 0 || length > BPF_MAXINSNS)
		return -EINVAL;
	program.len = (unsigned short)length;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return r < 0 ? -errno : (int)r;
}

int notif_sizes(struct notif_sizes *ret)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -errno;
	ret->request = sizes.seccomp_notif;
	ret->reply = sizes.seccomp_notif_resp;
	ret->data = sizes.seccomp_data;
	return 0;
}

int notif_recv(int listener, struct seccomp_notif *request, size_t size)
{
	if (size < sizeof(*request))
		return -EINVAL;
	memset(request, 0, size);
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) < 0 ? -errno : 0;
}

int notif_send(int listener, uint64_t id, int64_t value, int32_t error)
{
	struct seccomp_notif_resp reply = { .id = id, .val = value, .error = error };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) < 0 ? -errno : 0;
}

int notif_continue(int listener, uint64_t id)
{
	struct seccomp_notif_resp reply = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) < 0 ? -errno : 0;
}

int notif_addfd(int listener, uint64_t id, int fd, unsigned fd_flags)
{
	struct seccomp_notif_addfd add = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = fd_flags,
	};
	int r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	return r < 0 ? -errno : r;
}

int notif_place_fd(int listener, uint64_t id, int fd, unsigned fd_flags)
{
	struct seccomp_notif_addfd add = {
		.id = id,
		.srcfd = (uint32_t)fd,
		.newfd_flags = fd_flags,
	};
	int r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	return r < 0 ? -errno : r;
}

int notif_replace_fd(int listener, uint64_t id, int fd, int number, unsigned fd_flags)
{
	struct seccomp_notif_addfd add = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t)fd,
		.newfd = (uint32_t)number,
		.newfd_flags = fd_flags,
	};

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

int notif_valid(int listener, uint64_t id)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ? -errno : 0;
}

bool notif_waits_killable(void)
{
	const unsigned long flags =
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

	/* Flags are looked at before the program is: EFAULT says that they are known. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

int notif_sync_wake_up(int listener)
{
	/* KERNEL(6.6): the flags are the argument itself, not what it points to. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0)
		return -errno;
	return 0;
}
