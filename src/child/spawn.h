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
	pid_t keeper, program; /* as seen by us */
	pid_t keeper_inside;   /* as the keeper sees itself, which may be in a pid namespace */
	int keeper_pidfd;
	int program_pidfd;
	int status;	   /* read end: status records, then EOF at exec */
	int ready;	   /* socket: one byte after the listener is served; spawned_go() */
	int keeper_socket; /* SOCK_SEQPACKET: commands down, reports up; hang-up ends the tree */
	int status_peer;   /* share_files: the program's ends, which lie in our table until it */
	int ready_peer;	   /* leaves it; spawned_read() closes them then */
	/* What spawned_read() has read and not given yet: the program writes several at once. */
	unsigned char records[32 * RECORD_SIZE];
	size_t records_at, records_end;
};
#define SPAWNED_INIT                                                                               \
	{                                                                                          \
		-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, { 0 }, 0, 0                                \
	}

/* Enough for the deepest step, and for a list of records. */
#define SPAWN_STACK (64u * 1024)
/* For a function of the host's, as much as a thread has. */
#define SPAWN_FUNCTION_STACK (8u << 20)

/* The one byte that lets the program go on; anything else ends it. */
#define SPAWN_READY 1
/* The one that says before it that the id maps are written. */
#define SPAWN_MAPPED 2

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
/* Whether spawned_read() has a record at hand; the descriptor does not show it. */
bool spawned_has_more(const struct spawned *spawned);
/*
 * Sets the limit that had to wait for the hand-over (rlimit_is_late()), from outside.
 * Return: 1; 0 if there is none; -errno.
 */
int spawned_late_limit(const struct spawned *spawned, const struct spawn_plan *plan);
/* Says that the id maps are written. Return: 0 or -errno. */
int spawned_mapped(const struct spawned *spawned);
/* Says `ready`, and closes the descriptor. Return: 0 or -errno: the program never executes then. */
int spawned_go(struct spawned *spawned);
/* Closes what was needed until the program executes. */
void spawned_started(struct spawned *spawned);
/* Has the keeper end what there is of the tree, and waits for that. Return: 0 or -errno. */
int spawned_abandon(struct spawned *spawned);
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
	/* Executions: see tracer.h. value: a thread. */
	KEEPER_HOLD = 4,      /* its next execution stops; other: comes back in KEEPER_HELD */
	KEEPER_INTERRUPT = 5, /* let it go if it has not executed; answered by KEEPER_LOOSE */
	KEEPER_RELEASE = 6,   /* its new program may run */
	KEEPER_KILL_ONE = 7,  /* it may not, and ends */
	/* `limits` hold from now on; one that the plan did not ask for is never looked at. */
	KEEPER_LIMITS = 8,
};
/* Keeper to supervisor. */
enum keeper_report {
	KEEPER_EXITED = 1,   /* the program ended and left others: value is its wait status */
	KEEPER_STOPPED = 2,  /* the program stopped: value is the signal */
	KEEPER_EMPTY = 3,    /* the last process of the tree is gone, the program among them (value:
			       its wait status); the keeper exits after this */
	KEEPER_LIMIT = 4,    /* a limit of the tree is exceeded, which is being ended for it: value
			       is an enum looked */
	KEEPER_HELD = 5,     /* value: what KEEPER_HOLD said; other: 0 or the errno why not */
	KEEPER_EXECUTED = 6, /* value: a process that stands before the first instruction of a new
				program; other: the thread that executed it, as it was called before */
	KEEPER_LOOSE = 7,    /* value: a thread that is not held any more; it has not executed */
	KEEPER_FAILED = 8,   /* an answer could not be sent: the tree is being ended for it */
};
struct keeper_message {
	uint32_t kind;
	/* Processes and threads are named as the keeper sees them; value of KEEPER_EXECUTED, of which
	 * `inside` is that name, as the supervisor does. */
	int32_t value, other, inside;
	uint64_t user_us, system_us,
		max_rss_kib; /* KEEPER_EXITED, KEEPER_EMPTY: of all reaped so far */
	uint64_t processes;  /* KEEPER_EMPTY: how many were reaped */
	uint64_t program_us; /* processor time of the program and the children it waited for */
	uint64_t processes_peak, memory_peak_kib; /* as far as looks at the tree showed them */
	uint32_t size_limit_hit;		  /* a process died of SIGXFSZ */
	struct tree_limits limits;		  /* KEEPER_LIMITS */
};
/*
 * Return: 0 or -errno; -EAGAIN if the keeper has too many to read, except that SIGKILL for the tree never
 * fails: it ends by the hang-up then.
 */
int keeper_tell(int keeper_socket, enum keeper_command command, int value);
int keeper_hold(int keeper_socket, pid_t tid, int number);
int keeper_limit(int keeper_socket, const struct tree_limits *limits);
/* Does not block. Return: 1 with a message; 0: the keeper is gone; -EAGAIN; -errno. */
int keeper_read(int keeper_socket, struct keeper_message *ret);

#endif
