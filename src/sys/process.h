/* SPDX-License-Identifier: Apache-2.0 */
/* Holding and inspecting other processes: pidfds, their memory, a few facts from procfs. */
#ifndef CORDON_SYS_PROCESS_H
#define CORDON_SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Return: a pidfd (close-on-exec) or -errno. KERNEL(5.3). */
int pidfd_open_process(pid_t pid);
/* For a thread that need not be its process's first. KERNEL(6.9). Return: a pidfd or -errno. */
int pidfd_open_thread(pid_t tid);
/* The process's number, as our procfs shows it. Return: -ESRCH if it has ended; -errno. */
pid_t pidfd_number(int pidfd);
/* Return: 0 or -errno. */
int pidfd_signal(int pidfd, int signal);
/* A signal for one thread alone. Return: 0 or -errno. */
int process_signal_thread(pid_t pid, pid_t tid, int signal);
/* Duplicates descriptor `fd` of the process. KERNEL(5.6); containers often refuse it. Return: fd or
 * -errno. */
int pidfd_get(int pidfd, int fd);

/*
 * Copies from another process, falling back to /proc/TID/mem where process_vm_readv is refused.
 * proc_fd: a descriptor of /proc. Return: bytes copied (short at an unmapped page) or -errno.
 */
ssize_t process_read(int proc_fd, pid_t tid, uint64_t address, void *buffer, size_t length);
/* The same from several places of that process into one buffer. length: their sum. */
ssize_t process_read_parts(int proc_fd, pid_t tid, const struct iovec *parts, size_t count,
			   void *buffer, size_t length);
/* Writes a result, respecting page protection. Return: 0 or -EFAULT. */
int process_write(pid_t tid, uint64_t address, const void *buffer, size_t length);
/*
 * Copies a terminated string, page by page, so that one that ends just before an unmapped page
 * works. Return: length without the terminator; -EFAULT; -ENAMETOOLONG if there is none within size
 * bytes.
 */
ssize_t process_read_string(int proc_fd, pid_t tid, uint64_t address, char *buffer, size_t size);

/*
 * A file of /proc/TID as text, whole, however long it is: the list of groups in `status` may have 65536 members.
 *	cleanup_process_text struct process_text status;
 *	int r = process_text_read(proc_fd, tid, "status", &status);
 */
struct process_text {
	char *text;	 /* terminated; `room`, or a mapping: malloc is not for every caller */
	size_t size;	 /* of the mapping; 0: `room` */
	char room[4096]; /* enough for most, so that nothing has to be allocated */
};
/* Return: 0 or -errno; process_text_done() afterwards in any case. */
int process_text_read(int proc_fd, pid_t tid, const char *name, struct process_text *ret);
void process_text_done(struct process_text *text);
#define cleanup_process_text __attribute__((cleanup(process_text_done)))

/* Fields of /proc/TID/status. Return: 0 or -errno. */
struct process_status {
	pid_t tgid, ppid;
	unsigned umask;
};
int process_status(int proc_fd, pid_t tid, struct process_status *ret);
/* How the innermost pid namespace that it is in calls a thread and its process. Return: 0 or -errno. */
struct process_numbers {
	pid_t tgid, tid;
};
int process_numbers(int proc_fd, pid_t tid, struct process_numbers *ret);
/* Whether a signal that it handles, and does not block, waits for the thread or its process. Return:
 * 1, 0 or -errno. */
int process_has_signal(int proc_fd, pid_t tid);
/*
 * Whether the thread has a signal to take as soon as it runs: one of its own, or one of its process that the kernel
 * has given to the first thread. Return: 1, 0 or -errno.
 */
int process_takes_signal(int proc_fd, pid_t tid);
/* As our procfs shows it. Return: the parent's number; -errno, -ESRCH if there is no such process. */
pid_t process_parent(pid_t pid);
/* The inode of /proc/PID/ns/NAME, which is the namespace's number. Return: 0 or -errno. */
int process_namespace(pid_t pid, const char *name, uint64_t *ret_inode);
/* Seccomp of /proc/TID/status. KERNEL(5.9): the count; counts says whether it is known. Return: 0 or
 * -errno. */
struct process_filters {
	unsigned mode, count;
	bool counts;
};
int process_filters(int proc_fd, pid_t tid, struct process_filters *ret);
/* Field 7 of /proc/TID/stat: device number of the controlling terminal, 0: none. Return: 0 or
 * -errno. */
int process_terminal(int proc_fd, pid_t tid, unsigned *ret_device);
/* RLIMIT_FSIZE; prlimit() would need a capability for a process with other ids. UINT64_MAX: no limit. Return: 0 or
 * -errno. */
int process_file_size_limit(int proc_fd, pid_t tid, uint64_t *ret);

#endif
