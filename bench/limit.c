/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit PATH... -- PROGRAM [ARG...]
 *
 * The least that carrying out an open for another process can cost: receive, copy the path, ask
 * whether the caller is still there, open, put the descriptor into the caller and answer, close. It
 * judges nothing and protects nothing. The responder and the program are under Landlock, the
 * responder's domain being an ancestor of the program's, as in cordon.
 */
#include "confine.h"

#include "sys/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTENER 100 /* its number in the table that parent and child share */

static int listen_to_opens(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(code, sizeof(code) / sizeof(code[0]), SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* Return: a descriptor of what the caller's path names, or -errno. */
static int open_for(int listener, const struct seccomp_notif *n)
{
	char path[PATH_MAX];
	struct iovec to = { path, sizeof(path) };
	size_t room = 4096 - n->data.args[1] % 4096;
	struct iovec from = { (void *)(uintptr_t)n->data.args[1], room };
	struct open_how how = { .flags = (n->data.args[2] & ~(uint64_t)O_CREAT) | O_CLOEXEC };
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
	fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
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
		listener = listen_to_opens();
		dup3(listener, LISTENER, O_CLOEXEC);
		execv(argv[program], argv + program);
		_exit(127);
	}
	serve(LISTENER);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
