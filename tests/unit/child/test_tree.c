/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole tree ends (I10). Every process of a tree holds the writing end of a pipe: end of file
 * at its reader proves that none is left.
 */
#include "base/cleanup.h"
#include "run.h"
#include "sys/process.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char probe[] = PROBE;
static const int report_fd = 9;

/* How the kill reaches everybody, and how the table of descriptors is had. */
static const struct {
	bool scoped, share_files;
} ways[] = {
	{ true, false },
	{ true, true },
	{ false, false },
	{ false, true },
};

static struct spawn_plan plan_way(size_t way, char *const argv[])
{
	struct spawn_plan plan = plan_for(argv);

	if (ways[way].scoped && plan.keeper_ruleset < 0)
		cr_skip_test("this kernel has no Landlock signal scope (ABI 6)");
	if (!ways[way].scoped)
		plan_without_scope(&plan);
	plan.share_files = ways[way].share_files;
	plan.keep_fds = &report_fd;
	plan.keep_fd_count = 1;
	return plan;
}

static struct criterion_test_params every_way(void)
{
	static size_t index[COUNT_OF(ways)];

	for (size_t i = 0; i < COUNT_OF(index); i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, COUNT_OF(index));
}

ParameterizedTestParameters(tree, ends_with_the_program)
{
	return every_way();
}

ParameterizedTest(size_t *way, tree, ends_with_the_program, .timeout = 30)
{
	struct spawn_plan plan = plan_way(*way, (char *[]){ probe, "tree", "5", NULL });
	int reader = open_report();
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	go(&plan, &spawned, &result);
	await_bytes(reader, 5);
	cr_expect_eq(pidfd_signal(spawned.program_pidfd, SIGKILL), 0);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, SIGKILL);
	/* Those in between may still be there: they count as well. */
	cr_expect_geq(result.processes, 6u);
	await_silence(reader);
	plan_done(&plan);
}

ParameterizedTestParameters(tree, ends_at_the_hang_up)
{
	return every_way();
}

ParameterizedTest(size_t *way, tree, ends_at_the_hang_up, .timeout = 30)
{
	struct spawn_plan plan = plan_way(*way, (char *[]){ probe, "tree", "5", NULL });
	int reader = open_report();
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	go(&plan, &spawned, &result);
	await_bytes(reader, 5);
	close(spawned.keeper_socket);
	spawned.keeper_socket = -1;
	cr_expect_eq(spawned_reap(&spawned), 0);
	spawned_done(&spawned);
	await_silence(reader);
	plan_done(&plan);
}

ParameterizedTestParameters(tree, ends_with_the_supervisor)
{
	return every_way();
}

ParameterizedTest(size_t *way, tree, ends_with_the_supervisor, .timeout = 30)
{
	struct spawn_plan plan = plan_way(*way, (char *[]){ probe, "tree", "5", NULL });
	int reader = open_report(), status;
	pid_t supervisor = fork();

	if (supervisor == 0) {
		struct spawned spawned = SPAWNED_INIT;

		if (spawn_start(&plan, &spawned, NULL) < 0 || spawned_go(&spawned) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	await_bytes(reader, 5);
	kill(supervisor, SIGKILL);
	waitpid(supervisor, &status, 0);
	await_silence(reader);
	plan_done(&plan);
}

ParameterizedTestParameters(tree, ends_with_a_supervisor_that_dies_before_ready)
{
	return every_way();
}

ParameterizedTest(size_t *way, tree, ends_with_a_supervisor_that_dies_before_ready, .timeout = 30)
{
	struct spawn_plan plan = plan_way(*way, (char *[]){ probe, "tree", "5", NULL });
	int reader = open_report(), status;
	pid_t supervisor = fork();

	if (supervisor == 0) {
		struct spawned spawned = SPAWNED_INIT;

		spawn_start(&plan, &spawned, NULL);
		raise(SIGKILL);
	}
	waitpid(supervisor, &status, 0);
	await_silence(reader);
	plan_done(&plan);
}

ParameterizedTestParameters(tree, bombs_end)
{
	return every_way();
}

ParameterizedTest(size_t *way, tree, bombs_end, .timeout = 60)
{
	struct spawn_plan plan = plan_way(*way, (char *[]){ probe, "bomb", "400", NULL });
	int reader = open_report();
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	go(&plan, &spawned, &result);
	await_bytes(reader, 20);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_KILL, SIGKILL), 0);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, SIGKILL);
	await_silence(reader);
	plan_done(&plan);
}

ParameterizedTestParameters(tree, rabbits_end)
{
	return every_way();
}

ParameterizedTest(size_t *way, tree, rabbits_end, .timeout = 60)
{
	struct spawn_plan plan = plan_way(*way, (char *[]){ probe, "rabbit", "100000", NULL });
	int reader = open_report();
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	go(&plan, &spawned, &result);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, 0);
	await_silence(reader);
	plan_done(&plan);
}

Test(tree, other_signals_reach_everybody, .timeout = 30)
{
	/* The daemons ignore SIGTERM and SIGHUP; SIGUSR1 ends them and the program. */
	struct spawn_plan plan = plan_way(2, (char *[]){ probe, "tree", "5", NULL });
	int reader = open_report();
	struct spawned spawned = start(&plan);
	struct result result = { 0 };

	go(&plan, &spawned, &result);
	await_bytes(reader, 5);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_KILL, SIGTERM), 0);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_KILL, SIGUSR1), 0);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, SIGUSR1);
	await_silence(reader);
	plan_done(&plan);
}

Test(tree, the_program_dies_with_its_keeper, .timeout = 30)
{
	struct spawn_plan plan = plan_way(2, (char *[]){ "/bin/sleep", "1000", NULL });
	int reader = open_report();
	struct spawned spawned = start(&plan);
	struct result result = { 0 };
	struct pollfd ended;

	go(&plan, &spawned, &result);
	kill(spawned.keeper, SIGKILL);
	ended = (struct pollfd){ .fd = spawned.program_pidfd, .events = POLLIN };
	cr_expect_eq(poll(&ended, 1, -1), 1);
	cr_expect_eq(spawned_reap(&spawned), 0);
	spawned_done(&spawned);
	await_silence(reader);
	plan_done(&plan);
}

Test(tree, a_scoped_kill_stays_in_the_tree, .timeout = 30)
{
	struct spawn_plan plan = plan_way(0, (char *[]){ probe, "tree", "3", NULL });
	int reader = open_report(), status;
	struct spawned spawned, other;
	struct result result = { 0 };
	pid_t stranger = fork();

	if (stranger == 0) {
		for (;;)
			pause();
	}
	spawned = start(&plan);
	other = start(&plan);
	go(&plan, &spawned, &result);
	go(&plan, &other, &(struct result){ 0 });
	await_bytes(reader, 6);
	keeper_tell(spawned.keeper_socket, KEEPER_KILL, SIGKILL);
	finish(&spawned, &result);
	/* Neither a sibling tree nor a process of the same user was reached. */
	cr_expect_eq(kill(other.program, 0), 0);
	cr_expect_eq(waitpid(stranger, &status, WNOHANG), 0);
	keeper_tell(other.keeper_socket, KEEPER_SIGNAL, SIGUSR1);
	finish(&other, &result);
	cr_expect_eq(result.wait_status, SIGUSR1);
	kill(stranger, SIGKILL);
	waitpid(stranger, &status, 0);
	await_silence(reader);
	plan_done(&plan);
}
