/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that make, move and remove names: mkdir, mknod, symlink, link, unlink, rmdir, rename.
 *
 * Each works in held directories with single names, so what was judged is what is changed. All of
 * them pass through one thread, one after the other.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/syscall.h>

/*
 * Resolves a name that is to be made and asks the policy.
 * Return: 0 if the name is free and may be made; else 1 with the verdict.
 */
static int new_name(struct request *rq, int index, enum op op, struct verdict *ret)
{
	struct place *place = &rq->place[index];
	int r;

	if (!rq->has_path[index]) {
		*ret = verdict_result(-EFAULT);
		return 1;
	}
	r = request_resolve(rq, index, RESOLVE_NAME);
	if (r < 0) {
		*ret = verdict_result(r);
		return 1;
	}
	if (place->object >= 0) {
		if (request_allowed(rq, OP_STAT, place, ret))
			*ret = verdict_result(-EEXIST);
		return 1;
	}
	return request_allowed(rq, op, place, ret) ? 0 : 1;
}

struct verdict handle_mkdir(struct request *rq)
{
	struct verdict v;
	int r;

	if (new_name(rq, 0, OP_MKDIR, &v))
		return v;
	r = request_take_umask(rq);
	if (r < 0)
		return verdict_result(r);
	return verdict_of(mkdirat(rq->place[0].parent, rq->place[0].leaf, rq->mode));
}

/*
 * SECURITY: nobody makes a device node. Whoever may not, the kernel tells first what is wrong with the name.
 */
static int refuse_device(const struct place *place)
{
	if (place->trailing_slash)
		return -ENOENT;
	return faccessat(place->parent, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : -EPERM;
}

struct verdict handle_mknod(struct request *rq)
{
	unsigned type = rq->mode & S_IFMT;
	bool device = type == S_IFCHR || type == S_IFBLK;
	struct verdict v;
	int r;

	if (!device && type != 0 && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
		return verdict_result(type == S_IFDIR ? -EPERM : -EINVAL);
	if (new_name(rq, 0, OP_CREATE, &v))
		return v;
	if (device)
		return verdict_result(refuse_device(&rq->place[0]));
	r = request_take_umask(rq);
	if (r < 0)
		return verdict_result(r);
	return verdict_of(mknodat(rq->place[0].parent, rq->place[0].leaf, rq->mode, 0));
}

struct verdict handle_symlink(struct request *rq)
{
	struct verdict v;

	if (!rq->text[0])
		return verdict_result(-ENOENT);
	if (new_name(rq, 0, OP_CREATE, &v))
		return v;
	return verdict_of(symlinkat(rq->text, rq->place[0].parent, rq->place[0].leaf));
}

struct verdict handle_link(struct request *rq)
{
	const struct place *to = &rq->place[1];
	unsigned follow = rq->flags & AT_SYMLINK_FOLLOW ? RESOLVE_FOLLOW : 0u;
	unsigned empty = rq->flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0u;
	struct verdict v;
	char name[12];
	int r;

	if (rq->flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return verdict_result(-EINVAL);
	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	r = request_resolve(rq, 0, follow | empty);
	if (r < 0)
		return verdict_result(r);
	/* Before the new name, as the kernel: what that one gives would tell that this one exists. */
	if (!request_allowed(rq, OP_STAT, &rq->place[0], &v))
		return v;
	if (new_name(rq, 1, OP_CREATE, &v))
		return v;
	if (!request_allowed(rq, OP_LINK, &rq->place[0], &v))
		return v;
	return verdict_of(linkat(rq->caller.sv->self_fd, held_name(rq->place[0].object, name),
				 to->parent, to->leaf, AT_SYMLINK_FOLLOW));
}

/* Whether the last component, whatever slashes are behind it, is this one. */
static bool path_ends_with(const char *path, const char *name)
{
	size_t end = strlen(path), length = strlen(name);

	while (end > 0 && path[end - 1] == '/')
		end--;
	return end >= length && memcmp(path + end - length, name, length) == 0 &&
	       (end == length || path[end - length - 1] == '/');
}

/* flags: 0 or AT_REMOVEDIR. */
static struct verdict remove_name(struct request *rq, unsigned flags)
{
	const struct place *place = &rq->place[0];
	struct verdict v;
	int r;

	if (flags & ~(unsigned)AT_REMOVEDIR)
		return verdict_result(-EINVAL);
	if (!rq->has_path[0])
		return verdict_result(-EFAULT);
	r = request_resolve(rq, 0, RESOLVE_NAME);
	if (r < 0)
		return verdict_result(r);
	if (place->parent < 0) {
		if (!request_allowed(rq, OP_STAT, place, &v))
			return v;
		/* `.`, `..`, `/` or a magic link: the errnos are the kernel's. */
		if (!(flags & AT_REMOVEDIR))
			return verdict_result(S_ISDIR(place->st.st_mode) ? -EISDIR : -EPERM);
		if (path_ends_with(rq->path[0], ".."))
			return verdict_result(-ENOTEMPTY);
		return verdict_result(path_ends_with(rq->path[0], ".") ? -EINVAL : -EBUSY);
	}
	if (place->object < 0) {
		/* Whether a denied name exists must not show. */
		return request_allowed(rq, OP_STAT, place, &v) ? verdict_result(-ENOENT) : v;
	}
	if (!request_allowed(rq, OP_REMOVE, place, &v))
		return v;
	return verdict_of(unlinkat(place->parent, place->leaf, (int)flags));
}

struct verdict handle_unlink(struct request *rq)
{
	return remove_name(rq, rq->flags);
}

struct verdict handle_rmdir(struct request *rq)
{
	return remove_name(rq, AT_REMOVEDIR);
}

/* Return: 0 if both places have a name of their own, else 1 with the verdict. */
static int resolve_both(struct request *rq, struct verdict *ret)
{
	if (!rq->has_path[0] || !rq->has_path[1]) {
		*ret = verdict_result(-EFAULT);
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		int r = request_resolve(rq, i, RESOLVE_NAME);

		if (r < 0) {
			*ret = verdict_result(r);
			return 1;
		}
	}
	for (int i = 0; i < 2; i++) {
		bool taken = i == 1 && rq->flags & RENAME_NOREPLACE;

		if (rq->place[i].parent >= 0)
			continue;
		if (request_allowed(rq, OP_STAT, &rq->place[i], ret))
			*ret = verdict_result(taken ? -EEXIST : -EBUSY);
		return 1;
	}
	return 0;
}

struct verdict handle_rename(struct request *rq)
{
	const unsigned known = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
	struct place *from = &rq->place[0], *to = &rq->place[1];
	struct fs_object old, new;
	struct decision decision;
	struct verdict v;

	if (rq->flags & ~known ||
	    (rq->flags & RENAME_EXCHANGE && rq->flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return verdict_result(-EINVAL);
	if (resolve_both(rq, &v))
		return v;
	if (!request_pending(rq))
		return verdict_result(-EACCES);
	old = place_object(from);
	new = place_object(to);
	decision = policy_decide_rename(rq->caller.sv->policy, &old, &new,
					rq->flags & RENAME_EXCHANGE);
	if (!request_judge(rq, OP_RENAME, &decision, to->path, &v))
		return v;
	if (from->object < 0)
		return verdict_result(-ENOENT);
	return verdict_of(
		syscall(SYS_renameat2, from->parent, from->leaf, to->parent, to->leaf, rq->flags));
}
