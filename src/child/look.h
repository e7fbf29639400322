/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at what the tree of a run uses, for limits that the kernel does not hold: see look.c. */
#ifndef CORDON_CHILD_LOOK_H
#define CORDON_CHILD_LOOK_H

#include "child/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Between two looks; LOOK_MIN is also how long the first one waits. */
#define LOOK_MIN_NS 5000000ull
#define LOOK_MAX_NS 100000000ull

enum looked {
	LOOKED_WELL,   /* within the limits */
	LOOKED_MEMORY, /* more memory than the tree may have */
	LOOKED_GROWTH, /* the same, as what the host's has grown by: not all could be looked into */
	LOOKED_PROCESSES, /* more processes */
	LOOKED_BLIND,	  /* again and again nothing could be seen: the limits are not held */
};

struct looked_at {
	pid_t pid, parent;
	pid_t thread; /* one of it that has not ended; 0: none, a zombie */
};

struct looker {
	struct tree_limits limits;
	int proc;	     /* -1: nothing is asked for */
	pid_t self;	     /* as procfs shows it */
	bool elsewhere;	     /* procfs is that of another pid namespace than ours */
	bool lists_children; /* procfs has the children of a thread */
	uint32_t memfd_major, memfd_minor;
	struct looked_at *table;
	char *text;	  /* what is read of a process */
	uint64_t *inodes; /* of memory files seen in this look */
	bool unseen;	  /* some process could not be looked into */
	bool by_growth;	  /* only because of that there is more than the limit */
	uint64_t host_kib, elsewhere_kib, elsewhere_before_kib; /* look_memory.c */
	size_t count, inode_count, descriptors;
	pid_t parent; /* whose children are being read */
	long error;   /* of this look: descriptors or memory ran out */
	unsigned failures;

	uint64_t processes, memory_kib; /* of the last look */
	uint64_t processes_peak, memory_peak_kib;
	uint64_t interval_ns;
};

/* self: the process whose descendants are looked at, this one. Return: 0 or -errno. */
int look_prepare(struct looker *looker, const struct tree_limits *limits, pid_t self);
/* One look. What is over a limit in two looks in a row is over it. */
enum looked look(struct looker *looker);
/* Processor time of the tree so far, in nanoseconds, but for what it has waited for outside of our sight. */
uint64_t look_processor_time(struct looker *looker);
/* How long to wait after a look that took cost_ns. */
uint64_t look_interval(struct looker *looker, uint64_t memory_before_kib, uint64_t processes_before,
		       uint64_t cost_ns);

#endif
