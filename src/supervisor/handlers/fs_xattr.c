/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes, by path and by descriptor, on held objects. */
#include "supervisor/handlers/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static bool follows(const char *call)
{
	return call[0] != 'l' || strcmp(call, "listxattr") == 0;
}

/* The `l` forms do not follow a link at the end, the `f` forms take a descriptor. */
static int object_of(struct request *rq)
{
	if (rq->row->roles[0] == ROLE_FD)
		return caller_is_handle(&rq->caller, rq->fd)
			       ? -EBADF
			       : resolve_fd(&rq->caller, rq->fd, &rq->place[0]);
	if (!rq->has_path[0])
		return -EFAULT;
	return request_resolve(rq, 0, follows(rq->row->name) ? RESOLVE_FOLLOW : 0);
}

/* Return: 0 if the operation may be done on `path`, else 1 with the verdict. */
static int prepare(struct request *rq, enum op op, char *path, size_t size, struct verdict *ret)
{
	int r = object_of(rq);

	if (r < 0) {
		*ret = verdict_result(r);
		return 1;
	}
	if (!request_allowed(rq, op, &rq->place[0], ret))
		return 1;
	/* Leads to the held object itself, also if that is a symbolic link. */
	snprintf(path, size, "/proc/thread-self/fd/%d", rq->place[0].object);
	return 0;
}

struct verdict handle_setxattr(struct request *rq)
{
	char path[48];
	struct verdict v;

	if (rq->flags & ~(unsigned)(XATTR_CREATE | XATTR_REPLACE))
		return verdict_result(-EINVAL);
	if (prepare(rq, OP_META, path, sizeof(path), &v))
		return v;
	return verdict_of(setxattr(path, rq->text, rq->input, rq->input_length, (int)rq->flags));
}

struct verdict handle_removexattr(struct request *rq)
{
	char path[48];
	struct verdict v;

	if (prepare(rq, OP_META, path, sizeof(path), &v))
		return v;
	return verdict_of(removexattr(path, rq->text));
}

/* Fetches with the caller's size, so that ERANGE and the size probe are the kernel's. */
static struct verdict fetch(struct request *rq, const char *path, const char *name)
{
	size_t size = rq->number < INPUT_MAX ? (size_t)rq->number : INPUT_MAX;
	char *buffer = (char *)rq->bulk;
	ssize_t n;
	int r;

	n = name ? getxattr(path, name, size ? buffer : NULL, size)
		 : listxattr(path, size ? buffer : NULL, size);
	if (n < 0 || size == 0)
		return verdict_of(n);
	r = request_output(rq, buffer, (size_t)n);
	return verdict_result(r < 0 ? r : n);
}

struct verdict handle_getxattr(struct request *rq)
{
	char path[48];
	struct verdict v;

	return prepare(rq, OP_STAT, path, sizeof(path), &v) ? v : fetch(rq, path, rq->text);
}

struct verdict handle_listxattr(struct request *rq)
{
	char path[48];
	struct verdict v;

	return prepare(rq, OP_STAT, path, sizeof(path), &v) ? v : fetch(rq, path, NULL);
}
