/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that makes the stage: see stage.h. System calls only (I11).
 *
 * Theory of operation. Each namespace is left by a call of its own, so that each has an outcome of its
 * own. After the user namespace the process waits until the host's thread has written the id maps. A
 * pid namespace has its first process in the next child: that is cloned as a sibling, the host's child
 * like this one, and goes on in its place.
 *
 *   host                      stage                         first process
 *   clone ------------------> unshare(user)
 *              <- user_ns --
 *   id maps    -- MAPPED --->
 *              <- time_ns -- unshare(time), its offsets
 *                             unshare(pid), clone --------->
 *              <- FIRST, a pidfd; ends
 *              <- pid_ns ------------------------------------
 *                                                           unshare(mount), mounts, root
 *              <- mount_ns, mounts, root --------------------
 *              <- SET, the namespaces and the root ----------
 *   ...                                                      waits for the end of the socket
 *
 * SECURITY: this is a copy of the host's process that no Landlock domain confines. It keeps nothing
 * but the socket, cannot be attached to or looked into by the program, and takes no further message.
 * All signals are blocked for good.
 */
#include "child/stage.h"

#include "base/cleanup.h"
#include "base/layer.h"
#include "child/fds.h"
#include "child/mounts.h"
#include "child/raw.h"
#include "child/steps.h"
#include "sys/compat.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct stage {
	const struct stage_plan *plan;
	uint64_t made; /* LAYER_BIT of each */
	int fds[STAGE_FDS];
	struct view view;
};

union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(STAGE_FDS * sizeof(int))];
};

static void tell(const struct stage *s, struct stage_message message, const int *fds, size_t count)
{
	struct iovec part = { &message, sizeof(message) };
	union rights rights = { .header = { .cmsg_len = CMSG_LEN(count * sizeof(int)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS } };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int *to = (int *)(void *)CMSG_DATA(&rights.header);

	for (size_t i = 0; i < count; i++)
		to[i] = fds[i];
	if (count > 0) {
		header.msg_control = &rights;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	if (raw(SYS_sendmsg, s->plan->socket, &header, MSG_NOSIGNAL) < 0)
		raw_exit(EXIT_SETUP);
}

/* Return: whether the layer is in force. */
static bool outcome_of(struct stage *s, unsigned layer, long error, size_t which)
{
	tell(s,
	     (struct stage_message){ .kind = STAGE_OUTCOME,
				     .layer = layer,
				     .error = (int32_t)error,
				     .value = (uint32_t)which },
	     NULL, 0);
	if (error == 0)
		s->made |= LAYER_BIT(layer);
	else if (!(s->plan->tolerate & LAYER_BIT(layer)))
		raw_exit(EXIT_SETUP);
	return error == 0;
}

static bool outcome(struct stage *s, unsigned layer, long error)
{
	return outcome_of(s, layer, error, 0);
}

static bool is_asked(const struct stage *s, unsigned layer)
{
	return s->plan->namespaces & LAYER_BIT(layer);
}

static void make_user(struct stage *s)
{
	unsigned char byte = 0;
	long n;

	if (!is_asked(s, LAYER_USER_NS) ||
	    !outcome(s, LAYER_USER_NS, namespace_enter(CLONE_NEWUSER, "/proc/self/ns/user")))
		return;
	n = raw(SYS_read, s->plan->socket, &byte, 1);
	/* SECURITY: anything but the one byte means that there are no maps. */
	if (n != 1 || byte != STAGE_MAPPED)
		raw_exit(EXIT_SETUP);
}

/* Nobody is in it yet: from then on its offsets would be fixed. This process stays where it is. */
static void make_time(struct stage *s)
{
	long fd, r;

	if (!is_asked(s, LAYER_TIME_NS))
		return;
	r = namespace_enter(CLONE_NEWTIME, "/proc/self/ns/time_for_children");
	if (r == 0 && s->plan->offsets_length > 0) {
		fd = raw(SYS_openat, AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
		r = fd < 0 ? fd : raw(SYS_write, fd, s->plan->offsets, s->plan->offsets_length);
		raw(SYS_close, fd);
		if (r >= 0)
			r = r == (long)s->plan->offsets_length ? 0 : -EIO;
	}
	outcome(s, LAYER_TIME_NS, r);
}

/* Goes on in the first process of a pid namespace, if there is to be one. */
static void make_pid(struct stage *s)
{
	long before, r;
	int pidfd = -1;

	if (!is_asked(s, LAYER_PID_NS))
		return;
	before = namespace_inode("/proc/self/ns/pid");
	r = before < 0 ? before : raw(SYS_unshare, CLONE_NEWPID);
	if (r >= 0)
		r = raw(SYS_clone, CLONE_PARENT | CLONE_PIDFD, 0, &pidfd);
	if (r > 0) {
		tell(s, (struct stage_message){ .kind = STAGE_FIRST }, &pidfd, 1);
		raw_exit(0);
	}
	if (r == 0) {
		r = namespace_inode("/proc/self/ns/pid");
		r = r < 0 ? r : r == before ? -EPERM : 0;
	}
	outcome(s, LAYER_PID_NS, r);
}

static void make_mount(struct stage *s)
{
	int r;

	if (!is_asked(s, LAYER_MOUNT_NS))
		return;
	r = namespace_enter(CLONE_NEWNS, "/proc/self/ns/mnt");
	if (r == 0)
		r = mounts_private();
	outcome(s, LAYER_MOUNT_NS, r);
}

static int add_mount(struct stage *s, size_t number)
{
	if (s->plan->view->mounts[number].of_pid_ns && !(s->made & LAYER_BIT(LAYER_PID_NS)))
		return 0;
	return mounts_add(&s->view, number);
}

static void make_view(struct stage *s)
{
	size_t at = 0;
	int r;

	if (!(s->made & LAYER_BIT(LAYER_MOUNT_NS)))
		return;
	r = mounts_take_sources(&s->view, s->plan->view, &at);
	if (r == 0) {
		r = mounts_root(&s->view);
		if (r < 0)
			outcome(s, LAYER_ROOT, r);
		for (at = 0; r == 0 && at < s->plan->view->count; at++)
			r = add_mount(s, at);
		at -= r < 0;
	}
	if (r < 0 || is_asked(s, LAYER_MOUNTS))
		outcome_of(s, LAYER_MOUNTS, r, at);
	r = mounts_enter(&s->view);
	if (r < 0 || is_asked(s, LAYER_ROOT))
		outcome(s, LAYER_ROOT, r);
	r = (int)raw(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r < 0)
		outcome(s, LAYER_ROOT, r);
	s->fds[STAGE_ROOT] = r;
}

static void open_one(struct stage *s, enum stage_fd number, unsigned layer, const char *path)
{
	long r;

	if (!(s->made & LAYER_BIT(layer)))
		return;
	r = raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (r < 0) {
		outcome(s, layer, r);
		raw_exit(EXIT_SETUP);
	}
	s->fds[number] = (int)r;
}

static void hand_over(struct stage *s)
{
	struct stage_message message = { .kind = STAGE_SET };
	int fds[STAGE_FDS];
	size_t count = 0;

	for (unsigned i = 0; i < STAGE_FDS; i++) {
		if (s->fds[i] < 0)
			continue;
		message.value |= 1u << i;
		fds[count++] = s->fds[i];
	}
	tell(s, message, fds, count);
}

/* Until the host lets go, or is gone. */
__attribute__((noreturn)) static void hold(const struct stage *s)
{
	struct pollfd fds[] = { { .fd = s->plan->socket, .events = POLLIN },
				{ .fd = s->plan->host, .events = POLLIN } };
	const int few[] = { s->plan->socket, s->plan->host };
	const struct fds_kept kept = { .few = few, .few_count = COUNT_OF(few) };

	fds_close_others(0, &kept, false);
	while (raw(SYS_ppoll, fds, COUNT_OF(fds), NULL, 0, 0) <= 0)
		continue;
	raw_exit(0);
}

void stage_main(const struct stage_plan *plan)
{
	const int few[] = { plan->socket, plan->host };
	const struct fds_kept kept = { .few = few, .few_count = COUNT_OF(few) };
	struct stage s = { .plan = plan };

	for (int i = 0; i < STAGE_FDS; i++)
		s.fds[i] = -1;
	fds_close_others(0, &kept, false);
	raw(SYS_prctl, PR_SET_NAME, "cordon-stage");
	/* What is made as a target is to be entered by whoever the program is. */
	raw(SYS_umask, 022);
	/* Out of reach of the terminal's signals, and of its hang-up. */
	raw(SYS_setsid);
	make_user(&s);
	make_time(&s);
	make_pid(&s);
	make_mount(&s);
	open_one(&s, STAGE_USER, LAYER_USER_NS, "/proc/self/ns/user");
	open_one(&s, STAGE_TIME, LAYER_TIME_NS, "/proc/self/ns/time_for_children");
	open_one(&s, STAGE_PID, LAYER_PID_NS, "/proc/self/ns/pid");
	open_one(&s, STAGE_MOUNT, LAYER_MOUNT_NS, "/proc/self/ns/mnt");
	make_view(&s);
	raw(SYS_prctl, PR_SET_DUMPABLE, 0);
	hand_over(&s);
	hold(&s);
}
