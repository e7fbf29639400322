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
 *   serve     reaps (keeper_reaping.c), obeys orders (keeper_orders.c), reports (keeper_reports.c),
 *             holds executions (tracer.c), looks at what the tree uses (keeper_looks.c, look.c);
 *             until the program ends, a limit of the tree is exceeded, the socket hangs up, or the
 *             supervisor's process dies
 *   ending    SIGKILL to the whole tree, again and again until no child is left; KEEPER_EMPTY; exit
 *
 * keeper-1: the program shares this memory until it executes. Nothing that it reads changes after
 *           the clone, and nothing here uses errno after it.
 * keeper-2: kill(-1) is called only in a domain that was seen to bound it (scope_signals()).
 * keeper-3: nothing here waits for anybody, neither for a reader of reports (keeper_reports.c), nor in
 *           one place while others have something to do: orders and the dead are taken some at a time.
 *
 * All signals stay blocked for good. The hang-up of the status pipe tells that the program has
 * executed; from then on the keeper is not dumpable: its memory is a copy of the supervisor's, and
 * no process of the tree may attach to it.
 */
#include "child/keeper_parts.h"

#include "base/cleanup.h"
#include "child/fds.h"
#include "child/raw.h"
#include "child/setup.h"
#include "child/steps.h"
#include "sys/compat.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>

/* KERNEL(6.15): refusals of our own kill(-1) are not news for the audit log. */
#define LOG_SAME_EXEC_OFF 1u
/* While the tree is being killed: how long until the next pass. */
#define PASS_NS 10000000

/*
 * Takes the domain. Return: whether kill(-1) is bounded now.
 *
 * SECURITY: kill(-1) without the bound would end every process of the user. So the effect is looked
 * at: the thread that started us could be signalled before and cannot be afterwards, while it was
 * our parent all the time. A pid namespace is a bound too: there our parent has no number.
 */
static bool scope_signals(const struct keeper_start *start)
{
	int ruleset = start->plan->keeper_ruleset;
	long r;

	if (start->plan->join_pid >= 0)
		return raw(SYS_getppid) == 0;
	if (ruleset < 0 || raw(SYS_kill, start->supervisor_thread, 0) != 0)
		return false;
	r = raw(SYS_landlock_restrict_self, ruleset, LOG_SAME_EXEC_OFF);
	if (r == -EINVAL)
		r = raw(SYS_landlock_restrict_self, ruleset, 0);
	if (r != 0 || raw(SYS_kill, start->supervisor_thread, 0) != -EPERM)
		return false;
	return raw(SYS_getppid) == start->supervisor;
}

__attribute__((noreturn)) static void give_up(struct keeper *k, long error)
{
	if (k->program > 0)
		raw(SYS_kill, k->program, SIGKILL);
	keeper_report_last(k, KEEPER_STARTED, (int)error);
	raw_exit(125);
}

/* KERNEL: only a process that shares its memory with nobody may: not the one that joins, nor the program. */
static long join_time(const struct spawn_plan *plan)
{
	long before, r;

	if (plan->join_time < 0)
		return 0;
	before = namespace_inode("/proc/self/ns/time");
	r = before < 0 ? before : raw(SYS_setns, plan->join_time, CLONE_NEWTIME);
	if (r == 0 && namespace_inode("/proc/self/ns/time") == before)
		r = -EPERM;
	return r;
}

static void prepare(struct keeper *k)
{
	int subreaper = 0;
	long r;

	dispositions_default();
	raw(SYS_prctl, PR_SET_NAME, "cordon-keeper");
	r = raw(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	if (r == 0)
		r = raw(SYS_prctl, PR_GET_CHILD_SUBREAPER, &subreaper);
	if (r == 0 && subreaper != 1)
		r = -EPERM;
	if (r == 0)
		r = raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	if (r == 0)
		r = join_time(k->start->plan);
	if (r == 0)
		r = look_prepare(&k->looker, &k->start->plan->tree, k->self);
	if (r < 0)
		give_up(k, r);
	k->scoped = scope_signals(k->start);
}

static void start_program(struct keeper *k, struct setup_start *setup)
{
	const struct keeper_start *start = k->start;
	int flags = (start->plan->function ? 0 : CLONE_VM) |
		    (start->plan->share_files ? CLONE_FILES : 0) | SIGCHLD;
	const int few[] = { start->socket, start->supervisor_pidfd, start->status_reader,
			    k->looker.proc };
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
	/* SECURITY: in a pid namespace our root is one of those that procfs shows inside. */
	if (start->plan->join_pid >= 0 && start->plan->join_mount >= 0) {
		r = raw(SYS_setns, start->plan->join_mount, CLONE_NEWNS);
		if (r < 0)
			give_up(k, r);
	}
	r = fds_close_others(0, &kept, start->plan->share_files);
	if (r < 0)
		give_up(k, r);
	/* SIGCHLD has been blocked all the time: one that came already is still pending. */
	r = raw(SYS_signalfd4, -1, &child_mask, sizeof(child_mask), SFD_CLOEXEC | SFD_NONBLOCK);
	if (r < 0)
		give_up(k, r);
	k->children = (int)r;
	r = keeper_report_last(k, KEEPER_STARTED, k->program);
	if (r < 0)
		give_up(k, r);
}

/* The signal is pending once at most: one that comes after this is a new reason to look. */
static void take_child_signal(struct keeper *k)
{
	struct signalfd_siginfo info;

	raw(SYS_read, k->children, &info, sizeof(info));
}

/* Of two times, of which 0 is none. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Return: until the next pass or look; NULL: for ever. */
static const struct timespec *time_left(const struct keeper *k, struct timespec *ret)
{
	uint64_t now, ns = PASS_NS;

	if (k->more) {
		ns = 0;
	} else if (!k->ending) {
		uint64_t next = earlier(k->next_look_ns, k->share.next_ns);

		if (next == 0)
			return NULL;
		now = keeper_clock_ns();
		ns = next > now ? next - now : 0;
	}
	*ret = (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
				  .tv_nsec = (long)(ns % 1000000000) };
	return ret;
}

/* Waits for anything, or for the next pass while the tree is being killed. */
static void wait_events(struct keeper *k)
{
	struct pollfd fds[] = {
		{ .fd = k->deaf ? -1 : k->socket, .events = POLLIN },
		{ .fd = k->supervisor, .events = POLLIN },
		{ .fd = k->children, .events = POLLIN },
		{ .fd = k->status_reader, .events = 0 },
		{ .fd = k->news_count > 0 ? k->socket : -1, .events = POLLOUT },
	};
	struct timespec left;
	long r = raw(SYS_ppoll, fds, COUNT_OF(fds), time_left(k, &left), 0, 0);

	k->more = false;
	if (r <= 0)
		return;
	if (fds[2].revents)
		take_child_signal(k);
	if (fds[3].revents) {
		k->status_reader = -1;
		raw(SYS_prctl, PR_SET_DUMPABLE, 0);
		keeper_begin_looks(k);
	}
	if (fds[0].revents)
		keeper_obey_orders(k);
	if (fds[1].revents) {
		k->supervisor = -1;
		keeper_no_more_orders(k);
	}
	if (fds[4].revents)
		keeper_send_news(k);
}

static void hold(struct keeper *k)
{
	struct pollfd fds[] = {
		{ .fd = k->socket, .events = POLLIN },
		{ .fd = k->supervisor, .events = POLLIN },
	};
	struct keeper_message command;

	for (;;) {
		int r = keeper_read_order(k, &command);

		if (r < 0)
			keeper_no_more_orders(k);
		if (r != 0)
			return;
		raw(SYS_ppoll, fds, COUNT_OF(fds), NULL, 0, 0);
		if (fds[1].revents) {
			keeper_no_more_orders(k);
			return;
		}
	}
}

__attribute__((noreturn)) static void serve(struct keeper *k)
{
	for (;;) {
		bool killed = k->ending;

		if (killed)
			keeper_signal_tree(k, SIGKILL);
		if (keeper_reap(k)) {
			keeper_take_usage(k);
			keeper_report_last(k, KEEPER_EMPTY, k->program_status);
			raw_exit(0);
		}
		/* The program's end came with this pass: its leftovers need not wait. */
		if (killed == k->ending) {
			wait_events(k);
			keeper_look_if_due(k);
			keeper_share_if_due(k);
		}
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

/* Exit signal 0: neither SIGCHLD handling nor a plain wait of the host sees it (I13). */
static long clone_keeper(const struct keeper_start *start, int flags, int *ret_pidfd)
{
	long pid;

	flags |= CLONE_PIDFD | (start->plan->share_files ? CLONE_FILES : 0);
	pid = raw(SYS_clone, flags, 0, ret_pidfd);
	if (pid == 0)
		keeper_main(start);
	return pid;
}

struct joining {
	const struct keeper_start *start;
	int *ret_pidfd;
	long result;
};

/*
 * A process that shares our memory and descriptors enters the namespaces in our place, and clones the
 * keeper as its sibling. We wait until it has ended. Its credentials and namespaces are its own.
 */
static int join_main(void *arg)
{
	struct joining *joining = arg;
	const struct spawn_plan *plan = joining->start->plan;
	long r = 0;

	if (plan->join_user >= 0)
		r = raw(SYS_setns, plan->join_user, CLONE_NEWUSER);
	if (r == 0 && plan->join_pid >= 0)
		r = raw(SYS_setns, plan->join_pid, CLONE_NEWPID);
	if (r == 0)
		r = clone_keeper(joining->start, CLONE_PARENT, joining->ret_pidfd);
	joining->result = r;
	raw_exit(0);
}

pid_t keeper_clone(const struct keeper_start *start, int *ret_pidfd)
{
	struct joining joining = { start, ret_pidfd, -ECHILD };
	int status;
	long r;

	if (start->plan->join_user < 0 && start->plan->join_pid < 0)
		return (pid_t)clone_keeper(start, 0, ret_pidfd);
	r = clone(join_main, start->join_top, CLONE_VM | CLONE_FILES | CLONE_VFORK, &joining);
	if (r < 0)
		return -errno;
	while (raw(SYS_wait4, r, &status, __WALL, 0) == -EINTR)
		continue;
	return (pid_t)joining.result;
}
