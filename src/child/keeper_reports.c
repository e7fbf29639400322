/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper tells the supervisor: see keeper_parts.h. System calls only (I11).
 *
 * No report waits for a reader, since the tree has to be watched meanwhile. So each has its own way to
 * meet a full socket: what can be done without is dropped long before; news is kept; an answer that
 * is lost would leave a process stopped or a call unanswered for ever, and ends the tree. Only the
 * last report waits, when nothing is left to be watched.
 */
#include "child/keeper_parts.h"

#include "base/cleanup.h"
#include "child/raw.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Bytes queued for the supervisor above which reports are dropped that can be done without. */
#define QUEUE_SOFT 16384

static struct keeper_message message_of(const struct keeper *k, uint32_t kind, int value, int other)
{
	struct keeper_message message = k->total;

	message.processes_peak = k->looker.processes_peak;
	message.memory_peak_kib = k->looker.memory_peak_kib;
	message.kind = kind;
	message.value = value;
	message.inside = kind == KEEPER_STARTED ? k->self : value;
	message.other = other;
	return message;
}

union credentials {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(struct ucred))];
};

/*
 * From a pid namespace the number of a process goes as a credential as well: the kernel translates that
 * for the reader. Return: the kernel's.
 */
static long send_one(const struct keeper *k, const struct keeper_message *message)
{
	struct iovec part = { (void *)(uintptr_t)message, sizeof(*message) };
	union credentials claim = { .header = { .cmsg_len = CMSG_LEN(sizeof(struct ucred)),
						.cmsg_level = SOL_SOCKET,
						.cmsg_type = SCM_CREDENTIALS } };
	struct ucred *who = (struct ucred *)(void *)CMSG_DATA(&claim.header);
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	bool named = message->kind == KEEPER_EXECUTED ||
		     (message->kind == KEEPER_STARTED && message->value > 0);

	if (named && k->start->plan->join_pid >= 0) {
		who->pid = message->value;
		who->uid = (uid_t)raw(SYS_getuid);
		who->gid = (gid_t)raw(SYS_getgid);
		header.msg_control = &claim;
		header.msg_controllen = sizeof(claim);
	}
	return raw(SYS_sendmsg, k->socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Return: 0 or -errno. */
static long try_send(const struct keeper *k, const struct keeper_message *message)
{
	long r = send_one(k, message);

	return r < 0 ? r : 0;
}

static bool may_pass(long error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM || error == -EINTR;
}

void keeper_report_if_room(struct keeper *k, uint32_t kind, int value)
{
	struct keeper_message message = message_of(k, kind, value, 0);
	int queued = 0;

	if (raw(SYS_ioctl, k->socket, SIOCOUTQ, &queued) == 0 && queued < QUEUE_SOFT)
		try_send(k, &message);
}

void keeper_send_news(struct keeper *k)
{
	size_t sent = 0;

	while (sent < k->news_count && !may_pass(try_send(k, &k->news[sent])))
		sent++;
	k->news_count -= sent;
	for (size_t i = 0; sent > 0 && i < k->news_count; i++)
		k->news[i] = k->news[i + sent];
}

void keeper_report_news(struct keeper *k, uint32_t kind, int value)
{
	if (k->news_count < NEWS_MAX)
		k->news[k->news_count++] = message_of(k, kind, value, 0);
	keeper_send_news(k);
}

void keeper_report_answer(struct keeper *k, uint32_t kind, int value, int other)
{
	struct keeper_message message = message_of(k, kind, value, other);
	long r = try_send(k, &message);

	/* Nobody waits for an answer any more where nobody is. */
	if (r == 0 || r == -EPIPE || k->failed)
		return;
	k->failed = true;
	keeper_end(k);
	keeper_report_news(k, KEEPER_FAILED, 0);
}

/* Return: false: nobody will read. */
static bool wait_for_room(const struct keeper *k)
{
	struct pollfd fds[] = {
		{ .fd = k->socket, .events = POLLOUT },
		{ .fd = k->supervisor, .events = POLLIN },
	};
	long r = raw(SYS_ppoll, fds, COUNT_OF(fds), NULL, 0, 0);

	return (r >= 0 || r == -EINTR) && k->supervisor >= 0 && !fds[1].revents;
}

long keeper_report_last(struct keeper *k, uint32_t kind, int value)
{
	struct keeper_message message = message_of(k, kind, value, 0);
	long r;

	do {
		keeper_send_news(k);
		r = k->news_count == 0 ? try_send(k, &message) : -EAGAIN;
	} while (may_pass(r) && wait_for_room(k));
	return r;
}
