/* SPDX-License-Identifier: Apache-2.0 */
/* The finished plan: see prepare.h. */
#include "supervisor/prepare.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "child/program.h"
#include "policy/decide.h"
#include "supervisor/ablate.h"
#include "supervisor/environment.h"
#include "supervisor/format.h"
#include "sys/landlock.h"
#include "sys/nr.h"
#include "sys/rooted.h"

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

static void plan_process(const struct policy *policy, struct prepared *p)
{
	struct spawn_plan *plan = &p->plan;

	plan->cwd = policy->cwd;
	plan->new_session = policy->new_session;
	plan->terminal = policy->terminal;
	plan->umask = policy->umask;
	plan->thp_disable = policy->huge_pages == NO;
	plan->aslr_disable = policy->aslr == NO;
	plan->nice_asked = policy->nice != NICE_UNSET;
	plan->nice = policy->nice;
	plan->signal_mask = policy->signal_mask;
	plan->signal_ignore = policy->signal_ignore;
	for (unsigned i = 1; i < LAYER_COUNT; i++)
		if (policy_failure_mode(policy, i) != FAIL_REFUSE)
			plan->tolerate |= LAYER_BIT(i);
	if (policy->cpu_count > 0) {
		CPU_ZERO(&p->affinity);
		for (size_t i = 0; i < policy->cpu_count; i++)
			CPU_SET((size_t)policy->cpus[i], &p->affinity);
		plan->affinity = &p->affinity;
	}
}

static bool grants_root(const struct policy *policy)
{
	for (size_t i = 0; i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];

		if ((rule->kind == FS_READ || rule->kind == FS_WRITE) && rule->exists &&
		    strcmp(rule->canonical, "/") == 0)
			return true;
	}
	return false;
}

static bool grants_port(const struct policy *policy, bool connect, uint16_t port)
{
	for (size_t i = 0; connect && i < policy->net_count; i++)
		for (size_t k = 0; k < policy->net[i].port_count; k++)
			if (port >= policy->net[i].ports[k].low &&
			    port <= policy->net[i].ports[k].high)
				return true;
	for (size_t i = 0; !connect && i < policy->listen_count; i++)
		if (port >= policy->listen[i].ports.low && port <= policy->listen[i].ports.high)
			return true;
	return false;
}

/* What each ruleset must refuse, for the child to try. Return: 0 or -ENOMEM. */
static int plan_canaries(const struct policy *policy, const struct assignment *a,
			 struct prepared *p)
{
	struct spawn_plan *plan = &p->plan;

	if (plan->landlock_fs && !grants_root(policy)) {
		plan->landlock_canary = "/";
	} else if (plan->landlock_fs && policy->tmp) {
		if (asprintf(&p->canary_node, "%s/.cordon-canary", policy->tmp) < 0) {
			p->canary_node = NULL;
			return -ENOMEM;
		}
		plan->landlock_node = p->canary_node;
	}
	if (!plan->landlock_net)
		return 0;
	plan->landlock_port_connect = !(a->handled_net & LL_NET_BIND_TCP);
	/* Above the numbers for which a user needs a privilege: the answer must be Landlock's. */
	for (unsigned port = UINT16_MAX; port >= 1024 && plan->landlock_port == 0; port--)
		if (!grants_port(policy, plan->landlock_port_connect, (uint16_t)port))
			plan->landlock_port = (uint16_t)port;
	return 0;
}

static int plan_landlock(const struct policy *policy, const struct assignment *a,
			 struct prepared *p, struct cordon_error *err)
{
	struct spawn_plan *plan = &p->plan;
	int r = assignment_ruleset(policy, a, &p->program, false, &plan->ruleset, err);

	if (r < 0)
		return r;
	plan->landlock_fs = plan->ruleset >= 0 && a->handled_fs;
	plan->landlock_net = plan->ruleset >= 0 && a->handled_net;
	plan->landlock_scope = plan->ruleset >= 0 && a->scoped;
	if (a->facts.any && !plan->landlock_fs)
		p->unavailable |= LAYER_BIT(LAYER_LANDLOCK_FS);
	r = plan_canaries(policy, a, p);
	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (!a->supervised)
		return 0;
	/* With a view of its own the program's /proc is another one than ours. */
	if (plan->ruleset < 0 || !assignment_grants_proc(policy) || policy->root_fd >= 0 ||
	    name_service_works(&a->names))
		return assignment_ruleset(policy, a, &p->program, true, &p->supervisor_ruleset,
					  err);
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
	if (ablated("stack"))
		bits |= ABLATE_STACK;
	return bits;
}

struct gate {
	const struct policy *policy;
	enum op op; /* where nothing is listed, the program only has to be in no deny or hide rule */
};

static bool is_allowed(const struct gate *gate, int fd)
{
	cleanup_free char *canonical = NULL;
	struct fs_object object;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || rooted_path(gate->policy->root_fd, fd, &canonical) < 0)
		return false;
	object = (struct fs_object){ .path = canonical,
				     .length = strlen(canonical),
				     .exists = true,
				     .dev = st.st_dev,
				     .ino = st.st_ino };
	return policy_decide_fs(gate->policy, gate->op, &object).allow;
}

/* A search of PATH passes over what the policy does not let the program execute. */
static bool may_execute(const char *path, void *arg)
{
	const struct gate *gate = arg;
	cleanup_fd int fd = rooted_open(gate->policy->root_fd, path, O_PATH, 0);

	return is_allowed(gate, fd);
}

/* path: as the program would execute it, from its working directory. Return: fd or negative. */
static int open_program(const struct policy *policy, int base, const char *path)
{
	cleanup_free char *joined = NULL;

	if (policy->root_fd < 0)
		return openat(base < 0 ? AT_FDCWD : base, path, O_PATH | O_CLOEXEC);
	if (asprintf(&joined, "%s/%s", path[0] == '/' ? "" : policy->cwd, path) < 0) {
		joined = NULL;
		return -ENOMEM;
	}
	return rooted_open(policy->root_fd, joined, O_PATH, 0);
}

/* The program and what it is executed with: with an empty list these are executed and nothing else. */
static int plan_images(const struct gate *gate, struct prepared *p)
{
	const char *cwd = gate->policy->cwd;
	cleanup_fd int base =
		rooted_open(gate->policy->root_fd, cwd ? cwd : ".", O_PATH | O_DIRECTORY, 0);
	char path[PATH_MAX], link[48];
	int more = 1;

	/* No rule of Landlock's is about memory, so the file itself needs none. */
	if (p->plan.program_fd > 0)
		more = format_next(p->plan.program_fd, path);
	else
		snprintf(path, sizeof(path), "%s", p->path);
	for (int i = 0; i < FORMAT_CHAIN && more > 0; i++) {
		cleanup_fd int readable = -1;
		int fd = open_program(gate->policy, base, path);
		struct stat st = { 0 };

		/* What is missing, or cannot be read, the execution itself reports. */
		if (fd < 0)
			return 0;
		if (fstat(fd, &st) < 0 || !is_allowed(gate, fd)) {
			close(fd);
			return -EACCES;
		}
		image_add(&p->program, fd, &st);
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		readable = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		more = readable < 0 ? 0 : format_next(readable, path);
	}
	return 0;
}

/* Return: 0; -errno with *err: it cannot be found, or is not to be executed. */
static int plan_program(const struct policy *policy, const struct assignment *a,
			const struct command *command, struct prepared *p, struct cordon_error *err)
{
	struct gate gate = { policy, a->facts.no_exec ? OP_STAT : OP_EXEC };
	struct spawn_plan *plan = &p->plan;
	char start[2] = "";
	int r = 0;

	plan->function = command->function;
	plan->function_arg = command->function_arg;
	if (command->function)
		return 0;
	if (command->memory >= 0) {
		plan->program_fd = command->memory;
		plan->script =
			pread(command->memory, start, 2, 0) == 2 && memcmp(start, "#!", 2) == 0;
	} else {
		r = program_find(command->argv[0], p->envp, policy->root_fd, policy->cwd,
				 may_execute, &gate, &p->path, err);
		plan->path = p->path;
	}
	if (r < 0 || !a->facts.no_exec)
		return r;
	r = plan_images(&gate, p);
	return r < 0 ? err_set(err, r, "%s: a rule of the policy denies it",
			       p->path ? p->path : command->argv[0])
		     : 0;
}

int prepare_plan(const struct policy *policy, const struct assignment *assignment, const char *tmp,
		 const char *name, const struct command *command, struct prepared *ret,
		 bool *ret_exec, struct cordon_error *err)
{
	struct spawn_plan *plan = &ret->plan;
	int r;

	memset(ret, 0, sizeof(*ret));
	plan->ruleset = plan->keeper_ruleset = ret->supervisor_ruleset = -1;
	plan->join_user = plan->join_pid = plan->join_mount = plan->join_root = plan->join_time =
		-1;
	*ret_exec = false;
	if (!command->argv || !command->argv[0] || !command->argv[0][0])
		return err_set(err, -EINVAL, "no program was given");
	ret->argv = copy_list(command->argv);
	ret->envp = environment_build(policy, environ, tmp, name);
	if (!ret->argv || !ret->envp) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	plan_process(policy, ret);
	prepare_limits(policy, assignment, ret);
	r = prepare_creds(policy, assignment, ret, err);
	if (r < 0)
		goto fail;
	r = plan_program(policy, assignment, command, ret, err);
	if (r < 0) {
		*ret_exec = true;
		goto fail;
	}
	if (policy->argv0) {
		free(ret->argv[0]);
		ret->argv[0] = strdup(policy->argv0);
		if (!ret->argv[0]) {
			r = err_set(err, -ENOMEM, "out of memory");
			goto fail;
		}
	}
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
		assignment->supervised ? (unsigned)nr_by_name(NR_ARCH_NATIVE, SELF_TEST_CALL) : 0;
	plan->ablate = plan_ablations();
	return 0;
fail:
	prepared_done(ret);
	return r;
}

int prepare_keeper(const struct assignment *assignment, struct prepared *p,
		   struct cordon_error *err)
{
	struct spawn_plan *plan = &p->plan;

	if (!(landlock_scopes(assignment->host.landlock_abi) & LL_SCOPE_SIGNAL))
		return 0;
	plan->keeper_ruleset = landlock_create(0, 0, LL_SCOPE_SIGNAL);
	return plan->keeper_ruleset < 0
		       ? err_sys(err, plan->keeper_ruleset, "landlock: the keeper's ruleset")
		       : 0;
}

void prepared_drop_fds(struct prepared *p)
{
	int *fds[] = { &p->plan.ruleset, &p->plan.keeper_ruleset, &p->supervisor_ruleset };
	int *joined[] = { &p->plan.join_net, &p->plan.join_ipc, &p->plan.join_uts,
			  &p->plan.join_cgroup };

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	for (size_t i = 0; i < COUNT_OF(joined); i++) {
		if (*joined[i] > 0)
			close(*joined[i]);
		*joined[i] = 0;
	}
	image_done(&p->program);
}

void prepared_done(struct prepared *p)
{
	prepared_drop_fds(p);
	environment_free(p->argv);
	environment_free(p->envp);
	free(p->path);
	free(p->keep_fds);
	free(p->early_fds);
	free(p->canary_node);
	free(p->groups);
	p->groups = NULL;
	p->canary_node = NULL;
	p->argv = p->envp = NULL;
	p->path = NULL;
	p->keep_fds = p->early_fds = NULL;
}
