/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat, lstat, newfstatat, statx, statfs, readlink, access: what a program may learn of a file
 * without opening it.
 *
 * The object is held and judged as any other; the answer is made from the held object and written
 * into the caller's buffer. fstat() on an open descriptor is nobody's business: C libraries spell it
 * as newfstatat() with an empty path, which takes the short way.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/ids.h"
#include "supervisor/slow.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define STAT_FLAGS                                                                                 \
	(unsigned)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)

/* Writes a result that has been complete since before the call was answered. */
static struct verdict give(struct request *rq, const void *data, size_t length)
{
	return verdict_result(request_output(rq, data, length));
}

/* An empty path with AT_EMPTY_PATH, or none (KERNEL(6.11)), means the descriptor. */
static bool is_descriptor(const struct request *rq)
{
	return (rq->flags & AT_EMPTY_PATH) && !rq->path[0][0];
}

/* Return: 0 if the object is held and may be looked at, else 1 with the verdict. */
static int look(struct request *rq, bool follow, struct verdict *ret)
{
	unsigned flags = follow ? RESOLVE_FOLLOW : 0;
	int r;

	if (rq->flags & AT_EMPTY_PATH)
		flags |= RESOLVE_EMPTY;
	r = rq->has_path[0] || is_descriptor(rq) ? request_resolve(rq, 0, flags) : -EFAULT;
	if (r < 0) {
		*ret = verdict_result(r);
		return 1;
	}
	return request_allowed(rq, OP_STAT, &rq->place[0], ret) ? 0 : 1;
}

/* fstat() by another name: of whatever the caller has open, as the kernel would. */
static struct verdict stat_descriptor(struct request *rq)
{
	struct stat st;
	int r;

	if (rq->caller.careful) {
		cleanup_fd int held = caller_open(&rq->caller, rq->dirfd[0], 0);

		if (held >= 0 && slow_check(&rq->caller, held) < 0)
			return verdict_result(-SLOW);
	}
	r = caller_stat(&rq->caller, rq->dirfd[0], &st);

	return r < 0 ? verdict_result(r) : give(rq, &st, sizeof(st));
}

static struct verdict stat_path(struct request *rq, bool follow)
{
	struct verdict v;

	if (rq->flags & ~STAT_FLAGS)
		return verdict_result(-EINVAL);
	if (is_descriptor(rq) && rq->dirfd[0] >= 0)
		return stat_descriptor(rq);
	/* On the machines that we know the C library's structure is the kernel's. */
	return look(rq, follow, &v) ? v : give(rq, &rq->place[0].st, sizeof(rq->place[0].st));
}

struct verdict handle_stat(struct request *rq)
{
	return stat_path(rq, !(rq->flags & AT_SYMLINK_NOFOLLOW));
}

struct verdict handle_lstat(struct request *rq)
{
	return stat_path(rq, false);
}

struct verdict handle_statx(struct request *rq)
{
	const unsigned sync = rq->flags & AT_STATX_SYNC_TYPE;
	struct statx stx;
	struct verdict v;

	if (rq->flags & ~STAT_FLAGS || sync == AT_STATX_SYNC_TYPE || rq->number & STATX__RESERVED)
		return verdict_result(-EINVAL);
	if (look(rq, !(rq->flags & AT_SYMLINK_NOFOLLOW), &v))
		return v;
	if (statx(rq->place[0].object, "", (int)(AT_EMPTY_PATH | sync), (unsigned)rq->number,
		  &stx) < 0)
		return verdict_of(-1);
	return give(rq, &stx, sizeof(stx));
}

struct verdict handle_statfs(struct request *rq)
{
	struct statfs fs;
	struct verdict v;

	if (look(rq, true, &v))
		return v;
	return fstatfs(rq->place[0].object, &fs) < 0 ? verdict_of(-1) : give(rq, &fs, sizeof(fs));
}

/*
 * `self` and `thread-self` tell who reads them; any other link tells the same to everybody.
 * Return: length of the text; -errno.
 */
static ssize_t read_link(struct request *rq, char *buffer, size_t size)
{
	const struct supervisor *sv = rq->caller.sv;
	const struct place *place = &rq->place[0];
	cleanup_ids struct supervisor *own = caller_look(&rq->caller, place->path);
	bool in_proc_root = place->st.st_dev == sv->proc_dev && place->parent >= 0;
	bool process = in_proc_root && strcmp(place->path, "/proc/self") == 0;
	bool thread = in_proc_root && strcmp(place->path, "/proc/thread-self") == 0;
	struct process_numbers shown;
	ssize_t n;

	if (process || thread) {
		int r = caller_shown(&rq->caller, &shown);

		if (r < 0)
			return r;
		return process ? snprintf(buffer, size, "%d", shown.tgid)
			       : snprintf(buffer, size, "%d/task/%d", shown.tgid, shown.tid);
	}
	n = readlinkat(place->object, "", buffer, size);
	return n < 0 ? -errno : n;
}

struct verdict handle_readlink(struct request *rq)
{
	char target[PATH_MAX];
	struct verdict v;
	ssize_t n;
	int r;

	if ((int)rq->number <= 0)
		return verdict_result(-EINVAL);
	/* An empty path means the descriptor, without any flag. */
	if (rq->row->roles[0] == ROLE_DIRFD)
		rq->flags = AT_EMPTY_PATH;
	if (look(rq, false, &v))
		return v;
	if (!S_ISLNK(rq->place[0].st.st_mode))
		return verdict_result(is_descriptor(rq) ? -ENOENT : -EINVAL);
	n = read_link(rq, target, sizeof(target));
	if (n < 0)
		return verdict_result(n);
	if ((uint64_t)n > rq->number)
		n = (ssize_t)rq->number;
	r = request_output(rq, target, (size_t)n);
	return verdict_result(r < 0 ? r : n);
}

/* What access() asks about: its bits are those of the permissions. */
static const struct {
	unsigned bit;
	enum op op;
} accesses[] = { { R_OK, OP_READ }, { W_OK, OP_WRITE }, { X_OK, OP_EXEC } };

/* KERNEL(5.8): faccessat2; where it is missing or refused (the C library says EINVAL then), the held
 * object is asked about through procfs. Return: as faccessat(). */
static int access_held(const struct request *rq, int mode, int flags)
{
	char name[12];

	if (faccessat(rq->place[0].object, "", mode, flags) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return faccessat(rq->caller.sv->self_fd, held_name(rq->place[0].object, name), mode,
			 flags & AT_EACCESS);
}

/*
 * The kernel's own answer stands first, then that of the rules: what an open would say. Asking is no
 * attempt, so only an object that is denied or hidden makes an event.
 */
struct verdict handle_access(struct request *rq)
{
	const struct place *place = &rq->place[0];
	const unsigned known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
	/* Where callers have ids of their own, those that the call is about have been taken. */
	int flags = AT_EMPTY_PATH |
		    (rq->caller.sv->ids_differ ? AT_EACCESS : (int)(rq->flags & AT_EACCESS));
	unsigned mode = (unsigned)rq->number;
	struct fs_object object;
	struct verdict v;

	if (mode & ~(unsigned)(R_OK | W_OK | X_OK) || rq->flags & ~known)
		return verdict_result(-EINVAL);
	if (look(rq, !(rq->flags & AT_SYMLINK_NOFOLLOW), &v))
		return v;
	if (access_held(rq, (int)mode, flags) < 0)
		return verdict_of(-1);
	object = place_object(place);
	for (size_t i = 0; !place->anonymous && i < COUNT_OF(accesses); i++) {
		/* To execute a directory is to pass through it. */
		if (!(mode & accesses[i].bit) || (accesses[i].bit == X_OK && object.is_directory))
			continue;
		if (!policy_decide_fs(rq->caller.sv->policy, accesses[i].op, &object).allow)
			return verdict_result(-EACCES);
	}
	return verdict_result(0);
}
