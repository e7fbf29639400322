/* SPDX-License-Identifier: Apache-2.0 */
/* One line for each distinct denial. */
#ifndef CORDON_CLI_HINTS_H
#define CORDON_CLI_HINTS_H

#include <cordon/event.h>

#include <stddef.h>
#include <stdint.h>

/* More distinct lines than this say nothing new to a person. */
#define HINTS_MAX 1024

/* Starts as {0}. */
struct hints {
	uint64_t seen[2 * HINTS_MAX]; /* hashes of lines; 0 is free */
	size_t count;
};

/* Prints the event's line if it has one and it was not printed before. */
void hints_event(struct hints *hints, const struct cordon_event *event);

#endif
