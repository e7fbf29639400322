/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of messages between supervisor and keeper when one of them does not read. */
#include "run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_PROCESS 0x7ffffffe /* above every number that the kernel gives */

static struct spawn_plan plan;
static struct spawned spawned;

static void start_sleeper(void)
{
	struct result result = { 0 };

	plan = plan_for((char *[]){ "/bin/sleep", "1000", NULL });
	spawned = start(&plan);
	go(&plan, &spawned, &result);
}

static void wait_for_room(void)
{
	struct pollfd room = { .fd = spawned.keeper_socket, .events = POLLOUT };

	poll(&room, 1, -1);
}

Test(keeper, a_kill_ends_the_tree_where_there_is_no_room_for_it, .timeout = 30)
{
	struct result result = { 0 };
	int r;

	start_sleeper();
	kill(spawned.keeper, SIGSTOP);
	do {
		r = keeper_tell(spawned.keeper_socket, KEEPER_SIGNAL, 0);
	} while (r == 0);
	/* The control: other orders are lost, and say so. */
	cr_expect_eq(r, -EAGAIN);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_KILL, SIGTERM), -EAGAIN);
	cr_expect_eq(keeper_tell(spawned.keeper_socket, KEEPER_KILL, SIGKILL), 0);
	kill(spawned.keeper, SIGCONT);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, SIGKILL);
	plan_done(&plan);
}

Test(keeper, an_answer_that_cannot_be_sent_ends_the_tree, .timeout = 30)
{
	struct result result = { 0 };
	int held = 0;

	start_sleeper();
	/* Nobody reads the answers. Once they do not fit any more, the tree ends with what was asked. */
	for (int r = 0; r == 0 || r == -EAGAIN; held += r == 0) {
		struct pollfd ended = { .fd = spawned.program_pidfd, .events = POLLIN };

		if (poll(&ended, 1, 0) > 0)
			break;
		r = keeper_hold(spawned.keeper_socket, NO_PROCESS, held);
	}
	for (int i = 0; i < 10; i++)
		cr_expect_eq(await_report(&spawned, KEEPER_HELD).value, i);
	/* Both waited for room. */
	await_report(&spawned, KEEPER_FAILED);
	finish(&spawned, &result);
	cr_expect_eq(result.wait_status, SIGKILL);
	plan_done(&plan);
}

static void *flood(void *unused)
{
	(void)unused;
	for (;;) {
		int r = keeper_tell(spawned.keeper_socket, KEEPER_SIGNAL, 0);

		if (r == -EAGAIN)
			wait_for_room();
		else if (r < 0)
			return NULL;
	}
}

Test(keeper, orders_that_never_stop_do_not_keep_the_dead_waiting, .timeout = 30)
{
	struct keeper_message message;
	pthread_t threads[2];

	start_sleeper();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, flood, NULL), 0);
	kill(spawned.program, SIGUSR1);
	message = await_report(&spawned, KEEPER_EMPTY);
	cr_expect_eq(message.value, SIGUSR1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(spawned_reap(&spawned), 0);
	spawned_done(&spawned);
	plan_done(&plan);
}
