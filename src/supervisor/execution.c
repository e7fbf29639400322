/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions that are verified before the new program runs.
 *
 * Theory of operation. The handler has judged the path. The kernel will read it again, so what it
 * then has executed is looked at, before the first instruction:
 *
 *   the thread        supervisor                        keeper (child/tracer.c)
 *   execve ---------> judge; entry SEIZING -- HOLD ---> seizes it
 *   (blocked)         CONTINUE; RUNNING   <-- HELD ----
 *   executes
 *   (stopped) ----------------------------------------> PTRACE_EVENT_EXEC
 *                     image_judge()       <- EXECUTED -
 *                     allowed             -- RELEASE -> lets it go
 *   runs
 *
 * A refusal by policy ends the whole run: an honest program does not exchange what it executes while
 * that is being decided. An image that cannot be told (made unreadable, gone from its path) ends its
 * process only.
 *
 * An execution that fails behind CONTINUE is not reported. Its entry stays RUNNING, and the thread
 * held, until it stops for a signal (LOOSE) or asks for its next execution. tracer.c says why.
 *
 * SECURITY: CONTINUE is said only after HELD. It succeeds only while that very request waits, and a
 * thread cannot stop, and so be let go, while its request waits. So the execution that is continued
 * is the one that is held.
 *
 * execution-1: one execution at a time in a process (tracer-3). A second one WAITS until the first is
 *              known to be over; to learn that, the first thread is made to stop. Since reports may
 *              get lost and threads may die, a timer looks again as long as something waits.
 * execution-2: numbers of threads are given out again. So HELD answers a question by its own number,
 *              and what is held is known to the kernel and remembered nowhere.
 * execution-3: there are as many entries as threads that execute, or whose execution failed and that have
 *              not stopped since: nobody can fill a table. Of the latter those beyond LASTING_MAX are asked
 *              to stop, a few for each new one, the oldest first. What is short is descriptors: entries
 *              beyond WITH_FILES_MAX do without the files, and their images are asked about anew.
 */
#include "supervisor/execution.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "supervisor/audit.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <string.h>
#include <sys/timerfd.h>

#define LOOK_AGAIN_NS 20000000
/* execution-3 */
#define LASTING_MAX    64
#define LASTING_ASKED  4
#define WITH_FILES_MAX 128

enum execution_state { EXEC_NEW, EXEC_WAITING, EXEC_SEIZING, EXEC_RUNNING };

struct execution {
	struct execution *next;
	enum execution_state state;
	uint64_t id;
	pid_t tid, process;
	pid_t inside; /* the thread, as the keeper sees it */
	int number;   /* of the question whether it is held */
	struct image_files files;
	const char *syscall; /* for events */
	char *given;
};

struct executions {
	struct execution *first; /* the oldest */
	int count, timer, source, waiting, last_number;
};

static void look_again(void *arg, short events);

int executions_new(struct supervisor *sv)
{
	struct executions *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	sv->executions = x;
	x->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (x->timer < 0)
		return -errno;
	x->source = loop_add(sv->loop, x->timer, look_again, sv);
	return x->source < 0 ? x->source : 0;
}

static void set_waiting(struct executions *x, int change)
{
	struct itimerspec spec = { 0 };

	x->waiting += change;
	if (x->waiting > 0)
		spec.it_value.tv_nsec = spec.it_interval.tv_nsec = LOOK_AGAIN_NS;
	timerfd_settime(x->timer, 0, &spec, NULL);
}

static void entry_append(struct executions *x, struct execution *take_e)
{
	struct execution **at = &x->first;

	while (*at)
		at = &(*at)->next;
	take_e->next = NULL;
	*at = take_e;
	x->count++;
}

static struct execution *entry_take_out(struct executions *x, struct execution *e)
{
	struct execution **at = &x->first;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	x->count--;
	return e;
}

static void entry_free(struct executions *x, struct execution *e)
{
	if (e->state == EXEC_WAITING)
		set_waiting(x, -1);
	image_done(&e->files);
	free(e->given);
	free(entry_take_out(x, e));
}

void executions_free(struct supervisor *sv)
{
	struct executions *x = sv->executions;

	if (!x)
		return;
	while (x->first)
		entry_free(x, x->first);
	if (x->timer >= 0)
		close(x->timer);
	free(x);
	sv->executions = NULL;
}

static void event(const struct supervisor *sv, const struct execution *e, pid_t pid,
		  const struct audit_facts *facts)
{
	struct audit_facts all = *facts;

	all.proc_fd = -1;
	all.pid = pid;
	all.tid = e->tid;
	all.operation = op_info[OP_EXEC].name;
	all.syscall = e->syscall;
	all.given = e->given;
	audit_add(sv->audit, &all);
}

/* Asks for a thread to stop, unless the keeper has too much to read: look_again() asks once more. */
static void interrupt(const struct supervisor *sv, const struct execution *e)
{
	keeper_tell(sv->keeper_socket, KEEPER_INTERRUPT, e->inside);
}

/*
 * What becomes of a process that stands before its first instruction. It would stand there for ever if
 * this were lost: better that the run ends. A keeper that is gone takes the tree with it. inside: as the
 * keeper sees it.
 */
static void settle(const struct supervisor *sv, enum keeper_command command, pid_t inside)
{
	int r = keeper_tell(sv->keeper_socket, command, inside);

	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		sv->broken(sv->callback_arg, "the keeper does not read what it is told");
}

/* A running one. */
static struct execution *find(struct executions *x, pid_t inside)
{
	struct execution *e = x->first;

	while (e && !(e->state == EXEC_RUNNING && e->inside == inside))
		e = e->next;
	return e;
}

static struct execution *find_asked(struct executions *x, int number)
{
	struct execution *e = x->first;

	while (e && !(e->state == EXEC_SEIZING && e->number == number))
		e = e->next;
	return e;
}

/* Another execution of the same process that may not be over, or NULL. */
static const struct execution *rival_of(const struct supervisor *sv, const struct execution *e)
{
	const struct execution *other = sv->executions->first;

	for (; other; other = other->next) {
		struct process_status status;

		if (other == e || other->state < EXEC_SEIZING || other->process != e->process ||
		    other->tid == e->tid)
			continue;
		if (process_status(sv->proc_fd, other->tid, &status) == 0)
			return other;
	}
	return NULL;
}

static void wait_for_turn(struct executions *x, struct execution *e)
{
	if (e->state != EXEC_WAITING)
		set_waiting(x, 1);
	e->state = EXEC_WAITING;
}

static void be_seizing(struct executions *x, struct execution *e)
{
	if (e->state == EXEC_WAITING)
		set_waiting(x, -1);
	e->state = EXEC_SEIZING;
}

/* urgent: a rival is asked to stop. */
static void proceed(struct supervisor *sv, struct execution *e, bool urgent)
{
	struct executions *x = sv->executions;
	const struct execution *rival = rival_of(sv, e);

	if (rival) {
		wait_for_turn(x, e);
		if (urgent && rival->state == EXEC_RUNNING)
			interrupt(sv, rival);
		return;
	}
	/* A keeper that has too much to read is asked again. */
	e->number = ++x->last_number;
	if (keeper_hold(sv->keeper_socket, e->inside, e->number) == -EAGAIN)
		wait_for_turn(x, e);
	else
		be_seizing(x, e);
}

static void proceed_waiting(struct supervisor *sv, bool urgent)
{
	struct executions *x = sv->executions;

	for (struct execution *e = x->first, *next; x->waiting > 0 && e; e = next) {
		next = e->next;
		if (e->state != EXEC_WAITING)
			continue;
		if (notif_valid(sv->listener, e->id) < 0)
			entry_free(x, e);
		else
			proceed(sv, e, urgent);
	}
}

static void look_again(void *arg, short events)
{
	struct supervisor *sv = arg;
	uint64_t ticks;

	(void)events;
	if (read(sv->executions->timer, &ticks, sizeof(ticks)) > 0)
		proceed_waiting(sv, true);
}

/* execution-3: lets go of executions that have failed, where there are many. */
static void end_lasting(struct supervisor *sv)
{
	struct executions *x = sv->executions;
	struct process_status status;
	int running = 0, asked = 0;

	for (const struct execution *e = x->first; e; e = e->next)
		running += e->state == EXEC_RUNNING;
	for (struct execution *e = x->first, *next; e && running > LASTING_MAX; e = next) {
		next = e->next;
		if (e->state != EXEC_RUNNING)
			continue;
		running--;
		if (process_status(sv->proc_fd, e->tid, &status) < 0) {
			entry_free(x, e);
			continue;
		}
		interrupt(sv, e);
		/* One that cannot stop (vfork) makes room for the next ones to be asked. */
		entry_append(x, entry_take_out(x, e));
		if (++asked == LASTING_ASKED)
			break;
	}
}

/* Of a thread that has failed before only the new execution is remembered. Return: NULL: out of memory. */
static struct execution *entry_new(struct supervisor *sv, pid_t inside)
{
	struct executions *x = sv->executions;
	struct execution *e = find(x, inside);

	if (e)
		entry_free(x, e);
	end_lasting(sv);
	e = fault("memory") ? NULL : calloc(1, sizeof(*e));
	if (e)
		entry_append(x, e);
	return e;
}

struct verdict execution_hold(struct request *rq, struct image_files *take_files, char *take_given)
{
	struct supervisor *sv = rq->caller.sv;
	pid_t process = caller_tgid(&rq->caller);
	struct process_numbers inside = { 0 };
	int r = process < 0 ? process : caller_inside(&rq->caller, &inside);
	struct execution *e = r < 0 ? NULL : entry_new(sv, inside.tid);

	if (!e || sv->executions->count > WITH_FILES_MAX)
		image_done(take_files);
	if (!e) {
		free(take_given);
		return request_failed(rq, EACCES,
				      r < 0 ? "the caller cannot be looked at" : "out of memory");
	}
	e->state = EXEC_NEW;
	e->id = rq->id;
	e->tid = rq->caller.tid;
	e->inside = inside.tid;
	e->process = process;
	e->files = *take_files;
	e->syscall = rq->row->name;
	e->given = take_given;
	take_files->count = 0;
	proceed(sv, e, true);
	return verdict_later();
}

static void on_held(struct supervisor *sv, struct execution *e, int error)
{
	uint64_t id = e->id;

	e->state = EXEC_RUNNING;
	if (error == 0) {
		/* A caller that is gone leaves a thread that is held: it may be another one by now. */
		if (reply_send(sv, id, verdict_continue(CONTINUE_VERIFIED)) < 0) {
			interrupt(sv, e);
			entry_free(sv->executions, e);
		}
		return;
	}
	if (notif_valid(sv->listener, id) == 0)
		event(sv, e, e->process,
		      &(struct audit_facts){
			      .kind = CORDON_EVENT_FAILED,
			      .error = EACCES,
			      .reason = error == EPERM
						? "it cannot be verified: another process traces "
						  "the caller (a debugger, strace)"
						: "it cannot be verified: ptrace failed" });
	reply_send(sv, id, verdict_result(-EACCES));
	entry_free(sv->executions, e);
}

static void on_executed(struct supervisor *sv, const struct keeper_message *message)
{
	struct execution *e = find(sv->executions, message->other);
	pid_t pid = message->value;
	struct execution none = { .tid = pid, .syscall = "execve" };
	struct image_finding finding;
	int r;

	if (!e)
		e = &none;
	r = image_judge(sv, pid, &e->files, &finding);
	if (r > 0) {
		settle(sv, KEEPER_RELEASE, message->inside);
	} else if (r == 0) {
		event(sv, e, pid,
		      &(struct audit_facts){
			      .kind = CORDON_EVENT_DENIED,
			      .target = finding.path,
			      .error = finding.decision.error,
			      .rule = finding.decision.rule,
			      .reason = "what was executed is not what was asked for" });
		if (ablated("tree-kill"))
			settle(sv, KEEPER_KILL_ONE, message->inside);
		else
			sv->violated(sv->callback_arg);
	} else {
		/* SECURITY: also if it is dying: it must not run on. */
		settle(sv, KEEPER_KILL_ONE, message->inside);
		if (r != -ESRCH)
			event(sv, e, pid,
			      &(struct audit_facts){ .kind = CORDON_EVENT_FAILED,
						     .error = -r,
						     .reason =
							     "it cannot be told what was executed; "
							     "the process was killed" });
	}
	if (e != &none)
		entry_free(sv->executions, e);
}

void execution_report(struct supervisor *sv, const struct keeper_message *message)
{
	struct executions *x = sv->executions;
	struct execution *e;

	if (!x)
		return;
	switch (message->kind) {
	case KEEPER_HELD:
		e = find_asked(x, message->value);
		if (e)
			on_held(sv, e, message->other);
		break;
	case KEEPER_EXECUTED:
		on_executed(sv, message);
		break;
	case KEEPER_LOOSE:
		e = find(x, message->value);
		if (e)
			entry_free(x, e);
		break;
	default:
		break;
	}
	proceed_waiting(sv, false);
}
