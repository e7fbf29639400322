/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Races between the decision on an execution and the execution, as a hostile program runs them.
 *
 *   exec-race NAME ROUNDS PROGRESS GOOD BAD [EXTRA [PROGRAM]]
 *
 * Children execute over and over; another thread changes meanwhile what is executed:
 *
 *   pointer    the path, between GOOD and BAD
 *   symlink    the link EXTRA, between GOOD and BAD; EXTRA is executed
 *   loader     the link EXTRA, between GOOD and BAD; it is the loader of PROGRAM, which is executed
 *   interp     the path of the loader in the headers of EXTRA, between GOOD and BAD, of equal length
 *
 * GOOD ends with 0 and BAD with 77 (mark.c). A negative number of rounds ends at the first leak. The
 * counts are kept in the file PROGRESS, so that they outlive a payload that is killed, and printed:
 * `rounds R good G refused F killed K leaked L`.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAK	77
#define REFUSED 78

extern char **environ;

static const char *good, *bad, *extra, *program;
static char path[PATH_MAX];
static atomic_bool stop;
static off_t loader_at;

static struct counts {
	long rounds, good, refused, killed, leaked;
} * counts;

/* --- what changes meanwhile ------------------------------------------------------------------- */

static void flip_pointer(int turn)
{
	const char *name = turn & 1 ? bad : good;

	memcpy(path, name, strlen(name) + 1);
}

static void flip_symlink(int turn)
{
	char spare[PATH_MAX];

	snprintf(spare, sizeof(spare), "%s.spare", extra);
	unlink(spare);
	if (symlink(turn & 1 ? bad : good, spare) == 0)
		rename(spare, extra);
}

static void flip_interp(int turn)
{
	const char *name = turn & 1 ? bad : good;
	int fd = open(extra, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pwrite(fd, name, strlen(name), loader_at) < 0)
		abort();
	close(fd);
	/* As long as it is open it cannot be executed. */
	usleep(20);
}

static void use_extra(void)
{
	strcpy(path, extra);
}

static void use_program(void)
{
	strcpy(path, program);
}

static void find_loader(void)
{
	static char file[1 << 20];
	int fd = open(extra, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, file, sizeof(file));
	const char *at = n > 0 ? memmem(file, (size_t)n, good, strlen(good) + 1) : NULL;

	close(fd);
	if (!at)
		abort();
	loader_at = at - file;
	use_extra();
}

static const struct race {
	const char *name;
	void (*flip)(int turn);
	void (*prepare)(void);
} races[] = {
	{ "pointer", flip_pointer, NULL },
	{ "symlink", flip_symlink, use_extra },
	{ "loader", flip_symlink, use_program },
	{ "interp", flip_interp, find_loader },
};

static void *flipper(void *arg)
{
	const struct race *race = arg;

	for (int turn = 0; !stop; turn++)
		race->flip(turn);
	return NULL;
}

static void round_of(void)
{
	char *const argv[] = { path, NULL };
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execve(path, argv, environ);
		_exit(REFUSED);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	counts->rounds++;
	if (WIFSIGNALED(status))
		counts->killed++;
	else if (WEXITSTATUS(status) == LEAK)
		counts->leaked++;
	else if (WEXITSTATUS(status) == REFUSED)
		counts->refused++;
	else
		counts->good++;
}

static int run(const struct race *race, long rounds)
{
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
	for (long i = 0; i < labs(rounds) && !(rounds < 0 && counts->leaked); i++)
		round_of();
	stop = true;
	pthread_join(thread, NULL);
	printf("rounds %ld good %ld refused %ld killed %ld leaked %ld\n", counts->rounds,
	       counts->good, counts->refused, counts->killed, counts->leaked);
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 6)
		return 2;
	fd = open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*counts)) < 0)
		return 2;
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counts == MAP_FAILED)
		return 2;
	good = argv[4];
	bad = argv[5];
	extra = argc > 6 ? argv[6] : "";
	program = argc > 7 ? argv[7] : "";
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++)
		if (strcmp(races[i].name, argv[1]) == 0)
			return run(&races[i], strtol(argv[2], NULL, 10));
	return 2;
}
