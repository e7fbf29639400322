/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A static program to run inside sandboxes.
 *
 *   probe status            one `key:value` line a fact, then __DONE__
 *   probe try NAME [ARG...] one operation; prints `NAME:ERRNO`, 0 if it succeeded
 *   probe list              the names that `try` knows
 *   probe victim            waits for the end of its input, as the object of attacks
 *   probe tree N            N daemons, each in a session of its own, each writes a byte to 9; waits
 *   probe bomb N            a fork bomb that ends itself after N forks; a byte to 9 for each
 *   probe rabbit N          the same, where each process forks once and ends
 *   probe hog N S           a memory file of N MiB that is not mapped; after S seconds prints `done`
 *
 * It needs no file, no other program and no dynamic linker, and flushes after every line.
 */
#include "attacks.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_FD 9

extern char **environ;

/* --- status ----------------------------------------------------------------------------------- */

static void print_kernel_facts(void)
{
	static const char *const keys[] = { "NoNewPrivs", "Seccomp", "Seccomp_filters",
					    "CapInh",	  "CapPrm",  "CapEff",
					    "CapBnd",	  "CapAmb",  "Uid",
					    "Gid",	  "Groups",  "SigBlk",
					    "SigIgn",	  "Umask",   "THP_enabled",
					    "Threads",	  "NSpid",   "Cpus_allowed_list" };
	FILE *file = fopen("/proc/self/status", "re");
	char line[1024];

	if (!file) {
		printf("status_errno:%d\n", errno);
		printf("NoNewPrivs:%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			size_t n = strlen(keys[i]);

			if (strncmp(line, keys[i], n) == 0 && line[n] == ':')
				printf("%s:%s", keys[i],
				       line + n + 1 + strspn(line + n + 1, "\t "));
		}
	}
	fclose(file);
}

static void print_rlimits(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)i, &limit) == 0)
			printf("rlimit_%d:%lld %lld\n", i, (long long)limit.rlim_cur,
			       (long long)limit.rlim_max);
	}
}

static void print_link(const char *key, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0) {
		printf("%s:errno %d\n", key, errno);
		return;
	}
	target[n] = '\0';
	printf("%s:%s\n", key, target);
}

static void print_namespaces(void)
{
	static const char *const names[] = { "cgroup", "ipc",  "mnt", "net",
					     "pid",    "user", "uts", "time" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char key[32], path[64];

		snprintf(key, sizeof(key), "ns_%s", names[i]);
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		print_link(key, path);
	}
}

static void print_descriptors(void)
{
	struct rlimit limit = { 1024, 1024 };
	long last;

	getrlimit(RLIMIT_NOFILE, &limit);
	last = limit.rlim_max > 65536 ? 65536 : (long)limit.rlim_max;
	for (int fd = 0; fd < last; fd++) {
		char path[32], target[PATH_MAX];
		int flags = fcntl(fd, F_GETFD);
		ssize_t n;

		if (flags < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("fd:%d %s%s %o\n", fd, target, flags & FD_CLOEXEC ? " cloexec" : "",
		       (unsigned)fcntl(fd, F_GETFL));
	}
}

static void print_status(char **argv)
{
	char cwd[PATH_MAX];
	struct stat root = { 0 };

	print_kernel_facts();
	printf("pid:%d\nppid:%d\nsid:%d\npgid:%d\n", getpid(), getppid(), getsid(0), getpgrp());
	printf("terminal:%d\n", open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) >= 0);
	printf("securebits:%x\n", (unsigned)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	printf("personality:%x\n", (unsigned)personality(0xffffffff));
	print_rlimits();
	printf("nice:%d\n", getpriority(PRIO_PROCESS, 0));
	print_namespaces();
	printf("cwd:%s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	printf("root:%lu\n", stat("/", &root) == 0 ? (unsigned long)root.st_ino : 0ul);
	print_descriptors();
	for (size_t i = 0; argv[i]; i++)
		printf("argv:%s\n", argv[i]);
	for (size_t i = 0; environ[i]; i++)
		printf("env:%s\n", environ[i]);
}

/* --- try -------------------------------------------------------------------------------------- */

static int got(long r)
{
	return r < 0 ? errno : 0;
}

/* Arguments that are not given are empty strings. */
static int number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

static int try_read(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);
	char byte;

	return fd < 0 ? errno : got(read(fd, &byte, 1));
}

static int try_write(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CLOEXEC | O_APPEND);

	return fd < 0 ? errno : got(write(fd, "probe\n", 6));
}

static int try_create(char **a)
{
	return got(open(a[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
}

static int try_open_path(char **a)
{
	return got(open(a[0], O_PATH | O_CLOEXEC));
}

static int try_list(char **a)
{
	DIR *dir = opendir(a[0]);

	return dir ? (readdir(dir) ? 0 : EIO) : errno;
}

static int try_stat(char **a)
{
	struct stat st;

	return got(stat(a[0], &st));
}

static int try_readlink(char **a)
{
	char target[PATH_MAX];

	return got(readlink(a[0], target, sizeof(target)));
}

static int try_access(char **a)
{
	return got(access(a[0], R_OK));
}

static int try_truncate(char **a)
{
	return got(truncate(a[0], 0));
}

static int try_unlink(char **a)
{
	return got(unlink(a[0]));
}

static int try_rmdir(char **a)
{
	return got(rmdir(a[0]));
}

static int try_mkdir(char **a)
{
	return got(mkdir(a[0], 0777));
}

static int try_mkfifo(char **a)
{
	return got(mkfifo(a[0], 0666));
}

static int try_rename(char **a)
{
	return got(rename(a[0], a[1]));
}

static int try_link(char **a)
{
	return got(link(a[0], a[1]));
}

static int try_symlink(char **a)
{
	return got(symlink(a[0], a[1]));
}

static int try_chmod(char **a)
{
	return got(chmod(a[0], 0600));
}

static int try_chown(char **a)
{
	return got(chown(a[0], getuid(), getgid()));
}

static int try_utimes(char **a)
{
	return got(utimensat(AT_FDCWD, a[0], NULL, 0));
}

static int try_chdir(char **a)
{
	return got(chdir(a[0]));
}

static int try_exec(char **a)
{
	char *argv[] = { a[0], NULL };

	return got(execve(a[0], argv, environ));
}

static int try_mount(char **a)
{
	return got(mount("none", a[0], "tmpfs", 0, NULL));
}

static int inet_try(const char *host, const char *port, bool do_bind, int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)number(port)) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return EINVAL;
	if (do_bind)
		return got(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
	return got(connect(fd, (const struct sockaddr *)&address, sizeof(address)));
}

static int try_connect(char **a)
{
	return inet_try(a[0], a[1], false, SOCK_STREAM);
}

static int try_bind(char **a)
{
	return inet_try(a[0], a[1], true, SOCK_STREAM);
}

static int try_connect_udp(char **a)
{
	return inet_try(a[0], a[1], false, SOCK_DGRAM);
}

static int try_fastopen(char **a)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)number(a[1])) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, a[0], &to.sin_addr) != 1)
		return errno;
	return got(sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (const struct sockaddr *)&to,
			  sizeof(to)));
}

static int unix_connect(const char *name, bool abstract)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = strlen(name);

	if (fd < 0)
		return errno;
	if (length + 2 > sizeof(to.sun_path))
		return ENAMETOOLONG;
	memcpy(to.sun_path + abstract, name, length + !abstract);
	return got(connect(fd, (const struct sockaddr *)&to,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1)));
}

static int try_unix(char **a)
{
	return unix_connect(a[0], false);
}

static int try_abstract(char **a)
{
	return unix_connect(a[0], true);
}

static int try_socket(char **a)
{
	return got(socket(number(a[0]), number(a[1]), number(a[2])));
}

static int try_kill(char **a)
{
	return got(kill(number(a[0]), number(a[1])));
}

static int try_ptrace(char **a)
{
	return got(ptrace(PTRACE_ATTACH, number(a[0]), NULL, NULL));
}

static int try_prlimit(char **a)
{
	struct rlimit limit = { 1, 1 };

	return got(prlimit(number(a[0]), RLIMIT_CPU, &limit, NULL));
}

static int try_tiocsti(char **a)
{
	char byte = '\n';

	return got(ioctl(number(a[0]), TIOCSTI, &byte));
}

static int try_tioclinux(char **a)
{
	char three = 3;

	return got(ioctl(number(a[0]), TIOCLINUX, &three));
}

static int try_ioctl(char **a)
{
	char space[256] = { 0 };

	return got(syscall(SYS_ioctl, number(a[0]), strtoul(a[1], NULL, 0), space));
}

static int try_unshare(char **a)
{
	return got(unshare((int)strtoul(a[0], NULL, 0)));
}

static int try_clone(char **a)
{
	long pid = syscall(SYS_clone, strtoul(a[0], NULL, 0) | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return got(pid);
}

static int try_prctl(char **a)
{
	return got(prctl(number(a[0]), strtoul(a[1], NULL, 0), 0ul, 0ul, 0ul));
}

/* Any call by its number, with up to three numbers as arguments. */
static int try_syscall(char **a)
{
	return got(syscall(strtol(a[0], NULL, 0), strtol(a[1], NULL, 0), strtol(a[2], NULL, 0),
			   strtol(a[3], NULL, 0), 0l, 0l, 0l));
}

static const struct attempt tries[] = {
	{ "read", try_read },	      { "write", try_write },
	{ "create", try_create },     { "open_path", try_open_path },
	{ "list", try_list },	      { "stat", try_stat },
	{ "readlink", try_readlink }, { "access", try_access },
	{ "truncate", try_truncate }, { "unlink", try_unlink },
	{ "rmdir", try_rmdir },	      { "mkdir", try_mkdir },
	{ "mkfifo", try_mkfifo },     { "rename", try_rename },
	{ "link", try_link },	      { "symlink", try_symlink },
	{ "chmod", try_chmod },	      { "chown", try_chown },
	{ "utimes", try_utimes },     { "chdir", try_chdir },
	{ "exec", try_exec },	      { "mount", try_mount },
	{ "connect", try_connect },   { "connect_udp", try_connect_udp },
	{ "bind", try_bind },	      { "fastopen", try_fastopen },
	{ "unix", try_unix },	      { "abstract", try_abstract },
	{ "socket", try_socket },     { "kill", try_kill },
	{ "ptrace", try_ptrace },     { "prlimit", try_prlimit },
	{ "tiocsti", try_tiocsti },   { "tioclinux", try_tioclinux },
	{ "ioctl", try_ioctl },	      { "unshare", try_unshare },
	{ "clone", try_clone },	      { "prctl", try_prctl },
	{ "syscall", try_syscall },
};

static const struct attempt *find(const char *name)
{
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (strcmp(tries[i].name, name) == 0)
			return &tries[i];
	}
	for (size_t i = 0; i < attack_count; i++) {
		if (strcmp(attacks[i].name, name) == 0)
			return &attacks[i];
	}
	return NULL;
}

static int try_one(int argc, char **argv)
{
	static char empty[] = "";
	char *args[4] = { empty, empty, empty, empty };
	const struct attempt *found;

	for (int i = 3; i < argc && i < 7; i++)
		args[i - 3] = argv[i];
	found = find(argv[2]);
	if (found) {
		int error = found->run(args);

		printf("%s:%d\n", argv[2], error);
		return error != 0;
	}
	printf("%s:unknown\n", argv[2]);
	return 2;
}

/* --- trees ------------------------------------------------------------------------------------ */

static void say(void)
{
	if (write(REPORT_FD, "x", 1) != 1)
		_exit(1);
}

static void tree(int count)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			setsid();
			if (fork() > 0)
				_exit(0);
			say();
			for (;;)
				pause();
		}
	}
	while (wait(NULL) > 0)
		;
}

/* The forks left, shared by all of them. */
static int *budget;

static bool may_fork(void)
{
	return __atomic_fetch_sub(budget, 1, __ATOMIC_RELAXED) > 0;
}

static void bomb(bool rabbit)
{
	while (may_fork()) {
		pid_t pid = fork();

		if (pid == 0)
			say();
		if (pid > 0 && rabbit)
			_exit(0);
	}
	for (;;)
		pause();
}

static int hog(int mib, int seconds)
{
	static const char block[1 << 20];
	int fd = memfd_create("hog", 0);

	for (int i = 0; i < mib; i++) {
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return 1;
	}
	sleep((unsigned)seconds);
	puts("done");
	return 0;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? number(argv[2]) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "status") == 0) {
		print_status(argv);
		puts("__DONE__");
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "try") == 0)
		return try_one(argc, argv);
	if (argc > 1 && strcmp(argv[1], "victim") == 0)
		return attack_victim();
	if (argc > 1 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
			puts(tries[i].name);
		for (size_t i = 0; i < attack_count; i++)
			puts(attacks[i].name);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "tree") == 0) {
		tree(count);
		for (;;)
			pause();
	}
	if (argc > 3 && strcmp(argv[1], "hog") == 0)
		return hog(count, number(argv[3]));
	budget = mmap(NULL, sizeof(*budget), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (argc < 3 || budget == MAP_FAILED)
		return 2;
	*budget = count;
	if (strcmp(argv[1], "bomb") == 0)
		bomb(false);
	if (strcmp(argv[1], "rabbit") == 0)
		bomb(true);
	return 2;
}
