/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper is told to do: see keeper_parts.h. System calls only (I11). */
#include "child/keeper_parts.h"

#include "child/raw.h"
#include "child/sweep.h"
#include "child/tracer.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

/* Then the tree has its turn. */
#define ORDERS_AT_ONCE 64

void keeper_signal_tree(struct keeper *k, int signal)
{
	if (k->scoped) {
		/* One walk under the kernel's lock: no fork slips through. */
		raw(SYS_kill, -1, signal);
		return;
	}
	if (sweep_signal(k->self, signal) < 0 && k->program_left)
		raw(SYS_kill, k->program, signal);
}

static void obey(struct keeper *k, const struct keeper_message *command)
{
	switch (command->kind) {
	case KEEPER_KILL:
		if (command->value == SIGKILL)
			keeper_end(k);
		else
			keeper_signal_tree(k, command->value);
		break;
	case KEEPER_SIGNAL:
		if (k->program_left)
			raw(SYS_kill, k->program, command->value);
		break;
	case KEEPER_CONTINUE:
		keeper_share_continued(k);
		if (k->program_left)
			raw(SYS_kill, -k->program, SIGCONT);
		break;
	case KEEPER_HOLD:
		keeper_report_answer(k, KEEPER_HELD, command->other, -tracer_hold(command->value));
		break;
	case KEEPER_INTERRUPT:
		if (!tracer_interrupt(command->value))
			keeper_report_if_room(k, KEEPER_LOOSE, command->value);
		break;
	case KEEPER_RELEASE:
		tracer_release(command->value);
		break;
	case KEEPER_KILL_ONE:
		raw(SYS_kill, command->value, SIGKILL);
		break;
	case KEEPER_LIMITS:
		keeper_set_limits(k, &command->limits);
		break;
	default:
		break;
	}
}

int keeper_read_order(struct keeper *k, struct keeper_message *ret)
{
	long n = raw(SYS_recvfrom, k->socket, ret, sizeof(*ret), MSG_DONTWAIT);

	if (n == -EAGAIN || n == -EINTR || n == -ECONNRESET)
		return 0;
	return n == sizeof(*ret) ? 1 : -1;
}

void keeper_no_more_orders(struct keeper *k)
{
	k->deaf = true;
	keeper_end(k);
}

void keeper_obey_orders(struct keeper *k)
{
	struct keeper_message command;

	for (int i = 0; i < ORDERS_AT_ONCE; i++) {
		int r = keeper_read_order(k, &command);

		if (r < 0)
			keeper_no_more_orders(k);
		if (r <= 0)
			return;
		obey(k, &command);
	}
	k->more = true;
}
