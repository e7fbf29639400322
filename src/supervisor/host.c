/* SPDX-License-Identifier: Apache-2.0 */
/* Facilities found by trying: see host.h. */
#include "supervisor/host.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "sys/compat.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"
#include "sys/trace.h"

#include <fcntl.h>
#include <sys/capability.h>
#include <sys/mman.h>

static bool has_capability(cap_value_t capability)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps) {
		cap_get_flag(caps, capability, CAP_PERMITTED, &value);
		cap_free(caps);
	}
	return value == CAP_SET;
}

/* Fetches a descriptor from ourselves: a filter that refuses the call refuses it here too. */
static bool can_fetch_descriptors(void)
{
	cleanup_fd int pidfd = pidfd_open_process(getpid());
	cleanup_fd int pipe_end = -1;
	int ends[2], r;

	if (pidfd < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	close(ends[1]);
	pipe_end = ends[0];
	r = pidfd_get(pidfd, pipe_end);
	if (r >= 0)
		close(r);
	return r >= 0;
}

static bool can_seal_memory(void)
{
	int fd = memfd_create("", MFD_NOEXEC_SEAL | MFD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool needs_ptrace(const struct policy *policy, const struct host *host)
{
	if (policy->supervisor == SUPERVISOR_OFF)
		return false;
	return (policy->exec_present && !host->noexec_memory) ||
	       policy_fs_facts(policy, policy->expanded).deny_in_exec;
}

void host_probe(const struct policy *policy, struct host *ret)
{
	/* Without a supervisor nobody asks for what only it needs; trying costs as much as a start's other steps. */
	bool served = !policy || policy->supervisor != SUPERVISOR_OFF;
	int abi = landlock_abi();

	ret->landlock_abi = ablated_number("landlock-abi", abi);
	ret->waits_killable = served && notif_waits_killable();
	ret->pidfd_getfd = served && can_fetch_descriptors() && !ablated("pidfd_getfd");
	ret->net_admin = has_capability(CAP_NET_ADMIN);
	ret->switch_ids = has_capability(CAP_SETUID) || has_capability(CAP_SETGID);
	ret->noexec_memory = served && can_seal_memory() && !ablated("noexec-memory");
	ret->ptrace_error = 0;
	if (!policy || needs_ptrace(policy, ret))
		ret->ptrace_error = ablated("ptrace") ? EPERM : -trace_try();
}
