/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock (KERNEL(5.13)): rulesets and what the running kernel's version knows. */
#ifndef CORDON_SYS_LANDLOCK_H
#define CORDON_SYS_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Rights by ABI; names and bits are the kernel's. Older headers stop at REFER. */
#define LL_EXECUTE     (1ull << 0)
#define LL_WRITE_FILE  (1ull << 1)
#define LL_READ_FILE   (1ull << 2)
#define LL_READ_DIR    (1ull << 3)
#define LL_REMOVE_DIR  (1ull << 4)
#define LL_REMOVE_FILE (1ull << 5)
#define LL_MAKE_CHAR   (1ull << 6)
#define LL_MAKE_DIR    (1ull << 7)
#define LL_MAKE_REG    (1ull << 8)
#define LL_MAKE_SOCK   (1ull << 9)
#define LL_MAKE_FIFO   (1ull << 10)
#define LL_MAKE_BLOCK  (1ull << 11)
#define LL_MAKE_SYM    (1ull << 12)
#define LL_REFER       (1ull << 13) /* ABI 2 */
#define LL_TRUNCATE    (1ull << 14) /* ABI 3 */
#define LL_IOCTL_DEV   (1ull << 15) /* ABI 5 */

#define LL_NET_BIND_TCP	   (1ull << 0) /* ABI 4 */
#define LL_NET_CONNECT_TCP (1ull << 1)

#define LL_SCOPE_ABSTRACT_UNIX (1ull << 0) /* ABI 6 */
#define LL_SCOPE_SIGNAL	       (1ull << 1)

/* Return: the ABI version, 0 if Landlock is absent or disabled. Nothing is cached. */
int landlock_abi(void);
/* Every filesystem right, network right and scope that this ABI can handle (the newest we know at
 * most). */
uint64_t landlock_fs_rights(int abi);
uint64_t landlock_net_rights(int abi);
uint64_t landlock_scopes(int abi);

/*
 * Return: a ruleset descriptor (close-on-exec) or -errno. Fields the ABI lacks must be 0. One without
 * rights of files lets names move between directories, as if it were not there.
 */
int landlock_create(uint64_t handled_fs, uint64_t handled_net, uint64_t scoped);
/*
 * Grants rights beneath the object of an O_PATH descriptor. Rights that only make sense for a
 * directory are masked out for other objects. Return: 0 or -errno.
 */
int landlock_add_path(int ruleset, int fd, bool is_directory, uint64_t rights);
/* Return: 0 or -errno. */
int landlock_add_port(int ruleset, uint16_t port, uint64_t rights);
/* For the calling thread; needs no_new_privs. Return: 0 or -errno. */
int landlock_restrict(int ruleset);

#endif
