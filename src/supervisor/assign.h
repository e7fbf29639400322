/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which wall holds which rule on this host: the plan behind `cordon explain` and behind a run.
 *
 * Each rule goes to the cheapest mechanism that can hold it; a call is notified only when some rule
 * of this policy consumes the notification (I1). A rule that nothing can hold here is listed, and
 * is an error unless isolation.on_failure accepts it.
 */
#ifndef CORDON_SUPERVISOR_ASSIGN_H
#define CORDON_SUPERVISOR_ASSIGN_H

#include "bpf/asm.h"
#include "policy/model.h"
#include "supervisor/host.h"
#include "supervisor/image.h"
#include "supervisor/name_service.h"

#include <cordon/error.h>

/* Why a call is mediated; a row of the mediation table names the reasons that concern it. */
enum when {
	WHEN_GUARD_WRITE = 1 << 0, /* a guarded rule can concern something inside a write grant */
	WHEN_DENY = 1 << 1,	   /* deny or hide: reads are concerned */
	WHEN_DENY_EXEC = 1 << 2,   /* deny or hide reaches into something executable */
	WHEN_METADATA = 1 << 3,	   /* filesystem rules exist: Landlock does not hold metadata */
	WHEN_NETWORK = 1 << 4,	   /* addresses and outside unix sockets are decided */
	WHEN_NO_GETFD = 1 << 5,	   /* sockets have to be made by the supervisor */
	WHEN_NO_TRUNCATE = 1 << 6, /* Landlock below ABI 3 */
	WHEN_NO_SCOPE = 1 << 7,	   /* Landlock below ABI 6: signals are decided by registers */
	WHEN_CONTROL = 1 << 8,	   /* limits and priorities of other processes */
	WHEN_IDS = 1 << 9,    /* the program may change its ids: what is done for it must follow */
	WHEN_TRACE = 1 << 10, /* report.trace: whatever the kernel alone would refuse */
	WHEN_HIDE = 1 << 11,  /* hide: listings are filtered */
	WHEN_SENDS = 1 << 12, /* datagram sockets are admitted: any message may name a peer */
	WHEN_LOOK = 1 << 13,  /* hide, or deny with metadata held: looking is concerned */
	WHEN_EXEC_LIST = 1 << 14,   /* memory files are made so that they cannot be executed */
	WHEN_EXEC_MEMORY = 1 << 15, /* they can: their execution is refused */
	WHEN_NO_EXEC = 1 << 16,	    /* the list is empty: only the program itself is executed */
	WHEN_RESOLV_CONF = 1 << 17, /* the program reads another /etc/resolv.conf */
};
#define WHEN_COUNT 18
/* "filesystem.deny or filesystem.hide" ... Return: static storage. */
const char *when_text(enum when bit);

struct assignment {
	struct host host;
	struct fs_facts facts;
	bool expanded;				  /* deny rules are held by split grants */
	bool supervised;			  /* a listener is used */
	struct name_service names;		  /* NAMES_UNUSED unless a rule has a name */
	unsigned when;				  /* enum when bits in force */
	uint64_t handled_fs, handled_net, scoped; /* of the child's Landlock ruleset */
	struct bpf_program filter;
	char **not_held; /* rules that nothing holds, with the reason */
	size_t not_held_count;
	char **notes;
	size_t note_count;
};

/*
 * policy: bound. ret: filled on success, to be freed with assignment_done(); also filled on
 * -EOPNOTSUPP, so that `explain` can show what is missing.
 * Return: 0; -EOPNOTSUPP with the first rule that cannot be held; -EINVAL for an unknown name under
 * syscalls; -errno.
 */
int assignment_make(const struct policy *policy, const struct host *host, struct assignment *ret,
		    struct cordon_error *err);
/* Adds a line to the notes of explain and report. Return: 0 or -ENOMEM. */
int assignment_note(struct assignment *assignment, const char *text);
void assignment_done(struct assignment *assignment);
/* Part of assignment_make(): makes assignment->filter from what is decided already. Return: as above. */
int assignment_filter(const struct policy *policy, struct assignment *assignment,
		      struct cordon_error *err);
/* Whether network.unix.connect covers every path socket. */
bool assignment_has_every_socket(const struct policy *policy);
/* Of UDP and ICMP what can be held without a supervisor: all of it is allowed, ports included. */
unsigned assignment_off_schemes(const struct policy *policy);
/* Whether the child's ruleset grants /proc already, so that one ruleset serves both. */
bool assignment_grants_proc(const struct policy *policy);
/* Whether the program may change its root: then paths start at the caller's own. */
bool assignment_admits_chroot(const struct policy *policy);

/*
 * The child's Landlock ruleset, or the supervisor's own: the same plus reading /proc. program: what may
 * be executed beside the list. *ret_ruleset: a descriptor, or -1 if there is nothing to hold. Return: 0 or -errno with *err.
 */
int assignment_ruleset(const struct policy *policy, const struct assignment *assignment,
		       const struct image_files *program, bool for_supervisor, int *ret_ruleset,
		       struct cordon_error *err);

#endif
