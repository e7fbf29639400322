/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open, openat, creat, openat2.
 *
 * The object is held (O_PATH) and judged before it is opened, since opening has effects: it
 * truncates, it wakes the other end of a FIFO. Then it is opened through the held descriptor. A new
 * file is made exclusively in the held directory: if the name has appeared meanwhile, the whole
 * walk starts again.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "supervisor/dns.h"
#include "supervisor/ids.h"
#include "supervisor/pending.h"
#include "supervisor/sticky.h"
#include "sys/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define TMPFILE_BIT   (O_TMPFILE & ~O_DIRECTORY)
#define LARGEFILE_BIT 0100000u
#define ATTEMPTS      8
#define MAJOR_MEM     1
#define MAJOR_TTY     5

/* What open() and openat() look at; they ignore other bits, as openat2() does not. */
#define OPEN_BITS                                                                                  \
	((unsigned)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |    \
		    O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | \
		    O_CLOEXEC | O_PATH | O_TMPFILE) |                                              \
	 LARGEFILE_BIT)

static bool wants_write(unsigned flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC | TMPFILE_BIT));
}

/* Access mode 3 asks for both permissions. */
static bool wants_read(unsigned flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

static bool judge_access(struct request *rq, unsigned flags, struct verdict *ret)
{
	const struct place *place = &rq->place[0];

	if (wants_read(flags) && !request_allowed(rq, OP_READ, place, ret))
		return false;
	return !wants_write(flags) || request_allowed(rq, OP_WRITE, place, ret);
}

/*
 * The caller's controlling terminal. Ours is the same one unless the caller has left the session;
 * then it is no business of ours to open it.
 */
static int check_tty(struct request *rq)
{
	unsigned device;
	int r = process_terminal(rq->caller.sv->proc_fd, rq->caller.tid, &device);

	if (r < 0)
		return -EACCES;
	return device != 0 && device == rq->caller.sv->own_terminal ? 0 : -ENXIO;
}

/* Whether opening may wait for somebody: then it must not be done by the loop (I9). */
static bool may_block(const struct stat *st, unsigned flags)
{
	unsigned device = major(st->st_rdev);

	if (flags & O_NONBLOCK)
		return false;
	if (S_ISFIFO(st->st_mode) || S_ISBLK(st->st_mode))
		return true;
	return S_ISCHR(st->st_mode) && device != MAJOR_MEM && device != MAJOR_TTY &&
	       (device < DEVICE_PTS_FIRST || device > DEVICE_PTS_LAST);
}

/*
 * The flag O_NOFOLLOW is seen in F_GETFL, but nothing held can be opened with it: a directory is opened as its own
 * `.`, a file once more by its name. RACE: whoever exchanges the name meanwhile gains nothing: what is opened has
 * not changed by that, and is given away only if it is the object that was judged. Return: fd, or -1 if it must be
 * opened without the flag.
 */
static int open_with_nofollow(const struct request *rq, int flags)
{
	const struct place *place = &rq->place[0];
	cleanup_fd int fd = -1;
	struct stat st;

	if (S_ISDIR(place->st.st_mode))
		return openat(place->object, ".", flags, rq->mode & 07777);
	if (!S_ISREG(place->st.st_mode) || place->parent < 0)
		return -1;
	fd = openat(place->parent, place->leaf, flags | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != place->st.st_dev ||
	    st.st_ino != place->st.st_ino)
		return -1;
	return flags & O_NONBLOCK || fcntl(fd, F_SETFL, flags) == 0 ? steal_fd(&fd) : -1;
}

static int reopen(struct request *rq, int flags)
{
	const struct place *place = &rq->place[0];
	cleanup_ids struct supervisor *own = caller_look(&rq->caller, place->path);
	char name[12];
	int fd = -1, with_flag = -1;

	/* SECURITY: what truncates is the held object alone. */
	if (flags & O_NOFOLLOW && !(flags & O_TRUNC))
		fd = open_with_nofollow(rq, flags);
	if (fd < 0)
		fd = openat(rq->caller.sv->self_fd, held_name(place->object, name),
			    flags & ~O_NOFOLLOW, rq->mode & 07777);
	if (fd >= 0 && flags & O_NOFOLLOW && flags & O_TRUNC)
		with_flag = open_with_nofollow(rq, flags & ~O_TRUNC);
	if (with_flag < 0)
		return fd;
	close(fd);
	return with_flag;
}

/* Opens the held object; everything has been decided. */
static struct verdict open_held(struct request *rq, unsigned flags)
{
	const struct place *place = &rq->place[0];
	unsigned clean = (flags & ~(unsigned)(O_CREAT | O_EXCL)) | O_NOCTTY | O_CLOEXEC;
	const struct dns *dns = rq->caller.sv->dns;
	int fd;

	if (!wants_write(flags) && dns_stands_for(dns, place)) {
		fd = dns_open(dns, (int)(clean & ~(unsigned)O_NOFOLLOW));
		return fd < 0 ? verdict_result(fd) : verdict_fd(fd, flags & O_CLOEXEC);
	}
	if (S_ISCHR(place->st.st_mode) && place->st.st_rdev == makedev(MAJOR_TTY, 0)) {
		int r = check_tty(rq);

		if (r < 0)
			return verdict_result(r);
	}
	if (may_block(&place->st, flags))
		return pending_open(rq, place->object, (int)(clean & ~(unsigned)O_NOFOLLOW),
				    flags & O_CLOEXEC);
	fd = reopen(rq, (int)clean);
	if (fd < 0)
		return verdict_of(fd);
	return (flags & O_ACCMODE) == O_RDONLY && !S_ISFIFO(place->st.st_mode)
		       ? verdict_fd(fd, flags & O_CLOEXEC)
		       : verdict_settled_fd(fd, flags & O_CLOEXEC);
}

static struct verdict open_existing(struct request *rq, unsigned flags)
{
	const struct place *place = &rq->place[0];
	bool directory = S_ISDIR(place->st.st_mode);
	struct verdict v;

	if ((flags & O_CREAT) && (flags & O_EXCL)) {
		/* Whether a denied name exists must not show. */
		if (!request_allowed(rq, OP_STAT, place, &v))
			return v;
		return verdict_result(-EEXIST);
	}
	if (!judge_access(rq, flags, &v))
		return v;
	if ((flags & O_DIRECTORY) && !directory)
		return verdict_result(-ENOTDIR);
	if (S_ISLNK(place->st.st_mode))
		return verdict_result(-ELOOP);
	if (directory && wants_write(flags))
		return verdict_result(-EISDIR);
	if (flags & O_CREAT && place->parent >= 0) {
		int r = sticky_open(rq->caller.sv, place->parent, &place->st);

		if (r < 0)
			return verdict_result(r);
	}
	if (ablated("continue"))
		return verdict_continue(CONTINUE_BOUNDED);
	return open_held(rq, flags);
}

/* O_TMPFILE: a file without a name in a directory that may be written. */
static struct verdict open_tmpfile(struct request *rq, unsigned flags)
{
	struct place *place = &rq->place[0];
	struct verdict v;
	struct fs_object object;
	struct decision decision;
	char path[sizeof(place->path)];
	int r;

	if (!S_ISDIR(place->st.st_mode))
		return verdict_result(-ENOTDIR);
	if (!request_pending(rq))
		return verdict_result(-EACCES);
	object = (struct fs_object){ .path = path };
	object.length = (size_t)snprintf(path, sizeof(path), "%s/#tmpfile",
					 place->length == 1 ? "" : place->path);
	if (object.length >= sizeof(path))
		return verdict_result(-ENAMETOOLONG);
	decision = policy_decide_fs(rq->caller.sv->policy, OP_CREATE, &object);
	if (!request_judge(rq, OP_CREATE, &decision, place->path, &v))
		return v;
	r = request_take_umask(rq);
	return r < 0 ? verdict_result(r) : open_held(rq, flags);
}

/* Return: false if the name has appeared meanwhile and the walk has to start again. */
static bool create(struct request *rq, unsigned flags, struct verdict *ret)
{
	const struct place *place = &rq->place[0];
	int fd, r;

	if (!request_allowed(rq, OP_CREATE, place, ret))
		return true;
	r = request_take_umask(rq);
	if (r < 0) {
		*ret = verdict_result(r);
		return true;
	}
	fd = openat(place->parent, place->leaf,
		    (int)(flags | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC), rq->mode & 07777);
	if (fd < 0 && errno == EEXIST && !(flags & O_EXCL))
		return false;
	if (fd < 0) {
		*ret = verdict_of(fd);
		return true;
	}
	rq->created = true;
	*ret = verdict_settled_fd(fd, flags & O_CLOEXEC);
	return true;
}

static int resolve(struct request *rq, unsigned flags, uint64_t scope)
{
	bool follow = !(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL));
	bool name = flags & O_CREAT;
	unsigned how = (follow ? RESOLVE_FOLLOW : 0u) | (name ? RESOLVE_NAME : 0u) |
		       (flags & O_NOFOLLOW ? RESOLVE_PARENT : 0u);

	/* Our own walk first: the kernel's would tell what a path through a denied place leads to.
	 * Below another root a path means something else. */
	if (scope && !(scope & RESOLVE_IN_ROOT)) {
		int r = request_resolve(rq, 0, how);

		if (r < 0 && rq->place[0].refused)
			return r;
		place_done(&rq->place[0]);
		place_init(&rq->place[0]);
	}
	if (scope)
		return resolve_with_kernel(&rq->caller, rq->dirfd[0], rq->path[0], scope, follow,
					   name, &rq->place[0]);
	return request_resolve(rq, 0, how);
}

static struct verdict open_path(struct request *rq, unsigned flags, uint64_t scope)
{
	struct verdict v;

	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	if ((flags & TMPFILE_BIT) &&
	    (!(flags & O_DIRECTORY) || (flags & O_ACCMODE) == O_RDONLY || (flags & O_CREAT)))
		return verdict_result(-EINVAL);
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return verdict_result(-EINVAL);
	/* KERNEL: what changes something is never done from what is cached. */
	if (scope & RESOLVE_CACHED && flags & (O_TRUNC | O_CREAT | TMPFILE_BIT))
		return verdict_result(-EAGAIN);
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int r = resolve(rq, flags, scope);

		if (r < 0)
			return verdict_result(r);
		/* KERNEL: whatever is there. */
		if (flags & O_CREAT && rq->place[0].trailing_slash)
			return request_allowed(rq, OP_STAT, &rq->place[0], &v)
				       ? verdict_result(-EISDIR)
				       : v;
		if (rq->place[0].object >= 0)
			return flags & TMPFILE_BIT ? open_tmpfile(rq, flags)
						   : open_existing(rq, flags);
		if (create(rq, flags, &v))
			return v;
		place_done(&rq->place[0]);
		place_init(&rq->place[0]);
	}
	return request_failed(rq, EAGAIN, "the name keeps changing");
}

/* A handle cannot be injected; the flag is in a register, so a race gains no more than a handle. */
static struct verdict open_handle(struct request *rq)
{
	struct verdict v;
	int r = rq->has_path[0] ? resolve(rq, rq->flags & O_NOFOLLOW, 0) : -EFAULT;

	if (r < 0)
		return verdict_result(r);
	if (!request_allowed(rq, OP_STAT, &rq->place[0], &v))
		return v;
	return verdict_continue(CONTINUE_METADATA);
}

struct verdict handle_open(struct request *rq)
{
	return rq->flags & O_PATH ? open_handle(rq) : open_path(rq, rq->flags & OPEN_BITS, 0);
}

struct verdict handle_creat(struct request *rq)
{
	return open_path(rq, O_CREAT | O_WRONLY | O_TRUNC, 0);
}

struct verdict handle_openat2(struct request *rq)
{
	const uint64_t scopes = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
				RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
	const unsigned path_bits = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	unsigned flags = (unsigned)rq->how.flags;

	/* openat2() is strict where openat() ignores. */
	if ((rq->how.flags & ~(uint64_t)OPEN_BITS) || (rq->how.resolve & ~scopes) ||
	    (rq->how.resolve & RESOLVE_BENEATH && rq->how.resolve & RESOLVE_IN_ROOT) ||
	    (rq->how.mode & ~07777ull) || (rq->how.mode && !(flags & (O_CREAT | TMPFILE_BIT))) ||
	    (flags & O_PATH && flags & ~path_bits))
		return verdict_result(-EINVAL);
	/* A handle cannot be injected, and its flags are in memory: the caller gets one that reads.
	 */
	flags &= ~(unsigned)O_PATH;
	rq->mode = (unsigned)rq->how.mode;
	return open_path(rq, flags, rq->how.resolve);
}
