/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the layers: see layer.h. */
#include "base/layer.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <string.h>
#include <sys/resource.h>

static const char *const names[LAYER_COUNT] = {
	[LAYER_CGROUP] = "cgroup",
	[LAYER_KEEPER] = "keeper",
	[LAYER_SESSION] = "session",
	[LAYER_TERMINAL] = "terminal",
	[LAYER_UMASK] = "umask",
	[LAYER_USER_NS] = "user_ns",
	[LAYER_PID_NS] = "pid_ns",
	[LAYER_MOUNT_NS] = "mount_ns",
	[LAYER_NET_NS] = "net_ns",
	[LAYER_IPC_NS] = "ipc_ns",
	[LAYER_UTS_NS] = "uts_ns",
	[LAYER_CGROUP_NS] = "cgroup_ns",
	[LAYER_TIME_NS] = "time_ns",
	[LAYER_ID_MAP] = "id_map",
	[LAYER_MOUNTS] = "mounts",
	[LAYER_ROOT] = "root",
	[LAYER_HOSTNAME] = "hostname",
	[LAYER_AFFINITY] = "affinity",
	[LAYER_SCHED] = "sched",
	[LAYER_HUGE_PAGES] = "huge_pages",
	[LAYER_ASLR] = "aslr",
	[LAYER_RLIMIT + RLIMIT_CPU] = "rlimit_cpu",
	[LAYER_RLIMIT + RLIMIT_FSIZE] = "rlimit_fsize",
	[LAYER_RLIMIT + RLIMIT_DATA] = "rlimit_data",
	[LAYER_RLIMIT + RLIMIT_STACK] = "rlimit_stack",
	[LAYER_RLIMIT + RLIMIT_CORE] = "rlimit_core",
	[LAYER_RLIMIT + RLIMIT_RSS] = "rlimit_rss",
	[LAYER_RLIMIT + RLIMIT_NPROC] = "rlimit_nproc",
	[LAYER_RLIMIT + RLIMIT_NOFILE] = "rlimit_nofile",
	[LAYER_RLIMIT + RLIMIT_MEMLOCK] = "rlimit_memlock",
	[LAYER_RLIMIT + RLIMIT_AS] = "rlimit_as",
	[LAYER_RLIMIT + RLIMIT_LOCKS] = "rlimit_locks",
	[LAYER_RLIMIT + RLIMIT_SIGPENDING] = "rlimit_sigpending",
	[LAYER_RLIMIT + RLIMIT_MSGQUEUE] = "rlimit_msgqueue",
	[LAYER_RLIMIT + RLIMIT_NICE] = "rlimit_nice",
	[LAYER_RLIMIT + RLIMIT_RTPRIO] = "rlimit_rtprio",
	[LAYER_RLIMIT + RLIMIT_RTTIME] = "rlimit_rttime",
	[LAYER_BOUNDING] = "bounding",
	[LAYER_SECUREBITS] = "securebits",
	[LAYER_GROUPS] = "groups",
	[LAYER_GID] = "gid",
	[LAYER_UID] = "uid",
	[LAYER_CAPS] = "caps",
	[LAYER_AMBIENT] = "ambient",
	[LAYER_CWD] = "cwd",
	[LAYER_PDEATHSIG] = "pdeathsig",
	[LAYER_NO_NEW_PRIVS] = "no_new_privs",
	[LAYER_LANDLOCK_FS] = "landlock_fs",
	[LAYER_LANDLOCK_NET] = "landlock_net",
	[LAYER_LANDLOCK_SCOPE] = "landlock_scope",
	[LAYER_SECCOMP] = "seccomp",
	[LAYER_LISTENER] = "listener",
	[LAYER_DESCRIPTORS] = "descriptors",
	[LAYER_EXEC] = "exec",
};

bool layer_known(unsigned layer)
{
	return layer < COUNT_OF(names) && names[layer];
}

const char *layer_name(unsigned layer)
{
	return layer_known(layer) ? names[layer] : "unknown";
}

const char *layer_state_name(enum layer_state state)
{
	static const char *const texts[] = {
		[STATE_SKIPPED] = "skipped",	 [STATE_APPLIED] = "applied",
		[STATE_FAILED] = "failed",	 [STATE_UNAVAILABLE] = "unavailable",
		[STATE_NO_RECORD] = "no_record",
	};

	return texts[state];
}

static const char *candidate(size_t index, const void *unused)
{
	(void)unused;
	return index + 1 < COUNT_OF(names) ? names[index + 1] : NULL;
}

unsigned layer_by_name(const char *name, const char **ret_nearest)
{
	for (unsigned i = 1; i < COUNT_OF(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	*ret_nearest = str_nearest(name, candidate, NULL);
	return 0;
}
