/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the keeper and, through it, the program.
 *
 * spawn_start() is called by the thread that acts for the sandbox, after that thread took its own
 * Landlock domain. It clones the keeper, which clones the program. Nothing here waits for the
 * child: the caller reads status records, takes the listener, and says `ready`.
 */
#ifndef CORDON_CHILD_SPAWN_H
#define CORDON_CHILD_SPAWN_H

#include "child/plan.h"
#include "child/record.h"

#include <cordon/error.h>
#include <sys/types.h>

struct spawned {
	pid_t keeper, program; /* program: as seen by us */
	int keeper_pidfd;
	int program_pidfd;
	int status;	   /* read end: status records, then EOF at exec */
	int ready;	   /* socket: one byte after the listener is served; see spawned_go() */
	int keeper_socket; /* SOCK_SEQPACKET: commands down, reports up; hang-up ends the tree */
	int status_peer;   /* share_files: the program's ends, which lie in our table until it */
	int ready_peer;	   /* leaves it; spawned_read() closes them then */
};
#define SPAWNED_INIT                                                                               \
	{                                                                                          \
		-1, -1, -1, -1, -1, -1, -1, -1, -1                                                 \
	}

/* The one byte that lets the program go on; anything else ends it. */
#define SPAWN_READY 1

/*
 * Clones keeper and program. On failure nothing is left behind.
 * Return: 0 or -errno with the reason in *err.
 */
int spawn_start(const struct spawn_plan *plan, struct spawned *ret, struct cordon_error *err);
/*
 * Waits for the next status record. Return: 1 with a record; 0 at the end of the stream: the
 * program executes, or has died without a word; -EBADMSG or -errno.
 */
int spawned_read(struct spawned *spawned, struct status_record *ret);
/*
 * Says `ready`, after the limits that had to wait for it (rlimit_is_late()). The descriptor is
 * closed. Return: 0 or -errno, in which case the program never executes.
 */
int spawned_go(struct spawned *spawned, const struct spawn_plan *plan);
/*
 * Waits for the keeper to end, and reaps it. It ends after KEEPER_EMPTY or after the hang-up.
 * Return: 0 or -errno.
 */
int spawned_reap(struct spawned *spawned);
/*
 * Closes what is open. Closing the socket makes the keeper end the tree; a keeper that has ended
 * already is reaped, for any other spawned_reap() comes first, with the socket closed by then or
 * KEEPER_EMPTY read.
 */
void spawned_done(struct spawned *spawned);

/* Supervisor to keeper. */
enum keeper_command {
	KEEPER_KILL = 1,     /* value: signal for every process of the tree */
	KEEPER_SIGNAL = 2,   /* value: signal for the program alone */
	KEEPER_CONTINUE = 3, /* SIGCONT to the program's process group */
};
/* Keeper to supervisor. */
enum keeper_report {
	KEEPER_EXITED = 1,  /* the program ended and left others: value is its wait status */
	KEEPER_STOPPED = 2, /* the program stopped: value is the signal */
	KEEPER_EMPTY = 3,   /* the last process of the tree is gone, the program among them (value:
			       its   wait status); the keeper exits after this */
};
struct keeper_message {
	uint32_t kind;
	int32_t value;
	uint64_t user_us, system_us,
		max_rss_kib; /* KEEPER_EXITED, KEEPER_EMPTY: of all reaped so far */
	uint64_t processes;  /* KEEPER_EMPTY: how many were reaped */
};
/* Return: 0 or -errno. */
int keeper_tell(int keeper_socket, enum keeper_command command, int value);
/* Does not block. Return: 1 with a message; 0: the keeper is gone; -EAGAIN; -errno. */
int keeper_read(int keeper_socket, struct keeper_message *ret);

#endif
