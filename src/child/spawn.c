/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's side of a start.
 *
 * Theory of operation
 *
 * Three processes take part: this one, the keeper, and the program.
 *
 *   supervisor                     keeper                          program
 *   pipe, sockets, pidfd of self
 *   clone ------------------------> domain, subreaper
 *                                  clone ------------------------> steps (setup.c)
 *             <-- KEEPER_STARTED -- closes what it does not need
 *   pidfd of the program
 *             -- KEEPER_BEGIN ----> reaps from now on
 *   returns                        (keeper.c)
 *   spawned_read() <-- status records -------------------------- ... filter, listener's number
 *   takes the listener, serves
 *   spawned_go() --- ready ------------------------------------> exec
 *   spawned_read(): end of stream
 *
 * spawn-1: all signals are blocked across the clone, so that no handler of the host runs in the
 *          keeper; the mask is restored at once (I13).
 * spawn-2: the keeper has no exit signal: the host's SIGCHLD handling and its waitpid(-1) do not
 *          meet it. It is reaped through its pidfd.
 * spawn-3: nothing here waits for the socket alone: a keeper that dies is seen by its pidfd. Under
 *          a shared descriptor table the socket would not hang up, for we hold both of its ends.
 * spawn-4: descriptors made here are numbered 3 or higher, or the program would take one of them
 *          for its standard input or output.
 *
 * With share_files the three share one descriptor table at first. The keeper leaves it before it
 * reports; the program leaves it after `ready`, and says so with the record of the descriptor
 * layer. Until then the program's pipe ends are ours to keep open, and afterwards ours to close.
 */
#include "child/spawn.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "child/keeper.h"
#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STACK_SIZE (64u * 1024)

/* What exists only while a start is under way. */
struct launch {
	int status, ready, socket; /* the other sides' ends */
	int self_pidfd;
	void *stack;
	size_t stack_size, guard_size;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void launch_done(struct launch *launch)
{
	close_fd(&launch->status);
	close_fd(&launch->ready);
	close_fd(&launch->socket);
	close_fd(&launch->self_pidfd);
	if (launch->stack)
		munmap(launch->stack, launch->guard_size + launch->stack_size);
	launch->stack = NULL;
}

/* Moves a descriptor out of the numbers of the standard streams. Return: 0 or -errno. */
static int move_up(int *fd)
{
	int high;

	if (*fd > 2)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (high < 0)
		return -errno;
	close(*fd);
	*fd = high;
	return 0;
}

static int make_pipe(int *ret_reader, int *ret_writer)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_reader = ends[0];
	*ret_writer = ends[1];
	r = move_up(ret_reader);
	return r < 0 ? r : move_up(ret_writer);
}

static int make_socket(int type, int *ret_ours, int *ret_theirs)
{
	int ends[2], r;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	r = move_up(ret_ours);
	return r < 0 ? r : move_up(ret_theirs);
}

static int make_stack(struct launch *launch)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *stack;

	launch->guard_size = page;
	launch->stack_size = (STACK_SIZE + page - 1) / page * page;
	stack = mmap(NULL, launch->guard_size + launch->stack_size, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	launch->stack = stack;
	if (mprotect((char *)stack + launch->guard_size, launch->stack_size,
		     PROT_READ | PROT_WRITE) < 0)
		return -errno;
	return 0;
}

static int prepare(const struct spawn_plan *plan, struct launch *launch, struct spawned *spawned,
		   struct cordon_error *err)
{
	int r;

	for (size_t i = 0; i < plan->keep_fd_count; i++) {
		if (fcntl(plan->keep_fds[i], F_GETFD) < 0)
			return err_sys(err, -errno, "descriptor %d", plan->keep_fds[i]);
	}
	r = make_pipe(&spawned->status, &launch->status);
	if (r < 0)
		return err_sys(err, r, "make a pipe");
	/* Not a pipe: writing to one whose reader has died would raise SIGPIPE in the host. */
	r = make_socket(SOCK_STREAM, &spawned->ready, &launch->ready);
	if (r == 0)
		r = make_socket(SOCK_SEQPACKET, &spawned->keeper_socket, &launch->socket);
	if (r < 0)
		return err_sys(err, r, "make a socket pair");
	launch->self_pidfd = pidfd_open_process(getpid());
	r = launch->self_pidfd < 0 ? launch->self_pidfd : move_up(&launch->self_pidfd);
	if (r < 0)
		return err_sys(err, r, "open a pidfd");
	r = make_stack(launch);
	return r < 0 ? err_sys(err, r, "map a stack") : 0;
}

/* Return: the keeper's pid or -errno. */
static pid_t clone_blocked(const struct keeper_start *start, int *ret_pidfd)
{
	/* The C library keeps two signals out of its sets; these block them too. */
	uint64_t all = ~0ull, before;
	pid_t pid;

	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all)) < 0)
		return -errno;
	pid = keeper_clone(start, ret_pidfd);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	return pid;
}

/* Waits for input on fd, or for the end of a process. Return: whether there is input. */
static bool wait_for(int fd, int pidfd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	while (poll(fds, COUNT_OF(fds), -1) < 0 && errno == EINTR)
		;
	if (fds[0].revents & (POLLIN | POLLHUP))
		return true; /* reading does not block */
	/* RACE: the last words may have come between the looks at the two. */
	fds[0].revents = 0;
	return poll(fds, 1, 0) > 0 && fds[0].revents & POLLIN;
}

/* Return: the program's pid or -errno. */
static pid_t started(const struct spawned *spawned)
{
	struct keeper_message message = { 0 };
	int r;

	if (!wait_for(spawned->keeper_socket, spawned->keeper_pidfd))
		return -ECHILD;
	r = keeper_read(spawned->keeper_socket, &message);
	if (r < 0)
		return r;
	if (r == 0 || message.kind != KEEPER_STARTED || message.value == 0)
		return -ECHILD;
	return message.value;
}

static int tell(int keeper_socket, uint32_t kind, int value)
{
	struct keeper_message message = { .kind = kind, .value = value };

	if (send(keeper_socket, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

static int launch_tree(const struct spawn_plan *plan, struct launch *launch,
		       struct spawned *spawned, struct cordon_error *err)
{
	const struct keeper_start start = {
		.plan = plan,
		.stack_top = (char *)launch->stack + launch->guard_size + launch->stack_size,
		.supervisor = getpid(),
		.supervisor_thread = (pid_t)syscall(SYS_gettid),
		.supervisor_pidfd = launch->self_pidfd,
		.socket = launch->socket,
		.status_reader = spawned->status,
		.status = launch->status,
		.ready = launch->ready,
	};
	int r = clone_blocked(&start, &spawned->keeper_pidfd);

	if (r < 0)
		return err_sys(err, r, "clone the keeper");
	spawned->keeper = r;
	if (!plan->share_files) {
		close_fd(&launch->status);
		close_fd(&launch->ready);
		close_fd(&launch->socket);
	}
	r = started(spawned);
	if (r < 0)
		return err_sys(err, r, "start the keeper");
	spawned->program = r;
	close_fd(&launch->socket);
	r = pidfd_open_process(spawned->program);
	if (r < 0)
		return err_sys(err, r, "open a pidfd of the program");
	spawned->program_pidfd = r;
	r = tell(spawned->keeper_socket, KEEPER_BEGIN, 0);
	if (r < 0)
		return err_sys(err, r, "talk to the keeper");
	spawned->status_peer = steal_fd(&launch->status);
	spawned->ready_peer = steal_fd(&launch->ready);
	return 0;
}

int spawn_start(const struct spawn_plan *plan, struct spawned *ret, struct cordon_error *err)
{
	struct spawned spawned = SPAWNED_INIT;
	struct launch launch = { -1, -1, -1, -1, NULL, 0, 0 };
	int r = prepare(plan, &launch, &spawned, err);

	if (r == 0)
		r = launch_tree(plan, &launch, &spawned, err);
	launch_done(&launch);
	if (r < 0) {
		/* The hang-up makes the keeper end what there is of a tree. */
		close_fd(&spawned.keeper_socket);
		spawned_reap(&spawned);
		spawned_done(&spawned);
		return r;
	}
	*ret = spawned;
	return 0;
}

int spawned_read(struct spawned *spawned, struct status_record *ret)
{
	struct status_record record;
	ssize_t n;
	int r;

	if (!wait_for(spawned->status, spawned->program_pidfd))
		return 0;
	do {
		n = read(spawned->status, &record, sizeof(record));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (n != sizeof(record))
		return -EBADMSG;
	r = record_check(&record);
	if (r < 0)
		return r;
	if (record.kind == RECORD_LAYER && record.layer == LAYER_DESCRIPTORS) {
		close_fd(&spawned->status_peer);
		close_fd(&spawned->ready_peer);
	}
	*ret = record;
	return 1;
}

static int set_late_limits(const struct spawned *spawned, const struct spawn_plan *plan)
{
	for (size_t i = 0; i < plan->rlimit_count; i++) {
		const struct plan_rlimit *limit = &plan->rlimits[i];
		struct rlimit got;

		if (!rlimit_is_late(plan, limit))
			continue;
		if (prlimit(spawned->program, RLIMIT_NOFILE, &limit->value, NULL) < 0 ||
		    prlimit(spawned->program, RLIMIT_NOFILE, NULL, &got) < 0)
			return -errno;
		if (got.rlim_cur != limit->value.rlim_cur || got.rlim_max != limit->value.rlim_max)
			return -EPERM;
	}
	return 0;
}

int spawned_go(struct spawned *spawned, const struct spawn_plan *plan)
{
	static const unsigned char byte = SPAWN_READY;
	int r = set_late_limits(spawned, plan);
	ssize_t n;

	if (r < 0 && plan->failure_is_fatal) {
		close_fd(&spawned->ready);
		return r;
	}
	do {
		n = send(spawned->ready, &byte, 1, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	r = n == 1 ? 0 : -errno;
	close_fd(&spawned->ready);
	return r;
}

int spawned_reap(struct spawned *spawned)
{
	siginfo_t info;
	int r;

	if (spawned->keeper_pidfd < 0)
		return 0;
	do {
		r = waitid((idtype_t)P_PIDFD, (id_t)spawned->keeper_pidfd, &info, WEXITED | __WALL);
	} while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : 0;
	close_fd(&spawned->keeper_pidfd);
	return r;
}

void spawned_done(struct spawned *spawned)
{
	siginfo_t info;

	/* A copy of the socket may live on in a child of the host; the hang-up must not wait. */
	if (spawned->keeper_socket >= 0)
		shutdown(spawned->keeper_socket, SHUT_RDWR);
	if (spawned->keeper_pidfd >= 0)
		waitid((idtype_t)P_PIDFD, (id_t)spawned->keeper_pidfd, &info,
		       WEXITED | WNOHANG | __WALL);
	close_fd(&spawned->keeper_pidfd);
	close_fd(&spawned->program_pidfd);
	close_fd(&spawned->status);
	close_fd(&spawned->ready);
	close_fd(&spawned->keeper_socket);
	close_fd(&spawned->status_peer);
	close_fd(&spawned->ready_peer);
}

int keeper_tell(int keeper_socket, enum keeper_command command, int value)
{
	return tell(keeper_socket, command, value);
}

int keeper_read(int keeper_socket, struct keeper_message *ret)
{
	struct keeper_message message;
	ssize_t n;

	do {
		n = recv(keeper_socket, &message, sizeof(message), MSG_DONTWAIT);
		/* ECONNRESET comes once, before what is still queued: it left a command unread. */
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if (n != sizeof(message))
		return -EBADMSG;
	*ret = message;
	return 1;
}
