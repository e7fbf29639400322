/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits, priorities and, where Landlock has no signal scope, signals of other processes.
 *
 * Only registers decide: a process id is looked up, and the call goes on in the kernel if it
 * belongs to the sandbox. Without this a program could give its supervisor a CPU limit of one
 * second.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"

#include <string.h>
#include <sys/resource.h>

struct target {
	const char *call;
	int arg;	  /* register that holds the process id */
	int kind_arg;	  /* register that says what the id means; -1: it is a process */
	uint32_t process; /* value of that register for "a process"; the filter refuses others */
};

#define IOPRIO_WHO_PROCESS 1

static const struct target targets[] = {
	{ "prlimit64", 0, -1, 0 },
	{ "sched_setaffinity", 0, -1, 0 },
	{ "sched_setattr", 0, -1, 0 },
	{ "sched_setparam", 0, -1, 0 },
	{ "sched_setscheduler", 0, -1, 0 },
	{ "setpriority", 1, 0, PRIO_PROCESS },
	{ "ioprio_set", 1, 0, IOPRIO_WHO_PROCESS },
};

static struct verdict judge(struct request *rq, enum op op, bool allow)
{
	struct decision decision = { .allow = allow, .error = EPERM };
	struct verdict v;

	if (!request_pending(rq))
		return verdict_result(-EPERM);
	return request_judge(rq, op, &decision, "another process", &v)
		       ? verdict_continue(CONTINUE_REGISTERS)
		       : v;
}

struct verdict handle_control(struct request *rq)
{
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		const struct target *t = &targets[i];
		uint32_t kind;
		pid_t pid;

		if (strcmp(t->call, rq->row->name) != 0)
			continue;
		kind = t->kind_arg < 0 ? t->process : (uint32_t)rq->args[t->kind_arg];
		pid = (pid_t)rq->args[t->arg];
		if (kind != t->process)
			return judge(rq, OP_CONTROL, false);
		return judge(rq, OP_CONTROL,
			     pid == 0 || (pid > 0 && caller_is_member(&rq->caller, pid)));
	}
	return judge(rq, OP_CONTROL, false);
}

struct verdict handle_signal(struct request *rq)
{
	pid_t pid = (pid_t)rq->args[0];

	/* pidfd_send_signal: what a descriptor number means can change under our eyes. */
	if (strcmp(rq->row->name, "pidfd_send_signal") == 0)
		return judge(rq, OP_CONTROL, false);
	/* A group: RACE: joining another group is possible at any time, so only the caller's own or
	 * one led by a member. */
	if (pid == 0)
		pid = getpgid(rq->caller.tid);
	else if (pid < -1)
		pid = -pid;
	return judge(rq, OP_CONTROL, pid > 0 && caller_is_member(&rq->caller, pid));
}

/* Ids are the program's own; from the first change on, what is done for a caller is done with its ids. */
struct verdict handle_ids(struct request *rq)
{
	rq->caller.sv->ids_differ = true;
	return verdict_continue(CONTINUE_REGISTERS);
}
