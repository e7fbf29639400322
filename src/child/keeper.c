/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: clones the program, reaps its whole tree, and ends it (I10).
 *
 * Theory of operation
 *
 * The keeper is a copy of the supervisor's process with an address space of its own: it outlives
 * whatever kills the supervisor. It only makes system calls (I11), since the threads that held
 * locks in the original do not exist here. It never executes anything.
 *
 *   prepare   subreaper, default dispositions, a Landlock domain that only scopes signals
 *   start     clones the program, closes what it does not need, reports KEEPER_STARTED
 *   hold      waits for KEEPER_BEGIN: until then nothing is reaped, so that the pid in the report
 *             cannot have been given to another process when the supervisor opens its pidfd
 *   serve     reaps, obeys commands, reports; until the program ends, the socket hangs up, or the
 *             supervisor's process dies
 *   ending    SIGKILL to the whole tree, again and again until no child is left; KEEPER_EMPTY; exit
 *
 * keeper-1: the program shares this memory until it executes. Nothing that it reads changes after
 *           the clone, and nothing here uses errno after it.
 * keeper-2: kill(-1) is called only in a domain that was seen to bound it (scope_signals()).
 * keeper-3: no report waits for a reader. Stop reports are dropped before the socket is full, which
 *           leaves room for the two that are sent once.
 *
 * All signals stay blocked for good. The hang-up of the status pipe tells that the program has
 * executed; from then on the keeper is not dumpable: its memory is a copy of the supervisor's, and
 * no process of the tree may attach to it.
 */
#include "child/keeper.h"

#include "base/cleanup.h"
#include "child/fds.h"
#include "child/raw.h"
#include "child/setup.h"
#include "child/spawn.h"
#include "child/sweep.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define EVERY_SIGNAL 64
/* KERNEL(6.15): refusals of our own kill(-1) are not news for the audit log. */
#define LOG_SAME_EXEC_OFF 1u
/* While the tree is being killed: how long until the next pass. */
#define PASS_NS 10000000
/* Bytes queued for the supervisor above which stop reports are dropped. */
#define QUEUE_SOFT 16384

struct keeper {
	const struct keeper_start *start;
	pid_t self, program;
	bool scoped;	   /* kill(-1) reaches the tree alone */
	bool program_left; /* not reaped yet */
	bool untold;	   /* the program has ended and the supervisor does not know yet */
	int program_status;
	bool ending;
	int socket, supervisor, children, status_reader; /* descriptors; -1: not watched any more */
	struct keeper_message total;
};

/* The kernel's own structure; all zero is SIG_DFL with no flags. */
struct disposition {
	unsigned long words[4];
};

static void default_dispositions(void)
{
	struct disposition none = { { 0 } };

	for (int s = 1; s <= EVERY_SIGNAL; s++)
		raw(SYS_rt_sigaction, s, &none, 0, sizeof(unsigned long));
}

/*
 * Takes the domain. Return: whether kill(-1) is bounded now.
 *
 * SECURITY: kill(-1) without the bound would end every process of the user. So the effect is looked
 * at: the thread that started us could be signalled before and cannot be afterwards, while it was
 * our parent all the time.
 */
static bool scope_signals(const struct keeper_start *start)
{
	int ruleset = start->plan->keeper_ruleset;
	long r;

	if (ruleset < 0 || raw(SYS_kill, start->supervisor_thread, 0) != 0)
		return false;
	r = raw(SYS_landlock_restrict_self, ruleset, LOG_SAME_EXEC_OFF);
	if (r == -EINVAL)
		r = raw(SYS_landlock_restrict_self, ruleset, 0);
	if (r != 0 || raw(SYS_kill, start->supervisor_thread, 0) != -EPERM)
		return false;
	return raw(SYS_getppid) == start->supervisor;
}

/* Drops the result: without a reader there is nobody to tell. */
static void report(struct keeper *k, uint32_t kind, int value)
{
	struct keeper_message message = k->total;

	message.kind = kind;
	message.value = value;
	if (k->socket >= 0)
		raw(SYS_sendto, k->socket, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
}

__attribute__((noreturn)) static void give_up(struct keeper *k, long error)
{
	if (k->program > 0)
		raw(SYS_kill, k->program, SIGKILL);
	report(k, KEEPER_STARTED, (int)error);
	raw_exit(125);
}

static void prepare(struct keeper *k)
{
	int subreaper = 0;
	long r;

	default_dispositions();
	raw(SYS_prctl, PR_SET_NAME, "cordon-keeper");
	r = raw(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	if (r == 0)
		r = raw(SYS_prctl, PR_GET_CHILD_SUBREAPER, &subreaper);
	if (r == 0 && subreaper != 1)
		r = -EPERM;
	if (r == 0)
		r = raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	if (r < 0)
		give_up(k, r);
	k->scoped = scope_signals(k->start);
}

static void start_program(struct keeper *k, struct setup_start *setup)
{
	const struct keeper_start *start = k->start;
	int flags = CLONE_VM | (start->plan->share_files ? CLONE_FILES : 0) | SIGCHLD;
	const int few[] = { start->socket, start->supervisor_pidfd, start->status_reader };
	const struct fds_kept kept = { .few = few, .few_count = COUNT_OF(few) };
	uint64_t child_mask = 1ull << (SIGCHLD - 1);
	long r;

	*setup = (struct setup_start){ start->plan, k->self, start->status, start->ready };
	/* The stack is mapped afresh for each start; clone() of the C library does nothing but call
	 * setup_main() on it. */
	r = clone(setup_main, start->stack_top, flags, setup);
	if (r < 0)
		give_up(k, -errno);
	k->program = (pid_t)r;
	k->program_left = true;
	r = fds_close_others(0, &kept, start->plan->share_files);
	if (r < 0)
		give_up(k, r);
	/* SIGCHLD has been blocked all the time: one that came already is still pending. */
	r = raw(SYS_signalfd4, -1, &child_mask, sizeof(child_mask), SFD_CLOEXEC | SFD_NONBLOCK);
	if (r < 0)
		give_up(k, r);
	k->children = (int)r;
	report(k, KEEPER_STARTED, k->program);
}

static void signal_tree(struct keeper *k, int signal)
{
	if (k->scoped) {
		/* One walk under the kernel's lock: no fork slips through. */
		raw(SYS_kill, -1, signal);
		return;
	}
	if (sweep_signal(k->self, signal) < 0 && k->program_left)
		raw(SYS_kill, k->program, signal);
}

static void end(struct keeper *k)
{
	k->ending = true;
}

static void obey(struct keeper *k, const struct keeper_message *command)
{
	switch (command->kind) {
	case KEEPER_KILL:
		if (command->value == SIGKILL)
			end(k);
		else
			signal_tree(k, command->value);
		break;
	case KEEPER_SIGNAL:
		if (k->program_left)
			raw(SYS_kill, k->program, command->value);
		break;
	case KEEPER_CONTINUE:
		if (k->program_left)
			raw(SYS_kill, -k->program, SIGCONT);
		break;
	default:
		break;
	}
}

/* Return: 1 with a message; 0: nothing now; -1: the supervisor has closed its end. */
static int read_command(struct keeper *k, struct keeper_message *ret)
{
	long n = raw(SYS_recvfrom, k->socket, ret, sizeof(*ret), MSG_DONTWAIT);

	if (n == -EAGAIN || n == -EINTR || n == -ECONNRESET)
		return 0;
	return n == sizeof(*ret) ? 1 : -1;
}

static void supervisor_gone(struct keeper *k)
{
	k->socket = -1;
	end(k);
}

static void read_commands(struct keeper *k)
{
	struct keeper_message command;
	int r;

	while ((r = read_command(k, &command)) > 0)
		obey(k, &command);
	if (r < 0)
		supervisor_gone(k);
}

static void drain_children(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (raw(SYS_read, k->children, &info, sizeof(info)) > 0)
		;
}

/* Waits for anything, or for the next pass while the tree is being killed. */
static void wait_events(struct keeper *k)
{
	struct pollfd fds[] = {
		{ .fd = k->socket, .events = POLLIN },
		{ .fd = k->supervisor, .events = POLLIN },
		{ .fd = k->children, .events = POLLIN },
		{ .fd = k->status_reader, .events = 0 },
	};
	struct timespec pass = { .tv_nsec = PASS_NS };

	if (raw(SYS_ppoll, fds, COUNT_OF(fds), k->ending ? &pass : NULL, 0, 0) <= 0)
		return;
	if (fds[2].revents)
		drain_children(k);
	if (fds[3].revents) {
		k->status_reader = -1;
		raw(SYS_prctl, PR_SET_DUMPABLE, 0);
	}
	if (fds[0].revents)
		read_commands(k);
	if (fds[1].revents) {
		k->supervisor = -1;
		supervisor_gone(k);
	}
}

static void hold(struct keeper *k)
{
	struct pollfd fds[] = {
		{ .fd = k->socket, .events = POLLIN },
		{ .fd = k->supervisor, .events = POLLIN },
	};
	struct keeper_message command;

	for (;;) {
		int r = read_command(k, &command);

		if (r < 0)
			supervisor_gone(k);
		if (r != 0)
			return;
		raw(SYS_ppoll, fds, COUNT_OF(fds), NULL, 0, 0);
		if (fds[1].revents) {
			supervisor_gone(k);
			return;
		}
	}
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

static void count(struct keeper *k, const struct rusage *usage)
{
	uint64_t rss = (uint64_t)usage->ru_maxrss;

	k->total.processes++;
	k->total.user_us += microseconds(usage->ru_utime);
	k->total.system_us += microseconds(usage->ru_stime);
	if (rss > k->total.max_rss_kib)
		k->total.max_rss_kib = rss;
}

static void report_stop(struct keeper *k, int signal)
{
	int queued = 0;

	if (k->socket < 0 || raw(SYS_ioctl, k->socket, SIOCOUTQ, &queued) < 0)
		return;
	if (queued < QUEUE_SOFT)
		report(k, KEEPER_STOPPED, signal);
}

/* Reaps what has ended. Return: whether no child is left. */
static bool reap(struct keeper *k)
{
	for (;;) {
		struct rusage usage;
		int status;
		long pid = raw(SYS_wait4, -1, &status, WNOHANG | WUNTRACED | __WALL, &usage);

		if (pid == -EINTR)
			continue;
		if (pid < 0)
			return true;
		if (pid == 0) {
			/* Something of the tree is left: the end of the program is news of its own.
			 */
			if (k->untold)
				report(k, KEEPER_EXITED, k->program_status);
			k->untold = false;
			return false;
		}
		if (WIFSTOPPED(status)) {
			if (pid == k->program)
				report_stop(k, WSTOPSIG(status));
			continue;
		}
		count(k, &usage);
		if (pid == k->program && k->program_left) {
			k->program_left = false;
			k->program_status = status;
			k->untold = true;
			end(k);
		}
	}
}

__attribute__((noreturn)) static void serve(struct keeper *k)
{
	for (;;) {
		bool killed = k->ending;

		if (killed)
			signal_tree(k, SIGKILL);
		if (reap(k)) {
			report(k, KEEPER_EMPTY, k->program_status);
			raw_exit(0);
		}
		/* The program's end came with this look: its leftovers need not wait. */
		if (killed == k->ending)
			wait_events(k);
	}
}

__attribute__((noreturn)) static void keeper_main(const struct keeper_start *start)
{
	struct setup_start setup;
	struct keeper k = {
		.start = start,
		.self = (pid_t)raw(SYS_getpid),
		.socket = start->socket,
		.supervisor = start->supervisor_pidfd,
		.status_reader = start->status_reader,
	};

	prepare(&k);
	start_program(&k, &setup);
	hold(&k);
	serve(&k);
}

pid_t keeper_clone(const struct keeper_start *start, int *ret_pidfd)
{
	int flags = CLONE_PIDFD | (start->plan->share_files ? CLONE_FILES : 0);
	/* Exit signal 0: neither SIGCHLD handling nor a plain wait of the host sees it (I13). */
	long pid = raw(SYS_clone, flags, 0, ret_pidfd);

	if (pid == 0)
		keeper_main(start);
	return (pid_t)pid;
}
