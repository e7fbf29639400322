/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Races between a check and a use, as a hostile program runs them.
 *
 *   race NAME ROUNDS GOOD BAD [EXTRA]
 *
 * One thread makes a call over and over, another changes meanwhile what the call refers to: between
 * GOOD, which is allowed, and BAD, which is not. A read that yields the word SECRET, a connection
 * that stands, a name that appears is a leak. Prints `rounds R good G leaked L`. No rounds (0): on
 * and on until the first leak, for controls.
 *
 * GOOD and BAD that are flipped in memory differ in one byte, so that no third name is ever read.
 *
 *   race swap 0 A B     not a payload: exchanges the two names until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE	 4096
#define SWAP_FD	 100
#define EXCHANGE 2u

static const char *good, *bad, *extra;
/* What the calls are given: a page of its own, so that it can be taken away. */
static char *page;
static atomic_bool stop;
static atomic_int fds[2];

/* --- outcomes --------------------------------------------------------------------------------- */

enum outcome { REFUSED, GOOD, LEAKED };

static enum outcome look(int fd)
{
	char text[16] = "";
	ssize_t n;

	if (fd < 0)
		return REFUSED;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && strstr(text, "SECRET") ? LEAKED : GOOD;
}

static enum outcome call_open(void)
{
	return look(open(page, O_RDONLY | O_CLOEXEC));
}

static enum outcome call_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	return look((int)syscall(SYS_openat2, AT_FDCWD, page, &how, sizeof(how)));
}

/* A handle is given out without a decision; reading through it is decided. */
static enum outcome call_handle(void)
{
	int handle = open(page, O_PATH | O_CLOEXEC);
	char path[32];
	enum outcome ret;

	if (handle < 0)
		return REFUSED;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	ret = look(open(path, O_RDONLY | O_CLOEXEC));
	close(handle);
	return ret;
}

/* Hidden names differ from what is there to be seen by their length. */
static enum outcome call_stat(void)
{
	struct stat st;

	if (stat(page, &st) < 0)
		return REFUSED;
	return st.st_size > (off_t)strlen("public\n") ? LEAKED : GOOD;
}

/* The bad one has lost its text. */
static enum outcome call_creat(void)
{
	int fd = creat(page, 0644);
	struct stat st;

	if (fd < 0)
		return REFUSED;
	close(fd);
	return stat(bad, &st) == 0 && st.st_size == 0 ? LEAKED : GOOD;
}

static enum outcome call_truncate(void)
{
	struct stat st;

	if (truncate(page, 7) < 0)
		return REFUSED;
	/* The secret is longer than that. */
	return stat(bad, &st) == 0 && st.st_size == 7 ? LEAKED : GOOD;
}

/* extra is moved to the name in the page and back. */
static enum outcome call_rename(void)
{
	if (rename(extra, page) < 0)
		return REFUSED;
	if (access(bad, F_OK) == 0)
		return LEAKED;
	return rename(good, extra) == 0 ? GOOD : REFUSED;
}

static enum outcome call_link(void)
{
	if (link(extra, page) < 0)
		return REFUSED;
	if (access(bad, F_OK) == 0)
		return LEAKED;
	return unlink(good) == 0 ? GOOD : REFUSED;
}

static enum outcome call_mkdir(void)
{
	if (mkdir(page, 0755) < 0)
		return REFUSED;
	if (access(bad, F_OK) == 0)
		return LEAKED;
	return rmdir(good) == 0 ? GOOD : REFUSED;
}

static enum outcome call_unlink(void)
{
	int fd = open(good, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
	if (unlink(page) < 0)
		return REFUSED;
	return access(good, F_OK) == 0 ? LEAKED : GOOD;
}

static enum outcome call_chmod(void)
{
	struct stat st;

	if (chmod(page, 0751) < 0)
		return REFUSED;
	return stat(bad, &st) == 0 && (st.st_mode & 0777) == 0751 ? LEAKED : GOOD;
}

/* The path is constant; what lies behind it changes. */
static enum outcome call_fixed(void)
{
	return look(open(extra, O_RDONLY | O_CLOEXEC));
}

static enum outcome call_dirfd(void)
{
	return look(openat(SWAP_FD, extra, O_RDONLY | O_CLOEXEC));
}

/* The number is now a listing of the good directory, now a handle on the bad one. */
static enum outcome call_listing(void)
{
	char entries[1024];
	long n, at, length;
	enum outcome ret = REFUSED;

	lseek(SWAP_FD, 0, SEEK_SET);
	n = syscall(SYS_getdents64, SWAP_FD, entries, sizeof(entries));
	for (at = 0; at < n; at += length) {
		length = *(unsigned short *)(entries + at + 16);
		if (strcmp(entries + at + 19, "SECRET") == 0)
			return LEAKED;
		ret = GOOD;
	}
	return ret;
}

/* Nobody listens at the good address; the bad one is heard by a canary. */
static enum outcome call_connect(void)
{
	const struct sockaddr *address = (const struct sockaddr *)page;
	bool local = extra[0] == 'u';
	int fd = socket(local ? AF_UNIX : AF_INET,
			SOCK_STREAM | SOCK_CLOEXEC | (extra[1] == 'n' ? SOCK_NONBLOCK : 0), 0);
	struct linger at_once = { 1, 0 };
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	enum outcome ret;

	if (fd < 0)
		return REFUSED;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	ret = connect(fd, address,
		      local ? sizeof(struct sockaddr_un) : sizeof(struct sockaddr_in)) < 0 &&
			      errno == EACCES
		      ? REFUSED
		      : GOOD;
	if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0)
		ret = LEAKED;
	close(fd);
	return ret;
}

/*
 * A datagram to the address in the page, by the call in extra: sendto, sendmsg, or the second message
 * of sendmmsg. What the bad one hears is counted outside.
 */
static enum outcome call_send(void)
{
	static int fd = -1;
	char payload[] = "payload";
	struct iovec part = { payload, sizeof(payload) };
	struct mmsghdr vector[2] = { { .msg_hdr = { .msg_name = page + PAGE / 2,
						    .msg_namelen = sizeof(struct sockaddr_in),
						    .msg_iov = &part,
						    .msg_iovlen = 1 } } };
	ssize_t n;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	vector[1] = vector[0];
	vector[1].msg_hdr.msg_name = page;
	if (strcmp(extra, "sendto") == 0)
		n = sendto(fd, payload, sizeof(payload), 0, (const struct sockaddr *)page,
			   sizeof(struct sockaddr_in));
	else if (strcmp(extra, "sendmsg") == 0)
		n = sendmsg(fd, &vector[1].msg_hdr, 0);
	else
		n = sendmmsg(fd, vector, 2, 0) - 1;
	return n > 0 ? GOOD : REFUSED;
}

/* The header of the message changes: its address, and the parts of the payload along with it. */
static enum outcome call_header(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return sendmsg(fd, (const struct msghdr *)(const void *)page, 0) > 0 ? GOOD : REFUSED;
}

/* The number is now a unix, now an inet socket; the address is a bad one. */
static enum outcome call_socket_number(void)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (connect(SWAP_FD, (const struct sockaddr *)page, sizeof(struct sockaddr_in)) < 0 &&
	    errno == EACCES)
		return REFUSED;
	return getpeername(fds[1], (struct sockaddr *)&peer, &length) == 0 ? LEAKED : GOOD;
}

/* --- what changes meanwhile ------------------------------------------------------------------- */

static void flip_text(int turn)
{
	const char *name = turn & 1 ? bad : good;

	memcpy(page, name, strlen(name) + 1);
}

static void flip_protection(int turn)
{
	flip_text(turn);
	if (turn % 64 != 0)
		return;
	mprotect(page, PAGE, PROT_NONE);
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

/* Now and then the page itself goes away and comes back; else the call would hardly find it. */
static void flip_mapping(int turn)
{
	if (turn % 64 == 0) {
		munmap(page, PAGE);
		if (mmap(page, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page)
			abort();
	}
	flip_text(turn);
}

static void flip_directory(int turn)
{
	if (chdir(turn & 1 ? bad : good) < 0)
		stop = true;
}

static void flip_names(int turn)
{
	(void)turn;
	syscall(SYS_renameat2, AT_FDCWD, good, AT_FDCWD, bad, EXCHANGE);
}

static void fill_address(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(text)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (text[0] != '/') {
		memcpy(page, &in, sizeof(in));
		return;
	}
	strncpy(un.sun_path, text, sizeof(un.sun_path) - 1);
	memcpy(page, &un, sizeof(un));
}

static void flip_address(int turn)
{
	fill_address(turn & 1 ? bad : good);
}

static struct headers {
	struct sockaddr_in address;
	struct iovec part;
	struct msghdr header;
} headers[2];

/* Two messages: `good` to the good address, `bad` to the bad one. */
static void make_headers(void)
{
	static char texts[2][8] = { "good", "bad" };

	for (int i = 0; i < 2; i++) {
		struct headers *h = &headers[i];

		fill_address(i ? bad : good);
		memcpy(&h->address, page, sizeof(h->address));
		h->part = (struct iovec){ texts[i], strlen(texts[i]) };
		h->header = (struct msghdr){ .msg_name = &h->address,
					     .msg_namelen = sizeof(h->address),
					     .msg_iov = &h->part,
					     .msg_iovlen = 1 };
	}
}

static void flip_header(int turn)
{
	memcpy(page, &headers[turn & 1].header, sizeof(struct msghdr));
}

/* The second half stays good: the first message of a vector. */
static void keep_one_good(void)
{
	fill_address(good);
	memcpy(page + PAGE / 2, page, sizeof(struct sockaddr_in));
}

static void flip_symlink(int turn)
{
	char spare[PATH_MAX];

	snprintf(spare, sizeof(spare), "%s.spare", extra);
	unlink(spare);
	if (symlink(turn & 1 ? bad : good, spare) == 0)
		rename(spare, extra);
}

static void flip_number(int turn)
{
	dup2(fds[turn & 1], SWAP_FD);
}

static void nothing(int turn)
{
	(void)turn;
	usleep(1000);
}

/* The bad one was opened outside: its number is given. */
static void open_directories(void)
{
	fds[0] = open(good, O_PATH | O_CLOEXEC);
	fds[1] = atoi(bad);
}

static void open_listing(void)
{
	fds[0] = open(good, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = atoi(bad);
}

static void open_sockets(void)
{
	fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	fill_address(bad);
}

static const struct race {
	const char *name;
	enum outcome (*call)(void);
	void (*flip)(int turn);
	void (*prepare)(void);
} races[] = {
	{ "open", call_open, flip_text, NULL },
	{ "openat2", call_openat2, flip_text, NULL },
	{ "handle", call_handle, flip_text, NULL },
	{ "stat", call_stat, flip_text, NULL },
	{ "creat", call_creat, flip_text, NULL },
	{ "truncate", call_truncate, flip_text, NULL },
	{ "rename", call_rename, flip_text, NULL },
	{ "link", call_link, flip_text, NULL },
	{ "mkdir", call_mkdir, flip_text, NULL },
	{ "unlink", call_unlink, flip_text, NULL },
	{ "chmod", call_chmod, flip_text, NULL },
	{ "protection", call_open, flip_protection, NULL },
	{ "mapping", call_open, flip_mapping, NULL },
	{ "symlink", call_fixed, flip_symlink, NULL },
	{ "exchange", call_fixed, flip_names, NULL },
	{ "directory", call_fixed, flip_directory, NULL },
	{ "listing", call_listing, flip_number, open_listing },
	{ "fixed", call_fixed, nothing, NULL },
	{ "dirfd", call_dirfd, flip_number, open_directories },
	{ "connect", call_connect, flip_address, NULL },
	{ "send", call_send, flip_address, keep_one_good },
	{ "header", call_header, flip_header, make_headers },
	{ "number", call_socket_number, flip_number, open_sockets },
};

static void *flipper(void *arg)
{
	const struct race *race = arg;

	for (int turn = 0; !stop; turn++)
		race->flip(turn);
	return NULL;
}

static int run(const struct race *race, long rounds)
{
	long done, counts[3] = { 0 };
	union {
		const struct race *in;
		void *out;
	} unconst = { .in = race };
	pthread_t thread;

	if (race->prepare)
		race->prepare();
	race->flip(0);
	if (pthread_create(&thread, NULL, flipper, unconst.out) != 0)
		return 2;
	for (done = 0; rounds ? done < rounds : !counts[LEAKED]; done++)
		counts[race->call()]++;
	stop = true;
	pthread_join(thread, NULL);
	printf("rounds %ld good %ld leaked %ld\n", done, counts[GOOD], counts[LEAKED]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	good = argv[3];
	bad = argv[4];
	extra = argc > 5 ? argv[5] : "";
	if (strcmp(argv[1], "swap") == 0) {
		puts("swapping");
		fflush(stdout);
		while (syscall(SYS_renameat2, AT_FDCWD, good, AT_FDCWD, bad, EXCHANGE) == 0)
			continue;
		return 1;
	}
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++)
		if (strcmp(races[i].name, argv[1]) == 0)
			return run(&races[i], strtol(argv[2], NULL, 10));
	return 2;
}
