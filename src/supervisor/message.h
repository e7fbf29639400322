/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of one sendto, sendmsg or sendmmsg: copied once, judged by a handler, then sent.
 *
 * Theory of operation. A message is a tree of pointers in the caller's memory: address, parts of
 * the payload, control data with numbers of descriptors. All of it is copied before anything is
 * decided, each piece once, and what is sent is the copy (I3). A vector is copied, and judged, up to
 * its first message that is wrong or refused; those before it are sent, as the kernel would do, and
 * its errno is the result only if there are none.
 *
 * Control data names descriptors of the caller by number. They are fetched, and the numbers are
 * replaced by those of our duplicates. SECURITY: the walk over the control data must be the
 * kernel's, or a number that was not replaced would send a descriptor of ours.
 *
 * The loop sends without waiting. If that is not enough for a socket that waits, a worker process
 * goes on from where it stopped.
 */
#ifndef CORDON_SUPERVISOR_MESSAGE_H
#define CORDON_SUPERVISOR_MESSAGE_H

#include "supervisor/request.h"

/* Payload of one call. More is EMSGSIZE, for a stream a short count. */
#define MESSAGES_BYTES_MAX ((size_t)64 << 20)

/* Of all calls that wait, in the host's process: beyond them it is ENOBUFS and ETOOMANYREFS. */
#define MESSAGES_BYTES_HELD  ((size_t)64 << 20)
#define MESSAGES_RIGHTS_HELD 1024

struct message {
	struct sockaddr_storage address;
	socklen_t address_length; /* 0: none; what a handler sets is what is sent to */
	int held; /* what the address names by its number, or -1; closed in the end */
	unsigned char *data;
	size_t length;
	unsigned char *control;
	size_t control_length;
	size_t credentials; /* where a struct ucred lies in control; 0: nowhere */
	int *rights;	    /* our duplicates of the descriptors that are sent along */
	size_t right_count;
};

/* How far it has come. A worker brings it back. */
struct progress {
	size_t done;	/* messages that are sent */
	size_t partial; /* bytes of the next one that are sent: streams only */
	uint32_t lengths[];
};

struct messages {
	struct message *at;
	size_t count; /* the first count of them are sent */
	int flags;    /* MSG_* of the call */
	int error;    /* of the message behind the last one; 0: there is none */
	bool stream;
	uint64_t vector; /* where sendmmsg wants the lengths: the caller's array; 0: another call */
	pid_t tid;
	const char *call; /* its name */
	size_t allocated, bytes, right_count;
	struct supervisor *sv; /* which counts what is held */
	struct progress *progress;
	size_t progress_size;
};

/*
 * Copies the messages of the call in rq by its row's name. stream: of the socket's type.
 * Return: 0 or -errno for the program. *ret: to be freed with messages_free().
 */
int messages_read(struct request *rq, bool stream, struct messages **ret);
void messages_free(struct messages *messages);
/* Takes messages from `index` on away; error is the result if none is left. */
void messages_cut(struct messages *messages, size_t index, int error);
/*
 * Sends what has not been sent yet; system calls only. wait: as the socket's flags say.
 * Return: 0; -errno of the message that failed, -EAGAIN if it would have to wait.
 */
int messages_send(struct messages *messages, int socket, bool wait);
/*
 * What the program gets, given the return of messages_send(); writes the lengths of a vector into
 * its memory, and raises SIGPIPE.
 */
struct verdict messages_verdict(struct messages *messages, struct supervisor *sv, uint64_t id,
				int error);

#endif
