/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of what the kernel does. What confines goes into a child of the test: nothing that a
 * test process installs could be taken off again.
 */
#ifndef CORDON_TESTS_KERNEL_KERNEL_H
#define CORDON_TESTS_KERNEL_KERNEL_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Runs body in a child and passes the test on what it says: a failed EXPECT(), or skip(). */
void in_child(void (*body)(void));
/* Both end the child. */
_Noreturn void child_failed(const char *file, int line, const char *what, int error);
_Noreturn void skip(const char *missing);
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			child_failed(__FILE__, __LINE__, #condition, errno);                       \
	} while (0)
/* The call fails with this errno. */
#define EXPECT_ERRNO(call, error) EXPECT((call) < 0 && errno == (error))

/* Fixtures: the test's working directory is an empty one of its own, removed at the end. */
void directory_enter(void);
void directory_leave(void);
/* Makes a file with this text. */
void make_file(const char *name, const char *text);

/* Forks; the child runs body and exits with what it returns. */
pid_t fork_to(int (*body)(void));
/* Return: the exit status, or 128 + the signal. */
int await(pid_t pid);

/* Installs a filter that notifies one call; the caller gets the listener, or -errno. */
int listener_for(int nr, unsigned flags);
/* A child under that filter that runs body, and its listener. */
struct target {
	pid_t pid;
	int listener;
};
struct target target_start(int nr, int (*body)(void));

/* Makes the calling thread's domain: what is handled, and one grant beneath a path (or NULL).
 * Skips where the ABI is older than `abi`. */
void domain(int abi, uint64_t fs, uint64_t net, uint64_t scopes, const char *path, uint64_t rights);

#endif
