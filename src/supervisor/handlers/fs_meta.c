/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mode, owner, times and length, by path and by descriptor.
 *
 * Landlock holds none of the first three, so they are judged here for every object: by path, and
 * through a descriptor that was opened for reading only.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/ids.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* Resolves the path, or takes the descriptor where the row has no path. Return: 0 or -errno. */
static int object_of(struct request *rq, bool follow)
{
	unsigned flags = follow ? RESOLVE_FOLLOW : 0;

	if (rq->flags & AT_EMPTY_PATH)
		flags |= RESOLVE_EMPTY;
	if (rq->has_path[0])
		return request_resolve(rq, 0, flags);
	if (caller_is_handle(&rq->caller, rq->fd))
		return -EBADF;
	return resolve_fd(&rq->caller, rq->fd, &rq->place[0]);
}

static bool has_path_role(const struct request *rq)
{
	for (int i = 0; i < 6; i++)
		if (rq->row->roles[i] == ROLE_PATH)
			return true;
	return false;
}

/* The common part. Return: 0 if the change may be made, else 1 with the verdict. */
static int prepare(struct request *rq, bool follow, unsigned known_flags, struct verdict *ret)
{
	int r = 0;

	if (rq->flags & ~known_flags)
		r = -EINVAL;
	else if (has_path_role(rq) && !rq->has_path[0])
		r = -EFAULT;
	if (r == 0)
		r = object_of(rq, follow);
	if (r < 0) {
		*ret = verdict_result(r);
		return 1;
	}
	return request_allowed(rq, OP_META, &rq->place[0], ret) ? 0 : 1;
}

struct verdict handle_chmod(struct request *rq)
{
	const struct place *place = &rq->place[0];
	struct verdict v;
	char name[12];

	if (prepare(rq, !(rq->flags & AT_SYMLINK_NOFOLLOW), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH,
		    &v))
		return v;
	if (S_ISLNK(place->st.st_mode))
		return verdict_result(-EOPNOTSUPP);
	return verdict_of(fchmodat(rq->caller.sv->self_fd, held_name(place->object, name),
				   rq->mode & 07777, 0));
}

static struct verdict change_owner(struct request *rq, bool follow)
{
	struct verdict v;

	if (prepare(rq, follow, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &v))
		return v;
	return verdict_of(fchownat(rq->place[0].object, "", rq->uid, rq->gid, AT_EMPTY_PATH));
}

struct verdict handle_chown(struct request *rq)
{
	return change_owner(rq, !(rq->flags & AT_SYMLINK_NOFOLLOW));
}

struct verdict handle_lchown(struct request *rq)
{
	return change_owner(rq, false);
}

struct verdict handle_utimens(struct request *rq)
{
	struct verdict v;

	/* KERNEL: where nothing is to change nothing is looked at. */
	if (rq->has_times && rq->times[0].tv_nsec == UTIME_OMIT &&
	    rq->times[1].tv_nsec == UTIME_OMIT)
		return verdict_result(0);
	/* utimensat() and futimesat() with a NULL path mean the descriptor itself. */
	if (!rq->has_path[0]) {
		int r = rq->dirfd[0] == AT_FDCWD ? -EFAULT : 0;

		if (r == 0 && caller_is_handle(&rq->caller, rq->dirfd[0]))
			r = -EBADF;
		if (r == 0)
			r = resolve_fd(&rq->caller, rq->dirfd[0], &rq->place[0]);
		if (r < 0)
			return verdict_result(r);
		if (!request_allowed(rq, OP_META, &rq->place[0], &v))
			return v;
	} else if (prepare(rq, !(rq->flags & AT_SYMLINK_NOFOLLOW),
			   AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &v)) {
		return v;
	}
	/* By the raw call: libc refuses combinations that the kernel takes. */
	return verdict_of(syscall(SYS_utimensat, rq->place[0].object, "",
				  rq->has_times ? rq->times : NULL, AT_EMPTY_PATH));
}

/*
 * RACE: the number of a caller that is killed may be another thread's by now: it is held before we look whether
 * the caller still waits. KERNEL(6.9): without descriptors of threads a moment remains, but not for
 * another process.
 */
static void send_signal(struct request *rq, int signal)
{
	cleanup_fd int thread = pidfd_open_thread(rq->caller.tid);
	pid_t process = caller_tgid(&rq->caller);

	if (!request_pending(rq))
		return;
	if (thread >= 0)
		pidfd_signal(thread, signal);
	else
		process_signal_thread(process, rq->caller.tid, signal);
}

/*
 * The limit on file sizes is the caller's, and so is the signal. KERNEL: only what makes a file longer meets it.
 */
static int check_size_limit(struct request *rq, int fd)
{
	cleanup_ids struct supervisor *own = ids_look(rq->caller.sv);
	uint64_t limit;
	struct stat st;

	if (process_file_size_limit(own->proc_fd, rq->caller.tid, &limit) < 0 || fstat(fd, &st) < 0)
		return -EACCES;
	if (rq->number <= limit || (int64_t)rq->number <= st.st_size)
		return 0;
	send_signal(rq, SIGXFSZ);
	rq->caller.sv->limit_hit(rq->caller.sv->callback_arg, LIMIT_FILE_SIZE);
	return -EFBIG;
}

struct verdict handle_truncate(struct request *rq)
{
	const struct place *place = &rq->place[0];
	cleanup_fd int fd = -1;
	char name[12];
	struct verdict v;
	int r;

	if ((int64_t)rq->number < 0)
		return verdict_result(-EINVAL);
	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	r = request_resolve(rq, 0, RESOLVE_FOLLOW);
	if (r < 0)
		return verdict_result(r);
	if (!request_allowed(rq, OP_WRITE, place, &v))
		return v;
	if (!S_ISREG(place->st.st_mode))
		return verdict_result(S_ISDIR(place->st.st_mode) ? -EISDIR : -EINVAL);
	fd = openat(rq->caller.sv->self_fd, held_name(place->object, name), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return verdict_of(fd);
	r = check_size_limit(rq, fd);
	return r < 0 ? verdict_result(r) : verdict_of(ftruncate(fd, (off_t)rq->number));
}
