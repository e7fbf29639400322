/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mediated call: its arguments as values, and what handlers may ask.
 *
 * Only request.c reads the caller's memory, each argument once (T-043), and message.c those of a
 * message, through it. Handlers see copies and held descriptors; the address of an argument never
 * leaves these two files, except for results, which request_output() writes after a last check that
 * the caller still waits.
 */
#ifndef CORDON_SUPERVISOR_REQUEST_H
#define CORDON_SUPERVISOR_REQUEST_H

#include "policy/decide.h"
#include "supervisor/caller.h"
#include "supervisor/mediated.h"
#include "supervisor/reply.h"
#include "supervisor/resolve.h"

#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define XATTR_NAME_SIZE 256
/* Major numbers of the terminals of devpts. */
#define DEVICE_PTS_FIRST 136
#define DEVICE_PTS_LAST	 143
#define INPUT_MAX	 65536

struct request {
	struct caller caller;
	const struct mediated *row;
	uint64_t id;
	uint64_t args[6];

	/* Filled by the roles of the row. */
	int dirfd[2];
	bool has_path[2]; /* false: the pointer was NULL */
	char path[2][PATH_MAX];
	char text[PATH_MAX];
	int fd;
	unsigned flags; /* open or AT_ flags */
	unsigned mode;
	uid_t uid;
	gid_t gid;
	uint64_t number;
	struct open_how how;
	bool has_times;
	struct timespec times[2];
	unsigned char *bulk;  /* INPUT_MAX bytes for results that are long */
	int taken;	      /* a descriptor of the caller's that was fetched already, or -1 */
	unsigned char *input; /* from malloc */
	size_t input_length;
	uint64_t output;
	struct sockaddr_storage address;
	socklen_t address_length;

	struct place place[2]; /* what stands above is what a process aside is given */
	bool created; /* the object was made for this request: undone if the descriptor does not fit
		       */
	char scratch[SCRATCH_SIZE];
};

/* Prepares a request object once; it is used again for one request after the other. Return: 0 or -ENOMEM. */
int request_init(struct request *rq, struct supervisor *sv);
/*
 * Copies what the row's roles ask for. Return: 0 or -errno for the program (EFAULT, ENAMETOOLONG,
 * EINVAL ... as the kernel would; EACCES if memory cannot be read for another reason).
 */
int request_decode(struct request *rq, const struct mediated *row, const struct seccomp_notif *n);
/* Takes the caller's ids, if they can differ from ours. Return: 0 or -EACCES. */
int request_take_ids(struct request *rq);
/* For message.c alone: copies exactly length bytes. Return: as above. */
int request_copy(struct request *rq, uint64_t address, void *buffer, size_t length);
/* The same from several places into one buffer; length: their sum. */
int request_copy_parts(struct request *rq, const struct iovec *parts, size_t count, void *buffer,
		       size_t length);
/* Closes what was opened for it. */
void request_done(struct request *rq);

/* Resolves rq->path[index] from rq->dirfd[index] into rq->place[index]. Return: 0 or -errno. */
int request_resolve(struct request *rq, int index, unsigned flags);
/* Whether the caller still waits. Nothing that was read of it counts before this. */
bool request_pending(const struct request *rq);
/*
 * Asks the policy about a place. On a refusal the event is queued and *ret is the verdict.
 * SECURITY: also false, with a refusal, if the caller is gone, unless the operation has no effect
 * before the reply. Return: whether the operation may be done.
 */
bool request_allowed(struct request *rq, enum op op, const struct place *place,
		     struct verdict *ret);
/* Turns a decision about `target` into a verdict, with its event. Return: decision.allow. */
bool request_judge(struct request *rq, enum op op, const struct decision *decision,
		   const char *target, struct verdict *ret);
/* A refusal that is no policy decision: an event says what went wrong. Return: the verdict. */
struct verdict request_failed(struct request *rq, int error, const char *reason);
/* The event alone. */
void request_report(struct request *rq, int error, const char *reason);

/* Writes a result. Return: 0; -EFAULT; -ENOENT if the caller is gone. */
int request_output(struct request *rq, const void *data, size_t length);
/* The same for a request that was served aside. */
int request_write(struct supervisor *sv, uint64_t id, pid_t tid, uint64_t address, const void *data,
		  size_t length);

/* A duplicate of the caller's descriptor (never O_PATH). Return: fd; -EBADF; -errno. */
int request_descriptor(struct request *rq, int fd);
/* Sets the umask of this thread to the caller's. Return: 0 or -errno. */
int request_take_umask(struct request *rq);

#endif
