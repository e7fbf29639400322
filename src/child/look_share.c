/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processor time of the tree: see look.c.
 *
 * Each process has its own, and that of the children that it has waited for. What we have reaped ourselves
 * the kernel adds up for us. Nobody has that of children whose parent ignores SIGCHLD, once they have
 * ended.
 */
#include "child/look_parts.h"

#include "child/raw.h"

#include <sys/resource.h>

/* KERNEL: the unit of times in procfs, the same everywhere. */
#define TICK_NS 10000000u
/* Words behind the name: user and system time, of the process and of its children. */
#define FIRST_TIME 11
#define LAST_TIME  14

static uint64_t times_of(const char *stat)
{
	const char *at = stat, *close = stat;
	uint64_t ticks = 0;
	int word = 0;

	for (; *at; at++) /* the name may hold anything */
		close = *at == ')' ? at : close;
	for (at = close; *at && word <= LAST_TIME; at++) {
		const char *number = at + 1;

		if (*at != ' ')
			continue;
		if (word >= FIRST_TIME)
			ticks += (uint64_t)proc_number(&number);
		word++;
	}
	return ticks * TICK_NS;
}

static uint64_t nanoseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

uint64_t look_processor_time(struct looker *looker)
{
	struct rusage reaped;
	uint64_t ns = 0;

	looker->error = 0;
	look_walk(looker);
	for (size_t i = 0; i < looker->count; i++) {
		char name[PROC_NAME_MAX];

		proc_put(proc_put_number(name, looker->table[i].pid), "/stat");
		if (proc_read(looker->proc, name, looker->text, LOOK_TEXT_SIZE) > 0)
			ns += times_of(looker->text);
	}
	if (raw(SYS_getrusage, RUSAGE_CHILDREN, &reaped) == 0)
		ns += nanoseconds(reaped.ru_utime) + nanoseconds(reaped.ru_stime);
	return ns;
}
