/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of a sandbox: what can be applied, refused or missing on its own.
 *
 * Numbers are those of the status record, names those of isolation.on_failure and the report, and
 * the order is that of the report. Policy, child and report share this vocabulary.
 */
#ifndef CORDON_BASE_LAYER_H
#define CORDON_BASE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum layer_id {
	LAYER_CGROUP = 1,
	LAYER_KEEPER = 2,
	LAYER_SESSION = 3,
	LAYER_TERMINAL = 4,
	LAYER_UMASK = 5,
	LAYER_USER_NS = 6,
	LAYER_PID_NS = 7,
	LAYER_MOUNT_NS = 8,
	LAYER_NET_NS = 9,
	LAYER_IPC_NS = 10,
	LAYER_UTS_NS = 11,
	LAYER_CGROUP_NS = 12,
	LAYER_TIME_NS = 13,
	LAYER_ID_MAP = 14,
	LAYER_MOUNTS = 15,
	LAYER_ROOT = 16,
	LAYER_HOSTNAME = 17,
	LAYER_AFFINITY = 18,
	LAYER_SCHED = 19,
	LAYER_HUGE_PAGES = 20,
	LAYER_ASLR = 21,
	LAYER_RLIMIT = 22, /* 22 + resource number, 16 of them */
	LAYER_BOUNDING = 38,
	LAYER_SECUREBITS = 39,
	LAYER_GROUPS = 40,
	LAYER_GID = 41,
	LAYER_UID = 42,
	LAYER_CAPS = 43,
	LAYER_AMBIENT = 44,
	LAYER_CWD = 45,
	LAYER_PDEATHSIG = 46,
	LAYER_NO_NEW_PRIVS = 47,
	LAYER_LANDLOCK_FS = 48,
	LAYER_LANDLOCK_NET = 49,
	LAYER_LANDLOCK_SCOPE = 50,
	LAYER_SECCOMP = 51,
	LAYER_LISTENER = 52,
	LAYER_DESCRIPTORS = 53,
	LAYER_EXEC = 54,
};
#define LAYER_COUNT	 55 /* numbers are below this; 0 is none */
#define LAYER_BIT(layer) (1ull << (layer))

/* "landlock_fs", "rlimit_nofile", ... Return: static storage, never NULL. */
const char *layer_name(unsigned layer);
bool layer_known(unsigned layer);
/* Return: the number, or 0; *ret_nearest is then the nearest name, or NULL. */
unsigned layer_by_name(const char *name, const char **ret_nearest);

enum layer_state {
	STATE_SKIPPED, /* not asked for */
	STATE_APPLIED,
	STATE_FAILED,
	STATE_UNAVAILABLE, /* this host lacks it */
	STATE_NO_RECORD,   /* asked for, and nothing was heard of it; never in a record */
};
/* "applied" ... Return: static storage. */
const char *layer_state_name(enum layer_state state);

#endif
