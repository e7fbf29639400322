/* SPDX-License-Identifier: Apache-2.0 */
/* Holding and inspecting other processes: pidfds, their memory, a few facts from procfs. */
#ifndef CORDON_SYS_PROCESS_H
#define CORDON_SYS_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Return: a pidfd (close-on-exec) or -errno. KERNEL(5.3). */
int pidfd_open_process(pid_t pid);
/* For a thread that need not be its process's first. KERNEL(6.9). Return: a pidfd or -errno. */
int pidfd_open_thread(pid_t tid);
/* Return: 0 or -errno. */
int pidfd_signal(int pidfd, int signal);
/* Duplicates descriptor `fd` of the process. KERNEL(5.6); containers often refuse it. Return: fd or
 * -errno. */
int pidfd_get(int pidfd, int fd);

/*
 * Copies from another process, falling back to /proc/TID/mem where process_vm_readv is refused.
 * proc_fd: a descriptor of /proc. Return: bytes copied (short at an unmapped page) or -errno.
 */
ssize_t process_read(int proc_fd, pid_t tid, uint64_t address, void *buffer, size_t length);
/* Writes a result, respecting page protection. Return: 0 or -EFAULT. */
int process_write(pid_t tid, uint64_t address, const void *buffer, size_t length);
/*
 * Copies a terminated string, page by page, so that one that ends just before an unmapped page
 * works. Return: length without the terminator; -EFAULT; -ENAMETOOLONG if there is none within size
 * bytes.
 */
ssize_t process_read_string(int proc_fd, pid_t tid, uint64_t address, char *buffer, size_t size);

/* Fields of /proc/TID/status. Return: 0 or -errno. */
struct process_status {
	pid_t tgid, ppid;
	unsigned umask;
};
int process_status(int proc_fd, pid_t tid, struct process_status *ret);
/* Field 7 of /proc/TID/stat: device number of the controlling terminal, 0: none. Return: 0 or
 * -errno. */
int process_terminal(int proc_fd, pid_t tid, unsigned *ret_device);

#endif
