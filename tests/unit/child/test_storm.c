/* SPDX-License-Identifier: Apache-2.0 */
/* Starts out of a busy host: threads that hold locks all the time, and signals that never stop. */
#include "base/cleanup.h"
#include "run.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile bool stop;

static void *hammer(void *arg)
{
	void *block[8] = { 0 };

	(void)arg;
	for (size_t i = 0; !stop; i++) {
		free(block[i % COUNT_OF(block)]);
		block[i % COUNT_OF(block)] = malloc(16 + i * 7919 % 200000);
	}
	for (size_t i = 0; i < COUNT_OF(block); i++)
		free(block[i]);
	return NULL;
}

static void run_many(struct spawn_plan *plan, int count)
{
	pthread_t threads[3];

	stop = false;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, hammer, NULL);
	for (int i = 0; i < count; i++)
		cr_assert_eq(run(plan).wait_status, 0);
	stop = true;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	plan_done(plan);
}

Test(storm, allocating_threads, .timeout = 100)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });

	run_many(&plan, 300);
}

Test(storm, allocating_threads_and_a_shared_table, .timeout = 100)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });

	plan.share_files = true;
	run_many(&plan, 100);
}

static pid_t self;
static volatile sig_atomic_t elsewhere, here;

static void handler(int signal)
{
	(void)signal;
	if (getpid() == self)
		here++;
	else
		elsewhere++;
}

/* Signals for the process group reach keeper and program too, as soon as they exist. */
static void *signal_group(void *arg)
{
	(void)arg;
	while (!stop)
		kill(0, SIGUSR1);
	return NULL;
}

Test(storm, no_handler_runs_in_a_child, .timeout = 100)
{
	struct spawn_plan plan = plan_for((char *[]){ "/bin/true", NULL });
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	pthread_t thread;

	setpgid(0, 0);
	self = getpid();
	sigaction(SIGUSR1, &action, NULL);
	stop = false;
	pthread_create(&thread, NULL, signal_group, NULL);
	for (int i = 0; i < 100; i++) {
		struct result result = run(&plan);

		/* What arrives before the program has left the group ends it as it ends any. */
		cr_assert(result.wait_status == 0 || result.wait_status == SIGUSR1, "%x",
			  (unsigned)result.wait_status);
	}
	stop = true;
	pthread_join(thread, NULL);
	cr_expect_gt(here, 0);
	cr_expect_eq(elsewhere, 0);
	plan_done(&plan);
}
