/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signalling the descendants of a process where no Landlock scope bounds kill(-1).
 *
 * Theory of operation. One pass reads /proc, notes each process with its parent, marks what hangs
 * below the keeper, and signals the marked ones through pidfds. A process may end and its number be
 * given to a stranger between the look and the signal. Therefore the pidfd is opened first and the
 * parent is read again afterwards: if it is the keeper, or the parent noted before, the descriptor
 * holds a member of the tree, or a process that is already dead, which a signal cannot hurt.
 * RACE: the parent's own number may have been given away too; that takes a wrap of the whole number
 * space within one pass.
 */
#include "child/sweep.h"

#include "child/proc.h"
#include "child/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* Processes looked at in one pass; memory is only used for those that exist. */
#define TABLE_MAX 65536u

struct seen {
	pid_t pid, parent;
	bool ours;
};

/* Return: the parent of a process that has not ended, or -1. */
static pid_t parent_of(int proc, pid_t pid)
{
	char name[PROC_NAME_MAX], text[512];
	const char *at, *close = NULL;
	long got;

	proc_put(proc_put_number(name, pid), "/stat");
	got = proc_read(proc, name, text, sizeof(text));
	if (got <= 0)
		return -1;
	for (at = text; *at; at++) { /* the name before it may hold anything */
		if (*at == ')')
			close = at;
	}
	/* `) S 123` */
	if (!close || close + 4 >= text + got || close[2] == 'Z' || close[2] == 'X')
		return -1;
	at = close + 4;
	return (pid_t)proc_number(&at);
}

struct list {
	int proc;
	struct seen *table;
	size_t count;
};

static bool add(void *arg, pid_t pid)
{
	struct list *list = arg;
	pid_t parent = parent_of(list->proc, pid);

	if (parent >= 0)
		list->table[list->count++] = (struct seen){ pid, parent, false };
	return list->count < TABLE_MAX;
}

/* The table is in order of numbers, as /proc lists them. */
static bool is_ours(const struct seen *table, size_t count, pid_t pid)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table[middle].pid == pid)
			return table[middle].ours;
		if (table[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static void mark(struct seen *table, size_t count, pid_t self)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			if (table[i].ours)
				continue;
			if (table[i].parent != self && !is_ours(table, count, table[i].parent))
				continue;
			table[i].ours = true;
			more = true;
		}
	}
}

static int signal_one(int proc, const struct seen *seen, pid_t self, int signal)
{
	long pidfd = raw(SYS_pidfd_open, seen->pid, 0);
	bool sent = false;
	pid_t parent;

	if (pidfd < 0)
		return 0;
	parent = parent_of(proc, seen->pid);
	if (parent > 0 && (parent == self || parent == seen->parent))
		sent = raw(SYS_pidfd_send_signal, pidfd, signal, 0, 0) == 0;
	raw(SYS_close, pidfd);
	return sent;
}

/* path: procfs, from `dir`. Return: 0 or -errno. What was begun is ended by end(). */
static int begin(int dir, const char *path, pid_t self, struct list *list)
{
	size_t size = TABLE_MAX * sizeof(struct seen);
	long proc = raw(SYS_openat, dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (proc < 0)
		return (int)proc;
	r = raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r < 0 && r > -4096) {
		raw(SYS_close, proc);
		return (int)r;
	}
	*list = (struct list){ .proc = (int)proc, .table = (struct seen *)r };
	proc_each_entry(list->proc, add, list);
	mark(list->table, list->count, self);
	return 0;
}

static void end(struct list *list)
{
	raw(SYS_munmap, list->table, TABLE_MAX * sizeof(struct seen));
	raw(SYS_close, list->proc);
}

int sweep_signal(pid_t self, int signal)
{
	struct list list;
	int r = begin(AT_FDCWD, "/proc", self, &list), done = 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (list.table[i].ours)
			done += signal_one(list.proc, &list.table[i], self, signal);
	}
	end(&list);
	return done;
}

int sweep_each(int proc, pid_t self, proc_number_fn *fn, void *arg)
{
	struct list list;
	int r = begin(proc, ".", self, &list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (list.table[i].ours && !fn(arg, list.table[i].pid))
			break;
	}
	end(&list);
	return 0;
}
