/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan asks for: see plan.h. */
#include "child/plan.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <fcntl.h>

uint64_t plan_requested(const struct spawn_plan *plan)
{
	const struct {
		bool asked;
		unsigned layer;
	} rows[] = {
		{ !plan->unkept, LAYER_KEEPER },
		{ true, LAYER_SESSION },
		{ plan->terminal, LAYER_TERMINAL },
		{ plan->foreground && !plan->new_session, LAYER_TERMINAL },
		{ plan->umask >= 0, LAYER_UMASK },
		{ plan->affinity != NULL, LAYER_AFFINITY },
		{ plan->thp_disable, LAYER_HUGE_PAGES },
		{ plan->aslr_disable, LAYER_ASLR },
		{ plan->namespaces & LAYER_BIT(LAYER_USER_NS), LAYER_ID_MAP },
		{ plan->hostname != NULL, LAYER_HOSTNAME },
		{ plan->nice_asked, LAYER_SCHED },
		{ plan->caps.bounding_asked, LAYER_BOUNDING },
		{ plan->caps.securebits_asked, LAYER_SECUREBITS },
		{ plan->groups_asked, LAYER_GROUPS },
		{ plan->gid_asked, LAYER_GID },
		{ plan->uid_asked, LAYER_UID },
		{ plan->caps.sets_asked, LAYER_CAPS },
		{ plan->caps.ambient_asked, LAYER_AMBIENT },
		{ plan->cwd != NULL, LAYER_CWD },
		{ !plan->unkept, LAYER_PDEATHSIG },
		{ true, LAYER_NO_NEW_PRIVS },
		{ plan->landlock_fs, LAYER_LANDLOCK_FS },
		{ plan->landlock_net, LAYER_LANDLOCK_NET },
		{ plan->landlock_scope, LAYER_LANDLOCK_SCOPE },
		{ plan->filter != NULL, LAYER_SECCOMP },
		{ plan->filter && plan->listener, LAYER_LISTENER },
		{ true, LAYER_DESCRIPTORS },
		{ true, LAYER_EXEC },
	};
	uint64_t mask = plan->namespaces;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].asked)
			mask |= LAYER_BIT(rows[i].layer);
	for (size_t i = 0; i < plan->rlimit_count; i++)
		mask |= LAYER_BIT(LAYER_RLIMIT + (unsigned)plan->rlimits[i].resource);
	return mask;
}

int plan_check_open(const struct spawn_plan *plan, struct cordon_error *err)
{
	const int *numbers = plan->fd_op_count ? plan->early_fds : plan->keep_fds;
	size_t count = plan->fd_op_count ? plan->early_fd_count : plan->keep_fd_count;

	for (size_t i = 0; i < count; i++)
		if (fcntl(numbers[i], F_GETFD) < 0)
			return err_sys(err, -errno, "descriptor %d", numbers[i]);
	for (size_t i = 0; i < plan->fd_op_count; i++)
		if (plan->fd_ops[i].source >= 0 && fcntl(plan->fd_ops[i].source, F_GETFD) < 0)
			return err_sys(err, -errno, "descriptor %d", plan->fd_ops[i].source);
	return 0;
}
