/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit PATH... -- PROGRAM [ARG...]
 *
 * The least that carrying out a call for another process can cost. An open: receive, copy the path,
 * ask whether the caller is still there, open, put the descriptor into the caller and answer, close.
 * A connect, or a sendto with an address: receive, copy the address (and the payload), take a
 * duplicate of the socket, ask, do it on the duplicate, answer, close. It judges nothing and
 * protects nothing. The responder and the program are under Landlock, the responder's domain being
 * an ancestor of the program's, as in cordon.
 */
#include "confine.h"

#include "sys/process.h"
#include "sys/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define LISTENER    100 /* its number in the table that parent and child share */

static int listen_to_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};

	return install(code, sizeof(code) / sizeof(code[0]), SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* Where a relative path of the caller starts. Return: a descriptor, or -errno. */
static int base_of(const struct seccomp_notif *n)
{
	int dirfd = (int)n->data.args[0], fd;
	char name[48];

	if (dirfd == AT_FDCWD)
		snprintf(name, sizeof(name), "/proc/%u/cwd", n->pid);
	else
		snprintf(name, sizeof(name), "/proc/%u/fd/%d", n->pid, dirfd);
	fd = open(name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Copies what an argument points to, as far as there is room. Return: the length or -errno. */
static ssize_t copy(const struct seccomp_notif *n, int arg, size_t length, void *room, size_t size)
{
	if (length > size)
		return -EINVAL;
	return process_read(-1, (pid_t)n->pid, n->data.args[arg], room, length);
}

/* connect(socket, address, length), or sendto(socket, data, length, flags, address, length) */
static int do_for(int listener, const struct seccomp_notif *n)
{
	struct sockaddr_storage address;
	char data[2048];
	bool send = n->data.nr == SYS_sendto;
	size_t address_length = (size_t)n->data.args[send ? 5 : 2];
	int pidfd = pidfd_open_process((pid_t)n->pid), fd;
	ssize_t r;

	r = copy(n, send ? 4 : 1, address_length, &address, sizeof(address));
	if (r >= 0 && send)
		r = copy(n, 1, (size_t)n->data.args[2], data, sizeof(data));
	fd = pidfd_get(pidfd, (int)n->data.args[0]);
	if (r >= 0 && fd >= 0 && notif_valid(listener, n->id) == 0) {
		const struct sockaddr *to = (const struct sockaddr *)&address;

		r = send ? sendto(fd, data, (size_t)r, (int)n->data.args[3], to,
				  (socklen_t)address_length)
			 : connect(fd, to, (socklen_t)address_length);
		if (r < 0)
			r = -errno;
	}
	close(fd);
	close(pidfd);
	return (int)r;
}

/* Return: a descriptor of what the caller's path names, or -errno. */
static int open_for(int listener, const struct seccomp_notif *n)
{
	char path[PATH_MAX];
	int base = AT_FDCWD;
	struct iovec to = { path, sizeof(path) };
	size_t room = 4096 - n->data.args[1] % 4096;
	struct iovec from = { (void *)(uintptr_t)n->data.args[1], room };
	struct open_how how = { .flags = n->data.args[2] | O_CLOEXEC };
	ssize_t length = process_vm_readv((pid_t)n->pid, &to, 1, &from, 1, 0);
	long fd;

	if (length > 0 && !memchr(path, '\0', (size_t)length) && (size_t)length < sizeof(path)) {
		to = (struct iovec){ path + length, sizeof(path) - (size_t)length };
		from = (struct iovec){ (char *)from.iov_base + length, to.iov_len };
		process_vm_readv((pid_t)n->pid, &to, 1, &from, 1, 0);
	}
	if (length <= 0)
		return -EFAULT;
	path[sizeof(path) - 1] = '\0';
	if (notif_valid(listener, n->id) < 0)
		return -ENOENT;
	if (path[0] != '/') {
		base = base_of(n);
		if (base < 0)
			return base;
	}
	if (how.flags & (O_CREAT | TMPFILE_BIT))
		how.mode = n->data.args[3] & 07777;
	fd = syscall(SYS_openat2, base, path, &how, sizeof(how));
	fd = fd < 0 ? -errno : fd;
	if (base >= 0)
		close(base);
	return (int)fd;
}

static void serve(int listener)
{
	union {
		struct seccomp_notif notif;
		char room[256];
	} buffer;
	struct notif_sizes sizes;

	if (notif_sizes(&sizes) < 0 || sizes.request > sizeof(buffer))
		die("notification sizes");
	notif_sync_wake_up(listener);
	for (;;) {
		struct pollfd fd = { .fd = listener, .events = POLLIN };
		const struct seccomp_notif *n = &buffer.notif;
		int opened;

		if (poll(&fd, 1, -1) < 0 || !(fd.revents & POLLIN))
			return;
		if (notif_recv(listener, &buffer.notif, sizes.request) < 0)
			continue;
		if (n->data.nr != SYS_openat) {
			int r = do_for(listener, n);

			notif_send(listener, n->id, r < 0 ? 0 : r, r < 0 ? r : 0);
			continue;
		}
		opened = open_for(listener, n);
		if (opened < 0) {
			notif_send(listener, n->id, 0, opened);
			continue;
		}
		notif_addfd(listener, n->id, opened, n->data.args[2] & O_CLOEXEC);
		close(opened);
	}
}

int main(int argc, char **argv)
{
	int program = confine(argc, argv);
	int listener, status;
	pid_t pid;

	if (program >= argc) {
		fprintf(stderr, "usage: %s PATH... -- PROGRAM [ARG...]\n", argv[0]);
		return 125;
	}
	/* One table of descriptors until the exec: the parent sees the listener without a message.
	 */
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_VFORK | SIGCHLD, 0L, 0L, 0L, 0L);
	if (pid < 0)
		die("clone");
	if (pid == 0) {
		confine(argc, argv);
		listener = listen_to_calls();
		dup3(listener, LISTENER, O_CLOEXEC);
		execv(argv[program], argv + program);
		_exit(127);
	}
	serve(LISTENER);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
