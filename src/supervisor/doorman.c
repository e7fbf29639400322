/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of a namespace of our own: see doorman.h. */
#include "supervisor/doorman.h"

#include "base/cleanup.h"
#include "sys/compat.h"
#include "sys/helper.h"
#include "sys/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BACKLOG	 64
#define ATTEMPTS 8

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct socket_request {
	int domain, type;
};

/* The first thing that the doorman says. */
struct start {
	int result; /* 0 or -errno */
	struct sockaddr_in at;
};

static int option_on(int fd, int level, int name)
{
	const int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on));
}

/* Told which address was asked. Return: fd or -errno. */
static int make_listener(const union address *at, int type)
{
	bool six = at->any.sa_family == AF_INET6;
	int fd = socket(at->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failed;

	if (fd < 0)
		return -errno;
	failed = six ? option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) ||
				 option_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) ||
				 /* KERNEL(4.15): an answer may come from an address of a route. */
				 option_on(fd, IPPROTO_IPV6, IPV6_FREEBIND)
		     : option_on(fd, IPPROTO_IP, IP_PKTINFO);
	failed = failed || bind(fd, &at->any, six ? sizeof(at->v6) : sizeof(at->v4));
	if (failed || (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* By their numbers, at every address; -1 where there is no IPv6. Return: 0 or -errno. */
static int listen_inside(in_port_t port, int fds[RESOLVER_FIRST_FREE])
{
	static const struct {
		int number, domain, type;
	} wanted[] = { { RESOLVER_UDP4, AF_INET, SOCK_DGRAM },
		       { RESOLVER_TCP4, AF_INET, SOCK_STREAM },
		       { RESOLVER_UDP6, AF_INET6, SOCK_DGRAM },
		       { RESOLVER_TCP6, AF_INET6, SOCK_STREAM } };
	int ipv6, r = netns_capture(&ipv6);

	for (size_t i = 0; r == 0 && i < COUNT_OF(wanted); i++) {
		union address at = { .v6 = { 0 } };

		if (wanted[i].domain == AF_INET6 && !ipv6)
			continue;
		/* The port stands at the same place in both. */
		at.v4.sin_port = port;
		at.any.sa_family = (sa_family_t)wanted[i].domain;
		fds[wanted[i].number] = r = make_listener(&at, wanted[i].type);
		r = r < 0 ? r : 0;
	}
	return r;
}

/* Any of 127.0.0.0/8 but its first and last ones. */
static in_addr_t some_loopback(void)
{
	uint8_t bytes[4] = { 0 };

	syscall(SYS_getrandom, bytes, sizeof(bytes), 0);
	return htonl(127u << 24 | (uint32_t)(1 + bytes[0] % 254) << 16 | (uint32_t)bytes[1] << 8 |
		     bytes[2]);
}

/* The same at one address of the host's loopback. Return: 0 or -errno. */
static int listen_outside(bool datagrams, struct sockaddr_in *at, int fds[RESOLVER_FIRST_FREE])
{
	int udp = -1, tcp = -EADDRINUSE;

	for (int i = 0; i < ATTEMPTS && tcp == -EADDRINUSE; i++) {
		union address address;

		at->sin_addr.s_addr = some_loopback();
		address.v4 = *at;
		tcp = udp = datagrams ? make_listener(&address, SOCK_DGRAM) : -1;
		if (udp >= 0 || !datagrams)
			tcp = make_listener(&address, SOCK_STREAM);
		if (tcp < 0 && udp >= 0)
			close(udp);
	}
	if (tcp < 0)
		return tcp;
	fds[RESOLVER_UDP4] = udp;
	fds[RESOLVER_TCP4] = tcp;
	return 0;
}

/* Every descriptor gets its number, and those left over are filled: see enum resolver_fd. */
static void __attribute__((noreturn))
execute(const char *program, const int *listeners, int control)
{
	char *const argv[] = { (char *)(uintptr_t) "cordon-resolver", NULL }, *const envp[] = {
		NULL
	};
	static const int numbers[RESOLVER_FIRST_FREE] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	int from[RESOLVER_FIRST_FREE];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < RESOLVER_FIRST_FREE; i++) {
		int fd = i >= RESOLVER_UDP4 && listeners[i] >= 0 ? listeners[i] : control;

		from[i] = fcntl(fd, F_DUPFD_CLOEXEC, RESOLVER_FIRST_FREE);
		if (from[i] < 0)
			_exit(1);
	}
	for (int i = 0; i < RESOLVER_FIRST_FREE; i++)
		if (dup2(from[i], i) < 0)
			_exit(1);
	helper_close_others(numbers, RESOLVER_FIRST_FREE, -1);
	execve(program, argv, envp);
	_exit(1);
}

/* Return: its pid; 0 without a program; -errno. */
static long start_resolver(const char *program, const int *listeners, int control)
{
	long pid = program ? syscall(SYS_clone, 0UL, NULL, NULL, NULL, NULL) : -1;

	if (!program)
		return 0;
	if (pid == 0)
		execute(program, listeners, control);
	return pid < 0 ? -errno : pid;
}

/* Makes the sockets that are asked for until the supervisor is gone. */
static void serve(int socket_fd)
{
	struct socket_request request;
	int fds[HELPER_FDS_MAX], result;
	struct iovec in = { &request, sizeof(request) }, out = { &result, sizeof(result) };

	while (helper_receive(socket_fd, &in, 1, fds, 0) > 0) {
		int fd = socket(request.domain, request.type | SOCK_CLOEXEC, 0);

		result = fd < 0 ? -errno : 0;
		helper_send(socket_fd, &out, 1, &fd, fd >= 0);
		if (fd >= 0)
			close(fd);
	}
}

/* Only system calls: the host may have threads. The first message says how it went. */
static void __attribute__((noreturn))
work(const char *program, enum name_means means, uint16_t port, int socket_fd, int control)
{
	int listeners[RESOLVER_FIRST_FREE];
	struct start start = { .at = { .sin_family = AF_INET, .sin_port = htons(port) } };
	struct iovec out = { &start, sizeof(start) };
	bool inside = means == NAMES_NAMESPACE;
	long pid = -1;

	helper_close_others(&control, 1, socket_fd);
	for (int i = 0; i < RESOLVER_FIRST_FREE; i++)
		listeners[i] = -1;
	start.result = inside ? listen_inside(htons(port), listeners)
			      : listen_outside(means == NAMES_LOOPBACK, &start.at, listeners);
	if (start.result == 0)
		pid = start_resolver(program, listeners, control);
	if (start.result == 0 && pid < 0)
		start.result = (int)pid;
	helper_send(socket_fd, &out, 1, &listeners[RESOLVER_UDP4], inside && start.result == 0);
	if (start.result < 0)
		_exit(1);
	helper_close_others(NULL, 0, socket_fd);
	serve(socket_fd);
	if (pid > 0) {
		syscall(SYS_kill, pid, SIGKILL);
		/* A child without an exit signal has to be asked for by __WALL. */
		syscall(SYS_wait4, pid, NULL, __WALL, NULL);
	}
	_exit(0);
}

static int take_first(struct doorman *doorman)
{
	int fds[HELPER_FDS_MAX];
	struct start start;
	struct iovec in = { &start, sizeof(start) };
	socklen_t length = sizeof(doorman->cookie);
	ssize_t n = helper_receive(doorman->socket, &in, 1, fds, 0);

	if (n != (ssize_t)sizeof(start))
		return -EIO;
	doorman->at = start.at;
	/* One of the namespace's. */
	if (fds[0] >= 0) {
		doorman->has_cookie = getsockopt(fds[0], SOL_SOCKET, SO_NETNS_COOKIE,
						 &doorman->cookie, &length) == 0;
		close(fds[0]);
	}
	return start.result;
}

int doorman_start(const char *program, enum name_means means, uint16_t port, struct doorman *ret)
{
	unsigned long flags =
		means == NAMES_NAMESPACE ? CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID : 0;
	int pair[2], control[2];
	pid_t pid;
	int r;

	*ret = (struct doorman){ .pidfd = -1, .socket = -1, .control = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ret->socket = pair[0];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0) {
		r = -errno;
		close(pair[1]);
		doorman_end(ret);
		return r;
	}
	ret->control = control[0];
	pid = helper_fork(flags, &ret->pidfd);
	if (pid == 0)
		work(program, means, port, pair[1], control[1]);
	close(pair[1]);
	close(control[1]);
	r = pid < 0 ? pid : take_first(ret);
	if (r < 0)
		doorman_end(ret);
	return r;
}

void doorman_end(struct doorman *doorman)
{
	if (doorman->socket >= 0)
		close(steal_fd(&doorman->socket));
	if (doorman->control >= 0)
		close(steal_fd(&doorman->control));
	helper_end(&doorman->pidfd);
}

int doorman_socket(const struct doorman *doorman, int domain, int type)
{
	struct socket_request request = { domain, type };
	int fds[HELPER_FDS_MAX], result;
	struct iovec out = { &request, sizeof(request) }, in = { &result, sizeof(result) };
	int r = helper_send(doorman->socket, &out, 1, NULL, 0);

	if (r < 0)
		return r;
	/* Waits for the length of one system call of a process that does nothing else. */
	if (helper_receive(doorman->socket, &in, 1, fds, 0) != (ssize_t)sizeof(result))
		return -EIO;
	return result < 0 ? result : fds[0];
}

bool doorman_owns(const struct doorman *doorman, int fd)
{
	socklen_t length = sizeof(doorman->cookie);
	uint64_t cookie;

	return doorman->has_cookie &&
	       getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 &&
	       cookie == doorman->cookie;
}
