/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces that are there before the run: see stage.h. */
#include "supervisor/stage.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "supervisor/run.h"
#include "supervisor/stage_view.h"
#include "sys/caps.h"
#include "sys/fds.h"
#include "sys/helper.h"
#include "sys/process.h"
#include "sys/rooted.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(STAGE_FDS <= HELPER_FDS_MAX, "they come in one message");

/* What comes in until all is done. */
struct staging {
	struct sandbox *s;
	struct id_maps maps;
	struct stage_view view;
	uint64_t tolerate;
	pid_t pid; /* of the process that was cloned */
	bool first_came, set_came;
};

static int write_maps(struct staging *staging)
{
	struct stage *stage = &staging->s->stage;
	const unsigned char mapped = STAGE_MAPPED;
	struct iovec out = { (void *)(uintptr_t)&mapped, sizeof(mapped) };
	int r = id_maps_write(staging->pid, stage->first, &staging->maps);

	if (r == 0)
		r = helper_send(stage->socket, &out, 1, NULL, 0);
	stage->told |= LAYER_BIT(LAYER_ID_MAP);
	return r < 0 ? run_fatal(staging->s, LAYER_ID_MAP, r)
		     : run_layer(staging->s, LAYER_ID_MAP, 0);
}

/* Which entry could not be mounted, where that is known. */
static int failed_mount(struct staging *staging, const struct stage_message *message)
{
	struct sandbox *s = staging->s;
	const struct mount_rule *rule = NULL;
	struct cordon_error why;

	run_fatal(s, LAYER_MOUNTS, message->error);
	if (message->value < staging->view.plan.count)
		rule = staging->view.rules[message->value];
	if (!rule)
		return message->error;
	why = s->error;
	err_set(&s->error, message->error, "%s: %s: %s", rule->rule.key, rule->rule.text, why.text);
	if (rule->rule.origin.line > 0)
		err_place(&s->error, rule->rule.origin.file, rule->rule.origin.line,
			  rule->rule.origin.column);
	return message->error;
}

static void fails_with_it(struct sandbox *s, unsigned layer)
{
	s->stage.told |= LAYER_BIT(layer);
	run_missing(s, layer, -EPERM);
}

/* Return: 0 if the policy lets it fail; -errno. */
static int failed(struct staging *staging, const struct stage_message *message)
{
	if (message->layer == LAYER_MOUNTS)
		return failed_mount(staging, message);
	if (!(staging->tolerate & LAYER_BIT(message->layer)))
		return run_fatal(staging->s, message->layer, message->error);
	run_missing(staging->s, message->layer, message->error);
	if (message->layer == LAYER_USER_NS)
		fails_with_it(staging->s, LAYER_ID_MAP);
	if (message->layer == LAYER_MOUNT_NS && staging->view.plan.count > 0)
		fails_with_it(staging->s, LAYER_MOUNTS);
	return 0;
}

static int take_outcome(struct staging *staging, const struct stage_message *message)
{
	struct stage *stage = &staging->s->stage;
	int r;

	if (message->layer >= LAYER_COUNT || message->error > 0)
		return err_set(&staging->s->error, -EBADMSG, "start: the stage makes no sense");
	stage->told |= LAYER_BIT(message->layer);
	if (message->error < 0)
		return failed(staging, message);
	stage->made |= LAYER_BIT(message->layer);
	r = run_layer(staging->s, message->layer, 0);
	return r == 0 && message->layer == LAYER_USER_NS ? write_maps(staging) : r;
}

static void take_set(struct staging *staging, unsigned which, const int *fds)
{
	size_t next = 0;

	for (unsigned i = 0; i < STAGE_FDS; i++)
		if (which & 1u << i)
			staging->s->stage.fds[i] = fds[next++];
	staging->set_came = true;
}

/* Below 3 they would be what the program inherits. Return: 0 or -errno. */
static int move_up(struct stage *stage)
{
	int r = fd_move_up(&stage->socket);

	for (int i = 0; r >= 0 && i < STAGE_FDS; i++)
		r = stage->fds[i] >= 0 ? fd_move_up(&stage->fds[i]) : 0;
	return r < 0 ? r : fd_move_up(&stage->first);
}

/* Return: 0 to go on; -errno with s->error. */
static int take(struct staging *staging, const struct stage_message *message, const int *fds)
{
	struct stage *stage = &staging->s->stage;

	switch ((enum stage_kind)message->kind) {
	case STAGE_OUTCOME:
		return take_outcome(staging, message);
	case STAGE_FIRST:
		helper_end(&stage->first); /* it has ended, or is about to */
		stage->first = fds[0];
		staging->first_came = true;
		return 0;
	case STAGE_SET:
		take_set(staging, message->value, fds);
		return 0;
	}
	return err_set(&staging->s->error, -EBADMSG, "start: the stage makes no sense");
}

static bool is_done(const struct staging *staging)
{
	bool moved = staging->s->stage.made & LAYER_BIT(LAYER_PID_NS);

	return staging->set_came && (staging->first_came || !moved);
}

/* After a failure the end is waited for all the same: who reaps must know whom. */
static int serve(struct staging *staging)
{
	struct sandbox *s = staging->s;
	int result = 0;

	while (!is_done(staging)) {
		struct stage_message message;
		struct iovec in = { &message, sizeof(message) };
		int fds[HELPER_FDS_MAX], r;
		ssize_t n = helper_receive(s->stage.socket, &in, 1, fds, 0);

		if (n == -EINTR)
			continue;
		if (n != (ssize_t)sizeof(message))
			return result < 0 ? result
					  : err_set(&s->error, -ECHILD,
						    "start: the stage ended without a word");
		r = result < 0 && message.kind == STAGE_OUTCOME ? 0 : take(staging, &message, fds);
		if (r < 0 && result == 0) {
			result = r;
			shutdown(s->stage.socket, SHUT_WR);
		}
	}
	return result;
}

/* SECURITY: rules for one view must not be applied to another. */
static uint64_t tolerated(const struct policy *policy)
{
	const uint64_t view =
		LAYER_BIT(LAYER_MOUNT_NS) | LAYER_BIT(LAYER_MOUNTS) | LAYER_BIT(LAYER_ROOT);
	uint64_t bits = 0;

	for (unsigned i = 1; i < LAYER_COUNT; i++)
		if (policy_failure_mode(policy, i) != FAIL_REFUSE)
			bits |= LAYER_BIT(i);
	return policy->root || policy->mount_count > 0 ? bits & ~view : bits;
}

/* One line for each clock. Return: its length. */
static size_t write_offsets(const struct policy *policy, char *text, size_t size)
{
	static const char *const clocks[CLOCKS_COUNT] = { "monotonic", "boottime" };
	size_t length = 0;

	for (size_t i = 0; i < CLOCKS_COUNT; i++) {
		const struct clock_offset *offset = &policy->offsets[i];
		int64_t seconds = offset->seconds;
		long nanoseconds = offset->milliseconds * 1000000l;

		if (seconds == 0 && nanoseconds == 0)
			continue;
		/* The kernel wants whole seconds downwards and a part upwards. */
		if (offset->back) {
			seconds = -seconds - (nanoseconds > 0);
			nanoseconds = nanoseconds > 0 ? 1000000000 - nanoseconds : 0;
		}
		length += (size_t)snprintf(text + length, size - length, "%s %lld %ld\n", clocks[i],
					   (long long)seconds, nanoseconds);
	}
	return length;
}

static int launch(struct staging *staging, uint64_t namespaces)
{
	char offsets[128];
	struct sandbox *s = staging->s;
	struct stage_plan plan = { .namespaces = namespaces,
				   .tolerate = staging->tolerate,
				   .view = &staging->view.plan,
				   .offsets = offsets,
				   .offsets_length =
					   write_offsets(s->policy, offsets, sizeof(offsets)) };
	cleanup_fd int host = pidfd_open_process(getpid());
	int pair[2];

	if (host < 0)
		return host;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->stage.socket = pair[0];
	plan.socket = pair[1];
	plan.host = host;
	staging->pid = helper_fork(0, &s->stage.first);
	if (staging->pid == 0)
		stage_main(&plan);
	close(pair[1]);
	return staging->pid < 0 ? staging->pid : 0;
}

/*
 * The mounts, as layers. KERNEL: where procfs hides processes, everything of one is closed to whoever may not
 * trace it, also to the supervisor while it acts with ids that the program has changed to.
 * Return: 0; -errno with s->error.
 */
static int plan_view(struct staging *staging, const struct caps_own *own, uint64_t *namespaces)
{
	const uint64_t changes_ids = 1ull << CAP_SETUID | 1ull << CAP_SETGID;
	struct sandbox *s = staging->s;
	int r;

	if (!(*namespaces & LAYER_BIT(LAYER_MOUNT_NS)))
		return 0;
	r = stage_view_make(s->policy, s->tmp.path, !(own->effective & changes_ids), &staging->view,
			    &s->error);
	if (staging->view.plan.count > 0)
		*namespaces |= LAYER_BIT(LAYER_MOUNTS);
	if (s->policy->root)
		*namespaces |= LAYER_BIT(LAYER_ROOT);
	return r;
}

/* From now on the policy's paths are those of the program. Return: 0; -errno with s->error. */
static int look_inside(struct sandbox *s)
{
	struct stage *stage = &s->stage;
	struct policy *policy = s->policy;
	cleanup_free char *top = NULL;
	pid_t pid;
	int r;

	if (stage->fds[STAGE_ROOT] < 0)
		return 0;
	pid = pidfd_number(stage->first);
	r = pid < 0 ? pid : rooted_path(-1, stage->fds[STAGE_ROOT], &top);
	if (r < 0)
		return err_sys(&s->error, r, "start: look at the new mounts");
	/* SECURITY: what the kernel calls a path must be what the program calls it. */
	if (strcmp(top, "/") != 0)
		return err_set(
			&s->error, -EOPNOTSUPP,
			"isolation: the root of this process is no mount of its own (a chroot "
			"without a mount namespace), so nothing can be mounted for the program");
	snprintf(stage->mountinfo, sizeof(stage->mountinfo), "/proc/%d/mountinfo", pid);
	policy->root_fd = stage->fds[STAGE_ROOT];
	policy->mountinfo = stage->mountinfo;
	if (!policy->cwd)
		policy->cwd = getcwd(NULL, 0);
	return policy->cwd ? 0 : err_sys(&s->error, -errno, "start: the working directory");
}

static int make(struct staging *staging, uint64_t namespaces)
{
	struct sandbox *s = staging->s;
	int r = launch(staging, namespaces);

	if (r < 0)
		return err_sys(&s->error, r, "start: clone the stage");
	r = serve(staging);
	if (r < 0)
		return r;
	r = move_up(&s->stage);
	return r < 0 ? err_sys(&s->error, r, "start: the stage's descriptors") : look_inside(s);
}

int stage_start(struct sandbox *s)
{
	const uint64_t needed =
		LAYER_BIT(LAYER_PID_NS) | LAYER_BIT(LAYER_MOUNT_NS) | LAYER_BIT(LAYER_TIME_NS);
	struct staging staging = { .s = s, .tolerate = tolerated(s->policy) };
	struct caps_own own;
	uint64_t namespaces;
	int r = caps_own(&own);

	if (r < 0)
		return err_sys(&s->error, r, "start: capabilities");
	namespaces = prepare_namespaces(s->policy, &own);
	if (!(namespaces & needed))
		return 0;
	r = plan_view(&staging, &own, &namespaces);
	/* Should nothing come of it, the report says how far it came. */
	s->prepared.requested = namespaces | LAYER_BIT(LAYER_EXEC);
	run_request_layers(s);
	prepare_maps(s->policy, &own, &staging.maps);
	if (r == 0)
		r = make(&staging, namespaces);
	stage_view_done(&staging.view);
	if (r < 0)
		stage_end(&s->stage);
	return r;
}

void stage_end(struct stage *stage)
{
	if (stage->socket >= 0)
		close(steal_fd(&stage->socket));
	helper_end(&stage->first);
	for (int i = 0; i < STAGE_FDS; i++)
		if (stage->fds[i] >= 0)
			close(steal_fd(&stage->fds[i]));
}
