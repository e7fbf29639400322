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

struct entry { /* of getdents64 */
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Return: the number at *at, which moves behind it; -1 if there is none. */
static pid_t number(const char **at)
{
	long value = 0;
	const char *c = *at;

	if (*c < '0' || *c > '9')
		return -1;
	for (; *c >= '0' && *c <= '9' && value < 100000000; c++)
		value = value * 10 + (*c - '0');
	*at = c;
	return (pid_t)value;
}

/* Return: the parent of a process that has not ended, or -1. */
static pid_t parent_of(int proc, const char *name)
{
	char path[32], text[512];
	const char *at, *close = NULL;
	size_t n = 0;
	long fd, got;

	while (name[n] && n < 16) {
		path[n] = name[n];
		n++;
	}
	for (const char *suffix = "/stat"; *suffix; suffix++)
		path[n++] = *suffix;
	path[n] = '\0';
	fd = raw(SYS_openat, proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = raw(SYS_read, fd, text, sizeof(text) - 1);
	raw(SYS_close, fd);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	for (at = text; *at; at++) { /* the name before it may hold anything */
		if (*at == ')')
			close = at;
	}
	/* `) S 123` */
	if (!close || close + 4 >= text + got || close[2] == 'Z' || close[2] == 'X')
		return -1;
	at = close + 4;
	return number(&at);
}

static size_t list(int proc, struct seen *table)
{
	char buffer[4096] __attribute__((aligned(8)));
	size_t count = 0;
	long n;

	while ((n = raw(SYS_getdents64, proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *entry =
				(const struct entry *)(const void *)(buffer + at);
			const char *name = entry->name;
			pid_t pid = number(&name), parent;

			at += entry->length;
			if (pid <= 0 || *name || count == TABLE_MAX)
				continue;
			parent = parent_of(proc, entry->name);
			if (parent >= 0)
				table[count++] = (struct seen){ pid, parent, false };
		}
	}
	return count;
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
	char name[16], digits[16];
	size_t n = 0, length = 0;
	long pidfd = raw(SYS_pidfd_open, seen->pid, 0);
	bool sent = false;
	pid_t parent;

	if (pidfd < 0)
		return 0;
	for (pid_t rest = seen->pid; rest > 0; rest /= 10)
		digits[n++] = (char)('0' + rest % 10);
	while (n > 0)
		name[length++] = digits[--n];
	name[length] = '\0';
	parent = parent_of(proc, name);
	if (parent > 0 && (parent == self || parent == seen->parent))
		sent = raw(SYS_pidfd_send_signal, pidfd, signal, 0, 0) == 0;
	raw(SYS_close, pidfd);
	return sent;
}

int sweep_signal(pid_t self, int signal)
{
	long proc = raw(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t count, size = TABLE_MAX * sizeof(struct seen);
	struct seen *table;
	int done = 0;
	long r;

	if (proc < 0)
		return (int)proc;
	r = raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r < 0 && r > -4096) {
		raw(SYS_close, proc);
		return (int)r;
	}
	table = (struct seen *)r;
	count = list((int)proc, table);
	mark(table, count, self);
	for (size_t i = 0; i < count; i++) {
		if (table[i].ours)
			done += signal_one((int)proc, &table[i], self, signal);
	}
	raw(SYS_munmap, table, size);
	raw(SYS_close, proc);
	return done;
}
