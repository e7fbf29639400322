/* SPDX-License-Identifier: Apache-2.0 */
/* Reading procfs: see proc.h. */
#include "child/proc.h"

#include "child/raw.h"

#include <errno.h>
#include <fcntl.h>

struct entry { /* of getdents64 */
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

char *proc_put(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	*at = '\0';
	return at;
}

char *proc_put_number(char *at, pid_t number)
{
	char digits[16];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (n > 0)
		*at++ = digits[--n];
	*at = '\0';
	return at;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

long proc_number(const char **at)
{
	const char *c = *at;
	long value = 0;

	if (!is_digit(*c))
		return -1;
	for (; is_digit(*c) && value < 1000000000000; c++)
		value = value * 10 + (*c - '0');
	*at = c;
	return value;
}

long proc_read(int dir, const char *name, char *buffer, size_t size)
{
	long fd = raw(SYS_openat, dir, name, O_RDONLY | O_CLOEXEC), got;

	if (fd < 0)
		return fd;
	got = raw(SYS_read, fd, buffer, size - 1);
	raw(SYS_close, fd);
	buffer[got > 0 ? got : 0] = '\0';
	return got;
}

int64_t proc_value(const char *line, const char *label)
{
	while (*label && *label == *line) {
		label++;
		line++;
	}
	if (*label)
		return -1;
	while (*line == ' ' || *line == '\t')
		line++;
	return proc_number(&line);
}

int64_t proc_field(const char *text, const char *label)
{
	while (*text) {
		int64_t value = proc_value(text, label);

		if (value >= 0)
			return value;
		while (*text && *text != '\n')
			text++;
		text += *text == '\n';
	}
	return -1;
}

int64_t proc_last_field(const char *text, const char *label)
{
	while (*text) {
		const char *l = label, *t = text;
		int64_t last = -1;

		while (*l && *l == *t) {
			l++;
			t++;
		}
		while (!*l && *t && *t != '\n') {
			if (is_digit(*t))
				last = proc_number(&t);
			else
				t++;
		}
		if (last >= 0)
			return last;
		while (*text && *text != '\n')
			text++;
		text += *text == '\n';
	}
	return -1;
}

int proc_each_entry(int dir, proc_number_fn *fn, void *arg)
{
	char buffer[4096] __attribute__((aligned(8)));
	long n;

	while ((n = raw(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *entry =
				(const struct entry *)(const void *)(buffer + at);
			const char *name = entry->name;
			long number = proc_number(&name);

			at += entry->length;
			if (number >= 0 && !*name && !fn(arg, (pid_t)number))
				return 0;
		}
	}
	return (int)n;
}

int proc_each_number(int dir, const char *name, proc_number_fn *fn, void *arg)
{
	char buffer[4096];
	long fd = raw(SYS_openat, dir, name, O_RDONLY | O_CLOEXEC), n, number = -1;

	if (fd < 0)
		return (int)fd;
	/* A number may lie across two reads: it ends with the first byte that is no digit. */
	while ((n = raw(SYS_read, fd, buffer, sizeof(buffer))) > 0) {
		for (long i = 0; i < n; i++) {
			if (is_digit(buffer[i])) {
				number = (number < 0 ? 0 : number * 10) + (buffer[i] - '0');
				continue;
			}
			if (number >= 0 && !fn(arg, (pid_t)number))
				goto done;
			number = -1;
		}
	}
	if (number >= 0)
		fn(arg, (pid_t)number);
done:
	raw(SYS_close, fd);
	return n < 0 ? (int)n : 0;
}
