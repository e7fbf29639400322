/* SPDX-License-Identifier: Apache-2.0 */
/* The only reader of the caller's memory: see request.h. */
#include "supervisor/request.h"

#include "base/cleanup.h"
#include "supervisor/ablate.h"
#include "supervisor/aside.h"
#include "supervisor/ids.h"
#include "supervisor/slow.h"
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

int request_init(struct request *rq, struct supervisor *sv)
{
	rq->caller = (struct caller){ .sv = sv, .scratch = rq->scratch };
	rq->input = NULL;
	rq->taken = -1;
	place_init(&rq->place[0]);
	place_init(&rq->place[1]);
	rq->bulk = malloc(INPUT_MAX);
	return rq->bulk ? 0 : -ENOMEM;
}

/* A short read means that the memory ends there. */
static int copied(ssize_t n, size_t length)
{
	if (n < 0)
		return n == -EFAULT || n == -EIO ? -EFAULT : -EACCES;
	return (size_t)n == length ? 0 : -EFAULT;
}

int request_copy(struct request *rq, uint64_t address, void *buffer, size_t length)
{
	cleanup_ids struct supervisor *own = ids_look(rq->caller.sv);

	if (fault("read"))
		return copied(-EPERM, length);
	return copied(process_read(rq->caller.sv->proc_fd, rq->caller.tid, address, buffer, length),
		      length);
}

int request_copy_parts(struct request *rq, const struct iovec *parts, size_t count, void *buffer,
		       size_t length)
{
	cleanup_ids struct supervisor *own = ids_look(rq->caller.sv);

	return copied(process_read_parts(rq->caller.sv->proc_fd, rq->caller.tid, parts, count,
					 buffer, length),
		      length);
}

static int copy_string(struct request *rq, uint64_t address, char *buffer, size_t size)
{
	ssize_t n =
		process_read_string(rq->caller.sv->proc_fd, rq->caller.tid, address, buffer, size);

	if (fault("string"))
		n = -EPERM;
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
	r = request_copy(rq, address, raw, size);
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
	int r = request_copy(rq, address, tv, sizeof(tv));

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
	int r = request_copy(rq, address, &buffer, sizeof(buffer));

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
	return request_copy(rq, address, rq->times, sizeof(rq->times));
}

static int decode_input(struct request *rq, uint64_t address, uint64_t length)
{
	if (length > INPUT_MAX)
		return -E2BIG;
	rq->input_length = length;
	if (length == 0)
		return 0;
	rq->input = fault("memory") ? NULL : malloc(length);
	if (!rq->input)
		return -ENOMEM;
	return request_copy(rq, address, rq->input, length);
}

/* KERNEL: the length is an int; the kernel refuses what cannot be an address before it reads. */
static int decode_address(struct request *rq, uint64_t address, uint64_t length)
{
	int n = (int)(uint32_t)length;

	if (n < 0 || (size_t)n > sizeof(rq->address))
		return -EINVAL;
	memset(&rq->address, 0, sizeof(rq->address));
	rq->address_length = (socklen_t)n;
	return n == 0 ? 0 : request_copy(rq, address, &rq->address, (size_t)n);
}

static int decode_path(struct request *rq, int *index, int *dirfd, uint64_t address)
{
	int i = (*index)++;

	rq->dirfd[i] = *dirfd;
	*dirfd = AT_FDCWD;
	rq->has_path[i] = address != 0;
	rq->path[i][0] = '\0';
	/* utimensat() gives a NULL path a meaning; elsewhere handlers answer EFAULT. */
	if (!address)
		return 0;
	address = (uint64_t)copy_string(rq, address, rq->path[i], sizeof(rq->path[i]));
	fault_begin(rq->path[i]);
	return (int)address;
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

int request_take_ids(struct request *rq)
{
	bool real = rq->row->registers == REG_ACCESS_MODE && !(rq->flags & AT_EACCESS);

	if (!rq->caller.sv->ids_differ)
		return 0;
	if (fault("ids"))
		return -EACCES;
	return ids_take(rq->caller.sv, rq->caller.tid, real ? IDS_REAL : IDS_FILESYSTEM) < 0
		       ? -EACCES
		       : 0;
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
	return request_take_ids(rq);
}

void request_done(struct request *rq)
{
	place_done(&rq->place[0]);
	place_done(&rq->place[1]);
	place_init(&rq->place[0]);
	place_init(&rq->place[1]);
	free(rq->input);
	rq->input = NULL;
	if (rq->taken >= 0)
		close(steal_fd(&rq->taken));
	/* SECURITY: a thread with the wrong ids must not serve the next caller. */
	if (ids_restore(rq->caller.sv) < 0)
		rq->caller.sv->broken(rq->caller.sv->callback_arg, "cannot restore its own ids");
}

/*
 * What there is in a place that is denied or hidden must not show, by no errno: one walk ends at a
 * missing name, another at a file where a directory should be. Return: r, or the refusal.
 */
static int veil(struct request *rq, struct place *place, int r)
{
	const struct fs_object object = { .path = place->path, .length = place->length };
	struct decision decision;
	struct verdict v;

	if (place->path[0] != '/')
		return r;
	decision = policy_decide_fs(rq->caller.sv->policy, OP_STAT, &object);
	if (request_judge(rq, rq->row->op, &decision, place->path, &v))
		return r;
	place->refused = true;
	return -v.error;
}

int request_resolve(struct request *rq, int index, unsigned flags)
{
	int r;

	await_reuse(rq->caller.sv->proc_fd, rq->caller.tid, rq->path[index]);
	r = resolve_path(&rq->caller, rq->dirfd[index], rq->path[index], flags, &rq->place[index]);

	return r < 0 && r != -SLOW ? veil(rq, &rq->place[index], r) : r;
}

bool request_pending(const struct request *rq)
{
	if (fault("id"))
		return false;
	return notif_valid(rq->caller.sv->listener, rq->id) == 0 || ablated("id");
}

/* Events of a process aside go the way of its results. */
static void tell(const struct supervisor *sv, const struct audit_facts *facts)
{
	if (sv->outcome)
		outcome_event(sv->outcome, facts);
	else
		audit_add(sv->audit, facts);
}

bool request_judge(struct request *rq, enum op op, const struct decision *decision,
		   const char *target, struct verdict *ret)
{
	const struct supervisor *sv = rq->caller.sv;

	if (decision->allow || ablated("decide"))
		return true;
	*ret = verdict_result(ablated("sentinels") ? -SENTINEL_SUPERVISOR : -decision->error);
	tell(sv, &(struct audit_facts){ .kind = CORDON_EVENT_DENIED,
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

/*
 * Looking, and opening a file or directory for reading: the result is not written, and the
 * descriptor not injected, for a caller that is gone.
 */
static bool has_no_effect(enum op op, const struct place *place)
{
	if (op == OP_STAT)
		return true;
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

void request_report(struct request *rq, int error, const char *reason)
{
	const struct supervisor *sv = rq->caller.sv;

	tell(sv, &(struct audit_facts){ .kind = CORDON_EVENT_FAILED,
					.proc_fd = sv->proc_fd,
					.pid = caller_tgid(&rq->caller),
					.tid = rq->caller.tid,
					.operation = op_info[rq->row->op].name,
					.syscall = rq->row->name,
					.target = rq->path[0][0] ? rq->path[0] : NULL,
					.error = error,
					.reason = reason });
}

struct verdict request_failed(struct request *rq, int error, const char *reason)
{
	/* A caller that is gone is no failure. */
	if (request_pending(rq))
		request_report(rq, error, reason);
	return verdict_result(-error);
}

int request_write(struct supervisor *sv, uint64_t id, pid_t tid, uint64_t address, const void *data,
		  size_t length)
{
	cleanup_ids struct supervisor *own = ids_look(sv);

	if (notif_valid(sv->listener, id) < 0)
		return -ENOENT;
	return process_write(tid, address, data, length);
}

int request_output(struct request *rq, const void *data, size_t length)
{
	struct supervisor *sv = rq->caller.sv;

	/* Only the thread itself is above the program, as Yama wants it. */
	if (sv->outcome) {
		outcome_output(sv->outcome, data, length);
		return 0;
	}
	return request_write(sv, rq->id, rq->caller.tid, rq->output, data, length);
}

static int not_taken(struct request *rq)
{
	return -request_failed(rq, EACCES, "a descriptor of the caller cannot be taken").error;
}

int request_descriptor(struct request *rq, int fd)
{
	cleanup_ids struct supervisor *own = ids_look(rq->caller.sv);
	cleanup_fd int pidfd = -1;
	int r;

	if (fd < 0)
		return -EBADF;
	if (rq->taken >= 0)
		return held_copy(rq->taken);
	if (!rq->caller.sv->pidfd_getfd)
		return sockets_find(&rq->caller, fd);
	if (fault("descriptor"))
		return not_taken(rq);
	pidfd = pidfd_open_process(rq->caller.tid);
	if (pidfd < 0)
		pidfd = pidfd_open_thread(rq->caller.tid);
	if (pidfd <
	    0) /* KERNEL(6.9): older kernels have no pidfd for a thread: its process's table */
		pidfd = pidfd_open_process(caller_tgid(&rq->caller));
	if (pidfd < 0)
		return not_taken(rq);
	r = pidfd_get(pidfd, fd);
	return r == -EPERM ? not_taken(rq) : r;
}

int request_take_umask(struct request *rq)
{
	struct process_status status;
	int r = process_status(rq->caller.sv->proc_fd, rq->caller.tid, &status);

	if (r < 0 || fault("status"))
		return -request_failed(rq, EACCES, "the caller's umask cannot be read").error;
	umask(status.umask);
	return 0;
}
