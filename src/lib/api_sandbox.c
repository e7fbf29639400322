/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public functions about sandboxes: argument checks, states, delivery of events.
 *
 * Theory of operation. NEW --start--> RUNNING or FAILED. `wait` and `dispatch` take events from the
 * supervisor's queue on the caller's thread; each is counted for the report, written to the events
 * file and handed to the callback, in this order, so that a callback finds them there. A process
 * that was forked from the host holds a copy that belongs to the parent: every function refuses it
 * with -EOWNERDEAD, and freeing it does nothing, since it would end the parent's run.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "lib/policy.h"
#include "lib/sandbox.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int usable(const cordon_sandbox *sandbox)
{
	if (!sandbox)
		return -EINVAL;
	return sandbox->owner == getpid() ? 0 : -EOWNERDEAD;
}

static int usable_or_text(const cordon_sandbox *sandbox, const char *function,
			  struct cordon_error *err)
{
	int r = usable(sandbox);

	if (r == -EOWNERDEAD)
		return err_set(err, r, "%s: the sandbox belongs to the process that made it",
			       function);
	return r < 0 ? err_set(err, r, "%s: sandbox is NULL", function) : 0;
}

static int copy_options(const struct cordon_options *options, struct cordon_options *ret,
			struct cordon_error *err)
{
	*ret = (struct cordon_options){ 0 };
	if (options) {
		if (options->size < sizeof(options->size))
			return err_set(err, -EINVAL, "cordon_options: size is not set");
		memcpy(ret, options, options->size < sizeof(*ret) ? options->size : sizeof(*ret));
	}
	ret->size = sizeof(*ret);
	return 0;
}

/*
 * The events file must not be changed by the program that it tells about. Terminals, pipes and
 * devices hold nothing that could be changed afterwards.
 */
static int open_events(cordon_sandbox *sandbox, struct policy *policy, struct cordon_error *err)
{
	cleanup_free char *path = NULL;
	struct stat st;
	int r = events_file_open(&sandbox->events, policy->events, err);

	if (r < 0 || sandbox->events.fd < 0 || strncmp(policy->events, "fd:", 3) == 0)
		return r;
	if (fstat(sandbox->events.fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	path = realpath(policy->events, NULL);
	if (!path)
		return err_sys(err, -errno, "report.events: '%s'", policy->events);
	return policy_protect(policy, path, "report.events", err);
}

int cordon_sandbox_new(cordon_policy *policy, const struct cordon_options *options,
		       cordon_sandbox **ret, struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;
	struct cordon_options known;
	cordon_sandbox *sandbox;
	int r;

	if (!policy || !ret)
		return err_set(error, -EINVAL, "cordon_sandbox_new: an argument is NULL");
	r = copy_options(options, &known, error);
	if (r < 0)
		return r;
	r = lib_policy_build(policy, false, &built, error);
	if (r < 0)
		return r;
	sandbox = calloc(1, sizeof(*sandbox));
	if (!sandbox)
		return err_set(error, -ENOMEM, "out of memory");
	sandbox->owner = getpid();
	sandbox->on_event = known.on_event;
	sandbox->event_arg = known.event_arg;
	r = open_events(sandbox, built, error);
	if (r == 0)
		r = sandbox_new(steal_ptr(&built), &known, &sandbox->inner, error);
	if (r < 0) {
		events_file_done(&sandbox->events);
		free(sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}

static int remember_command(cordon_sandbox *sandbox, char *const argv[])
{
	sandbox->program = strdup(argv[0]);
	while (argv[sandbox->argc])
		sandbox->argc++;
	return sandbox->program ? 0 : -ENOMEM;
}

int cordon_sandbox_start(cordon_sandbox *sandbox, char *const argv[], struct cordon_error *error)
{
	int r = usable_or_text(sandbox, "cordon_sandbox_start", error);

	if (r < 0)
		return r;
	if (!argv || !argv[0] || !*argv[0])
		return err_set(error, -EINVAL, "cordon_sandbox_start: no program is named");
	if (sandbox->state != SANDBOX_NEW)
		return err_set(error, -EINVAL, "cordon_sandbox_start: it was started before");
	if (remember_command(sandbox, argv) < 0)
		return err_set(error, -ENOMEM, "out of memory");
	sandbox->started_ns = clock_ns(CLOCK_REALTIME);
	r = sandbox_start(sandbox->inner, argv, &sandbox->failure);
	sandbox->state = r < 0 ? SANDBOX_FAILED : SANDBOX_RUNNING;
	if (r < 0) {
		sandbox->ended_ns = clock_ns(CLOCK_REALTIME);
		if (error)
			*error = sandbox->failure;
	}
	return r;
}

pid_t cordon_sandbox_pid(const cordon_sandbox *sandbox)
{
	return usable(sandbox) < 0 || sandbox->state != SANDBOX_RUNNING
		       ? -1
		       : sandbox_pid(sandbox->inner);
}

int cordon_sandbox_fd(const cordon_sandbox *sandbox)
{
	int r = usable(sandbox);

	return r < 0 ? r : sandbox_fd(sandbox->inner);
}

int cordon_sandbox_hint(const cordon_sandbox *sandbox)
{
	return usable(sandbox) == 0 && sandbox_policy(sandbox->inner)->hint;
}

int cordon_sandbox_dispatch(cordon_sandbox *sandbox)
{
	int r = usable(sandbox);
	bool ended;

	if (r < 0)
		return r;
	/* Asked first: what is queued when the end is seen includes the last event. */
	ended = sandbox_ended(sandbox->inner);
	for (;;) {
		cleanup_free struct cordon_event *event = sandbox_take_event(sandbox->inner);

		if (!event)
			break;
		tally_add(&sandbox->tally, event);
		events_file_write(&sandbox->events, event);
		if (event->kind == CORDON_EVENT_END)
			sandbox->ended_ns = event->realtime_ns;
		if (sandbox->on_event)
			sandbox->on_event(event, sandbox->event_arg);
	}
	return ended;
}

/* Return: 1 readable, 0 time is up, -errno. deadline_ns: negative for none. */
static int wait_readable(int fd, int64_t deadline_ns)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct timespec left = { 0 };
	int n;

	if (deadline_ns >= 0) {
		int64_t ns = deadline_ns - clock_ns(CLOCK_MONOTONIC);

		if (ns > 0)
			left = (struct timespec){ ns / 1000000000, ns % 1000000000 };
	}
	n = ppoll(&pfd, 1, deadline_ns >= 0 ? &left : NULL, NULL);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	return n > 0;
}

int cordon_sandbox_wait(cordon_sandbox *sandbox, struct cordon_result *ret, int timeout_ms)
{
	int64_t deadline = -1;
	int r = usable(sandbox);

	if (r < 0)
		return r;
	if (sandbox->state == SANDBOX_NEW || (ret && ret->size < sizeof(ret->size)))
		return -EINVAL;
	if (timeout_ms >= 0)
		deadline = clock_ns(CLOCK_MONOTONIC) + (int64_t)timeout_ms * 1000000;
	while ((r = cordon_sandbox_dispatch(sandbox)) == 0 && sandbox->state == SANDBOX_RUNNING) {
		r = wait_readable(sandbox_fd(sandbox->inner), deadline);
		if (r < 0)
			return r;
		if (r == 0)
			return -ETIMEDOUT;
	}
	if (r < 0)
		return r;
	if (ret)
		sandbox_result(sandbox->inner, ret);
	return 0;
}

int cordon_sandbox_kill(cordon_sandbox *sandbox, int signal)
{
	int r = usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW)
		return r < 0 ? r : -EINVAL;
	return sandbox_kill(sandbox->inner, signal);
}

int cordon_sandbox_signal(cordon_sandbox *sandbox, int signal)
{
	int r = usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW)
		return r < 0 ? r : -EINVAL;
	return sandbox_signal(sandbox->inner, signal);
}

int cordon_sandbox_resume(cordon_sandbox *sandbox)
{
	int r = usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW)
		return r < 0 ? r : -EINVAL;
	return sandbox_resume(sandbox->inner);
}

void cordon_sandbox_free(cordon_sandbox *sandbox)
{
	if (usable(sandbox) < 0)
		return;
	sandbox_free(sandbox->inner);
	events_file_done(&sandbox->events);
	tally_done(&sandbox->tally);
	free(sandbox->program);
	free(sandbox);
}
