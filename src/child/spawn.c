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
#include "sys/fds.h"
#include "sys/process.h"
#include "sys/stack.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What exists only while a start is under way. */
struct launch {
	int status, ready, socket; /* the other sides' ends */
	int self_pidfd;
	struct stack stack, join_stack; /* the second only where something is to be joined */
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
	stack_unmap(&launch->stack);
	stack_unmap(&launch->join_stack);
}

static int make_socket(int type, int *ret_ours, int *ret_theirs)
{
	int ends[2], r;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	r = fd_move_up(ret_ours);
	return r < 0 ? r : fd_move_up(ret_theirs);
}

static int prepare(const struct spawn_plan *plan, struct launch *launch, struct spawned *spawned,
		   struct cordon_error *err)
{
	const int on = 1;
	int r;

	r = plan_check_open(plan, err);
	if (r < 0)
		return r;
	r = fd_pipe(&spawned->status, &launch->status);
	if (r < 0)
		return err_sys(err, r, "start: make a pipe");
	/* Not a pipe: writing to one whose reader has died would raise SIGPIPE in the host. */
	r = make_socket(SOCK_STREAM, &spawned->ready, &launch->ready);
	if (r == 0)
		r = make_socket(SOCK_SEQPACKET, &spawned->keeper_socket, &launch->socket);
	if (r == 0 && plan->join_pid >= 0 &&
	    setsockopt(spawned->keeper_socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(err, r, "start: make a socket pair");
	launch->self_pidfd = pidfd_open_process(getpid());
	r = launch->self_pidfd < 0 ? launch->self_pidfd : fd_move_up(&launch->self_pidfd);
	if (r < 0)
		return err_sys(err, r, "start: open a pidfd");
	r = stack_map(plan->function ? SPAWN_FUNCTION_STACK : SPAWN_STACK, &launch->stack);
	if (r == 0 && (plan->join_user >= 0 || plan->join_pid >= 0))
		r = stack_map(SPAWN_STACK, &launch->join_stack);
	return r < 0 ? err_sys(err, r, "start: map a stack") : 0;
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

/* Waits for input on fd, or for the end of a process. Return: 1: there is input; 0: the end; -errno. */
static int wait_for(int fd, int pidfd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	int r;

	do {
		r = poll(fds, COUNT_OF(fds), -1);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (fds[0].revents & (POLLIN | POLLHUP))
		return 1; /* reading does not block */
	/* RACE: the last words may have come between the looks at the two. */
	r = poll(fds, 1, 0);
	return r < 0 ? -errno : r > 0 && fds[0].revents & POLLIN;
}

/* Return: the program's pid or -errno. */
static pid_t started(struct spawned *spawned)
{
	struct keeper_message message = { 0 };
	int r;

	r = wait_for(spawned->keeper_socket, spawned->keeper_pidfd);
	if (r <= 0)
		return r < 0 ? r : -ECHILD;
	r = keeper_read(spawned->keeper_socket, &message);
	if (r < 0)
		return r;
	if (r == 0 || message.kind != KEEPER_STARTED || message.value == 0)
		return -ECHILD;
	spawned->keeper_inside = message.inside;
	return message.value;
}

static int send_order(int keeper_socket, const struct keeper_message *message)
{
	if (send(keeper_socket, message, sizeof(*message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

static int tell(int keeper_socket, uint32_t kind, int value, int other)
{
	return send_order(keeper_socket,
			  &(struct keeper_message){ .kind = kind, .value = value, .other = other });
}

static int launch_tree(const struct spawn_plan *plan, struct launch *launch,
		       struct spawned *spawned, struct cordon_error *err)
{
	const struct keeper_start start = {
		.plan = plan,
		.stack_top = stack_top(&launch->stack),
		.join_top = stack_top(&launch->join_stack),
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
		return err_sys(err, r, "start: clone the keeper");
	spawned->keeper = r;
	if (!plan->share_files) {
		close_fd(&launch->status);
		close_fd(&launch->ready);
		close_fd(&launch->socket);
	}
	r = started(spawned);
	if (r < 0)
		return err_sys(err, r, "start: the keeper");
	spawned->program = r;
	close_fd(&launch->socket);
	r = pidfd_open_process(spawned->program);
	if (r < 0)
		return err_sys(err, r, "start: open a pidfd of the program");
	spawned->program_pidfd = r;
	r = tell(spawned->keeper_socket, KEEPER_BEGIN, 0, 0);
	if (r < 0)
		return err_sys(err, r, "start: talk to the keeper");
	spawned->status_peer = steal_fd(&launch->status);
	spawned->ready_peer = steal_fd(&launch->ready);
	return 0;
}

int spawn_start(const struct spawn_plan *plan, struct spawned *ret, struct cordon_error *err)
{
	struct spawned spawned = SPAWNED_INIT;
	struct launch launch = { -1, -1, -1, -1, { NULL, 0 }, { NULL, 0 } };
	int r = prepare(plan, &launch, &spawned, err);

	if (r == 0)
		r = launch_tree(plan, &launch, &spawned, err);
	launch_done(&launch);
	if (r < 0) {
		spawned_abandon(&spawned);
		spawned_done(&spawned);
		return r;
	}
	*ret = spawned;
	return 0;
}

bool spawned_has_more(const struct spawned *spawned)
{
	return spawned->records_at < spawned->records_end;
}

/* Return: 1; 0 at the end of the stream; -errno. */
static int read_records(struct spawned *spawned)
{
	int r = wait_for(spawned->status, spawned->program_pidfd);
	ssize_t n;

	if (r <= 0)
		return r;
	do {
		n = read(spawned->status, spawned->records, sizeof(spawned->records));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	spawned->records_at = 0;
	spawned->records_end = (size_t)n;
	return 1;
}

int spawned_read(struct spawned *spawned, struct status_record *ret)
{
	struct status_record record;
	size_t left;
	int r = spawned_has_more(spawned) ? 1 : read_records(spawned);

	if (r <= 0)
		return r;
	left = spawned->records_end - spawned->records_at;
	left = left < RECORD_SIZE ? left : RECORD_SIZE;
	r = record_decode(spawned->records + spawned->records_at, left, &record);
	if (r < 0)
		return r;
	spawned->records_at += left;
	if (record.kind == RECORD_LAYER && record.layer == LAYER_DESCRIPTORS) {
		close_fd(&spawned->status_peer);
		close_fd(&spawned->ready_peer);
	}
	*ret = record;
	return 1;
}

int spawned_late_limit(const struct spawned *spawned, const struct spawn_plan *plan)
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
		return 1;
	}
	return 0;
}

static int say(const struct spawned *spawned, unsigned char byte)
{
	ssize_t n;

	do {
		n = send(spawned->ready, &byte, 1, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -errno;
}

int spawned_mapped(const struct spawned *spawned)
{
	return say(spawned, SPAWN_MAPPED);
}

int spawned_go(struct spawned *spawned)
{
	int r = say(spawned, SPAWN_READY);

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

/* Closing is not enough: a copy of the socket may live on in a child of the host, and does so in the program's
 * own process until that has closed what it does not keep. */
static void hang_up(const struct spawned *spawned)
{
	if (spawned->keeper_socket >= 0)
		shutdown(spawned->keeper_socket, SHUT_RDWR);
}

void spawned_started(struct spawned *spawned)
{
	close_fd(&spawned->status);
	/* Without a keeper it is we who reap the program. */
	if (spawned->keeper_pidfd >= 0)
		close_fd(&spawned->program_pidfd);
}

int spawned_abandon(struct spawned *spawned)
{
	hang_up(spawned);
	return spawned_reap(spawned);
}

void spawned_done(struct spawned *spawned)
{
	siginfo_t info;

	hang_up(spawned);
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
	int r = tell(keeper_socket, command, value, 0);

	if (r < 0 && command == KEEPER_KILL && value == SIGKILL)
		/* The other direction stays open: the last report still comes. */
		return shutdown(keeper_socket, SHUT_WR) < 0 ? r : 0;
	return r;
}

int keeper_hold(int keeper_socket, pid_t tid, int number)
{
	return tell(keeper_socket, KEEPER_HOLD, tid, number);
}

int keeper_limit(int keeper_socket, const struct tree_limits *limits)
{
	return send_order(keeper_socket,
			  &(struct keeper_message){ .kind = KEEPER_LIMITS, .limits = *limits });
}

/* Where the keeper is in a pid namespace, the kernel tells these in our numbers. */
static bool is_about_process(const struct keeper_message *message)
{
	return (message->kind == KEEPER_STARTED && message->value > 0) ||
	       message->kind == KEEPER_EXECUTED;
}

int keeper_read(int keeper_socket, struct keeper_message *ret)
{
	struct keeper_message message;
	struct iovec part = { &message, sizeof(message) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} claim;
	struct msghdr header;
	ssize_t n;

	do {
		header = (struct msghdr){ .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = &claim,
					  .msg_controllen = sizeof(claim) };
		n = recvmsg(keeper_socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		/* ECONNRESET comes once, before what is still queued: it left a command unread. */
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if (n != sizeof(message))
		return -EBADMSG;
	if (header.msg_controllen >= sizeof(claim.header) && is_about_process(&message))
		message.value = ((const struct ucred *)(const void *)CMSG_DATA(&claim.header))->pid;
	*ret = message;
	return 1;
}
