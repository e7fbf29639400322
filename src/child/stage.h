/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage: namespaces that have to exist before the supervisor confines itself.
 *
 * Its process is cloned by the host's thread and never returns from stage_main(). What it makes, the
 * keeper and the program join later by descriptors. It holds the namespaces for as long as its socket
 * is open; where there is a pid namespace it is the first process of it, whose end is the end of all.
 */
#ifndef CORDON_CHILD_STAGE_H
#define CORDON_CHILD_STAGE_H

#include <stddef.h>
#include <stdint.h>

struct view_plan;
struct stage_plan {
	uint64_t namespaces, tolerate; /* LAYER_BIT of each; mounts and root among the first */
	const struct view_plan *view;  /* with a mount namespace */
	int socket;		       /* SOCK_SEQPACKET; struct stage_message up, one byte down */
	int host;		       /* pidfd of the host's process */
	const char *offsets;	       /* of the time namespace, as the kernel reads them */
	size_t offsets_length;
};

enum stage_kind {
	STAGE_OUTCOME =
		1, /* of `layer`; user_ns without an error: it waits for STAGE_MAPPED; value of
			      mounts: which one failed */
	STAGE_FIRST = 2, /* with a pidfd: that process goes on in place of this one */
	STAGE_SET = 3,	 /* with descriptors, by the bits of `value` in order: all is done */
};
struct stage_message {
	uint32_t kind, layer;
	int32_t error; /* 0 or -errno */
	uint32_t value;
};

/* The byte that says that the id maps are written. */
#define STAGE_MAPPED 2

/* The descriptors of STAGE_SET, by number. */
enum stage_fd { STAGE_USER, STAGE_PID, STAGE_MOUNT, STAGE_ROOT, STAGE_TIME, STAGE_FDS };

__attribute__((noreturn)) void stage_main(const struct stage_plan *plan);

#endif
