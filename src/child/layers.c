/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the layers, as on_failure and the report spell them. */
#include "base/cleanup.h"
#include "child/plan.h"

static const char *const names[] = {
	[LAYER_KEEPER] = "keeper",
	[LAYER_SESSION] = "session",
	[LAYER_TERMINAL] = "terminal",
	[LAYER_UMASK] = "umask",
	[LAYER_AFFINITY] = "affinity",
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
