/* SPDX-License-Identifier: Apache-2.0 */
/* The only reader of the caller's memory: see request.h. */
#include "supervisor/request.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "supervisor/audit.h"
#include "supervisor/ids.h"
#include "supervisor/sockets.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

#define HOW_SIZE_MIN 24
#define HOW_SIZE_MAX 4096

void request_init(struct request *rq, struct supervisor *sv)
{
	rq->caller = (struct caller){ .sv = sv, .scratch = rq->scratch };
	rq->input = NULL;
	rq->ids_taken = false;
	place_init(&rq->place[0]);
	place_init(&rq->place[1]);
}

/* Copies exactly length bytes. A short read means that the memory ends there. */
static int copy(struct request *rq, uint64_t address, void *buffer, size_t length)
{
	ssize_t n = process_read(rq->caller.sv->proc_fd, rq->caller.tid, address, buffer, length);

	if (n < 0)
		return n == -EFAULT || n == -EIO ? -EFAULT : -EACCES;
	return (size_t)n == length ? 0 : -EFAULT;
}

static int copy_string(struct request *rq, uint64_t address, char *buffer, size_t size)
{
	ssize_t n =
		process_read_string(rq->caller.sv->proc_fd, rq->caller.tid, address, buffer, size);

	if (n >= 0 || n == -EFAULT || n == -ENAMETOOLONG)
		return n < 0 ? (int)n : 0;
	return -EACCES;
}

static int decode_how(struct request *rq, uint64_t address, uint64_t size)
{
	unsigned char raw[HOW_SIZE_MAX];
	int r;

	if (size < HOW_SIZE_MIN)
		return -EINVAL;
	if (size > HOW_SIZE_MAX)
		return -E2BIG;
	r = copy(rq, address, raw, size);
	if (r < 0)
		return r;
	for (size_t i = sizeof(rq->how); i < size; i++)
		if (raw[i])
			return -E2BIG;
	memset(&rq->how, 0, sizeof(rq->how));
	memcpy(&rq->how, raw, size < sizeof(rq->how) ? size : sizeof(rq->how));
	return 0;
}

static int decode_timevals(struct request *rq, uint64_t address)
{
	struct timeval tv[2];
	int r = copy(rq, address, tv, sizeof(tv));

	if (r < 0)
		return r;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		rq->times[i].tv_sec = tv[i].tv_sec;
		rq->times[i].tv_nsec = tv[i].tv_usec * 1000;
	}
	return 0;
}

static int decode_utimbuf(struct request *rq, uint64_t address)
{
	struct utimbuf buffer;
	int r = copy(rq, address, &buffer, sizeof(buffer));

	rq->times[0] = (struct timespec){ .tv_sec = buffer.actime };
	rq->times[1] = (struct timespec){ .tv_sec = buffer.modtime };
	return r;
}

static int decode_times(struct request *rq, enum role role, uint64_t address)
{
	rq->has_times = address != 0;
	if (!rq->has_times)
		return 0;
	if (role == ROLE_TIMEVALS)
		return decode_timevals(rq, address);
	if (role == ROLE_UTIMBUF)
		return decode_utimbuf(rq, address);
	return copy(rq, address, rq->times, sizeof(rq->times));
}

static int decode_input(struct request *rq, uint64_t address, uint64_t length)
{
	if (length > INPUT_MAX)
		return -E2BIG;
	rq->input_length = length;
	if (length == 0)
		return 0;
	rq->input = malloc(length);
	if (!rq->input)
		return -ENOMEM;
	return copy(rq, address, rq->input, length);
}

/* KERNEL: the length is an int; the kernel refuses what cannot be an address before it reads. */
static int decode_address(struct request *rq, uint64_t address, uint64_t length)
{
	int n = (int)(uint32_t)length;

	if (n < 0 || (size_t)n > sizeof(rq->address))
		return -EINVAL;
	memset(&rq->address, 0, sizeof(rq->address));
	rq->address_length = (socklen_t)n;
	return n == 0 ? 0 : copy(rq, address, &rq->address, (size_t)n);
}

static int decode_path(struct request *rq, int *index, int *dirfd, uint64_t address)
{
	int i = (*index)++;

	rq->dirfd[i] = *dirfd;
	*dirfd = AT_FDCWD;
	rq->has_path[i] = address != 0;
	rq->path[i][0] = '\0';
	/* utimensat() gives a NULL path a meaning; elsewhere handlers answer EFAULT. */
	return address ? copy_string(rq, address, rq->path[i], sizeof(rq->path[i])) : 0;
}

/* KERNEL: a name that is too long, or empty, is ERANGE. */
static int decode_xattr_name(struct request *rq, uint64_t address)
{
	int r = copy_string(rq, address, rq->text, XATTR_NAME_SIZE);

	if (r == -ENAMETOOLONG || (r == 0 && !rq->text[0]))
		return -ERANGE;
	return r;
}

static int decode_argument(struct request *rq, int arg, int *path, int *dirfd)
{
	uint64_t value = rq->args[arg];

	switch (rq->row->roles[arg]) {
	case ROLE_NONE:
	case ROLE_DEVICE:
	case ROLE_RAW:
	case ROLE_SOCKLEN:
		return 0;
	case ROLE_DIRFD:
		*dirfd = (int)(uint32_t)value;
		return 0;
	case ROLE_PATH:
		return decode_path(rq, path, dirfd, value);
	case ROLE_TEXT:
		return copy_string(rq, value, rq->text, sizeof(rq->text));
	case ROLE_XATTR:
		return decode_xattr_name(rq, value);
	case ROLE_FD:
		rq->fd = (int)(uint32_t)value;
		return 0;
	case ROLE_OFLAGS:
	case ROLE_ATFLAGS:
		rq->flags = (unsigned)value;
		return 0;
	case ROLE_MODE:
		rq->mode = (unsigned)value;
		return 0;
	case ROLE_UID:
		rq->uid = (uid_t)value;
		return 0;
	case ROLE_GID:
		rq->gid = (gid_t)value;
		return 0;
	case ROLE_NUMBER:
		rq->number = value;
		return 0;
	case ROLE_HOW:
		return decode_how(rq, value, rq->args[arg + 1]);
	case ROLE_TIMESPECS:
	case ROLE_TIMEVALS:
	case ROLE_UTIMBUF:
		return decode_times(rq, rq->row->roles[arg], value);
	case ROLE_INPUT:
		return decode_input(rq, value, rq->args[arg + 1]);
	case ROLE_OUTPUT:
		rq->output = value;
		return 0;
	case ROLE_SOCKADDR:
		return decode_address(rq, value, rq->args[arg + 1]);
	}
	return -EINVAL;
}

int request_decode(struct request *rq, const struct mediated *row, const struct seccomp_notif *n)
{
	int path = 0, dirfd = AT_FDCWD;

	rq->row = row;
	rq->id = n->id;
	rq->caller.tid = (pid_t)n->pid;
	rq->caller.tgid = 0;
	memcpy(rq->args, n->data.args, sizeof(rq->args));
	rq->flags = rq->mode = 0;
	rq->has_path[0] = rq->has_path[1] = false;
	rq->path[0][0] = rq->path[1][0] = '\0';
	rq->created = false;
	/* The caller is in no pid namespace of ours: nothing about it can be read. */
	if (n->pid == 0)
		return -EACCES;
	for (int arg = 0; arg < 6; arg++) {
		int r = decode_argument(rq, arg, &path, &dirfd);

		if (r < 0)
			return r;
	}
	if (rq->caller.sv->ids_differ) {
		int r = ids_take(rq->caller.sv, rq->caller.tid);

		/* A failure on the way has changed some of them. */
		rq->ids_taken = r != 0;
		if (r < 0)
			return -EACCES;
	}
	return 0;
}

void request_done(struct request *rq)
{
	place_done(&rq->place[0]);
	place_done(&rq->place[1]);
	place_init(&rq->place[0]);
	place_init(&rq->place[1]);
	free(rq->input);
	rq->input = NULL;
	if (!rq->ids_taken)
		return;
	rq->ids_taken = false;
	/* SECURITY: a thread with the wrong ids must not serve the next caller. */
	if (ids_restore(rq->caller.sv) < 0)
		rq->caller.sv->broken(rq->caller.sv->broken_arg, "cannot restore its own ids");
}

/* Whether a name exists in a place that is denied or hidden must not show. Return: r, or the refusal. */
static int veil(struct request *rq, const struct place *place, int r)
{
	const struct fs_object object = { .path = place->path, .length = place->length };
	struct decision decision;
	struct verdict v;

	if (place->path[0] != '/')
		return r;
	decision = policy_decide_fs(rq->caller.sv->policy, OP_STAT, &object);
	return request_judge(rq, rq->row->op, &decision, place->path, &v) ? r : -v.error;
}

int request_resolve(struct request *rq, int index, unsigned flags)
{
	int r = resolve_path(&rq->caller, rq->dirfd[index], rq->path[index], flags,
			     &rq->place[index]);

	return r == -ENOENT || r == -ENOTDIR ? veil(rq, &rq->place[index], r) : r;
}

bool request_pending(const struct request *rq)
{
	return notif_valid(rq->caller.sv->listener, rq->id) == 0;
}

bool request_judge(struct request *rq, enum op op, const struct decision *decision,
		   const char *target, struct verdict *ret)
{
	const struct supervisor *sv = rq->caller.sv;

	if (decision->allow || ablated("decide"))
		return true;
	*ret = verdict_result(-decision->error);
	audit_add(sv->audit, &(struct audit_facts){ .kind = CORDON_EVENT_DENIED,
						    .proc_fd = sv->proc_fd,
						    .pid = caller_tgid(&rq->caller),
						    .tid = rq->caller.tid,
						    .operation = op_info[op].name,
						    .syscall = rq->row->name,
						    .target = target,
						    .given = rq->path[0][0] ? rq->path[0] : NULL,
						    .error = decision->error,
						    .rule = decision->rule });
	return false;
}

/* Opening a file or directory for reading: injecting the descriptor fails for a caller that is gone. */
static bool has_no_effect(enum op op, const struct place *place)
{
	return op == OP_READ && (S_ISREG(place->st.st_mode) || S_ISDIR(place->st.st_mode));
}

/*
 * A device node is the host's: whoever may write to it may not change who else may. Terminals of
 * devpts belong to whoever opened them.
 */
static bool is_shared_device(const struct place *place)
{
	unsigned device = major(place->st.st_rdev);

	if (S_ISBLK(place->st.st_mode))
		return true;
	return S_ISCHR(place->st.st_mode) &&
	       (device < DEVICE_PTS_FIRST || device > DEVICE_PTS_LAST);
}

bool request_allowed(struct request *rq, enum op op, const struct place *place, struct verdict *ret)
{
	const struct fs_object object = place_object(place);
	struct decision decision = { .allow = true };

	/* What has no name is reached through the caller's own descriptors only, and is in no rule. */
	if (op == OP_META && is_shared_device(place))
		decision = (struct decision){ .error = EACCES };
	else if (!place->anonymous)
		decision = policy_decide_fs(rq->caller.sv->policy, op, &object);
	/* SECURITY: a caller that is gone may have been another process when we looked at it. */
	if (!(decision.allow && has_no_effect(op, place)) && !request_pending(rq)) {
		*ret = verdict_result(-EACCES);
		return false;
	}
	return request_judge(rq, op, &decision, place->path, ret);
}

struct verdict request_failed(struct request *rq, int error, const char *reason)
{
	const struct supervisor *sv = rq->caller.sv;

	/* A caller that is gone is no failure. */
	if (request_pending(rq))
		audit_add(sv->audit,
			  &(struct audit_facts){ .kind = CORDON_EVENT_FAILED,
						 .proc_fd = sv->proc_fd,
						 .pid = caller_tgid(&rq->caller),
						 .tid = rq->caller.tid,
						 .operation = op_info[rq->row->op].name,
						 .syscall = rq->row->name,
						 .target = rq->path[0][0] ? rq->path[0] : NULL,
						 .error = error,
						 .reason = reason });
	return verdict_result(-error);
}

int request_output(struct request *rq, const void *data, size_t length)
{
	if (!request_pending(rq))
		return -ENOENT;
	return process_write(rq->caller.tid, rq->output, data, length);
}

int request_descriptor(struct request *rq, int fd)
{
	cleanup_fd int pidfd = -1;
	int r;

	if (fd < 0)
		return -EBADF;
	if (!rq->caller.sv->pidfd_getfd)
		return sockets_find(&rq->caller, fd);
	pidfd = pidfd_open_process(rq->caller.tid);
	if (pidfd < 0)
		pidfd = pidfd_open_thread(rq->caller.tid);
	if (pidfd <
	    0) /* KERNEL(6.9): older kernels have no pidfd for a thread: its process's table */
		pidfd = pidfd_open_process(caller_tgid(&rq->caller));
	if (pidfd < 0)
		return -EACCES;
	r = pidfd_get(pidfd, fd);
	return r == -EPERM ? -EACCES : r;
}

int request_take_umask(struct request *rq)
{
	struct process_status status;
	int r = process_status(rq->caller.sv->proc_fd, rq->caller.tid, &status);

	if (r < 0)
		return -EACCES;
	umask(status.umask);
	return 0;
}
