/* SPDX-License-Identifier: Apache-2.0 */
/* Starting programs in tests: see run.h. */
#include "run.h"

#include "sys/landlock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REPORT_FD 9

struct spawn_plan plan_for(char *const argv[])
{
	struct spawn_plan plan = {
		.path = argv[0],
		.argv = argv,
		.envp = environ,
		.umask = -1,
		.ruleset = -1,
		.keeper_ruleset = -1,
		.join_user = -1,
		.join_pid = -1,
		.join_mount = -1,
		.join_time = -1,
	};

	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* What programs print is no part of the report of the tests. */
	dup2(null, 1);
	close(null);
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (landlock_scopes(landlock_abi()) & LL_SCOPE_SIGNAL)
		plan.keeper_ruleset = landlock_create(0, 0, LL_SCOPE_SIGNAL);
	return plan;
}

void plan_without_scope(struct spawn_plan *plan)
{
	plan_done(plan);
}

void plan_done(struct spawn_plan *plan)
{
	if (plan->keeper_ruleset >= 0)
		close(plan->keeper_ruleset);
	plan->keeper_ruleset = -1;
}

struct spawned start(const struct spawn_plan *plan)
{
	struct spawned spawned = SPAWNED_INIT;
	struct cordon_error err = { 0 };
	int r = spawn_start(plan, &spawned, &err);

	cr_assert_eq(r, 0, "%s (%d)", err.text, r);
	return spawned;
}

void go(const struct spawn_plan *plan, struct spawned *spawned, struct result *ret)
{
	struct status_record record;
	int r;

	/* A program whose setup fails may be gone before it reads. */
	r = spawned_late_limit(spawned, plan);
	if (r >= 0)
		r = spawned_go(spawned);
	cr_assert(r == 0 || r == -EPIPE || r == -ESRCH, "go: %d", r);
	while ((r = spawned_read(spawned, &record)) > 0) {
		cr_assert_lt(ret->record_count, sizeof(ret->records) / sizeof(ret->records[0]));
		ret->records[ret->record_count++] = record;
	}
	cr_assert_eq(r, 0, "status: %d", r);
}

/* Return: 1 with a message, 0 if the keeper is gone. */
static int next_report(const struct spawned *spawned, struct keeper_message *ret)
{
	struct pollfd fd = { .fd = spawned->keeper_socket, .events = POLLIN };
	int r;

	while ((r = keeper_read(spawned->keeper_socket, ret)) == -EAGAIN)
		poll(&fd, 1, -1);
	cr_assert_geq(r, 0, "keeper: %d", r);
	return r;
}

struct keeper_message await_report(const struct spawned *spawned, uint32_t kind)
{
	struct keeper_message message = { 0 };

	while (next_report(spawned, &message) > 0) {
		if (message.kind == kind)
			return message;
	}
	cr_assert_fail("the keeper is gone without report %u", kind);
	return message;
}

void finish(struct spawned *spawned, struct result *ret)
{
	/* A program that leaves nobody behind is reported by its emptiness alone. */
	struct keeper_message message = await_report(spawned, KEEPER_EMPTY);

	ret->wait_status = message.value;
	ret->processes = message.processes;
	ret->user_us = message.user_us;
	cr_assert_eq(next_report(spawned, &message), 0);
	cr_assert_eq(spawned_reap(spawned), 0);
	spawned_done(spawned);
}

struct result run(const struct spawn_plan *plan)
{
	struct result result = { 0 };
	struct spawned spawned = start(plan);

	go(plan, &spawned, &result);
	finish(&spawned, &result);
	return result;
}

const struct status_record *record_of(const struct result *result, unsigned layer)
{
	for (size_t i = 0; i < result->record_count; i++) {
		if (result->records[i].layer == layer)
			return &result->records[i];
	}
	return NULL;
}

int open_report(void)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	if (ends[0] == REPORT_FD)
		ends[0] = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
	if (ends[1] != REPORT_FD) {
		cr_assert_eq(dup3(ends[1], REPORT_FD, O_CLOEXEC), REPORT_FD);
		close(ends[1]);
	}
	return ends[0];
}

void await_bytes(int reader, size_t count)
{
	char byte;

	for (; count > 0; count--)
		cr_assert_eq(read(reader, &byte, 1), 1);
}

void await_silence(int reader)
{
	char bytes[256];
	ssize_t n;

	close(REPORT_FD);
	do {
		n = read(reader, bytes, sizeof(bytes));
	} while (n > 0);
	cr_assert_eq(n, 0);
	close(reader);
}

char *probe_output(struct spawn_plan *plan, struct result *ret)
{
	char *text = NULL;
	size_t size = 0;
	char bytes[4096];
	ssize_t n;
	FILE *out = open_memstream(&text, &size);
	int ends[2], reader, saved = fcntl(1, F_DUPFD_CLOEXEC, 10);
	struct spawned spawned;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	/* Out of the way of the standard streams, one of which the test may have closed. */
	reader = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
	cr_assert_eq(dup2(ends[1], 1), 1);
	close(ends[0]);
	close(ends[1]);
	spawned = start(plan);
	go(plan, &spawned, ret); /* only now has it left a table that it may have shared */
	dup2(saved, 1);
	close(saved);
	while ((n = read(reader, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)n, out);
	close(reader);
	fclose(out);
	finish(&spawned, ret);
	return text;
}
