/* SPDX-License-Identifier: Apache-2.0 */
/* The Landlock rulesets of an assignment: the child's, and the supervisor's own. */
#include "supervisor/assign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "sys/landlock.h"

#include <fcntl.h>
#include <string.h>

static uint64_t rights_of(const struct policy *policy, const struct fs_rule *rule, uint64_t all)
{
	const uint64_t execute = policy->exec_present ? (uint64_t)0 : (uint64_t)LL_EXECUTE;

	switch (rule->kind) {
	case FS_READ:
		return LL_READ_FILE | LL_READ_DIR | execute;
	case FS_WRITE:
		/* Device nodes are never made, and only devices have requests of their own. */
		all &= ~(LL_MAKE_CHAR | LL_MAKE_BLOCK | LL_EXECUTE);
		if (!rule->is_device)
			all &= ~LL_IOCTL_DEV;
		return all | execute;
	case FS_EXEC:
		return LL_EXECUTE;
	case FS_DENY:
	case FS_HIDE:
	case FS_PROTECT:
	case FS_KIND_COUNT:
		break;
	}
	return 0;
}

/* What a part of a split grant stands for. */
static uint64_t rights_of_parts(uint64_t rights, unsigned parts)
{
	const uint64_t look = LL_READ_FILE | LL_READ_DIR | LL_EXECUTE;

	return (parts & FS_PART_LOOK ? rights & look : 0) |
	       (parts & FS_PART_CHANGE ? rights & ~look : 0);
}

static int add_rule(int ruleset, const struct fs_rule *rule, uint64_t rights)
{
	int r = 0;

	if (!rule->is_split)
		return landlock_add_path(ruleset, rule->fd, rule->is_directory, rights);
	for (size_t i = 0; r == 0 && i < rule->piece_count; i++) {
		const struct fs_piece *piece = &rule->pieces[i];

		r = landlock_add_path(ruleset, piece->fd, piece->is_directory,
				      rights_of_parts(rights, piece->parts));
	}
	return r;
}

static int add_paths(int ruleset, const struct policy *policy, const struct assignment *a,
		     struct cordon_error *err)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];
		uint64_t rights = rights_of(policy, rule, a->handled_fs) & a->handled_fs;
		int r;

		if (!rule->exists || rights == 0)
			continue;
		r = add_rule(ruleset, rule, rights);
		if (r < 0)
			return err_sys(err, r, "landlock: add %s '%s'", rule->rule.key, rule->path);
	}
	return 0;
}

static int add_range(int ruleset, struct port_range range, uint64_t right)
{
	for (unsigned port = range.low; port <= range.high; port++) {
		int r = landlock_add_port(ruleset, (uint16_t)port, right);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_ports(int ruleset, const struct policy *policy, const struct assignment *a)
{
	int r = 0;

	for (size_t i = 0; (a->handled_net & LL_NET_CONNECT_TCP) && i < policy->net_count; i++) {
		const struct net_rule *rule = &policy->net[i];

		for (size_t p = 0; r == 0 && !rule->deny && p < rule->port_count; p++)
			r = add_range(ruleset, rule->ports[p], LL_NET_CONNECT_TCP);
	}
	for (size_t i = 0; (a->handled_net & LL_NET_BIND_TCP) && i < policy->listen_count; i++)
		if (r == 0)
			r = add_range(ruleset, policy->listen[i].ports, LL_NET_BIND_TCP);
	return r;
}

/* Lookups over TCP: to the host's servers, and from the program to the resolver. */
static int add_dns(int ruleset, const struct assignment *a)
{
	int r;

	if (!name_service_works(&a->names) || !(a->handled_net & LL_NET_CONNECT_TCP))
		return 0;
	r = landlock_add_port(ruleset, 53, LL_NET_CONNECT_TCP);
	return r < 0 ? r : landlock_add_port(ruleset, a->names.port, LL_NET_CONNECT_TCP);
}

static int add_proc(int ruleset, uint64_t handled)
{
	cleanup_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		return -errno;
	return landlock_add_path(ruleset, proc, true, (LL_READ_FILE | LL_READ_DIR) & handled);
}

bool assignment_grants_proc(const struct policy *policy)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];

		if ((rule->kind == FS_READ || rule->kind == FS_WRITE) && rule->exists &&
		    !rule->is_split && strcmp(rule->canonical, "/proc") == 0)
			return true;
	}
	return false;
}

static int add_program(int ruleset, const struct image_files *program, uint64_t handled)
{
	int r = 0;

	for (int i = 0; r == 0 && i < program->count; i++)
		r = landlock_add_path(ruleset, program->file[i].fd, false, LL_EXECUTE & handled);
	return r;
}

int assignment_ruleset(const struct policy *policy, const struct assignment *a,
		       const struct image_files *program, bool for_supervisor, int *ret_ruleset,
		       struct cordon_error *err)
{
	cleanup_fd int ruleset = -1;
	int r;

	*ret_ruleset = -1;
	if (a->handled_fs == 0 && a->handled_net == 0 && a->scoped == 0)
		return 0;
	ruleset = landlock_create(a->handled_fs, a->handled_net, a->scoped);
	if (ruleset < 0)
		return err_sys(err, ruleset, "landlock: create the ruleset");
	r = add_paths(ruleset, policy, a, err);
	if (r < 0)
		return r;
	r = add_program(ruleset, program, a->handled_fs);
	if (r < 0)
		return err_sys(err, r, "landlock: add the program");
	r = add_ports(ruleset, policy, a);
	if (r < 0)
		return err_sys(err, r, "landlock: add the ports");
	if (for_supervisor && a->handled_fs) {
		r = add_proc(ruleset, a->handled_fs);
		if (r < 0)
			return err_sys(err, r, "landlock: add /proc for the supervisor");
	}
	if (for_supervisor) {
		r = add_dns(ruleset, a);
		if (r < 0)
			return err_sys(err, r, "landlock: add the port of lookups");
	}
	*ret_ruleset = steal_fd(&ruleset);
	return 0;
}
