/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload MEASURE BATCHES COUNT [ARG]
 *
 * Repeats one call COUNT times in each of BATCHES batches and prints the median batch as
 * nanoseconds per call. Measures: getpid; read, write (one byte of /dev/zero, to /dev/null); open
 * PATH (and close); stat, readlink PATH; connect PORT (and close, over loopback), poll PORT (the same
 * on a socket that does not wait); sendto PORT (a UDP datagram, over loopback). `payload serve`
 * listens for both, prints the port and takes what comes until its standard input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *argument = "";
static int device = -1;
static struct sockaddr_in server;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void do_getpid(void)
{
	syscall(SYS_getpid);
}

static void do_read(void)
{
	char byte;

	if (read(device, &byte, 1) != 1)
		die("read");
}

static void do_write(void)
{
	if (write(device, "x", 1) != 1)
		die("write");
}

static void do_open(void)
{
	int fd = open(argument, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(argument);
	close(fd);
}

static void do_stat(void)
{
	struct stat st;

	if (stat(argument, &st) < 0)
		die(argument);
}

/* As realpath() asks of every directory on the way: not a link. */
static void do_readlink(void)
{
	char target[64];

	if (readlink(argument, target, sizeof(target)) >= 0 || errno != EINVAL)
		die(argument);
}

static void connect_and_close(int flags)
{
	/* A reset instead of a farewell: no port stays in TIME_WAIT. */
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0 &&
	    (errno != EINPROGRESS || poll(&wait, 1, -1) != 1))
		die("connect");
	close(fd);
}

static void do_connect(void)
{
	connect_and_close(0);
}

static void do_poll(void)
{
	connect_and_close(SOCK_NONBLOCK);
}

static void do_sendto(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sendto(fd, "datagram", 8, 0, (struct sockaddr *)&server, sizeof(server)) != 8)
		die("sendto");
}

static const struct measure {
	const char *name;
	void (*once)(void);
	const char *device;
	int flags;
} measures[] = {
	{ "getpid", do_getpid, NULL, 0 },
	{ "read", do_read, "/dev/zero", O_RDONLY },
	{ "write", do_write, "/dev/null", O_WRONLY },
	{ "open", do_open, NULL, 0 },
	{ "stat", do_stat, NULL, 0 },
	{ "readlink", do_readlink, NULL, 0 },
	{ "connect", do_connect, NULL, 0 },
	{ "poll", do_poll, NULL, 0 },
	{ "sendto", do_sendto, NULL, 0 },
};

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double batch(void (*once)(void), long count)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < count; i++)
		once();
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
	       (double)count;
}

static int serve(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		die("listen");
	/* Nobody reads: what does not fit is dropped, and the sender does not notice. */
	if (udp < 0 || bind(udp, (struct sockaddr *)&address, length) < 0)
		die("bind");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		close(accept(fd, NULL, NULL));
	return 0;
}

static int measure(const struct measure *m, long batches, long count)
{
	double *times = calloc((size_t)batches, sizeof(*times));

	if (!times)
		die("memory");
	if (m->device) {
		device = open(m->device, m->flags | O_CLOEXEC);
		if (device < 0)
			die(m->device);
	}
	server = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) },
				       .sin_port = htons((uint16_t)atoi(argument)) };
	batch(m->once, count); /* warms up */
	for (long i = 0; i < batches; i++)
		times[i] = batch(m->once, count);
	qsort(times, (size_t)batches, sizeof(*times), compare);
	printf("%.1f\n", times[batches / 2]);
	free(times);
	return 0;
}

int main(int argc, char **argv)
{
	long batches = argc > 2 ? atol(argv[2]) : 0, count = argc > 3 ? atol(argv[3]) : 0;

	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc > 4)
		argument = argv[4];
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		if (argc > 3 && batches > 0 && count > 0 && strcmp(argv[1], measures[i].name) == 0)
			return measure(&measures[i], batches, count);
	fprintf(stderr, "usage: %s MEASURE BATCHES COUNT [ARG]\n", argv[0]);
	return 2;
}
