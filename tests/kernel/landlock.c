/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: what the domains of supervisor and program rely on, and where the wall has gaps. */
#include "kernel.h"

#include "sys/landlock.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

TestSuite(kernel_landlock, .init = directory_enter, .fini = directory_leave, .timeout = 30);

/* At the same address in every process that is forked from the test. */
static char secret[8];
static int ready[2];

/* Return: 0 or errno. */
static int read_secret(pid_t pid)
{
	char copy[sizeof(secret)];
	struct iovec to = { copy, sizeof(copy) }, from = { secret, sizeof(secret) };

	if (process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(copy))
		return errno;
	return strcmp(copy, "inner") == 0 ? 0 : EBADMSG;
}

static int hold_secret(void)
{
	domain(1, LL_MAKE_SOCK, 0, 0, NULL, 0);
	strcpy(secret, "inner");
	/* Where Yama confines tracing to descendants, it is not what is tested here. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0L, 0L, 0L);
	EXPECT(write(ready[1], "", 1) == 1);
	return pause();
}

static pid_t start_holder(void)
{
	pid_t pid;
	char byte;

	EXPECT(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork_to(hold_secret);
	EXPECT(pid > 0);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		_exit(await(pid));
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	await(pid);
}

static void ancestor_body(void)
{
	pid_t pid;
	int error;

	domain(1, LL_MAKE_FIFO, 0, 0, NULL, 0);
	pid = start_holder();
	error = read_secret(pid);
	end(pid);
	errno = error;
	EXPECT(error == 0);
}

Test(kernel_landlock, an_ancestor_domain_reads_memory)
{
	in_child(ancestor_body);
}

static void sibling_body(void)
{
	pid_t pid = start_holder();
	int before = read_secret(pid), after;

	domain(1, LL_MAKE_FIFO, 0, 0, NULL, 0);
	after = read_secret(pid);
	end(pid);
	errno = before;
	EXPECT(before == 0);
	errno = after;
	EXPECT(after == EPERM);
}

Test(kernel_landlock, a_sibling_domain_does_not_read_memory)
{
	in_child(sibling_body);
}

static void metadata_body(void)
{
	struct stat st;

	domain(1, landlock_fs_rights(1), 0, 0, NULL, 0);
	EXPECT_ERRNO(open("file", O_RDONLY), EACCES);
	EXPECT(stat("file", &st) == 0);
	EXPECT(chmod("file", 0640) == 0);
	EXPECT(stat("file", &st) == 0 && (st.st_mode & 07777) == 0640);
	EXPECT(access("file", R_OK) == 0);
	EXPECT(chdir("/") == 0);
}

Test(kernel_landlock, metadata_is_not_held)
{
	make_file("file", "content");
	in_child(metadata_body);
}

static int listen_on(struct sockaddr_in *ret, int protocol)
{
	socklen_t length = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	if (fd < 0)
		return -1;
	EXPECT(bind(fd, (struct sockaddr *)ret, length) == 0 && listen(fd, 8) == 0);
	EXPECT(getsockname(fd, (struct sockaddr *)ret, &length) == 0);
	return fd;
}

static void confine_connect(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	domain(4, 0, LL_NET_CONNECT_TCP, 0, NULL, 0);
	EXPECT_ERRNO(connect(fd, (const struct sockaddr *)address, sizeof(*address)), EACCES);
	close(fd);
}

static void fastopen_body(void)
{
	struct sockaddr_in address;
	int server = listen_on(&address, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(server >= 0 && fd >= 0);
	confine_connect(&address);
	if (sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EACCES)
			skip("a kernel whose MSG_FASTOPEN passes Landlock: this one refuses it");
		if (errno == EOPNOTSUPP)
			skip("TCP Fast Open (net.ipv4.tcp_fastopen)");
		EXPECT(errno == 0);
	}
	/* The server has a connection. */
	EXPECT(accept(server, NULL, NULL) >= 0);
}

Test(kernel_landlock, fast_open_passes_the_port_rule)
{
	in_child(fastopen_body);
}

static void mptcp_body(void)
{
	struct sockaddr_in address;
	int server = listen_on(&address, IPPROTO_MPTCP);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (server < 0 || fd < 0)
		skip("MPTCP");
	confine_connect(&address);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EACCES)
			skip("a kernel whose MPTCP passes Landlock: this one refuses it");
		EXPECT(errno == 0);
	}
	EXPECT(accept(server, NULL, NULL) >= 0);
}

Test(kernel_landlock, mptcp_passes_the_port_rule)
{
	in_child(mptcp_body);
}

static void refer_body(void)
{
	uint64_t all = landlock_fs_rights(2);

	domain(2, all, 0, 0, ".", all & ~LL_REFER);
	EXPECT(rename("a/file", "a/other") == 0);
	EXPECT_ERRNO(rename("a/other", "b/other"), EXDEV);
	EXPECT_ERRNO(link("a/other", "b/other"), EXDEV);
}

static void referred_body(void)
{
	uint64_t all = landlock_fs_rights(2);

	domain(2, all, 0, 0, ".", all);
	EXPECT(rename("a/file", "b/file") == 0);
}

static void link_body(void)
{
	char handle[32];
	int fd;

	domain(2, LL_REFER | LL_MAKE_REG | LL_READ_FILE, 0, 0, "b",
	       LL_REFER | LL_MAKE_REG | LL_READ_FILE);
	EXPECT_ERRNO(link("a/file", "b/link"), EXDEV);
	fd = open("a/file", O_PATH | O_CLOEXEC);
	EXPECT(fd >= 0);
	snprintf(handle, sizeof(handle), "/proc/self/fd/%d", fd);
	EXPECT_ERRNO(linkat(AT_FDCWD, handle, AT_FDCWD, "b/link", AT_SYMLINK_FOLLOW), EXDEV);
}

/* Else a name could be carried from where nothing is granted to where something is. */
Test(kernel_landlock, linking_needs_refer_where_the_name_lies)
{
	cr_assert_eq(mkdir("a", 0700), 0);
	cr_assert_eq(mkdir("b", 0700), 0);
	make_file("a/file", "content");
	in_child(link_body);
	cr_assert_neq(access("b/link", F_OK), 0);
}

Test(kernel_landlock, renaming_to_another_directory_needs_refer)
{
	cr_assert_eq(mkdir("a", 0700), 0);
	cr_assert_eq(mkdir("b", 0700), 0);
	make_file("a/file", "content");
	in_child(refer_body);
	cr_assert_eq(rename("a/other", "a/file"), 0);
	in_child(referred_body);
	cr_assert_eq(access("b/file", F_OK), 0);
}

static int wait_for_signal(void)
{
	return pause();
}

static pid_t outside;

static int signal_all(void)
{
	pid_t inside;

	domain(6, 0, 0, LL_SCOPE_SIGNAL, NULL, 0);
	/* Before every process is signalled, it is proved that the outside cannot be. */
	EXPECT_ERRNO(kill(outside, 0), EPERM);
	EXPECT_ERRNO(kill(getppid(), 0), EPERM);
	EXPECT_ERRNO(kill(1, 0), EPERM);
	inside = fork_to(wait_for_signal);
	EXPECT(inside > 0);
	EXPECT(kill(-1, SIGKILL) == 0);
	EXPECT(await(inside) == 128 + SIGKILL);
	return 0;
}

static void scope_body(void)
{
	int status, r;

	outside = fork_to(wait_for_signal);
	EXPECT(outside > 0);
	status = await(fork_to(signal_all));
	r = waitpid(outside, NULL, WNOHANG);
	end(outside);
	if (status)
		_exit(status);
	EXPECT(r == 0);
}

Test(kernel_landlock, the_signal_scope_bounds_a_signal_to_all)
{
	in_child(scope_body);
}
