/* SPDX-License-Identifier: Apache-2.0 */
/* From the listener to a verdict: receive, look up, decode, handle, reply. */
#ifndef CORDON_SUPERVISOR_DISPATCH_H
#define CORDON_SUPERVISOR_DISPATCH_H

#include "supervisor/request.h"

struct dispatcher;

/*
 * sv: borrowed, with everything set but the listener. Looks the rows' numbers up.
 * Return: 0 or -errno.
 */
int dispatcher_new(struct supervisor *sv, struct dispatcher **ret);
void dispatcher_free(struct dispatcher *dispatcher);
/* Starts serving sv->listener on the loop. Return: 0 or -errno. */
int dispatcher_serve(struct dispatcher *dispatcher);
/* Answers; a new file whose descriptor did not reach the caller is removed again. */
void dispatch_answer(struct request *rq, struct verdict v);
/* Stops; requests that come later are answered by nobody. */
void dispatcher_stop(struct dispatcher *dispatcher);

#endif
