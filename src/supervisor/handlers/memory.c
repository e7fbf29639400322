/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfd_create, where a list says what may be executed.
 *
 * A memory file lies in no directory, so no rule of Landlock's is about it: written and executed it would
 * be any program at all. The kernel's answer is a seal, and flags in a register cannot be changed from
 * here, so the file is made here.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "sys/compat.h"

#include <fcntl.h>
#include <sys/mman.h>

struct verdict handle_memfd_create(struct request *rq)
{
	const struct decision refused = { .error = EACCES };
	unsigned flags = rq->flags;
	struct verdict v;
	int fd;

	/* What the kernel says where the administrator has sealed all of them. */
	if ((flags & MFD_EXEC) && !request_judge(rq, OP_EXEC, &refused, rq->text, &v))
		return v;
	fd = memfd_create(rq->text, flags | MFD_NOEXEC_SEAL | MFD_CLOEXEC);
	if (fd < 0)
		return verdict_result(-errno);
	/* KERNEL(6.3): the seal against execution admits others, which the program has not asked for. */
	if (!(flags & MFD_ALLOW_SEALING) && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0) {
		v = verdict_result(-errno);
		close(fd);
		return v;
	}
	return verdict_fd(fd, flags & MFD_CLOEXEC);
}
