/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix sockets.
 *
 * A path socket is connected through the held object. Whether it was made inside the tree is known
 * by its identity, which bind leaves behind; such sockets need no rule. Abstract names are bytes
 * with a length. Landlock's scope (KERNEL(6.12)), which this thread is under as well, tells those
 * of the tree from others.
 */
#include "supervisor/handlers/unix.h"

#include "base/cleanup.h"
#include "supervisor/audit.h"
#include "supervisor/own_names.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

enum unix_name { UNIX_UNNAMED, UNIX_ABSTRACT, UNIX_PATH };

/*
 * The kernel's rules: the name is what the length says; a path ends at the first NUL, and may fill
 * all 108 bytes without one; an abstract name uses every byte.
 */
static int decode(struct request *rq, enum unix_name *ret, size_t *ret_length)
{
	const struct sockaddr_un *un = (const void *)&rq->address;
	size_t length;

	if (rq->address_length < PATH_OFFSET || rq->address_length > sizeof(*un) ||
	    un->sun_family != AF_UNIX)
		return -EINVAL;
	length = rq->address_length - PATH_OFFSET;
	*ret_length = length;
	if (length == 0) {
		*ret = UNIX_UNNAMED;
	} else if (un->sun_path[0] == '\0') {
		*ret = UNIX_ABSTRACT;
	} else {
		*ret = UNIX_PATH;
		length = strnlen(un->sun_path, length);
		memcpy(rq->path[0], un->sun_path, length);
		rq->path[0][length] = '\0';
		rq->dirfd[0] = AT_FDCWD;
		rq->has_path[0] = true;
	}
	return 0;
}

static bool own_socket(const struct supervisor *sv, const struct stat *st)
{
	for (size_t i = 0; i < sv->bound_count; i++)
		if (sv->bound[i].dev == st->st_dev && sv->bound[i].ino == st->st_ino)
			return true;
	return false;
}

/* Remembers a socket that the tree has bound. The oldest is forgotten when there are too many. */
static void remember(struct supervisor *sv, int parent, const char *leaf)
{
	struct stat st;
	int fd = openat(parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		close(fd);
		return;
	}
	if (sv->bound_count == COUNT_OF(sv->bound)) {
		close(sv->bound[0].fd);
		memmove(&sv->bound[0], &sv->bound[1], (--sv->bound_count) * sizeof(sv->bound[0]));
	}
	sv->bound[sv->bound_count] = (struct bound_socket){ fd, st.st_dev, st.st_ino, "" };
	snprintf(sv->bound[sv->bound_count++].name, sizeof(sv->bound[0].name), "%s", leaf);
}

/*
 * A path is bound by its last name alone (bind_path()), and getsockname() shows that. Programs hand it
 * on as an address, so where nothing else has the name it leads to the newest socket of the tree that
 * shows it and still has it. Return: 0 with the place; -ENOENT.
 */
static int resolve_shown_name(struct request *rq)
{
	const struct supervisor *sv = rq->caller.sv;
	struct place *place = &rq->place[0];
	size_t i = sv->bound_count;
	const char *last;
	ssize_t n;

	while (i > 0 && strcmp(sv->bound[i - 1].name, rq->path[0]) != 0)
		i--;
	if (i == 0 || place->refused)
		return -ENOENT;
	place_done(place);
	place_init(place);
	place->object = held_copy(sv->bound[i - 1].fd);
	if (place->object < 0 || fstat(place->object, &place->st) < 0 || place->st.st_nlink == 0)
		return -ENOENT;
	n = held_path(sv, place->object, place->path, sizeof(place->path));
	last = n < 0 ? NULL : strrchr(place->path, '/');
	if (!last || strcmp(last + 1, rq->path[0]) != 0)
		return -ENOENT;
	place->length = (size_t)n;
	return 0;
}

static bool judge_path(struct request *rq, struct verdict *verdict)
{
	const struct place *place = &rq->place[0];
	struct fs_object object = place_object(place);
	struct decision decision;

	/* deny and hide hold for sockets of the tree as well. */
	if (!request_allowed(rq, OP_STAT, place, verdict))
		return false;
	if (place->anonymous || own_socket(rq->caller.sv, &place->st))
		return true;
	decision = policy_decide_unix_connect(rq->caller.sv->policy, &object);
	return request_judge(rq, OP_UNIX_CONNECT, &decision, place->path, verdict);
}

static void abstract_text(const struct sockaddr_un *un, size_t length, char *buffer, size_t size)
{
	snprintf(buffer, size, "@%.*s", (int)length, un->sun_path + 1);
}

static bool judge_abstract(struct request *rq, size_t length, struct verdict *verdict)
{
	const struct sockaddr_un *un = (const void *)&rq->address;
	struct decision decision;
	char text[sizeof(un->sun_path) + 2];

	/* The kernel refuses what was bound outside; what it lets through is the tree's own. */
	if (rq->caller.sv->abstract_scoped)
		return true;
	decision = policy_decide_abstract(rq->caller.sv->policy, un->sun_path + 1, length - 1);
	if (!decision.allow) {
		/* Held as long as the call lasts, as the object of a path is. */
		rq->place[0].object = own_names_hold(rq->caller.sv, un->sun_path + 1, length - 1);
		if (rq->place[0].object >= 0)
			return true;
	}
	abstract_text(un, length - 1, text, sizeof(text));
	return request_judge(rq, OP_UNIX_CONNECT, &decision, text, verdict);
}

int unix_after(struct supervisor *sv, pid_t tid, const char *call,
	       const struct sockaddr_storage *address, socklen_t length, int result)
{
	const struct sockaddr_un *un = (const void *)address;
	struct caller caller = { .sv = sv, .tid = tid };
	char text[sizeof(un->sun_path) + 2];

	if (result != -EPERM || !sv->abstract_scoped || address->ss_family != AF_UNIX ||
	    length <= PATH_OFFSET + 1 || un->sun_path[0] != '\0')
		return result;
	abstract_text(un, length - PATH_OFFSET - 1, text, sizeof(text));
	audit_add(sv->audit, &(struct audit_facts){ .kind = CORDON_EVENT_DENIED,
						    .proc_fd = sv->proc_fd,
						    .pid = caller_tgid(&caller),
						    .tid = tid,
						    .operation = op_info[OP_UNIX_CONNECT].name,
						    .syscall = call,
						    .target = text,
						    .error = EACCES });
	return -EACCES;
}

bool unix_connect_target(struct request *rq, struct unix_target *ret, struct verdict *verdict)
{
	enum unix_name name;
	size_t length;
	int r;

	/* Takes the peer away, and names none. */
	if (rq->address_length >= sizeof(sa_family_t) && rq->address.ss_family == AF_UNSPEC) {
		memcpy(&ret->address, &rq->address, sizeof(ret->address));
		ret->length = rq->address_length < sizeof(ret->address) ? rq->address_length
									: sizeof(ret->address);
		return true;
	}
	r = decode(rq, &name, &length);
	if (r == 0 && name == UNIX_UNNAMED)
		r = -EINVAL;
	if (r == 0 && name == UNIX_PATH)
		r = request_resolve(rq, 0, RESOLVE_FOLLOW);
	if (r == -ENOENT && name == UNIX_PATH)
		r = resolve_shown_name(rq);
	if (r < 0) {
		*verdict = verdict_result(r);
		return false;
	}
	memcpy(&ret->address, &rq->address, sizeof(ret->address));
	ret->length = rq->address_length;
	if (name == UNIX_ABSTRACT)
		return judge_abstract(rq, length, verdict);
	if (!judge_path(rq, verdict))
		return false;
	memset(&ret->address, 0, sizeof(ret->address));
	ret->address.sun_family = AF_UNIX;
	snprintf(ret->address.sun_path, sizeof(ret->address.sun_path), "/proc/self/fd/%d",
		 rq->place[0].object);
	ret->length = sizeof(ret->address);
	return true;
}

/*
 * A path is bound from inside the held directory, by the single name. This thread has a working
 * directory of its own, and nothing else uses it.
 */
static struct verdict bind_path(struct request *rq, int socket)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct place *place = &rq->place[0];
	struct fs_object object;
	struct decision decision;
	struct verdict v;
	size_t length;
	int r = request_resolve(rq, 0, RESOLVE_NAME);

	if (r < 0)
		return verdict_result(r);
	if (place->object >= 0)
		return request_allowed(rq, OP_STAT, place, &v) ? verdict_result(-EADDRINUSE) : v;
	if (!request_pending(rq))
		return verdict_result(-EACCES);
	object = place_object(place);
	decision = policy_decide_unix_bind(rq->caller.sv->policy, &object);
	if (!request_judge(rq, OP_UNIX_BIND, &decision, place->path, &v))
		return v;
	length = strlen(place->leaf);
	if (length > sizeof(address.sun_path))
		return verdict_result(-ENAMETOOLONG);
	memcpy(address.sun_path, place->leaf, length);
	r = request_take_umask(rq);
	if (r == 0 && fchdir(place->parent) < 0)
		r = -errno;
	if (r < 0)
		return verdict_result(r);
	v = verdict_of(
		bind(socket, (const struct sockaddr *)&address,
		     (socklen_t)(PATH_OFFSET + length + (length < sizeof(address.sun_path)))));
	if (v.error == 0)
		remember(rq->caller.sv, place->parent, place->leaf);
	return v;
}

struct verdict unix_bind(struct request *rq, int socket)
{
	enum unix_name name;
	struct verdict v;
	size_t length;
	int r = decode(rq, &name, &length);

	if (r < 0)
		return verdict_result(r);
	if (name == UNIX_PATH)
		return bind_path(rq, socket);
	v = verdict_of(bind(socket, (const struct sockaddr *)&rq->address, rq->address_length));
	if (v.error == 0 && !rq->caller.sv->abstract_scoped)
		own_names_add(rq->caller.sv, socket);
	return v;
}
