/* SPDX-License-Identifier: Apache-2.0 */
/* The standard streams of a program that the host reads and writes: see streams.c. */
#ifndef CORDON_LIB_STREAMS_H
#define CORDON_LIB_STREAMS_H

#include <cordon/error.h>
#include <cordon/sandbox.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An output that the host reads. */
struct stream_output {
	int fd; /* -1: none, or at its end */
	uint64_t bytes, dropped;
	char *kept; /* without a callback */
	size_t kept_size, kept_capacity;
};

struct streams {
	struct cordon_stream wanted[3];
	cordon_output_fn on_output;
	void *output_arg;
	uint64_t limit; /* bytes of both outputs together; UINT64_MAX: none */

	int program
		[3]; /* what the program gets as 0, 1 and 2, until it has been started; -1: inherited */
	int input; /* -1: none, or closed; for a terminal the same as the output */
	bool terminal;
	struct stream_output output[2]; /* standard output and error, or a terminal in the first */
	int watch; /* epoll: of the outputs, the timer and the events; -1: nothing to watch */
	int timer;
	bool expired, failed;
};
#define STREAMS_INIT                                                                               \
	{                                                                                          \
		.program = { -1, -1, -1 }, .input = -1, .output = { { .fd = -1 }, { .fd = -1 } },  \
		.watch = -1, .timer = -1                                                           \
	}

/* Makes what the options ask for; events: descriptor to be watched as well. Return: 0 or -errno. */
int streams_open(struct streams *streams, const struct cordon_options *options, uint64_t limit,
		 int events, struct cordon_error *err);
/* The program has its ends, or was not started: ours of them are closed. */
void streams_started(struct streams *streams);
void streams_done(struct streams *streams);

/* Reads what there is, without blocking, and hands it on. Return: whether there may be more now. */
bool streams_read(struct streams *streams);
/* Whether an output has not come to its end, and is still waited for. */
bool streams_left(const struct streams *streams);
/* The run has ended: what still holds the outputs is not of the tree. They are read for a while. */
void streams_drain(struct streams *streams, int events);
/* Nothing is awaited any more. events: as in streams_open(). */
void streams_end(struct streams *streams, int events);
/* Whether bytes were dropped, for the limit or because an output did not come to its end. */
bool streams_truncated(const struct streams *streams);
bool streams_over_limit(const struct streams *streams);

/* Return: how many bytes were taken; -EAGAIN; -EPIPE; -errno. */
ssize_t streams_write(struct streams *streams, const void *bytes, size_t length);
void streams_close_input(struct streams *streams);
/* Return: 0; -ENOTTY without a terminal; -errno. */
int streams_resize(const struct streams *streams, unsigned short rows, unsigned short columns);

#endif
