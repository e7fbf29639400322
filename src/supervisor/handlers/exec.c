/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve and execveat, where a deny or hide rule reaches into something that may be executed, or where
 * a list of what may be executed asks for more than the kernel holds: memory, and nothing at all.
 *
 * An execution cannot be carried out for another process. The path is judged, and with it what the
 * kernel opens on its behalf, the interpreter of a script and the loader of an ELF program, so that
 * an honest caller gets the refusal; then the kernel reads it all again. RACE: a thread that
 * exchanges something meanwhile executes another file that Landlock lets it execute. Therefore what
 * was executed is looked at before it runs (execution.c). Everything that rests on the caller's
 * memory stands behind judge_file(): a kernel that pins the arguments of a notified call would make
 * the second look needless.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"
#include "supervisor/execution.h"
#include "supervisor/format.h"

#include <fcntl.h>
#include <string.h>

/*
 * What the kernel opens to execute the file, into rq->path[0].
 * Return: 1 if there is something; 0 if nothing; -errno: it cannot be read here.
 */
static int interpreter(struct request *rq)
{
	char name[12];
	cleanup_fd int fd = openat(rq->caller.sv->self_fd, held_name(rq->place[0].object, name),
				   O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	rq->dirfd[0] = AT_FDCWD;
	return format_next(fd, rq->path[0]);
}

/* Memory that the host gave to be the program. */
static bool is_hosts_memory(const struct request *rq)
{
	const struct stat *st = &rq->place[0].st;
	struct stat own;

	return rq->caller.sv->program_memory >= 0 &&
	       fstat(rq->caller.sv->program_memory, &own) == 0 && own.st_dev == st->st_dev &&
	       own.st_ino == st->st_ino;
}

/*
 * Judges the file and the chain of what it is executed with. first: it is the program itself. files: what was
 * allowed, also on failure.
 */
static bool judge_file(struct request *rq, bool first, unsigned flags, struct image_files *files,
		       struct verdict *ret)
{
	const struct policy *policy = rq->caller.sv->policy;
	const struct decision refused = { .error = EACCES };

	for (int depth = 0; depth < FORMAT_CHAIN; depth++) {
		int r = request_resolve(rq, 0, flags);

		if (r < 0) {
			*ret = verdict_result(r);
			return false;
		}
		if (!request_allowed(rq, OP_EXEC, &rq->place[0], ret))
			return false;
		/* Memory is on no list. */
		if (rq->place[0].anonymous && policy->exec_present &&
		    !(first && depth == 0 && is_hosts_memory(rq)) &&
		    !request_judge(rq, OP_EXEC, &refused, rq->place[0].path, ret))
			return false;
		if (!S_ISREG(rq->place[0].st.st_mode))
			return true;
		r = interpreter(rq);
		/* SECURITY: what cannot be read may name something that a rule forbids. */
		if (r < 0 && rq->caller.sv->execs_held) {
			*ret = request_failed(rq, EACCES, "cannot read what it is executed with");
			return false;
		}
		image_add(files, steal_fd(&rq->place[0].object), &rq->place[0].st);
		if (r <= 0)
			return true;
		place_done(&rq->place[0]);
		place_init(&rq->place[0]);
		flags = RESOLVE_FOLLOW;
	}
	*ret = verdict_result(-ELOOP);
	return false;
}

/* The first execution is the child's own, and single: what is asked later is judged. */
static bool is_programs_own(struct request *rq)
{
	struct supervisor *sv = rq->caller.sv;

	if (sv->executed || rq->caller.tid != sv->program)
		return false;
	sv->executed = true;
	return true;
}

struct verdict handle_exec(struct request *rq)
{
	const struct decision refused = { .error = EACCES };
	unsigned flags = RESOLVE_FOLLOW;
	struct image_files files = { .count = 0 };
	cleanup_free char *given = NULL;
	bool first = is_programs_own(rq);
	struct verdict v;

	if (rq->caller.sv->program_only) {
		if (first)
			return verdict_continue(CONTINUE_BOUNDED);
		if (!request_judge(rq, OP_EXEC, &refused, rq->path[0], &v))
			return v;
	}
	if (rq->flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return verdict_result(-EINVAL);
	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	if (rq->flags & AT_SYMLINK_NOFOLLOW)
		flags = 0;
	if (rq->flags & AT_EMPTY_PATH)
		flags |= RESOLVE_EMPTY;
	if (rq->caller.sv->exec_stop)
		given = strdup(rq->path[0]);
	if (judge_file(rq, first, flags, &files, &v)) {
		if (rq->caller.sv->exec_stop)
			return execution_hold(rq, &files, steal_ptr(&given));
		v = verdict_continue(CONTINUE_BOUNDED);
	}
	image_done(&files);
	return v;
}
