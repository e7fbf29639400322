/* SPDX-License-Identifier: Apache-2.0 */
/* inotify_add_watch: a watch tells names and changes of what it watches. */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <sys/inotify.h>

struct verdict handle_watch(struct request *rq)
{
	uint32_t mask = (uint32_t)rq->number;
	cleanup_fd int watcher = -1;
	struct verdict v;
	char path[48];
	int r;

	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	watcher = request_descriptor(rq, rq->fd);
	if (watcher < 0)
		return verdict_result(watcher == -ENOTSOCK ? -EACCES : watcher);
	r = request_resolve(rq, 0, mask & IN_DONT_FOLLOW ? 0 : RESOLVE_FOLLOW);
	if (r < 0)
		return verdict_result(r);
	if (!request_allowed(rq, OP_WATCH, &rq->place[0], &v))
		return v;
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", rq->place[0].object);
	return verdict_of(inotify_add_watch(watcher, path, mask & ~(uint32_t)IN_DONT_FOLLOW));
}
