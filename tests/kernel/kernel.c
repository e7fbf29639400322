/* SPDX-License-Identifier: Apache-2.0 */
/* See kernel.h. */
#include "kernel.h"

#include "base/cleanup.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <ftw.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define STATUS_SKIP   77
#define STATUS_FAILED 1

/* Where a child says why it failed. */
static int report = -1;
static char directory[64];

_Noreturn void child_failed(const char *file, int line, const char *what, int error)
{
	dprintf(report, "%s:%d: %s (errno: %s)", file, line, what, strerror(error));
	_exit(STATUS_FAILED);
}

_Noreturn void skip(const char *missing)
{
	dprintf(report, "%s", missing);
	_exit(STATUS_SKIP);
}

void in_child(void (*body)(void))
{
	char text[512];
	ssize_t n, length = 0;
	int fds[2], status;
	pid_t pid;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		report = fds[1];
		body();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + length, sizeof(text) - 1 - (size_t)length)) > 0)
		length += n;
	text[length] = '\0';
	close(fds[0]);
	status = await(pid);
	if (status == STATUS_SKIP)
		cr_skip_test("%s", text);
	cr_assert_eq(status, 0, "%s (status %d)", text, status);
}

void directory_enter(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/cordon-kernel-XXXXXX",
		 base && strlen(base) < 32 ? base : "/tmp");
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void directory_leave(void)
{
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void make_file(const char *name, const char *text)
{
	cleanup_fd int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

pid_t fork_to(int (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	return pid;
}

int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int listener_for(int nr, unsigned flags)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0);
	return seccomp_install(code, COUNT_OF(code), flags | SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* One descriptor and no text. */
static int pass(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	char byte = 0;
	struct iovec text = { &byte, 1 };
	struct msghdr message = { .msg_iov = &text,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
	}
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

struct target target_start(int nr, int (*body)(void))
{
	struct target target;
	int sockets[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
	target.pid = fork();
	EXPECT(target.pid >= 0);
	if (target.pid == 0) {
		int listener = listener_for(nr, 0);

		if (listener == -EBUSY)
			skip("the tests run under a listener already");
		EXPECT(listener >= 0 && pass(sockets[1], listener) == 0);
		close(listener);
		close(sockets[0]);
		close(sockets[1]);
		_exit(body());
	}
	close(sockets[1]);
	target.listener = pass(sockets[0], -1);
	close(sockets[0]);
	if (target.listener < 0)
		_exit(await(target.pid));
	return target;
}

void domain(int abi, uint64_t fs, uint64_t net, uint64_t scopes, const char *path, uint64_t rights)
{
	char missing[40];
	int ruleset, fd;

	if (landlock_abi() < abi) {
		snprintf(missing, sizeof(missing), "Landlock ABI %d", abi);
		skip(missing);
	}
	ruleset = landlock_create(fs, net, scopes);
	EXPECT(ruleset >= 0);
	if (path) {
		fd = open(path, O_PATH | O_CLOEXEC);
		EXPECT(fd >= 0 && landlock_add_path(ruleset, fd, true, rights) == 0);
		close(fd);
	}
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0);
	EXPECT(landlock_restrict(ruleset) == 0);
	close(ruleset);
}
