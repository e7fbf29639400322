/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a start of cordon and makes one system call of its set-up fail.
 *
 *   inject LOG ROLE:NAME:INDEX=ERRNO|- PROGRAM [ARG...]
 *
 * The roles are `thread` (the one that acts for the sandbox), `keeper` and `program`, each from its first
 * call to the end of the set-up, which is the execution of the program. Each of their calls becomes a
 * line of the log, `ROLE NAME INDEX ARGUMENT...`, whose index counts the calls of that name. The named
 * one is not made and fails with the errno. Everything else is left alone.
 *
 * It is a tracer: an outer filter could not tell the tenth openat() from the first one.
 */
#include <elf.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS_MAX 256
#define CALLS_MAX 600 /* numbers are below this */

enum role { HOST, THREAD, KEEPER, PROGRAM, OTHER, ROLE_COUNT };
static const char *const role_names[ROLE_COUNT] = { "host", "thread", "keeper", "program",
						    "other" };

struct task {
	pid_t tid;
	enum role role;
	bool known;   /* its birth was reported */
	bool stopped; /* its first stop was seen, and it waits for that */
	bool failing; /* the call that it is in is the one */
};

static struct task tasks[TASKS_MAX];
static size_t task_count;
static bool taken[ROLE_COUNT]; /* only the first of a role counts */
static unsigned calls[ROLE_COUNT][CALLS_MAX];
static bool set_up = true; /* still going on */
static FILE *out;
static enum role wanted_role = ROLE_COUNT;
static int wanted_call;
static unsigned wanted_index;
static int wanted_error;

static struct task *task_of(pid_t tid)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	if (task_count == TASKS_MAX)
		exit(125);
	tasks[task_count] = (struct task){ .tid = tid };
	return &tasks[task_count++];
}

static void forget(pid_t tid)
{
	struct task *task = task_of(tid);

	*task = tasks[--task_count];
}

static pid_t process_of(pid_t tid)
{
	char path[64], line[256];
	int process = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "Tgid: %d", &process) == 1)
			break;
	if (status)
		fclose(status);
	return process;
}

static enum role role_of_child(const struct task *parent, pid_t child)
{
	enum role role = OTHER;

	if (parent->role == HOST && process_of(child) == process_of(parent->tid))
		role = THREAD;
	else if (parent->role == THREAD && process_of(child) == child)
		role = KEEPER;
	else if (parent->role == KEEPER)
		role = PROGRAM;
	if (role != OTHER && taken[role])
		role = OTHER;
	taken[role] = true;
	return role;
}

static void resume(const struct task *task, int signal)
{
	ptrace(set_up && task->role != HOST && task->role != OTHER ? PTRACE_SYSCALL : PTRACE_CONT,
	       task->tid, NULL, (void *)(long)signal);
}

static void born(const struct task *parent)
{
	unsigned long message = 0;
	struct task *child;
	enum role role;

	ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &message);
	role = role_of_child(parent, (pid_t)message);
	child = task_of((pid_t)message);
	child->role = role;
	child->known = true;
	if (child->stopped)
		resume(child, 0);
}

/* The call becomes one that changes nothing. */
static void replace_call(pid_t tid)
{
#if defined(__x86_64__)
	struct user_regs_struct regs;

	ptrace(PTRACE_GETREGS, tid, NULL, &regs);
	regs.orig_rax = SYS_getpid;
	ptrace(PTRACE_SETREGS, tid, NULL, &regs);
#else
	int number = SYS_getpid;
	struct iovec part = { &number, sizeof(number) };

	ptrace(PTRACE_SETREGSET, tid, (void *)NT_ARM_SYSTEM_CALL, &part);
#endif
}

static void set_result(pid_t tid, long result)
{
	struct user_regs_struct regs;
	struct iovec part = { &regs, sizeof(regs) };

	ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &part);
#if defined(__x86_64__)
	regs.rax = (unsigned long long)result;
#else
	regs.regs[0] = (unsigned long long)result;
#endif
	ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &part);
}

static void entered(struct task *task, const struct __ptrace_syscall_info *info)
{
	const unsigned long number = info->entry.nr;
	unsigned index = number < CALLS_MAX ? calls[task->role][number]++ : 0;
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)info->entry.nr);

	fprintf(out, "%s %s %u %llx %llx %llx\n", role_names[task->role], name ? name : "?", index,
		(unsigned long long)info->entry.args[0], (unsigned long long)info->entry.args[1],
		(unsigned long long)info->entry.args[2]);
	free(name);
	task->failing =
		task->role == wanted_role && (int)number == wanted_call && index == wanted_index;
	if (task->failing)
		replace_call(task->tid);
}

static void at_call(struct task *task)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, (void *)sizeof(info), &info) <= 0 ||
	    !set_up || task->role == HOST || task->role == OTHER)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		entered(task, &info);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && task->failing) {
		task->failing = false;
		set_result(task->tid, -wanted_error);
	}
}

static void at_stop(struct task *task, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (!task->known) {
		task->stopped = true;
		return;
	}
	if (signal == (SIGTRAP | 0x80)) {
		at_call(task);
		signal = 0;
	} else if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
		   event == PTRACE_EVENT_VFORK) {
		born(task);
		signal = 0;
	} else if (event) {
		set_up = set_up && !(event == PTRACE_EVENT_EXEC && task->role == PROGRAM);
		signal = 0;
	} else if (signal == SIGSTOP && !task->stopped) {
		task->stopped = true; /* the one that every new task begins with */
		signal = 0;
	}
	resume(task, signal);
}

static int error_of(const char *name)
{
	for (int error = 1; error < 134; error++) {
		const char *known = strerrorname_np(error);

		if (known && strcmp(known, name) == 0)
			return error;
	}
	return 0;
}

static bool understood(const char *what)
{
	char role[16], name[64], error[32];

	if (strcmp(what, "-") == 0)
		return true;
	if (sscanf(what, "%15[a-z]:%63[a-z0-9_]:%u=%31[A-Z0-9]", role, name, &wanted_index,
		   error) != 4)
		return false;
	wanted_call = seccomp_syscall_resolve_name(name);
	for (int i = THREAD; i <= PROGRAM; i++)
		if (strcmp(role_names[i], role) == 0)
			wanted_role = (enum role)i;
	wanted_error = error_of(error);
	return wanted_role != ROLE_COUNT && wanted_error > 0;
}

static int follow(pid_t host)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status, result = 125;
	pid_t tid;

	if (waitpid(host, &status, 0) != host || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, host, NULL, (void *)options) < 0)
		return 125;
	*task_of(host) = (struct task){ .tid = host, .role = HOST, .known = true, .stopped = true };
	resume(task_of(host), 0);
	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			at_stop(task_of(tid), status);
			continue;
		}
		if (tid == host)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		forget(tid);
	}
	return result;
}

int main(int argc, char **argv)
{
	pid_t host;
	int result;

	if (argc < 4 || !understood(argv[2]))
		return 125;
	out = fopen(argv[1], "we");
	if (!out)
		return 125;
	host = fork();
	if (host == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[3], argv + 3);
		_exit(125);
	}
	result = follow(host);
	return fclose(out) == 0 ? result : 125;
}
