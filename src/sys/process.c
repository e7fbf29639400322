/* SPDX-License-Identifier: Apache-2.0 */
/* Other processes: see process.h. */
#include "sys/process.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

pid_t pidfd_number(int pidfd)
{
	char path[48], text[512];
	cleanup_fd int fd = -1;
	const char *at;
	ssize_t n;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	at = strstr(text, "\nPid:\t");
	pid = at ? strtol(at + strlen("\nPid:\t"), NULL, 10) : 0;
	return pid > 0 ? (pid_t)pid : -ESRCH;
}

int pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int process_signal_thread(pid_t pid, pid_t tid, int signal)
{
	return syscall(SYS_tgkill, pid, tid, signal) < 0 ? -errno : 0;
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

ssize_t process_read_parts(int proc_fd, pid_t tid, const struct iovec *parts, size_t count,
			   void *buffer, size_t length)
{
	struct iovec local = { buffer, length };
	ssize_t n = process_vm_readv(tid, &local, 1, parts, count, 0);
	char *at = buffer;

	if (n >= 0)
		return n;
	if ((errno != EPERM && errno != ENOSYS) || proc_fd < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		union remote from = { .pointer = parts[i].iov_base };

		n = read_through_proc(proc_fd, tid, from.address, at, parts[i].iov_len);
		if (n < 0)
			return n;
		at += n;
		if ((size_t)n < parts[i].iov_len)
			break;
	}
	return at - (char *)buffer;
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

int process_text_read(int proc_fd, pid_t tid, const char *name, struct process_text *ret)
{
	size_t size = sizeof(ret->room), used = 0;
	cleanup_fd int fd = open_fact(proc_fd, tid, name);

	ret->text = ret->room;
	ret->size = 0;
	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, ret->text + used, size - 1 - used);
		char *more;

		if (n < 0)
			return -errno;
		used += (size_t)n;
		ret->text[used] = '\0';
		/* KERNEL: what is made as one piece comes as one if there is room: less is the end. */
		if (used < size - 1)
			return used > 0 ? 0 : -ESRCH;
		more = ret->size == 0 ? mmap(NULL, 4 * size, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
				      : mremap(ret->text, size, 4 * size, MREMAP_MAYMOVE);
		if (more == MAP_FAILED)
			return -ENOMEM;
		if (ret->size == 0)
			memcpy(more, ret->room, used + 1);
		ret->text = more;
		ret->size = size *= 4;
	}
}

void process_text_done(struct process_text *text)
{
	if (text->size > 0)
		munmap(text->text, text->size);
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

int process_has_signal(int proc_fd, pid_t tid)
{
	static const char *const labels[] = { "\nSigPnd:\t", "\nShdPnd:\t", "\nSigBlk:\t",
					      "\nSigCgt:\t" };
	unsigned long sets[COUNT_OF(labels)];
	cleanup_process_text struct process_text status;
	int r = process_text_read(proc_fd, tid, "status", &status);

	for (size_t i = 0; r == 0 && i < COUNT_OF(labels); i++)
		r = field(status.text, labels[i], 16, &sets[i]);
	return r < 0 ? r : ((sets[0] | sets[1]) & ~sets[2] & sets[3]) != 0;
}

int process_takes_signal(int proc_fd, pid_t tid)
{
	cleanup_process_text struct process_text status;
	unsigned long tgid, own, shared, blocked;
	int r = process_text_read(proc_fd, tid, "status", &status);

	if (r < 0)
		return r;
	if (field(status.text, "\nTgid:\t", 10, &tgid) < 0 ||
	    field(status.text, "\nSigPnd:\t", 16, &own) < 0 ||
	    field(status.text, "\nShdPnd:\t", 16, &shared) < 0 ||
	    field(status.text, "\nSigBlk:\t", 16, &blocked) < 0)
		return -EBADMSG;
	/* KERNEL: a signal of the process goes to its first thread if that does not block it. */
	if ((pid_t)tgid == tid)
		own |= shared;
	return (own & ~blocked) != 0;
}

/* The last number of a line such as "NSpid:\t1234\t5". Return: 0 or -EBADMSG. */
static int last_number(const char *text, const char *label, pid_t *ret)
{
	const char *at = strstr(text, label);
	char *end;

	*ret = 0;
	for (at = at ? at + strlen(label) : NULL; at && *at == '\t'; at = end)
		*ret = (pid_t)strtol(at, &end, 10);
	return *ret > 0 ? 0 : -EBADMSG;
}

int process_numbers(int proc_fd, pid_t tid, struct process_numbers *ret)
{
	cleanup_process_text struct process_text status;
	int r = process_text_read(proc_fd, tid, "status", &status);

	if (r == 0)
		r = last_number(status.text, "\nNStgid:", &ret->tgid);
	return r < 0 ? r : last_number(status.text, "\nNSpid:", &ret->tid);
}

pid_t process_parent(pid_t pid)
{
	cleanup_fd int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct process_status status = { 0 };
	int r = proc_fd < 0 ? -errno : process_status(proc_fd, pid, &status);

	return r < 0 ? r : status.ppid;
}

int process_namespace(pid_t pid, const char *name, uint64_t *ret_inode)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	if (stat(path, &st) < 0)
		return -errno;
	*ret_inode = st.st_ino;
	return 0;
}

int process_filters(int proc_fd, pid_t tid, struct process_filters *ret)
{
	cleanup_process_text struct process_text status;
	unsigned long mode, count = 0;
	int r = process_text_read(proc_fd, tid, "status", &status);

	if (r == 0)
		r = field(status.text, "\nSeccomp:\t", 10, &mode);
	if (r < 0)
		return r;
	ret->counts = field(status.text, "\nSeccomp_filters:\t", 10, &count) == 0;
	ret->mode = (unsigned)mode;
	ret->count = (unsigned)count;
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

int process_file_size_limit(int proc_fd, pid_t tid, uint64_t *ret)
{
	static const char key[] = "Max file size";
	char text[2048];
	const char *at;
	int r = read_fact(proc_fd, tid, "limits", text, sizeof(text));

	if (r < 0)
		return r;
	at = strstr(text, key);
	if (!at)
		return -EBADMSG;
	at += sizeof(key) - 1;
	at += strspn(at, " ");
	*ret = strncmp(at, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(at, NULL, 10);
	return 0;
}
