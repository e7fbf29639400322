/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cordon run`.
 *
 * Theory of operation. One thread: it waits for the sandbox's descriptor and for signals, which are
 * blocked before the start and read from a signalfd, so that none can end us between two states.
 * Signals go on to the program; it runs in a group of its own, so the terminal never sends it the
 * same one. A second INT or TERM within a second ends the tree. Standard input and output belong to
 * the program; what we have to say goes to standard error.
 */
#include "cli/cli.h"
#include "cli/hints.h"
#include "cli/opts.h"
#include "cli/report.h"
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct run {
	cordon_sandbox *sandbox;
	struct terminal terminal;
	struct report_file report;
	int signals;	   /* signalfd */
	int64_t last_stop; /* CLOCK_MONOTONIC of the last INT or TERM, ns; 0: none */
	bool stopped;	   /* the program has stopped and we have not yet */
	struct hints hints;
};

static const int forwarded[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
				 SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP };

static int take_signals(void)
{
	sigset_t set;

	/* A reader of our lines that has gone away must not end the run. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_event(const struct cordon_event *event, void *arg)
{
	struct run *run = arg;

	if (event->kind == CORDON_EVENT_STOPPED)
		run->stopped = true;
	/* The mode of the run is no hint about a denial. */
	if (event->kind == CORDON_EVENT_NOTE || cordon_sandbox_hint(run->sandbox))
		hints_event(&run->hints, event);
}

static bool is_second_stop(struct run *run, int signal)
{
	struct timespec now;
	int64_t ns, last = run->last_stop;

	if (signal != SIGINT && signal != SIGTERM)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	run->last_stop = ns;
	return last != 0 && ns - last < 1000000000;
}

static void forward_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signal = (int)info.ssi_signo;

		if (is_second_stop(run, signal)) {
			cordon_sandbox_kill(run->sandbox, SIGKILL);
		} else if (signal == SIGCONT) {
			terminal_give(&run->terminal, cordon_sandbox_pid(run->sandbox));
			cordon_sandbox_resume(run->sandbox);
		} else {
			cordon_sandbox_signal(run->sandbox, signal);
		}
	}
}

static void follow_stop(struct run *run)
{
	pid_t program = cordon_sandbox_pid(run->sandbox);
	const struct timespec now = { 0 };
	sigset_t continued;

	run->stopped = false;
	terminal_stop(&run->terminal, program);
	/* The signal that continued us is answered here; a second answer could come after the
	 * program has stopped again. */
	sigemptyset(&continued);
	sigaddset(&continued, SIGCONT);
	sigtimedwait(&continued, NULL, &now);
	terminal_give(&run->terminal, program);
	cordon_sandbox_resume(run->sandbox);
}

static int serve(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = cordon_sandbox_fd(run->sandbox), .events = POLLIN },
		{ .fd = run->signals, .events = POLLIN },
	};
	int r;

	while ((r = cordon_sandbox_dispatch(run->sandbox)) == 0) {
		if (run->stopped) {
			follow_stop(run);
			continue;
		}
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			forward_signals(run);
	}
	return r < 0 ? r : 0;
}

/* Ends that somebody asked for from outside are no puzzle for the user. */
static bool is_ordinary_signal(int signal)
{
	return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT ||
	       signal == SIGPIPE;
}

static void tell_end(const struct run *run, const struct cordon_result *result)
{
	int status = result->status;

	if (result->reason == CORDON_SUPERVISOR_FAILED)
		say("the supervisor could not go on; every process of the run was ended");
	if (result->reason == CORDON_POLICY_KILL)
		say("the program executed what the policy forbids; every process of the run was "
		    "ended");
	if (result->reason != CORDON_EXITED && result->reason != CORDON_SIGNALED)
		return;
	if (status == 0 || (status >= STATUS_TIMEOUT && status <= STATUS_NOT_FOUND) ||
	    is_ordinary_signal(result->signal))
		return;
	if (result->kernel_denials_recorded || !cordon_sandbox_hint(run->sandbox))
		return;
	say("the program failed (status %d); refusals made by the kernel are not listed, --trace "
	    "shows them.",
	    status);
}

static void write_report(struct run *run, const struct cordon_error *failure)
{
	struct cordon_error error = { 0 };
	char *text = NULL;
	int r;

	if (run->report.directory < 0 && run->report.stream < 0)
		return;
	r = run->sandbox ? cordon_sandbox_report(run->sandbox, &text, &error)
			 : cordon_error_report(failure, &text);
	if (r == 0)
		r = report_write(&run->report, text);
	if (r < 0)
		say("report '%s' could not be written: %s", run->report.name, strerror(-r));
	free(text);
}

/*
 * What is held for the program must not be bounded by a soft limit that was made for programs that use
 * select(). Return: the limit that we were started with, which the program gets; 0: nothing was changed.
 */
static uint64_t raise_open_files(void)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return 0;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : before;
}

/* Everything before the start. Return: 0 or -errno with *err. */
static int prepare(struct run *run, const struct selection *selection, struct cordon_error *err)
{
	cleanup_policy cordon_policy *policy = NULL;
	struct cordon_options options = { .size = sizeof(options),
					  .name = selection->name,
					  .on_event = on_event,
					  .event_arg = run,
					  .open_files = raise_open_files() };
	int r = selection_policy(selection, &policy, err);

	if (r < 0)
		return r;
	options.foreground = run->terminal.interactive;
	return cordon_sandbox_new(policy, &options, &run->sandbox, err);
}

/* Return: the exit status. */
static int run_program(struct run *run, char **argv)
{
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	int r = cordon_sandbox_start(run->sandbox, argv, &error);

	if (r < 0) {
		cordon_sandbox_wait(run->sandbox, &result, 0);
		terminal_done(&run->terminal, false);
		say_error(&error);
		return result.reason == CORDON_EXEC_FAILED ? result.status : STATUS_CORDON;
	}
	r = serve(run);
	if (r < 0 || cordon_sandbox_wait(run->sandbox, &result, -1) < 0) {
		cordon_sandbox_kill(run->sandbox, SIGKILL);
		say("the run could not be followed: %s", strerror(r < 0 ? -r : EIO));
		result.status = STATUS_CORDON;
	}
	terminal_done(&run->terminal, result.signal != 0);
	tell_end(run, &result);
	return result.status;
}

static int run_all(struct run *run, const struct selection *selection, char **argv)
{
	struct cordon_error error = { 0 };
	int status;

	run->signals = take_signals();
	if (run->signals < 0) {
		say("signals cannot be read: %s", strerror(errno));
		return STATUS_CORDON;
	}
	terminal_init(&run->terminal);
	if (prepare(run, selection, &error) < 0) {
		write_report(run, &error);
		return say_error(&error);
	}
	status = run_program(run, argv);
	write_report(run, NULL);
	cordon_sandbox_free(run->sandbox);
	return status;
}

int cmd_run(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	struct run run = { .signals = -1, .report = REPORT_NONE };
	int status, r;
	int at = opts_parse(argc, argv, OPTS_POLICY | OPTS_RUN, &selection, &status);

	if (at < 0)
		return status;
	if (at == argc) {
		say("no program is named: cordon run [OPTIONS] [--] PROGRAM [ARG...]");
		return STATUS_CORDON;
	}
	r = report_open(&run.report, selection.report);
	if (r < 0) {
		say("report '%s': %s; name a file in a directory that exists", selection.report,
		    strerror(-r));
		report_done(&run.report);
		return STATUS_CORDON;
	}
	status = run_all(&run, &selection, argv + at);
	report_done(&run.report);
	return status;
}
