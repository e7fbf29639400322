/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attacks of the probe.
 *
 * The program is static and not position-independent: a variable has the same address in each
 * process that runs it, so that an attack on the memory of another one knows where to write.
 */
#include "attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define WHOLE 0x1234567890abcdef

static volatile unsigned long memory = WHOLE;

static int got(long r)
{
	return r < 0 ? errno : 0;
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

int attack_victim(void)
{
	char byte;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0ul, 0ul, 0ul);
	printf("%d\n", getpid());
	while (read(0, &byte, 1) > 0)
		;
	puts(memory == WHOLE ? "whole" : "changed");
	return 0;
}

static int ring(char **a)
{
	struct io_uring_params params = { 0 };

	(void)a;
	return got(syscall(SYS_io_uring_setup, 1, &params));
}

/* getpid by the entry of 32-bit programs. */
static int int80(char **a)
{
	long result = -ENOSYS;

	(void)a;
#if defined(__x86_64__)
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(20L)
			 : "memory", "r8", "r9", "r10", "r11");
#endif
	return result < 0 ? (int)-result : 0;
}

static int x32(char **a)
{
	(void)a;
	return got(syscall(0x40000000 | SYS_getpid));
}

static int keyring(char **a)
{
	(void)a;
	return got(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
}

static int add_key(char **a)
{
	(void)a;
	return got(syscall(SYS_add_key, "user", "cordon-test", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int bpf_map(char **a)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	(void)a;
	return got(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int perf(char **a)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_TASK_CLOCK,
					.exclude_kernel = 1 };

	(void)a;
	return got(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int user_faults(char **a)
{
	(void)a;
	return got(syscall(SYS_userfaultfd, 1));
}

static int by_handle(char **a)
{
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, at = open(a[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0 || name_to_handle_at(AT_FDCWD, a[0], &handle.head, &mount_id, 0) < 0)
		return errno;
	return got(open_by_handle_at(at, &handle.head, O_RDONLY));
}

static int write_memory(char **a)
{
	unsigned long other = 1;
	struct iovec from = { &other, sizeof(other) };
	struct iovec to = { (void *)(size_t)&memory, sizeof(other) };

	return got(process_vm_writev(number(a[0]), &from, 1, &to, 1, 0));
}

static int read_memory(char **a)
{
	unsigned long copy;
	struct iovec to = { &copy, sizeof(copy) };
	struct iovec from = { (void *)(size_t)&memory, sizeof(copy) };

	return got(process_vm_readv(number(a[0]), &to, 1, &from, 1, 0));
}

static int write_mem_file(char **a)
{
	unsigned long other = 1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", number(a[0]));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? errno : got(pwrite(fd, &other, sizeof(other), (off_t)(size_t)&memory));
}

static int take_descriptor(char **a)
{
	int pidfd = (int)syscall(SYS_pidfd_open, number(a[0]), 0);

	return pidfd < 0 ? errno : got(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

static int signal_by_pidfd(char **a)
{
	int pidfd = (int)syscall(SYS_pidfd_open, number(a[0]), 0);

	return pidfd < 0 ? errno : got(syscall(SYS_pidfd_send_signal, pidfd, 9, NULL, 0));
}

static int enter(char **a)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	(void)a;
	return fd < 0 ? errno : got(setns(fd, 0));
}

static int change_root(char **a)
{
	return got(chroot(a[0]));
}

/* clone3 with a flag of namespaces: its flags lie in memory, where no filter sees them. */
static int clone3_flags(char **a)
{
	unsigned long long args[8] = { strtoull(a[0], NULL, 0), 0, 0, 0, 17 };
	long pid = syscall(SYS_clone3, args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return got(pid);
}

const struct attempt attacks[] = {
	{ "io_uring", ring },
	{ "int80", int80 },
	{ "x32", x32 },
	{ "keyring", keyring },
	{ "add_key", add_key },
	{ "bpf", bpf_map },
	{ "perf", perf },
	{ "userfaultfd", user_faults },
	{ "by_handle", by_handle },
	{ "vm_writev", write_memory },
	{ "vm_readv", read_memory },
	{ "mem_file", write_mem_file },
	{ "pidfd_getfd", take_descriptor },
	{ "pidfd_signal", signal_by_pidfd },
	{ "setns", enter },
	{ "chroot", change_root },
	{ "clone3", clone3_flags },
};

const size_t attack_count = sizeof(attacks) / sizeof(attacks[0]);
