/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's state, and the parts that it is made of: see keeper.c. Private to them. */
#ifndef CORDON_CHILD_KEEPER_PARTS_H
#define CORDON_CHILD_KEEPER_PARTS_H

#include "child/keeper.h"
#include "child/look.h"
#include "child/spawn.h"

/* One of each kind: KEEPER_LIMIT, KEEPER_EXITED, KEEPER_FAILED. */
#define NEWS_MAX 3

/* keeper_share.c */
struct share {
	int64_t percent; /* 0: no limit */
	int64_t processors, full_ns, account_ns;
	uint64_t used_ns, at_ns, next_ns; /* next_ns 0: not begun */
	bool stopped;			  /* by us */
	bool held;			  /* the program, by somebody else */
};

struct keeper {
	const struct keeper_start *start;
	pid_t self, program;
	bool scoped;	   /* kill(-1) reaches the tree alone */
	bool program_left; /* not reaped yet */
	int program_status;
	bool ending;
	bool deaf;					 /* no order will come any more */
	bool failed;					 /* an answer could not be given */
	bool more;					 /* something was left for the next turn */
	int socket, supervisor, children, status_reader; /* descriptors; -1: not watched any more */
	struct keeper_message news[NEWS_MAX];		 /* not sent yet, in this order */
	size_t news_count;
	struct looker looker;
	uint64_t next_look_ns; /* CLOCK_MONOTONIC; 0: none */
	struct share share;
	struct keeper_message total;
};

/* keeper_reports.c: to the supervisor. */
/* A report that can be done without: dropped before the socket is full. */
void keeper_report_if_room(struct keeper *k, uint32_t kind, int value);
/* One that somebody waits for. If it cannot be sent the tree is ended. */
void keeper_report_answer(struct keeper *k, uint32_t kind, int value, int other);
/* One that is sent as soon as there is room. Each kind comes once in a run. */
void keeper_report_news(struct keeper *k, uint32_t kind, int value);
void keeper_send_news(struct keeper *k);
/* The last one: waits for room as long as there is a supervisor. Return: 0 or -errno. */
long keeper_report_last(struct keeper *k, uint32_t kind, int value);

/* keeper_orders.c: from the supervisor. */
/* Return: 1 with a message; 0: nothing now; -1: none will come any more. */
int keeper_read_order(struct keeper *k, struct keeper_message *ret);
/* Some of those that are there; k->more if there may be others. */
void keeper_obey_orders(struct keeper *k);
/* A signal for every process of the tree. */
void keeper_signal_tree(struct keeper *k, int signal);
/* Without anybody who gives orders the tree ends. */
void keeper_no_more_orders(struct keeper *k);

/* keeper_reaping.c */
/* What the kernel has added up of all that was reaped, into k->total. */
void keeper_take_usage(struct keeper *k);
/* Reaps some of what has ended; k->more if there may be others. Return: whether no child is left. */
bool keeper_reap(struct keeper *k);

/* keeper_looks.c: when to look at what the tree uses. */
uint64_t keeper_clock_ns(void);
/* Not before the program executes: until then it has our own memory. */
void keeper_begin_looks(struct keeper *k);
void keeper_look_if_due(struct keeper *k);
/* Others than the plan's, from now on. */
void keeper_set_limits(struct keeper *k, const struct tree_limits *limits);

/* keeper_share.c: the share of processor time. */
void keeper_share_begin(struct keeper *k);
void keeper_share_if_due(struct keeper *k);
void keeper_share_set(struct keeper *k, uint64_t percent);
/* The program was stopped, or is continued, by somebody else. */
void keeper_share_stopped(struct keeper *k);
void keeper_share_continued(struct keeper *k);

static inline void keeper_end(struct keeper *k)
{
	k->ending = true;
}

#endif
