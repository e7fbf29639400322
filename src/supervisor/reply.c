/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that answers the kernel: see reply.h. */
#include "supervisor/reply.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "sys/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#define ERRNO_MAX 4095
/* Known to the kernel only, which looks at it when it delivers the signal. */
#define ERESTARTSYS 512

struct verdict verdict_of(long libc_result)
{
	return verdict_result(libc_result < 0 ? -errno : libc_result);
}

struct verdict verdict_fd(int take_fd, bool close_on_exec)
{
	return (struct verdict){ .kind = VERDICT_FD,
				 .fd = take_fd,
				 .fd_flags = close_on_exec ? O_CLOEXEC : 0 };
}

struct verdict verdict_settled_fd(int take_fd, bool close_on_exec)
{
	struct verdict v = verdict_fd(take_fd, close_on_exec);

	v.settled = true;
	return v;
}

struct verdict verdict_later(void)
{
	return (struct verdict){ .kind = VERDICT_LATER, .fd = -1 };
}

struct verdict verdict_again(void)
{
	return (struct verdict){ .kind = VERDICT_AGAIN, .fd = -1 };
}

struct verdict verdict_restart(void)
{
	return (struct verdict){ .kind = VERDICT_RESTART, .fd = -1 };
}

struct verdict verdict_continue(enum continue_reason reason)
{
	return (struct verdict){ .kind = VERDICT_CONTINUE, .fd = -1, .reason = reason };
}

static int send_result(struct supervisor *sv, uint64_t id, int64_t value, int error)
{
	/* SECURITY: a positive error would be a successful result; an internal code would leak. */
	assert(error >= 0);
	if (error > ERRNO_MAX || (error > 0 && error >= 512 && error <= 530))
		error = EACCES;
	return notif_send(sv->listener, id, error ? 0 : value, -error);
}

int reply_replace(struct supervisor *sv, uint64_t id, int fd, int number, unsigned flags)
{
	return notif_replace_fd(sv->listener, id, fd, number, flags);
}

/*
 * RACE: without WAIT_KILLABLE_RECV a signal between the two steps would leave the caller with a
 * descriptor that it knows nothing of: there it is one step, and the moment remains.
 */
static int send_fd(struct supervisor *sv, uint64_t id, const struct verdict *verdict, int *fd)
{
	int number;

	if (fault("addfd"))
		return -EIO;
	if (!verdict->settled || !sv->waits_killable)
		return notif_addfd(sv->listener, id, *fd, verdict->fd_flags);
	number = notif_place_fd(sv->listener, id, *fd, verdict->fd_flags);
	if (number < 0)
		return number;
	close(steal_fd(fd));
	return notif_send(sv->listener, id, number, 0);
}

int reply_send(struct supervisor *sv, uint64_t id, struct verdict verdict)
{
	cleanup_fd int fd = verdict.fd;
	int r;

	switch (verdict.kind) {
	case VERDICT_RESULT:
		return send_result(sv, id, verdict.value, verdict.error);
	case VERDICT_FD:
		r = send_fd(sv, id, &verdict, &fd);
		if (r >= 0 || r == -ENOENT)
			return r < 0 ? r : 0;
		/* The request is still pending and must be answered: a full table is EMFILE. */
		send_result(sv, id, 0, r == -EMFILE ? EMFILE : EACCES);
		if (r == -EMFILE)
			sv->limit_hit(sv->callback_arg, LIMIT_OPEN_FILES);
		return r;
	case VERDICT_CONTINUE:
		atomic_fetch_add_explicit(&sv->continued, 1, memory_order_relaxed);
		return notif_continue(sv->listener, id);
	case VERDICT_LATER:
	case VERDICT_AGAIN:
		return 0;
	case VERDICT_RESTART:
		return notif_send(sv->listener, id, 0, -ERESTARTSYS);
	}
	return -EINVAL;
}
