/* SPDX-License-Identifier: Apache-2.0 */
/* Executions that are verified before the new program runs: see execution.c. */
#ifndef CORDON_SUPERVISOR_EXECUTION_H
#define CORDON_SUPERVISOR_EXECUTION_H

#include "child/spawn.h"
#include "supervisor/image.h"
#include "supervisor/request.h"

/* Return: 0 or -errno. sv->loop exists. */
int executions_new(struct supervisor *sv);
void executions_free(struct supervisor *sv);
/*
 * Lets the kernel carry out an execution that was allowed, once the thread is held.
 * take_files: what it was allowed with. take_given: the path as it was given, or NULL. Return: a verdict, mostly verdict_later().
 */
struct verdict execution_hold(struct request *rq, struct image_files *take_files, char *take_given);
/* A report of the keeper's about executions. */
void execution_report(struct supervisor *sv, const struct keeper_message *message);

#endif
