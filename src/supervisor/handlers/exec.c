/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve and execveat, where a deny or hide rule reaches into something that may be executed.
 *
 * An execution cannot be carried out for another process. The path is judged, and with it what the
 * kernel opens on its behalf, the interpreter of a script and the loader of an ELF program, so that
 * an honest caller gets the refusal; then the kernel reads it all again. RACE: a thread that
 * exchanges the path meanwhile can at worst execute another file that Landlock lets it execute;
 * `explain` lists this.
 */
#include "supervisor/handlers/handlers.h"

#include "base/cleanup.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

/* The kernel looks at so much of a script for its interpreter, and follows so many of them. */
#define SCRIPT_HEAD  256
#define SCRIPT_DEPTH 5
#define HEADERS_MAX  128

/* The interpreter that the first line of a script names. Return: 1, or 0 if it names none. */
static int of_script(char *head, char *ret)
{
	char *start = head + 2 + strspn(head + 2, " \t"), *end = start + strcspn(start, " \t\n");

	*end = '\0';
	strcpy(ret, start);
	return end != start;
}

/* The loader that the headers of an ELF program name. Return: 1, 0 if they name none, -errno. */
static int of_elf(int fd, char *ret)
{
	Elf64_Ehdr elf;
	Elf64_Phdr headers[HEADERS_MAX];

	/* What the kernel does not take for a program of this machine it does not load. */
	if (pread(fd, &elf, sizeof(elf), 0) != sizeof(elf) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(headers[0]))
		return 0;
	if (elf.e_phnum > HEADERS_MAX)
		return -E2BIG;
	if (pread(fd, headers, elf.e_phnum * sizeof(headers[0]), (off_t)elf.e_phoff) !=
	    (ssize_t)(elf.e_phnum * sizeof(headers[0])))
		return 0;
	for (size_t i = 0; i < elf.e_phnum; i++) {
		if (headers[i].p_type != PT_INTERP)
			continue;
		if (headers[i].p_filesz < 2 || headers[i].p_filesz > PATH_MAX)
			return 0;
		if (pread(fd, ret, headers[i].p_filesz, (off_t)headers[i].p_offset) !=
		    (ssize_t)headers[i].p_filesz)
			return 0;
		return ret[headers[i].p_filesz - 1] == '\0';
	}
	return 0;
}

/*
 * What the kernel opens to execute the file, into rq->path[0].
 * Return: 1 if there is something; 0 if nothing; -errno: it cannot be read here.
 */
static int interpreter(struct request *rq)
{
	char head[SCRIPT_HEAD + 1] = { 0 }, name[12];
	cleanup_fd int fd = openat(rq->caller.sv->self_fd, held_name(rq->place[0].object, name),
				   O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 || pread(fd, head, SCRIPT_HEAD, 0) < 0)
		return -errno;
	if (memcmp(head, "#!", 2) == 0)
		r = of_script(head, rq->path[0]);
	else if (memcmp(head, ELFMAG, SELFMAG) == 0)
		r = of_elf(fd, rq->path[0]);
	rq->dirfd[0] = AT_FDCWD;
	return r;
}

/* Judges the file and the chain of what it is executed with. */
static bool judge_file(struct request *rq, unsigned flags, struct verdict *ret)
{
	/* The scripts, the program that runs the last of them, and its loader. */
	for (int depth = 0; depth < SCRIPT_DEPTH + 2; depth++) {
		int r = request_resolve(rq, 0, flags);

		if (r < 0) {
			*ret = verdict_result(r);
			return false;
		}
		if (!request_allowed(rq, OP_EXEC, &rq->place[0], ret))
			return false;
		if (!S_ISREG(rq->place[0].st.st_mode))
			return true;
		r = interpreter(rq);
		/* SECURITY: what cannot be read may name something that a rule forbids. */
		if (r < 0 && rq->caller.sv->execs_held) {
			*ret = request_failed(rq, EACCES, "cannot read what it is executed with");
			return false;
		}
		if (r <= 0)
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
