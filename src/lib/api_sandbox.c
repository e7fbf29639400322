/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public functions about sandboxes: argument checks, states, delivery of events.
 *
 * Theory of operation. NEW --start--> RUNNING or FAILED. `wait` and `dispatch` take events from the
 * supervisor's queue on the caller's thread; each is counted for the report, written to the events
 * file and handed to the callback, in this order, so that a callback finds them there. Output that the
 * host reads is handed on before the events; the end waits for it (streams.c). A process
 * that was forked from the host holds a copy that belongs to the parent: every function refuses it
 * with -EOWNERDEAD, and freeing it does nothing, since it would end the parent's run.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "lib/level.h"
#include "lib/policy.h"
#include "lib/sandbox.h"
#include "sys/fds.h"

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

static int usable_or_text(const cordon_sandbox *sandbox, const char *function,
			  struct cordon_error *err)
{
	int r = lib_usable(sandbox);

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

static bool is_read(enum cordon_stream_kind kind)
{
	return kind == CORDON_STREAM_PIPE || kind == CORDON_STREAM_TERMINAL;
}

/* A limit that nothing would hold is not accepted. */
static int check_output_limit(const struct policy *policy, const struct cordon_options *options,
			      struct cordon_error *err)
{
	const struct limit *limit = &policy->limits[LIMIT_OUTPUT];

	if (limit->value == LIMIT_UNSET || is_read(options->stream[1].kind) ||
	    is_read(options->stream[2].kind))
		return 0;
	err_set(err, -EOPNOTSUPP,
		"limits.output: neither output is read by the host, so nothing would be limited "
		"(take the "
		"key out; limits.file_size limits what goes to files)");
	if (err)
		err_place(err, limit->rule.origin.file, limit->rule.origin.line,
			  limit->rule.origin.column);
	return -EOPNOTSUPP;
}

/* Recursive: a callback may call what it is called by. */
static void init_delivery(cordon_sandbox *sandbox)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&sandbox->delivery, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

/* All but the run itself. */
static void handle_free(cordon_sandbox *sandbox)
{
	streams_done(&sandbox->streams);
	free(sandbox->last);
	events_file_done(&sandbox->events);
	tally_done(&sandbox->tally);
	pthread_mutex_destroy(&sandbox->delivery);
	free(sandbox->program);
	free(sandbox);
}

int cordon_sandbox_new(cordon_policy *policy, const struct cordon_options *options,
		       cordon_sandbox **ret, struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;
	struct cordon_options known;
	const unsigned standard = fd_standard();
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
	sandbox->streams = (struct streams)STREAMS_INIT;
	init_delivery(sandbox);
	r = open_events(sandbox, built, error);
	if (r == 0)
		r = check_output_limit(built, &known, error);
	if (r == 0)
		r = sandbox_new(steal_ptr(&built), &known, standard, &sandbox->inner, error);
	if (r == 0)
		r = streams_open(&sandbox->streams, &known,
				 sandbox_policy(sandbox->inner)->limits[LIMIT_OUTPUT].value,
				 sandbox_fd(sandbox->inner), error);
	if (r < 0) {
		sandbox_free(sandbox->inner);
		handle_free(sandbox);
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
	r = sandbox_start(sandbox->inner, argv, sandbox->streams.program, sandbox->streams.terminal,
			  &sandbox->failure);
	streams_started(&sandbox->streams);
	sandbox->state = r < 0 ? SANDBOX_FAILED : SANDBOX_RUNNING;
	if (r < 0) {
		sandbox->ended_ns = clock_ns(CLOCK_REALTIME);
		if (error)
			*error = sandbox->failure;
	}
	return r;
}

static int own_fd(const cordon_sandbox *sandbox)
{
	return sandbox->streams.watch >= 0 ? sandbox->streams.watch : sandbox_fd(sandbox->inner);
}

int cordon_sandbox_fd(const cordon_sandbox *sandbox)
{
	int r = lib_usable(sandbox);

	return r < 0 ? r : own_fd(sandbox);
}

static void deliver(cordon_sandbox *sandbox, struct cordon_event *event)
{
	tally_add(&sandbox->tally, event);
	events_file_write(&sandbox->events, event);
	if (event->kind == CORDON_EVENT_END)
		sandbox->ended_ns = event->realtime_ns;
	if (sandbox->on_event)
		sandbox->on_event(event, sandbox->event_arg);
}

/* The end is held back: it is the last event, whatever the outputs still bring. */
static void take_events(cordon_sandbox *sandbox)
{
	for (;;) {
		cleanup_free struct cordon_event *event = sandbox_take_event(sandbox->inner);

		if (!event)
			return;
		if (event->kind == CORDON_EVENT_END) {
			sandbox->last = steal_ptr(&event);
			continue;
		}
		if (sandbox->last) {
			uint64_t sequence = sandbox->last->sequence;

			sandbox->last->sequence = event->sequence;
			event->sequence = sequence;
		}
		deliver(sandbox, event);
	}
}

/* Return: whether the end has been delivered. */
static bool end_streams(cordon_sandbox *sandbox)
{
	int events = sandbox_fd(sandbox->inner);

	if (streams_left(&sandbox->streams)) {
		if (!sandbox->draining)
			streams_drain(&sandbox->streams, events);
		sandbox->draining = true;
		return false;
	}
	streams_end(&sandbox->streams, events);
	deliver(sandbox, sandbox->last);
	free(sandbox->last);
	sandbox->last = NULL;
	return true;
}

/* Return: 1 if the run has ended. */
static int dispatch(cordon_sandbox *sandbox)
{
	bool ended;

	/* Asked first: what is queued when the end is seen includes the last event. */
	ended = sandbox_ended(sandbox->inner);
	streams_read(&sandbox->streams);
	if (streams_over_limit(&sandbox->streams) && !sandbox->limit_told) {
		sandbox->limit_told = true;
		sandbox_output_limit(sandbox->inner);
	}
	take_events(sandbox);
	if (sandbox->last && !end_streams(sandbox))
		return 0;
	return ended;
}

int cordon_sandbox_dispatch(cordon_sandbox *sandbox)
{
	int r = lib_usable(sandbox);

	if (r < 0)
		return r;
	pthread_mutex_lock(&sandbox->delivery);
	r = dispatch(sandbox);
	pthread_mutex_unlock(&sandbox->delivery);
	return r;
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

/* As much of the result as the caller knows. */
static void fill_result(cordon_sandbox *sandbox, struct cordon_result *ret)
{
	const struct streams *streams = &sandbox->streams;
	struct cordon_result result = { .size = sizeof(result) };
	size_t size = ret->size < sizeof(result) ? ret->size : sizeof(result);

	sandbox_result(sandbox->inner, &result);
	result.stdout_bytes = streams->output[0].bytes;
	result.stderr_bytes = streams->output[1].bytes;
	result.stdout_dropped = streams->output[0].dropped;
	result.stderr_dropped = streams->output[1].dropped;
	result.truncated = streams_truncated(streams);
	if (streams_over_limit(streams))
		result.limits_hit |= 1u << CORDON_LIMIT_OUTPUT;
	memcpy(ret, &result, size);
	ret->size = size;
}

int cordon_sandbox_wait(cordon_sandbox *sandbox, struct cordon_result *ret, int timeout_ms)
{
	int64_t deadline = -1;
	int r = lib_usable(sandbox);

	if (r < 0)
		return r;
	if (sandbox->state == SANDBOX_NEW || (ret && ret->size < sizeof(ret->size)))
		return -EINVAL;
	if (timeout_ms >= 0)
		deadline = clock_ns(CLOCK_MONOTONIC) + (int64_t)timeout_ms * 1000000;
	while ((r = cordon_sandbox_dispatch(sandbox)) == 0 && sandbox->state == SANDBOX_RUNNING) {
		r = wait_readable(own_fd(sandbox), deadline);
		if (r < 0)
			return r;
		if (r == 0)
			return -ETIMEDOUT;
	}
	if (r < 0)
		return r;
	if (ret) {
		pthread_mutex_lock(&sandbox->delivery);
		fill_result(sandbox, ret);
		pthread_mutex_unlock(&sandbox->delivery);
	}
	return 0;
}

void cordon_sandbox_free(cordon_sandbox *sandbox)
{
	if (lib_usable(sandbox) < 0)
		return;
	sandbox_free(sandbox->inner);
	handle_free(sandbox);
}

int cordon_sandbox_detach(cordon_sandbox *sandbox)
{
	int r = lib_usable(sandbox);

	if (r < 0 || sandbox->state != SANDBOX_RUNNING)
		return r < 0 ? r : -EINVAL;
	r = sandbox_detach(sandbox->inner);
	if (r == 0)
		handle_free(sandbox);
	return r;
}
