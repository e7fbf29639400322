/* SPDX-License-Identifier: Apache-2.0 */
/* report.events: JSON lines in a file or on a descriptor of the host. */
#ifndef CORDON_LIB_EVENTS_FILE_H
#define CORDON_LIB_EVENTS_FILE_H

#include <cordon/error.h>
#include <cordon/event.h>

struct events_file {
	int fd;	   /* -1: none */
	int error; /* positive errno of the first write that failed; nothing is written after it */
};

/* target: path, or `fd:N`, which is duplicated. NULL: no events. Return: 0 or -errno. */
int events_file_open(struct events_file *file, const char *target, struct cordon_error *err);
/* Writes one event with one write. A failure is kept in the struct. */
void events_file_write(struct events_file *file, const struct cordon_event *event);
void events_file_done(struct events_file *file);

#endif
