/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve and execveat, where a deny or hide rule reaches into something that may be executed.
 *
 * An execution cannot be carried out for another process. The path is judged, and the interpreter of a
 * script with it, so that an honest caller gets the refusal; then the kernel reads it again. RACE: a thread that exchanges the path
 * meanwhile can at worst execute another file that Landlock lets it execute; `explain` lists this.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>

/* The kernel looks at so much of a script for its interpreter, and follows so many of them. */
#define SCRIPT_HEAD  256
#define SCRIPT_DEPTH 5

/*
 * The interpreter that the first line names, into rq->path[0].
 * Return: 1 if there is one; 0 for anything but a script, or what cannot be read here.
 */
static int interpreter(struct request *rq)
{
	char head[SCRIPT_HEAD + 1], name[12], *start, *end;
	cleanup_fd int fd = openat(rq->caller.sv->self_fd, held_name(rq->place[0].object, name),
				   O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, SCRIPT_HEAD, 0);

	if (n < 2 || head[0] != '#' || head[1] != '!')
		return 0;
	head[n] = '\0';
	start = head + 2 + strspn(head + 2, " \t");
	end = start + strcspn(start, " \t\n");
	*end = '\0';
	if (end == start)
		return 0;
	strcpy(rq->path[0], start);
	rq->dirfd[0] = AT_FDCWD;
	return 1;
}

/* Judges the file and, if it is a script, the chain of its interpreters. */
static bool judge_file(struct request *rq, unsigned flags, struct verdict *ret)
{
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		int r = request_resolve(rq, 0, flags);

		if (r < 0) {
			*ret = verdict_result(r);
			return false;
		}
		if (!request_allowed(rq, OP_EXEC, &rq->place[0], ret))
			return false;
		if (!S_ISREG(rq->place[0].st.st_mode) || interpreter(rq) == 0)
			return true;
		place_done(&rq->place[0]);
		place_init(&rq->place[0]);
		flags = RESOLVE_FOLLOW;
	}
	*ret = verdict_result(-ELOOP);
	return false;
}

struct verdict handle_exec(struct request *rq)
{
	unsigned flags = RESOLVE_FOLLOW;
	struct verdict v;

	if (rq->flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return verdict_result(-EINVAL);
	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	if (rq->flags & AT_SYMLINK_NOFOLLOW)
		flags = 0;
	if (rq->flags & AT_EMPTY_PATH)
		flags |= RESOLVE_EMPTY;
	return judge_file(rq, flags, &v) ? verdict_continue(CONTINUE_BOUNDED) : v;
}
