/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chdir and fchdir, and listings without hidden names.
 *
 * The directory that a process stands in cannot be changed from outside: the call is judged, then
 * continued. RACE: a thread that exchanges the path meanwhile ends up in a directory that is denied,
 * in which every call is refused as before.
 *
 * A listing is read from the caller's own open directory, so that its position is shared with
 * everybody who has it open, and hidden entries are left out of the copy. Offsets stay the kernel's:
 * seekdir() to one that a hidden entry follows reads that entry, and leaves it out again. Where
 * pidfd_getfd is refused, the directory is opened once more at the caller's position, and takes the
 * place of the caller's: then duplicates do not share the position any longer.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/slow.h"
#include "sys/nr.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define LIST_MAX INPUT_MAX
/* Any one entry fits. */
#define ENTRY_MAX 512

/* How both kinds of records begin. */
struct entry {
	uint64_t inode;
	int64_t next; /* position behind it */
	uint16_t length;
};
#define NAME_IN_OLD (offsetof(struct entry, length) + 2)
#define NAME_IN_64  (NAME_IN_OLD + 1)

struct listing {
	struct request *rq;
	int fd; /* the caller's own open directory, or what takes its place */
	long number;
	size_t name_at;
	struct stat st;
	char *path; /* rq->place[0].path, with room for a name */
	size_t path_length;
};

static struct verdict change(struct request *rq, int r)
{
	struct verdict v;

	if (r < 0)
		return verdict_result(r);
	if (!request_allowed(rq, OP_STAT, &rq->place[0], &v))
		return v;
	if (!S_ISDIR(rq->place[0].st.st_mode))
		return verdict_result(-ENOTDIR);
	return verdict_continue(CONTINUE_METADATA);
}

struct verdict handle_chdir(struct request *rq)
{
	return change(rq, rq->has_path[0] ? request_resolve(rq, 0, RESOLVE_FOLLOW) : -EFAULT);
}

struct verdict handle_fchdir(struct request *rq)
{
	return change(rq, resolve_fd(&rq->caller, rq->fd, &rq->place[0]));
}

static bool is_hidden(struct listing *list, const char *record, const struct entry *entry)
{
	const char *name = record + list->name_at;
	size_t length = strnlen(name, entry->length - list->name_at);
	struct fs_object object = { .path = list->path,
				    .length = list->path_length + length,
				    .exists = true,
				    .dev = list->st.st_dev,
				    .ino = entry->inode };
	struct decision decision;

	if (list->path[0] != '/' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	memcpy(list->path + list->path_length, name, length);
	list->path[object.length] = '\0';
	decision = policy_decide_fs(list->rq->caller.sv->policy, OP_STAT, &object);
	return !decision.allow && decision.error == ENOENT;
}

/* Return: how many bytes of the records are left. */
static size_t leave_out(struct listing *list, char *records, size_t length)
{
	size_t kept = 0;
	struct entry entry;

	for (size_t at = 0; at < length; at += entry.length) {
		memcpy(&entry, records + at, sizeof(entry));
		if (entry.length <= list->name_at || entry.length > length - at)
			break;
		if (is_hidden(list, records + at, &entry))
			continue;
		memmove(records + kept, records + at, entry.length);
		kept += entry.length;
	}
	return kept;
}

/*
 * The next entry does not fit into the caller's buffer: it must not show either whether that is a
 * hidden one. Return: 0 if it was one and has been passed over; -EINVAL.
 */
static int pass_over(struct listing *list)
{
	off_t before = lseek(list->fd, 0, SEEK_CUR);
	char room[ENTRY_MAX];
	struct entry entry;
	long n = syscall(list->number, list->fd, room, sizeof(room));

	if (before < 0 || n < (long)sizeof(entry))
		return -EINVAL;
	memcpy(&entry, room, sizeof(entry));
	if (entry.length > list->name_at && is_hidden(list, room, &entry))
		return lseek(list->fd, entry.next, SEEK_SET) < 0 ? -errno : 0;
	lseek(list->fd, before, SEEK_SET);
	return -EINVAL;
}

/* Return: number of bytes in the buffer; 0 at the end; -errno. */
static long read_entries(struct listing *list, char *buffer, size_t size)
{
	for (;;) {
		long n = syscall(list->number, list->fd, buffer, size);

		if (n < 0 && errno == EINVAL && size < ENTRY_MAX) {
			n = pass_over(list);
			if (n < 0)
				return n;
			continue;
		}
		if (n <= 0)
			return n < 0 ? -errno : 0;
		n = (long)leave_out(list, buffer, (size_t)n);
		if (n > 0)
			return n;
	}
}

/* What a descriptor of ours holds, as a place that the policy can be asked about. */
static int place_of(struct request *rq, int fd, struct place *ret)
{
	ssize_t n = held_path(rq->caller.sv, fd, ret->path, PATH_MAX);

	if (n < 0)
		return (int)n;
	ret->length = (size_t)n;
	if (fstat(fd, &ret->st) < 0)
		return -errno;
	ret->object = held_copy(fd);
	if (ret->object < 0)
		return ret->object;
	return proc_object(rq->caller.sv, fd, &ret->st)
		       ? proc_check(&rq->caller, ret->path, &ret->st)
		       : 0;
}

/*
 * SECURITY: what is opened again may be another directory than a moment ago, or a handle that the
 * caller cannot read through: numbers can be exchanged. So it is judged as any open.
 * Return: a descriptor at the caller's position, behind the caller's number from now on; -errno.
 */
static int replace(struct request *rq)
{
	cleanup_fd int fd = -1, held = caller_open(&rq->caller, rq->fd, 0);
	struct open_file file;
	struct verdict v;
	int r = caller_open_file(&rq->caller, rq->fd, &file);

	if (r == 0 && file.flags & O_PATH)
		r = -EBADF;
	if (r == 0 && held >= 0)
		r = slow_check(&rq->caller, held);
	if (r < 0)
		return r;
	fd = caller_open_again(&rq->caller, rq->fd,
			       O_RDONLY | O_DIRECTORY |
				       (int)(file.flags & (O_NONBLOCK | O_NOATIME)));
	r = fd < 0 ? fd : place_of(rq, fd, &rq->place[0]);
	if (r < 0)
		return r;
	if (!request_allowed(rq, OP_READ, &rq->place[0], &v))
		return -v.error;
	if (lseek(fd, file.position, SEEK_SET) < 0)
		return -errno;
	r = reply_replace(rq->caller.sv, rq->id, fd, rq->fd, file.flags & O_CLOEXEC);
	return r < 0 ? r : steal_fd(&fd);
}

static int listing_start(struct request *rq, struct listing *list)
{
	struct place *place = &rq->place[0];
	ssize_t n;

	/* SECURITY: the path is that of the very descriptor which is read: numbers can be exchanged. */
	list->fd = rq->caller.sv->pidfd_getfd ? request_descriptor(rq, rq->fd) : replace(rq);
	if (list->fd < 0)
		return list->fd;
	if (slow_check(&rq->caller, list->fd) < 0) {
		/* Only the thread itself is above the program, as Yama wants it. */
		rq->taken = held_copy(list->fd);
		return -SLOW;
	}
	if (fstat(list->fd, &list->st) < 0)
		return -errno;
	n = held_path(rq->caller.sv, list->fd, place->path, PATH_MAX);
	if (n < 0)
		return (int)n;
	if (n > 1)
		place->path[n++] = '/';
	list->path = place->path;
	list->path_length = (size_t)n;
	return 0;
}

struct verdict handle_getdents(struct request *rq)
{
	bool old = strcmp(rq->row->name, "getdents") == 0;
	struct listing list = { .rq = rq,
				.fd = -1,
				.number = nr_by_name(NR_ARCH_NATIVE, rq->row->name),
				.name_at = old ? NAME_IN_OLD : NAME_IN_64 };
	size_t size = (uint32_t)rq->number < LIST_MAX ? (uint32_t)rq->number : LIST_MAX;
	char *buffer = (char *)rq->bulk;
	long n = 0;
	int r;

	r = listing_start(rq, &list);
	if (r == 0)
		n = read_entries(&list, buffer, size);
	if (n > 0)
		r = request_output(rq, buffer, (size_t)n);
	if (list.fd >= 0)
		close(list.fd);
	return verdict_result(r < 0 ? r : n);
}
