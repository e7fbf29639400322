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

#include <stdio.h>
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
			     pid == 0 || (pid > 0 && caller_may_name(&rq->caller, pid)));
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
		return judge(rq, OP_CONTROL,
			     caller_is_member(&rq->caller, getpgid(rq->caller.tid)));
	if (pid < -1)
		pid = -pid;
	return judge(rq, OP_CONTROL, pid > 0 && caller_may_name(&rq->caller, pid));
}

/* SECURITY: elsewhere the same numbers are other ids. */
static bool in_our_user_namespace(const struct request *rq)
{
	const struct supervisor *sv = rq->caller.sv;
	struct stat own, theirs;
	char name[32];

	snprintf(name, sizeof(name), "%d/ns/user", rq->caller.tid);
	return fstatat(sv->proc_fd, "thread-self/ns/user", &own, 0) == 0 &&
	       fstatat(sv->proc_fd, name, &theirs, 0) == 0 && own.st_dev == theirs.st_dev &&
	       own.st_ino == theirs.st_ino;
}

/*
 * Whether a call that changes ids cannot change any, as those of programs that make sure that they have no
 * others (make does): as long as none differ, all are our own. KERNEL: -1 changes nothing.
 */
static bool names_own_ids(const struct request *rq)
{
	static const struct {
		const char *call;
		bool group;
		int count;
	} calls[] = {
		{ "setuid", false, 1 },	  { "setreuid", false, 2 }, { "setresuid", false, 3 },
		{ "setfsuid", false, 1 }, { "setgid", true, 1 },    { "setregid", true, 2 },
		{ "setresgid", true, 3 }, { "setfsgid", true, 1 },
	};
	const struct supervisor *sv = rq->caller.sv;

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		uint32_t own = calls[i].group ? sv->own_gid : sv->own_uid;

		if (strcmp(calls[i].call, rq->row->name) != 0)
			continue;
		for (int arg = 0; arg < calls[i].count; arg++) {
			uint32_t value = (uint32_t)rq->args[arg];

			if (value != own && value != UINT32_MAX)
				return false;
		}
		return sv->one_id && in_our_user_namespace(rq);
	}
	return false;
}

/* Ids are the program's own; from the first change on, what is done for a caller is done with its ids. */
struct verdict handle_ids(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;

	sv->ids_differ = sv->ids_differ || !names_own_ids(rq);
	return verdict_continue(CONTINUE_REGISTERS);
}
