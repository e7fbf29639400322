/* SPDX-License-Identifier: Apache-2.0 */
/* Other processes: see process.h. */
#include "sys/process.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Reading stops at every multiple of this; it divides every page size. */
#define STEP 4096u

union remote {
	uint64_t address;
	void *pointer;
};

int pidfd_open_process(pid_t pid)
{
	long r = syscall(SYS_pidfd_open, pid, 0);

	return r < 0 ? -errno : (int)r;
}

int pidfd_open_thread(pid_t tid)
{
	/* PIDFD_THREAD has the value of O_EXCL. */
	long r = syscall(SYS_pidfd_open, tid, O_EXCL);

	return r < 0 ? -errno : (int)r;
}

int pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int pidfd_get(int pidfd, int fd)
{
	long r = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return r < 0 ? -errno : (int)r;
}

static int open_fact(int proc_fd, pid_t tid, const char *name)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", (int)tid, name);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static ssize_t read_through_proc(int proc_fd, pid_t tid, uint64_t address, void *buffer,
				 size_t length)
{
	cleanup_fd int fd = open_fact(proc_fd, tid, "mem");
	ssize_t n;

	if (fd < 0)
		return fd;
	if (address > INT64_MAX)
		return -EFAULT;
	n = pread(fd, buffer, length, (off_t)address);
	if (n < 0)
		return errno == EIO ? -EFAULT : -errno;
	/* End of file: the process has no memory any more. */
	return n == 0 && length > 0 ? -ESRCH : n;
}

ssize_t process_read(int proc_fd, pid_t tid, uint64_t address, void *buffer, size_t length)
{
	union remote from = { .address = address };
	struct iovec local = { buffer, length }, remote = { from.pointer, length };
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	if (n >= 0)
		return n;
	if ((errno != EPERM && errno != ENOSYS) || proc_fd < 0)
		return -errno;
	return read_through_proc(proc_fd, tid, address, buffer, length);
}

int process_write(pid_t tid, uint64_t address, const void *buffer, size_t length)
{
	union {
		const void *in;
		void *out;
	} unconst = { .in = buffer };
	union remote to = { .address = address };
	struct iovec local = { unconst.out, length }, remote = { to.pointer, length };

	/* No fallback to /proc/TID/mem: that writes to pages that the process itself could not
	 * write to. */
	if (process_vm_writev(tid, &local, 1, &remote, 1, 0) != (ssize_t)length)
		return -EFAULT;
	return 0;
}

ssize_t process_read_string(int proc_fd, pid_t tid, uint64_t address, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size) {
		size_t want = STEP - (size_t)((address + used) % STEP);
		const char *end;
		ssize_t n;

		if (want > size - used)
			want = size - used;
		n = process_read(proc_fd, tid, address + used, buffer + used, want);
		if (n <= 0)
			return n < 0 ? n : -EFAULT;
		end = memchr(buffer + used, '\0', (size_t)n);
		if (end)
			return end - buffer;
		used += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* Reads a short procfs file and terminates it. Return: 0 or -errno. */
static int read_fact(int proc_fd, pid_t tid, const char *name, char *text, size_t size)
{
	cleanup_fd int fd = open_fact(proc_fd, tid, name);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n > 0 ? 0 : -ESRCH;
}

/* The number behind a label at the start of a line. A process cannot put a newline into its name
 * (the kernel escapes it), so no label can be forged. Return: 0 or -EBADMSG. */
static int field(const char *text, const char *label, int base, unsigned long *ret)
{
	const char *at = strstr(text, label);
	char *end;

	if (!at)
		return -EBADMSG;
	at += strlen(label);
	*ret = strtoul(at, &end, base);
	return end == at ? -EBADMSG : 0;
}

int process_status(int proc_fd, pid_t tid, struct process_status *ret)
{
	char text[1024];
	unsigned long tgid, ppid, umask;
	int r = read_fact(proc_fd, tid, "status", text, sizeof(text));

	if (r < 0)
		return r;
	if (field(text, "\nTgid:\t", 10, &tgid) < 0 || field(text, "\nPPid:\t", 10, &ppid) < 0)
		return -EBADMSG;
	/* A process that has ended has no umask. */
	if (field(text, "\nUmask:\t", 8, &umask) < 0)
		return -ESRCH;
	ret->tgid = (pid_t)tgid;
	ret->ppid = (pid_t)ppid;
	ret->umask = (unsigned)umask;
	return 0;
}

int process_terminal(int proc_fd, pid_t tid, unsigned *ret_device)
{
	char text[512];
	int device, r = read_fact(proc_fd, tid, "stat", text, sizeof(text));
	const char *at;

	if (r < 0)
		return r;
	at = strrchr(text, ')'); /* the name before it may hold anything */
	if (!at || sscanf(at, ") %*c %*d %*d %*d %d", &device) != 1)
		return -EBADMSG;
	*ret_device = (unsigned)device;
	return 0;
}
