/* SPDX-License-Identifier: Apache-2.0 */
/* Installing a seccomp program, and the ioctls of a user-notification listener. */
#ifndef CORDON_SYS_SECCOMP_H
#define CORDON_SYS_SECCOMP_H

#include "sys/compat.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Installs the program for the calling thread. flags: SECCOMP_FILTER_FLAG_*.
 * Return: 0, the listener's descriptor with NEW_LISTENER, or -errno.
 */
int seccomp_install(const struct sock_filter *code, size_t length, unsigned flags);

/* Fixed sizes that the kernel may outgrow: notif_recv() refuses to work where it has. */
struct notif_sizes {
	uint16_t request, reply, data;
};
/* Return: 0 or -errno. */
int notif_sizes(struct notif_sizes *ret);

/*
 * Receives one request. KERNEL(5.0): the buffer must be zero, so it is cleared here; `request` must
 * have room for `size` bytes (notif_sizes().request, at least sizeof(struct seccomp_notif)).
 * Return: 0; -ENOENT if the caller went away (not the end: only POLLHUP is); -EINTR; -errno.
 */
int notif_recv(int listener, struct seccomp_notif *request, size_t size);
/* error is 0 or negative errno. Return: 0 or -errno; -ENOENT: the caller is gone. */
int notif_send(int listener, uint64_t id, int64_t value, int32_t error);
/* Lets the kernel run the call. The only caller is supervisor/reply.c. Return: 0 or -errno. */
int notif_continue(int listener, uint64_t id);
/* Puts fd into the caller and answers with its number. KERNEL(5.14). fd_flags: 0 or O_CLOEXEC.
 * Return: number or -errno. */
int notif_addfd(int listener, uint64_t id, int fd, unsigned fd_flags);
/* Puts fd into the caller, without an answer. Return: number or -errno. */
int notif_place_fd(int listener, uint64_t id, int fd, unsigned fd_flags);
/* Puts fd behind a number of the caller's table, without an answer. Return: 0 or -errno. */
int notif_replace_fd(int listener, uint64_t id, int fd, int number, unsigned fd_flags);
/* Whether the request is still pending. Return: 0 or -ENOENT. */
int notif_valid(int listener, uint64_t id);
/* KERNEL(5.19): whether a caller whose request has been received waits for the answer, whatever signal
 * comes (WAIT_KILLABLE_RECV). */
bool notif_waits_killable(void);
/* KERNEL(6.6): SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP. Return: 0 or -errno (older kernels: -EINVAL or
 * -ENOTTY). */
int notif_sync_wake_up(int listener);

#endif
