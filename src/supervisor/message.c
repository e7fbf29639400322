/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are sent on behalf: see message.h. */
#include "supervisor/message.h"

#include "base/cleanup.h"
#include "supervisor/handlers/unix.h"
#include "supervisor/ids.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>

/* KERNEL: more parts are EMSGSIZE, more messages are not looked at. */
#define PARTS_MAX  1024
#define VECTOR_MAX 1024
#define RIGHTS_MAX 253
/* KERNEL: the limit is a sysctl (optmem_max) whose default is this or less. */
#define CONTROL_MAX 131072
/* Never passed on: the pages would be ours, and would still be read after they are given back. */
#define FLAGS_REFUSED MSG_ZEROCOPY

/* The kernel's struct user_msghdr and mmsghdr of 64-bit architectures. */
struct raw_header {
	uint64_t name;
	int32_t name_length;
	uint32_t pad;
	uint64_t parts, part_count, control, control_length;
	uint32_t flags, end;
};
struct raw_entry {
	struct raw_header header;
	uint32_t length, pad;
};

static int read_name(struct request *rq, struct message *m, uint64_t name, int32_t length)
{
	if (!name)
		return 0;
	if (length < 0)
		return -EINVAL;
	m->address_length =
		(size_t)length < sizeof(m->address) ? (socklen_t)length : sizeof(m->address);
	return request_copy(rq, name, &m->address, m->address_length);
}

/* The sum of the parts; the last ones are cut where a stream has reached the limit. */
static int sum_up(const struct messages *all, struct iovec *parts, size_t count, size_t *ret)
{
	size_t room = MESSAGES_BYTES_MAX - all->bytes, sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (parts[i].iov_len > SSIZE_MAX)
			return -EINVAL;
		if (parts[i].iov_len > room - sum) {
			if (!all->stream)
				return -EMSGSIZE;
			parts[i].iov_len = room - sum;
		}
		sum += parts[i].iov_len;
	}
	*ret = sum;
	return 0;
}

static int read_data(struct request *rq, struct messages *all, struct message *m,
		     struct iovec *parts, size_t count)
{
	int r = sum_up(all, parts, count, &m->length);

	if (r < 0)
		return r;
	if (m->length == 0)
		return 0;
	if (rq->caller.sv->messages_bytes + m->length > MESSAGES_BYTES_HELD)
		return -ENOBUFS;
	m->data = malloc(m->length);
	if (!m->data)
		return -ENOMEM;
	all->bytes += m->length;
	rq->caller.sv->messages_bytes += m->length;
	return request_copy_parts(rq, parts, count, m->data, m->length);
}

static int read_parts(struct request *rq, struct messages *all, struct message *m, uint64_t address,
		      uint64_t count)
{
	struct iovec parts[PARTS_MAX];
	int r;

	if (count > PARTS_MAX)
		return -EMSGSIZE;
	r = request_copy(rq, address, parts, count * sizeof(*parts));
	return r < 0 ? r : read_data(rq, all, m, parts, count);
}

/* Numbers of descriptors at `data` become numbers of our duplicates. */
static int take_rights(struct request *rq, struct messages *all, struct message *m,
		       unsigned char *data, size_t count)
{
	int *grown;

	if (count > RIGHTS_MAX || m->right_count + count > RIGHTS_MAX)
		return -EINVAL;
	/* The kernel has a limit for a message; here it holds for the call, as we hold them all. */
	if (all->right_count + count > RIGHTS_MAX ||
	    rq->caller.sv->messages_rights + count > MESSAGES_RIGHTS_HELD)
		return -ETOOMANYREFS;
	grown = realloc(m->rights, (m->right_count + count + 1) * sizeof(int));
	if (!grown)
		return -ENOMEM;
	m->rights = grown;
	for (size_t i = 0; i < count; i++) {
		int number, fd;

		memcpy(&number, data + i * sizeof(int), sizeof(number));
		fd = request_descriptor(rq, number);
		if (fd < 0)
			return fd;
		m->rights[m->right_count++] = fd;
		all->right_count++;
		rq->caller.sv->messages_rights++;
		memcpy(data + i * sizeof(int), &fd, sizeof(fd));
	}
	return 0;
}

/* The caller may name itself, and nobody else; what arrives is our process with these ids. */
static int check_credentials(struct request *rq, struct message *m, size_t offset, size_t size)
{
	struct process_numbers inside;
	struct ucred claim;
	int r;

	if (size != sizeof(claim))
		return -EINVAL;
	memcpy(&claim, m->control + offset, sizeof(claim));
	r = ids_include(rq->caller.sv, rq->caller.tid, claim.uid, claim.gid);
	if (r < 0)
		return -EACCES;
	if (r == 0 || caller_inside(&rq->caller, &inside) < 0 || claim.pid != inside.tgid)
		return -EPERM;
	m->credentials = offset;
	return 0;
}

/* What would lead a packet elsewhere than its address says. */
static bool is_detour(const struct cmsghdr *header)
{
	static const struct {
		int level, type;
	} detours[] = { { IPPROTO_IP, IP_RETOPTS },
			{ IPPROTO_IPV6, IPV6_RTHDR },
			{ IPPROTO_IPV6, IPV6_2292RTHDR },
			{ SOL_SOCKET, SO_MARK } };

	for (size_t i = 0; i < COUNT_OF(detours); i++)
		if (header->cmsg_level == detours[i].level && header->cmsg_type == detours[i].type)
			return true;
	return false;
}

static int take_header(struct request *rq, struct messages *all, struct message *m, size_t offset,
		       const struct cmsghdr *header)
{
	size_t size = header->cmsg_len - sizeof(*header);

	offset += sizeof(*header);
	if (is_detour(header))
		return -EPERM;
	if (header->cmsg_level != SOL_SOCKET)
		return 0;
	if (header->cmsg_type == SCM_RIGHTS)
		return take_rights(rq, all, m, m->control + offset, size / sizeof(int));
	if (header->cmsg_type == SCM_CREDENTIALS)
		return check_credentials(rq, m, offset, size);
	return 0;
}

/* SECURITY: steps and limits are those of the kernel's for_each_cmsghdr() and CMSG_OK(). */
static int take_control(struct request *rq, struct messages *all, struct message *m)
{
	struct cmsghdr header;
	int r;

	for (size_t at = 0; m->control_length - at >= sizeof(header);) {
		memcpy(&header, m->control + at, sizeof(header));
		if (header.cmsg_len < sizeof(header) || header.cmsg_len > m->control_length - at)
			return -EINVAL;
		r = take_header(rq, all, m, at, &header);
		if (r < 0)
			return r;
		at += CMSG_ALIGN(header.cmsg_len);
		if (at > m->control_length)
			break;
	}
	return 0;
}

static int read_control(struct request *rq, struct messages *all, struct message *m,
			uint64_t address, uint64_t length)
{
	int r;

	if (length == 0)
		return 0;
	if (length > CONTROL_MAX)
		return -ENOBUFS;
	m->control = malloc(length);
	if (!m->control)
		return -ENOMEM;
	m->control_length = length;
	r = request_copy(rq, address, m->control, length);
	return r < 0 ? r : take_control(rq, all, m);
}

static int read_message(struct request *rq, struct messages *all, struct message *m,
			const struct raw_header *header)
{
	int r = read_name(rq, m, header->name, header->name_length);

	if (r == 0)
		r = read_parts(rq, all, m, header->parts, header->part_count);
	if (r == 0)
		r = read_control(rq, all, m, header->control, header->control_length);
	return r;
}

/* sendto(socket, data, length, flags, address, address_length) */
static int read_sendto(struct request *rq, struct messages *all)
{
	struct iovec part = { .iov_len = rq->args[2] };
	struct message *m = &all->at[0];
	int length = (int)(uint32_t)rq->args[5], r;

	memcpy(&part.iov_base, &rq->args[1], sizeof(part.iov_base));
	all->flags = (int)(uint32_t)rq->args[3];
	if (length < 0 || (size_t)length > sizeof(m->address))
		return -EINVAL;
	r = read_name(rq, m, rq->args[4], length);
	return r < 0 ? r : read_data(rq, all, m, &part, 1);
}

/* sendmsg(socket, header, flags) */
static int read_sendmsg(struct request *rq, struct messages *all)
{
	struct raw_header header;
	int r = request_copy(rq, rq->args[1], &header, sizeof(header));

	all->flags = (int)(uint32_t)rq->args[2];
	return r < 0 ? r : read_message(rq, all, &all->at[0], &header);
}

/* sendmmsg(socket, vector, count, flags): each entry is read in its turn, as the kernel does. */
static int read_sendmmsg(struct request *rq, struct messages *all)
{
	all->flags = (int)(uint32_t)rq->args[3];
	all->vector = rq->args[1];
	for (size_t i = 0; i < all->count; i++) {
		struct raw_entry entry;
		int r = request_copy(rq, all->vector + i * sizeof(entry), &entry, sizeof(entry));

		if (r == 0)
			r = read_message(rq, all, &all->at[i], &entry.header);
		if (r < 0)
			messages_cut(all, i, -r);
	}
	return 0;
}

static struct messages *messages_new(const struct request *rq, size_t count, bool stream)
{
	struct messages *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->sv = rq->caller.sv;
	all->at = calloc(count + 1, sizeof(*all->at));
	all->progress_size = sizeof(*all->progress) + count * sizeof(all->progress->lengths[0]);
	all->progress = calloc(1, all->progress_size);
	if (!all->at || !all->progress) {
		messages_free(all);
		return NULL;
	}
	all->count = all->allocated = count;
	all->stream = stream;
	all->tid = rq->caller.tid;
	all->call = rq->row->name;
	for (size_t i = 0; i < count; i++)
		all->at[i].held = -1;
	return all;
}

int messages_read(struct request *rq, bool stream, struct messages **ret)
{
	bool vector = strcmp(rq->row->name, "sendmmsg") == 0;
	size_t count = vector ? (uint32_t)rq->args[2] : 1;
	struct messages *all;
	int r;

	all = messages_new(rq, count < VECTOR_MAX ? count : VECTOR_MAX, stream);
	if (!all)
		return -ENOMEM;
	if (vector)
		r = read_sendmmsg(rq, all);
	else
		r = strcmp(rq->row->name, "sendmsg") == 0 ? read_sendmsg(rq, all)
							  : read_sendto(rq, all);
	if (r < 0) {
		messages_free(all);
		return r;
	}
	*ret = all;
	return 0;
}

static void message_done(struct message *m)
{
	for (size_t i = 0; i < m->right_count; i++)
		close(m->rights[i]);
	if (m->held >= 0)
		close(m->held);
	free(m->rights);
	free(m->data);
	free(m->control);
}

void messages_free(struct messages *all)
{
	if (!all)
		return;
	all->sv->messages_bytes -= all->bytes;
	all->sv->messages_rights -= all->right_count;
	for (size_t i = 0; all->at && i < all->allocated; i++)
		message_done(&all->at[i]);
	free(all->at);
	free(all->progress);
	free(all);
}

void messages_cut(struct messages *all, size_t index, int error)
{
	all->count = index;
	all->error = error;
}

static ssize_t send_one(const struct messages *all, const struct message *m, int socket,
			size_t from, bool wait)
{
	struct iovec part = { m->data + from, m->length - from };
	union {
		const void *in;
		void *out;
	} address = { .in = &m->address };
	struct msghdr header = { .msg_name = m->address_length ? address.out : NULL,
				 .msg_namelen = m->address_length,
				 .msg_iov = &part,
				 .msg_iovlen = 1 };

	/* Goes along with the first byte. */
	if (from == 0 && m->control_length > 0) {
		header.msg_control = m->control;
		header.msg_controllen = m->control_length;
	}
	if (m->credentials) {
		pid_t pid = getpid();

		memcpy(m->control + m->credentials + offsetof(struct ucred, pid), &pid,
		       sizeof(pid));
	}
	return sendmsg(socket, &header,
		       (all->flags & ~FLAGS_REFUSED) | MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
}

int messages_send(struct messages *all, int socket, bool wait)
{
	struct progress *p = all->progress;

	while (p->done < all->count) {
		const struct message *m = &all->at[p->done];
		ssize_t n = send_one(all, m, socket, p->partial, wait);

		if (n < 0)
			return -errno;
		p->partial += (size_t)n;
		if (all->stream && n > 0 && p->partial < m->length)
			continue;
		p->lengths[p->done++] = (uint32_t)p->partial;
		p->partial = 0;
	}
	return 0;
}

/* Writes the lengths behind the headers of the caller's array. Return: how many could be written. */
static size_t write_lengths(const struct messages *all)
{
	const struct progress *p = all->progress;
	size_t i;

	for (i = 0; i < p->done; i++)
		if (process_write(all->tid,
				  all->vector + i * sizeof(struct raw_entry) +
					  offsetof(struct raw_entry, length),
				  &p->lengths[i], sizeof(p->lengths[i])) < 0)
			break;
	return i;
}

struct verdict messages_verdict(struct messages *all, struct supervisor *sv, uint64_t id, int error)
{
	cleanup_ids struct supervisor *own = ids_look(sv);
	struct caller caller = { .sv = sv, .tid = all->tid };
	struct progress *p = all->progress;
	size_t written;

	if (error < 0 && p->partial > 0) {
		p->lengths[p->done++] = (uint32_t)p->partial;
		error = 0;
	}
	/* The program may have ended meanwhile: its memory and its thread may be another's. */
	if (notif_valid(sv->listener, id) < 0)
		return verdict_result(-EINTR);
	if (error < 0 && p->done < all->count)
		error = unix_after(sv, all->tid, all->call, &all->at[p->done].address,
				   all->at[p->done].address_length, error);
	if (error == -EPIPE && all->stream && !(all->flags & MSG_NOSIGNAL))
		process_signal_thread(caller_tgid(&caller), all->tid, SIGPIPE);
	if (error == 0)
		error = -all->error;
	if (p->done == 0)
		return verdict_result(all->count == 0 && error == 0 ? 0 : error);
	if (!all->vector)
		return verdict_result(p->lengths[0]);
	written = write_lengths(all);
	return verdict_result(written > 0 ? (int64_t)written : -EFAULT);
}
