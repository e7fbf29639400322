/* SPDX-License-Identifier: Apache-2.0 */
/* Starting programs in tests of the child layer, without a supervisor. */
#ifndef CORDON_TESTS_UNIT_CHILD_RUN_H
#define CORDON_TESTS_UNIT_CHILD_RUN_H

#include "child/plan.h"
#include "child/spawn.h"

/* A plan that asks for nothing, for the argument vector; the program is argv[0] itself. The
 * keeper's ruleset is made where the kernel knows signal scopes. */
struct spawn_plan plan_for(char *const argv[]);
/* As if the kernel did not know them. */
void plan_without_scope(struct spawn_plan *plan);
void plan_done(struct spawn_plan *plan);

struct result {
	int wait_status; /* of the program */
	uint64_t processes, user_us;
	struct status_record records[64];
	size_t record_count;
};

/* Starts; fails the test if that does not work. */
struct spawned start(const struct spawn_plan *plan);
/* Says ready and reads the records. */
void go(const struct spawn_plan *plan, struct spawned *spawned, struct result *ret);
/* Waits for the end of the tree and takes everything down. */
void finish(struct spawned *spawned, struct result *ret);
/* All of that. */
struct result run(const struct spawn_plan *plan);

/* The record of a layer; NULL if there is none. */
const struct status_record *record_of(const struct result *result, unsigned layer);

/* A pipe whose writer is descriptor 9, for programs that say that they are there. Return: reader.
 */
int open_report(void);
/* Waits for that many bytes. */
void await_bytes(int reader, size_t count);
/* Waits for the end: until every process that could write is gone. The caller's own end is closed
 * first. */
void await_silence(int reader);

/* Waits for a report of the keeper. */
struct keeper_message await_report(const struct spawned *spawned, uint32_t kind);

/* Runs probe with the arguments under the plan's settings, and returns what it printed. */
char *probe_output(struct spawn_plan *plan, struct result *ret);

#endif
