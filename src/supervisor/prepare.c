/* SPDX-License-Identifier: Apache-2.0 */
/* The finished plan: see prepare.h. */
#include "supervisor/prepare.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "child/program.h"
#include "policy/decide.h"
#include "supervisor/ablate.h"
#include "supervisor/environment.h"
#include "sys/landlock.h"
#include "sys/nr.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

extern char **environ;

static char **copy_list(char *const list[])
{
	size_t count = 0;
	char **copy;

	while (list[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(list[i]);
		if (!copy[i]) {
			environment_free(copy);
			return NULL;
		}
	}
	return copy;
}

/* Clamped to the hard limit that we have ourselves; raising it is not ours to do. */
static void add_rlimit(struct prepared *p, int resource, uint64_t soft, uint64_t hard)
{
	struct plan_rlimit *limit = &p->rlimits[p->plan.rlimit_count++];
	struct rlimit inherited = { RLIM_INFINITY, RLIM_INFINITY };

	getrlimit((__rlimit_resource_t)resource, &inherited);
	limit->resource = resource;
	limit->value.rlim_max = hard < inherited.rlim_max ? hard : inherited.rlim_max;
	limit->value.rlim_cur = soft < limit->value.rlim_max ? soft : limit->value.rlim_max;
}

/* Where crashes go to a program, the kernel takes 0 for "no limit there" and 1 for "no dump". */
static uint64_t no_core_limit(void)
{
	cleanup_fd int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	char first = 0;

	return fd >= 0 && read(fd, &first, 1) == 1 && first == '|' ? 1 : 0;
}

static void plan_limits(const struct policy *policy, const struct assignment *a, struct prepared *p)
{
	if (policy->cpu_s != LIMIT_UNSET)
		/* The soft limit asks, the hard one ends: a second of grace between them. */
		add_rlimit(p, RLIMIT_CPU, policy->cpu_s, policy->cpu_s + 1);
	if (policy->file_size != LIMIT_UNSET)
		add_rlimit(p, RLIMIT_FSIZE, policy->file_size, policy->file_size);
	/* The kernel writes a dump past every rule that only the supervisor holds. */
	if (policy->core_dumps == NO ||
	    (policy->core_dumps == UNSET && (a->when & WHEN_GUARD_WRITE))) {
		uint64_t limit = no_core_limit();

		add_rlimit(p, RLIMIT_CORE, limit, limit);
	}
	if (policy->address_space != LIMIT_UNSET)
		add_rlimit(p, RLIMIT_AS, policy->address_space, policy->address_space);
	if (policy->open_files != LIMIT_UNSET)
		add_rlimit(p, RLIMIT_NOFILE, policy->open_files, policy->open_files);
	p->plan.rlimits = p->rlimits;
}

static int compare_numbers(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int plan_descriptors(const struct policy *policy, struct prepared *p)
{
	p->keep_fds = calloc(policy->fd_count + 1, sizeof(*p->keep_fds));
	if (!p->keep_fds)
		return -ENOMEM;
	for (size_t i = 0; i < policy->fd_count; i++)
		p->keep_fds[i] = policy->fds[i];
	qsort(p->keep_fds, policy->fd_count, sizeof(*p->keep_fds), compare_numbers);
	p->plan.keep_fds = p->keep_fds;
	p->plan.keep_fd_count = policy->fd_count;
	return 0;
}

static void plan_process(const struct policy *policy, struct prepared *p)
{
	struct spawn_plan *plan = &p->plan;

	plan->cwd = policy->cwd;
	plan->new_session = policy->new_session;
	plan->terminal = policy->terminal;
	plan->umask = policy->umask;
	plan->thp_disable = policy->huge_pages == NO;
	plan->aslr_disable = policy->aslr == NO;
	plan->failure_is_fatal = policy->on_failure == FAIL_REFUSE;
	if (policy->cpu_count > 0) {
		CPU_ZERO(&p->affinity);
		for (size_t i = 0; i < policy->cpu_count; i++)
			CPU_SET((size_t)policy->cpus[i], &p->affinity);
		plan->affinity = &p->affinity;
	}
}

static int plan_landlock(const struct policy *policy, const struct assignment *a,
			 struct prepared *p, struct cordon_error *err)
{
	struct spawn_plan *plan = &p->plan;
	int r = assignment_ruleset(policy, a, false, &plan->ruleset, err);

	if (r < 0)
		return r;
	plan->landlock_fs = plan->ruleset >= 0 && a->handled_fs;
	plan->landlock_net = plan->ruleset >= 0 && a->handled_net;
	plan->landlock_scope = plan->ruleset >= 0 && a->scoped;
	/* The keeper's own bound: what it kills with kill(-1) can only be the tree. */
	if (landlock_scopes(a->host.landlock_abi) & LL_SCOPE_SIGNAL) {
		plan->keeper_ruleset = landlock_create(0, 0, LL_SCOPE_SIGNAL);
		if (plan->keeper_ruleset < 0)
			return err_sys(err, plan->keeper_ruleset, "landlock: the keeper's ruleset");
	}
	if (!a->supervised)
		return 0;
	if (plan->ruleset < 0 || !assignment_grants_proc(policy))
		return assignment_ruleset(policy, a, true, &p->supervisor_ruleset, err);
	p->supervisor_ruleset = fcntl(plan->ruleset, F_DUPFD_CLOEXEC, 3);
	return p->supervisor_ruleset < 0 ? err_sys(err, -errno, "landlock: a further ruleset") : 0;
}

static unsigned plan_ablations(void)
{
	unsigned bits = 0;

	if (ablated("landlock"))
		bits |= ABLATE_LANDLOCK;
	if (ablated("seccomp"))
		bits |= ABLATE_SECCOMP;
	if (ablated("descriptors"))
		bits |= ABLATE_CLOSE_FDS;
	if (ablated("pdeathsig"))
		bits |= ABLATE_PDEATHSIG;
	return bits;
}

struct gate {
	const struct policy *policy;
};

/* A search of PATH passes over what the policy does not let the program execute. */
static bool may_execute(const char *path, void *arg)
{
	const struct gate *gate = arg;
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	char link[48], canonical[PATH_MAX];
	struct fs_object object;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, canonical, sizeof(canonical) - 1);
	if (n < 0)
		return false;
	canonical[n] = '\0';
	object = (struct fs_object){ .path = canonical,
				     .length = (size_t)n,
				     .exists = true,
				     .dev = st.st_dev,
				     .ino = st.st_ino };
	return policy_decide_fs(gate->policy, OP_EXEC, &object).allow;
}

int prepare_plan(const struct policy *policy, const struct assignment *assignment, const char *tmp,
		 const char *name, char *const argv[], struct prepared *ret, bool *ret_exec,
		 struct cordon_error *err)
{
	struct spawn_plan *plan = &ret->plan;
	struct gate gate = { policy };
	int r;

	memset(ret, 0, sizeof(*ret));
	plan->ruleset = plan->keeper_ruleset = ret->supervisor_ruleset = -1;
	*ret_exec = false;
	if (!argv || !argv[0] || !argv[0][0])
		return err_set(err, -EINVAL, "no program was given");
	ret->argv = copy_list(argv);
	ret->envp = environment_build(policy, environ, tmp, name);
	if (!ret->argv || !ret->envp || plan_descriptors(policy, ret) < 0) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	plan_process(policy, ret);
	plan_limits(policy, assignment, ret);
	r = program_find(argv[0], ret->envp, policy->cwd, may_execute, &gate, &ret->path, err);
	if (r < 0) {
		*ret_exec = true;
		goto fail;
	}
	plan->path = ret->path;
	plan->argv = ret->argv;
	plan->envp = ret->envp;
	r = plan_landlock(policy, assignment, ret, err);
	if (r < 0)
		goto fail;
	plan->filter = &assignment->filter;
	plan->listener = assignment->supervised;
	plan->wait_killable = true;
	plan->share_files = assignment->supervised && !assignment->host.pidfd_getfd;
	plan->self_test =
		assignment->supervised ? (unsigned)nr_by_name(NR_ARCH_NATIVE, "connect") : 0;
	plan->ablate = plan_ablations();
	return 0;
fail:
	prepared_done(ret);
	return r;
}

void prepared_done(struct prepared *p)
{
	int *fds[] = { &p->plan.ruleset, &p->plan.keeper_ruleset, &p->supervisor_ruleset };

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	environment_free(p->argv);
	environment_free(p->envp);
	free(p->path);
	free(p->keep_fds);
	p->argv = p->envp = NULL;
	p->path = NULL;
	p->keep_fds = NULL;
}
