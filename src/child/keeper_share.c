/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The share of processor time that the tree may have: see keeper_parts.h. System calls only (I11).
 *
 * Theory of operation. The tree has an account. Time fills it, at the rate of the share and up to what a
 * PERIOD gives; processor time that was used is taken from it. When it is overdrawn every process of the
 * tree is stopped, until it is half full again; so a program that wants more gets its share in turns of
 * about a PERIOD, and what it got too much before a look is paid back. How soon the next look has to come
 * follows from how fast all processors together could empty the account.
 *
 * share-1: stopping is done as killing is: one walk under the kernel's lock, and a fork under way starts
 *          over when a signal has come. Without signal scopes it is a sweep over /proc, done twice.
 * share-2: job control sees it: stops are reported to parents that ask for them, SIGCONT is delivered.
 *          While the program has been stopped by somebody else, nothing is continued here.
 */
#include "child/keeper_parts.h"

#include "base/cleanup.h"
#include "child/raw.h"

#include <sched.h>
#include <signal.h>

#define PERIOD_NS 100000000
/* Between two looks, however little is left. */
#define LEAST_NS 5000000
/* Looking takes at most one part in so many of the time. */
#define COST_PARTS 20

static int64_t processors(void)
{
	unsigned long mask[1024 / sizeof(unsigned long)] = { 0 };
	long bytes = raw(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	int64_t count = 0;

	for (long i = 0; i < bytes / (long)sizeof(mask[0]); i++)
		for (unsigned long left = mask[i]; left != 0; left &= left - 1)
			count++;
	return count > 0 ? count : 1;
}

void keeper_share_begin(struct keeper *k)
{
	struct share *share = &k->share;

	share->percent = (int64_t)k->looker.limits.cpu_percent;
	if (share->percent == 0)
		return;
	share->processors = processors();
	share->full_ns = PERIOD_NS / 100 * share->percent;
	share->account_ns = share->full_ns;
	share->used_ns = look_processor_time(&k->looker);
	share->at_ns = keeper_clock_ns();
	share->next_ns = share->at_ns + LEAST_NS;
}

static void balance(struct keeper *k, uint64_t now)
{
	struct share *share = &k->share;
	uint64_t used = look_processor_time(&k->looker);

	share->account_ns += (int64_t)(now - share->at_ns) / 100 * share->percent;
	/* What nobody has any more makes it less than it was. */
	share->account_ns -= used > share->used_ns ? (int64_t)(used - share->used_ns) : 0;
	if (share->account_ns > share->full_ns)
		share->account_ns = share->full_ns;
	share->used_ns = used;
	share->at_ns = now;
}

static void stop(struct keeper *k)
{
	keeper_signal_tree(k, SIGSTOP);
	if (!k->scoped)
		keeper_signal_tree(k, SIGSTOP);
	k->share.stopped = true;
}

static void go_on(struct keeper *k)
{
	k->share.stopped = false;
	if (!k->share.held)
		keeper_signal_tree(k, SIGCONT);
}

void keeper_share_if_due(struct keeper *k)
{
	struct share *share = &k->share;
	uint64_t now = share->next_ns ? keeper_clock_ns() : 0, cost;
	int64_t wait;

	if (k->ending || share->next_ns == 0 || now < share->next_ns)
		return;
	balance(k, now);
	if (share->account_ns < (share->stopped ? share->full_ns / 2 : 0)) {
		if (!share->stopped)
			stop(k);
		wait = (share->full_ns / 2 - share->account_ns) / share->percent * 100;
	} else {
		if (share->stopped)
			go_on(k);
		wait = share->account_ns / share->processors;
	}
	cost = keeper_clock_ns() - now;
	if (wait < (int64_t)cost * COST_PARTS)
		wait = (int64_t)cost * COST_PARTS;
	share->next_ns = now + (uint64_t)(wait > LEAST_NS ? wait : LEAST_NS);
}

void keeper_share_set(struct keeper *k, uint64_t percent)
{
	struct share *share = &k->share;

	if (share->next_ns == 0)
		return;
	balance(k, keeper_clock_ns());
	share->percent = (int64_t)percent;
	share->full_ns = PERIOD_NS / 100 * share->percent;
	if (share->account_ns > share->full_ns)
		share->account_ns = share->full_ns;
	share->next_ns = share->at_ns;
}

void keeper_share_stopped(struct keeper *k)
{
	k->share.held = true;
}

void keeper_share_continued(struct keeper *k)
{
	if (!k->share.held)
		return;
	k->share.held = false;
	/* What was stopped here meanwhile does not belong to the program's group alone. */
	if (k->share.next_ns != 0 && !k->share.stopped)
		keeper_signal_tree(k, SIGCONT);
}
