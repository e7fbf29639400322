/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve and execveat, where a deny or hide rule reaches into something that may be executed.
 *
 * An execution cannot be carried out for another process. The path is judged, so that an honest
 * caller gets the refusal; then the kernel reads it again. RACE: a thread that exchanges the path
 * meanwhile can at worst execute another file that Landlock lets it execute; `explain` lists this.
 */
#include "supervisor/handlers/handlers.h"

#include <errno.h>
#include <fcntl.h>

struct verdict handle_exec(struct request *rq)
{
	unsigned flags = RESOLVE_FOLLOW;
	struct verdict v;
	int r;

	if (rq->flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return verdict_result(-EINVAL);
	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	if (rq->flags & AT_SYMLINK_NOFOLLOW)
		flags = 0;
	if (rq->flags & AT_EMPTY_PATH)
		flags |= RESOLVE_EMPTY;
	r = request_resolve(rq, 0, flags);
	if (r < 0)
		return verdict_result(r);
	if (!request_allowed(rq, OP_EXEC, &rq->place[0], &v))
		return v;
	return verdict_continue(CONTINUE_BOUNDED);
}
