/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tree of a run uses: its processes, and its memory (look_memory.c).
 *
 * Theory of operation. Calls that make processes or map memory are never notified (I1): a count of
 * calls would be slow, and wrong where memory is reserved and not used, or shared. So the keeper
 * looks at the kernel's own books, by system calls only (I11), and how often depends on what it
 * sees: every LOOK_MIN while a limit is being approached, every LOOK_MAX while nothing grows, and
 * never so often that looking takes more than a twentieth of the time.
 *
 * A look walks from the keeper down: the children of every thread of every process. Threads are no
 * processes and are not counted, zombies are until they are reaped.
 *
 * look-1: a process that moves to another parent during a walk can be seen twice or not at all,
 *         so an excess has to be seen in two looks in a row.
 * look-2: none of the files and calls here waits for the program: no call on the objects behind
 *         its descriptors but a statx() that asks nobody.
 * look-3: KERNEL(hidepid): a process that is not dumpable may be hidden as a whole, with all that it has
 *         made. That it is there its parent's list of children still tells, and kill() by its number
 *         where that is ours too. What cannot be looked into for that reason is an error of the look.
 */
#include "child/look.h"

#include "child/look_parts.h"
#include "child/raw.h"
#include "child/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

/* Bounds of one look; memory is only used for what is there. */
#define TABLE_MAX 65536u
/* So many looks in a row that failed mean that the limits are not held. */
#define FAILURES_MAX 20
/* Looking takes at most one part in so many of the time. */
#define COST_PARTS 20

static void *map(size_t size, long *ret_error)
{
	long r = raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*ret_error = r < 0 && r > -4096 ? r : 0;
	return *ret_error ? NULL : (void *)r;
}

/* KERNEL(CONFIG_PROC_CHILDREN): without it all of /proc is searched. */
static bool has_children_files(const struct looker *looker)
{
	char name[PROC_NAME_MAX], *at = proc_put_number(name, looker->self), byte;

	at = proc_put_number(proc_put(at, "/task/"), looker->self);
	proc_put(at, "/children");
	return proc_read(looker->proc, name, &byte, 1) >= 0;
}

/* Our own number there. Return: -errno. */
static long shown_self(const struct looker *looker)
{
	char text[16];
	const char *at = text;
	long n = raw(SYS_readlinkat, looker->proc, "self", text, sizeof(text) - 1);

	if (n < 0)
		return n;
	text[n] = '\0';
	return proc_number(&at);
}

int look_prepare(struct looker *looker, const struct tree_limits *limits, pid_t self)
{
	long r;

	*looker = (struct looker){ .limits = *limits, .proc = -1, .self = self };
	if (limits->memory_kib == 0 && limits->processes == 0 && limits->cpu_percent == 0)
		return 0;
	looker->table = map(TABLE_MAX * sizeof(*looker->table), &r);
	if (r == 0)
		looker->inodes = map(LOOK_INODES_MAX * sizeof(*looker->inodes), &r);
	if (r == 0)
		looker->text = map(LOOK_TEXT_SIZE, &r);
	if (r < 0)
		return (int)r;
	r = raw(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0)
		return (int)r;
	looker->proc = (int)r;
	r = shown_self(looker);
	if (r <= 0)
		return r < 0 ? (int)r : -ESRCH;
	looker->self = (pid_t)r;
	looker->elsewhere = looker->self != self;
	looker->lists_children = has_children_files(looker);
	looker->interval_ns = LOOK_MIN_NS;
	return limits->memory_kib > 0 ? look_memory_prepare(looker) : 0;
}

void look_note_error(struct looker *looker, long r)
{
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		looker->error = r;
}

long look_open(struct looker *looker, pid_t pid, const char *name)
{
	char path[PROC_NAME_MAX];
	long r;

	proc_put(proc_put_number(path, pid), name);
	r = raw(SYS_openat, looker->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	look_note_error(looker, r);
	return r;
}

pid_t look_named(struct looker *looker, pid_t pid)
{
	char path[PROC_NAME_MAX];

	if (!looker->elsewhere)
		return pid;
	proc_put(proc_put_number(path, pid), "/status");
	if (proc_read(looker->proc, path, looker->text, LOOK_TEXT_SIZE) <= 0)
		return 0;
	return (pid_t)proc_last_field(looker->text, "NSpid:");
}

static bool too_many(const struct looker *looker)
{
	return looker->limits.processes > 0 && looker->count > looker->limits.processes;
}

static bool add_process(void *arg, pid_t pid)
{
	struct looker *looker = arg;

	looker->table[looker->count++] = (struct looked_at){ pid, looker->parent, 0 };
	return looker->count < TABLE_MAX && !too_many(looker);
}

static bool add_children_of_thread(void *arg, pid_t tid)
{
	struct looker *looker = arg;
	char name[PROC_NAME_MAX], *at = proc_put_number(name, looker->parent);

	at = proc_put_number(proc_put(at, "/task/"), tid);
	proc_put(at, "/children");
	look_note_error(looker, proc_each_number(looker->proc, name, add_process, looker));
	return looker->count < TABLE_MAX && !too_many(looker);
}

struct child_search {
	struct looker *looker;
	const struct looked_at *child;
	bool found;
};

static bool is_child(void *arg, pid_t pid)
{
	struct child_search *search = arg;

	search->found = pid == search->child->pid;
	return !search->found;
}

static bool has_child(void *arg, pid_t tid)
{
	struct child_search *search = arg;
	char name[PROC_NAME_MAX], *at = proc_put_number(name, search->child->parent);

	at = proc_put_number(proc_put(at, "/task/"), tid);
	proc_put(at, "/children");
	proc_each_number(search->looker->proc, name, is_child, search);
	return !search->found;
}

void look_note_hidden(struct looker *looker, const struct looked_at *process, long error)
{
	struct child_search search = { looker, process, false };
	long task;

	/* A number of procfs is one for kill() only in the same pid namespace. */
	if (!looker->elsewhere) {
		search.found = raw(SYS_kill, process->pid, 0) != -ESRCH;
	} else {
		task = look_open(looker, process->parent, "/task");
		if (task < 0)
			return;
		proc_each_entry((int)task, has_child, &search);
		raw(SYS_close, task);
	}
	if (search.found)
		looker->error = error;
}

static void add_children(struct looker *looker, const struct looked_at *process)
{
	long task = look_open(looker, process->pid, "/task");

	if (task < 0) {
		look_note_hidden(looker, process, task);
		return;
	}
	looker->parent = process->pid;
	proc_each_entry((int)task, add_children_of_thread, looker);
	raw(SYS_close, task);
}

void look_walk(struct looker *looker)
{
	const struct looked_at self = { .pid = looker->self, .parent = looker->self };

	looker->count = 0;
	if (!looker->lists_children) {
		/* That of `self`: the keeper may have gone to another /proc since. */
		int r = sweep_each(looker->proc, looker->self, add_process, looker);

		look_note_error(looker, r);
		return;
	}
	add_children(looker, &self);
	for (size_t i = 0; i < looker->count && looker->count < TABLE_MAX && !too_many(looker); i++)
		add_children(looker, &looker->table[i]);
}

static enum looked look_once(struct looker *looker)
{
	looker->error = 0;
	look_walk(looker);
	looker->processes = looker->count;
	if (looker->processes > looker->processes_peak)
		looker->processes_peak = looker->processes;
	if (too_many(looker))
		return LOOKED_PROCESSES;
	if (looker->limits.memory_kib > 0) {
		looker->memory_kib = look_memory(looker);
		if (looker->memory_kib > looker->memory_peak_kib)
			looker->memory_peak_kib = looker->memory_kib;
		if (looker->memory_kib > looker->limits.memory_kib)
			return looker->by_growth ? LOOKED_GROWTH : LOOKED_MEMORY;
	}
	looker->failures = looker->error ? looker->failures + 1 : 0;
	return looker->failures > FAILURES_MAX ? LOOKED_BLIND : LOOKED_WELL;
}

static bool is_memory(enum looked found)
{
	return found == LOOKED_MEMORY || found == LOOKED_GROWTH;
}

enum looked look(struct looker *looker)
{
	enum looked first = look_once(looker), second;

	if (first == LOOKED_WELL || first == LOOKED_BLIND)
		return first;
	second = look_once(looker); /* look-1 */
	return second == first || (is_memory(first) && is_memory(second)) ? second : LOOKED_WELL;
}

/* Whether more than an eighth of what was left has been taken since the last look. */
static bool grows(uint64_t before, uint64_t now, uint64_t limit)
{
	return limit > 0 && now > before && (now - before) * 8 > limit - before;
}

uint64_t look_interval(struct looker *looker, uint64_t memory_before_kib, uint64_t processes_before,
		       uint64_t cost_ns)
{
	bool near = grows(memory_before_kib, looker->memory_kib, looker->limits.memory_kib) ||
		    grows(processes_before, looker->processes, looker->limits.processes);
	uint64_t next = near ? LOOK_MIN_NS : looker->interval_ns * 2;

	if (next > LOOK_MAX_NS)
		next = LOOK_MAX_NS;
	if (next < cost_ns * COST_PARTS)
		next = cost_ns * COST_PARTS;
	looker->interval_ns = next;
	return next;
}
