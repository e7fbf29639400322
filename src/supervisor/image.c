/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fresh image consists of, and whether the policy allows it.
 *
 * Theory of operation. The kernel is asked what it has really executed, by three ways:
 *
 *   exe       the program; for a script the interpreter
 *   maps      every file that is mapped: the program again, and its loader, whatever named it
 *   auxv      the descriptor of what a handler of binfmt_misc was given to run (AT_EXECFD)
 *
 * Each file is one that the execution was allowed with, by identity, or the policy is asked about it.
 * So a file that was honestly replaced in between is no violation, and one that a rule forbids is,
 * whoever exchanged it and whatever was exchanged: the path, a link, the line of a script, a header.
 * A script itself is not mapped. Its interpreter opens it, which is decided as any open is.
 *
 * Identity. What maps shows is the file system's own device and inode; stat() may show others
 * (overlayfs, btrfs). Where the two do not agree at sight, the file is mapped here and looked up in
 * our own maps; what that gave is remembered. The path that maps shows is a place to look, no more:
 * what is found there counts only if it is the same object.
 *
 * SECURITY: where stat() shows others, maps need not tell two files apart: subvolumes of btrfs count their
 * inodes each for itself and show the same device there. So a file that had to be measured must also be what
 * lies at that path, by what stat() says of it.
 *
 * What cannot be told may not run (I4).
 */
#include "supervisor/image.h"

#include "base/cleanup.h"
#include "supervisor/caller.h"
#include "sys/process.h"
#include "sys/rooted.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

/* Entries of an auxiliary vector. */
#define AUXV_MAX 64

struct judging {
	struct supervisor *sv;
	pid_t pid;
	struct image_files files; /* those that are allowed; the descriptors are borrowed */
	struct image_finding *ret;
};

void image_add(struct image_files *files, int take_fd, const struct stat *st)
{
	if (files->count == IMAGE_FILES_MAX) {
		close(take_fd);
		return;
	}
	files->file[files->count++] = (struct image_file){ take_fd, st->st_dev, st->st_ino };
}

void image_done(struct image_files *files)
{
	while (files->count > 0)
		close(files->file[--files->count].fd);
}

/* One line of maps. text: of the whole line. Return: whether a file is mapped there. */
static bool parse_line(const char *text, uint64_t *ret_start, struct map_identity *ret,
		       const char **ret_path)
{
	int at = 0;

	if (sscanf(text, "%" SCNx64 "-%*x %*s %*x %x:%x %" SCNu64 " %n", ret_start, &ret->major,
		   &ret->minor, &ret->inode, &at) != 4)
		return false;
	*ret_path = text + at;
	return ret->inode != 0;
}

static bool same(const struct map_identity *a, const struct map_identity *b)
{
	return a->inode == b->inode && a->major == b->major && a->minor == b->minor;
}

static FILE *open_maps(const struct supervisor *sv, const char *process)
{
	char name[32];
	FILE *file;
	int fd;

	snprintf(name, sizeof(name), "%s/maps", process);
	fd = openat(sv->proc_fd, name, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* How our own maps show what is mapped at an address. */
static int look_up(const struct supervisor *sv, const void *address, struct map_identity *ret)
{
	cleanup_free char *line = NULL;
	size_t size = 0;
	const char *path;
	uint64_t start;
	int r = -ENOENT;
	FILE *maps = open_maps(sv, "self");

	if (!maps)
		return -EACCES;
	while (r < 0 && getline(&line, &size, maps) > 0)
		if (parse_line(line, &start, ret, &path) && start == (uintptr_t)address)
			r = 0;
	fclose(maps);
	return r;
}

/* How maps show a file. Return: 0 or -errno. */
static int measure(struct supervisor *sv, const struct image_file *file, struct map_identity *ret)
{
	struct measured *known = &sv->measured[sv->measured_next % COUNT_OF(sv->measured)];
	char name[12];
	cleanup_fd int fd = openat(sv->self_fd, held_name(file->fd, name),
				   O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *address;
	int r;

	if (fd < 0)
		return -errno;
	address = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	if (address == MAP_FAILED)
		return -errno;
	r = look_up(sv, address, ret);
	munmap(address, page);
	if (r < 0)
		return r;
	*known = (struct measured){ true, file->dev, file->ino, *ret };
	sv->measured_next++;
	return 0;
}

static bool remembered(const struct supervisor *sv, const struct image_file *file,
		       struct map_identity *ret)
{
	for (size_t i = 0; i < COUNT_OF(sv->measured); i++) {
		const struct measured *known = &sv->measured[i];

		if (known->known && known->dev == file->dev && known->ino == file->ino) {
			*ret = known->shown;
			return true;
		}
	}
	return false;
}

static bool is_allowed(const struct judging *j, dev_t dev, ino_t ino)
{
	for (int i = 0; i < j->files.count; i++)
		if (j->files.file[i].dev == dev && j->files.file[i].ino == ino)
			return true;
	return false;
}

/* The kernel names files from the root of the mount namespace that they lie in: the program's. */
static bool lies_at(const struct supervisor *sv, const char *path, const struct image_file *file)
{
	struct stat st;

	return rooted_stat(sv->policy->root_fd, path, false, &st) == 0 && st.st_dev == file->dev &&
	       st.st_ino == file->ino;
}

/* Whether what maps show is one of the allowed files. */
static bool is_mapped(const struct judging *j, const struct map_identity *shown, const char *path)
{
	struct map_identity own;

	for (int i = 0; i < j->files.count; i++) {
		const struct image_file *file = &j->files.file[i];

		own = (struct map_identity){ major(file->dev), minor(file->dev), file->ino };
		if (same(&own, shown))
			return true;
	}
	for (int i = 0; i < j->files.count; i++) {
		const struct image_file *file = &j->files.file[i];

		if ((remembered(j->sv, file, &own) || measure(j->sv, file, &own) == 0) &&
		    same(&own, shown) && lies_at(j->sv, path, file))
			return true;
	}
	return false;
}

/* Asks the policy about a held file. Return: 1; 0 with the finding; -errno. */
static int ask(struct judging *j, int fd, const struct stat *st)
{
	static const char deleted[] = " (deleted)";
	struct image_finding *ret = j->ret;
	struct fs_object object = {
		.path = ret->path, .exists = true, .dev = st->st_dev, .ino = st->st_ino
	};
	size_t tail = sizeof(deleted) - 1;
	ssize_t n = held_path(j->sv, fd, ret->path, sizeof(ret->path));

	if (n < 0)
		return (int)n;
	if (st->st_nlink == 0 && (size_t)n > tail && strcmp(ret->path + n - tail, deleted) == 0) {
		n -= (ssize_t)tail;
		ret->path[n] = '\0';
		/* Memory is in no directory: only a list of what may be executed is about it. */
		if (strncmp(ret->path, "/memfd:", 7) == 0) {
			ret->decision = (struct decision){ .allow = !j->sv->policy->exec_present,
							   .error = EACCES };
			return ret->decision.allow;
		}
	}
	object.length = (size_t)n;
	ret->decision = policy_decide_fs(j->sv->policy, OP_EXEC, &object);
	return ret->decision.allow;
}

/* Asks, and takes the descriptor: what is allowed once is one of the allowed files from now on. */
static int keep_if_allowed(struct judging *j, int take_fd, const struct stat *st)
{
	int r = ask(j, take_fd, st);

	if (r > 0)
		image_add(&j->files, take_fd, st);
	else
		close(take_fd);
	return r;
}

/* A file that is reached through the process's own directory of procfs. Return: as ask(). */
static int judge_link(struct judging *j, const char *link)
{
	char name[32];
	struct stat st;
	int fd, r;

	snprintf(name, sizeof(name), "%d/%s", j->pid, link);
	fd = openat(j->sv->proc_fd, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : is_allowed(j, st.st_dev, st.st_ino);
	if (r != 0) {
		close(fd);
		return r;
	}
	return keep_if_allowed(j, fd, &st);
}

/* A file that is none of the allowed ones, at the path that maps show. Return: as ask(). */
static int judge_mapping(struct judging *j, const struct map_identity *shown, const char *path)
{
	cleanup_fd int fd = rooted_open(j->sv->policy->root_fd, path, O_PATH | O_NOFOLLOW, 0);
	struct map_identity own;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ESTALE;
	r = measure(j->sv, &(struct image_file){ fd, st.st_dev, st.st_ino }, &own);
	if (r < 0)
		return r;
	return same(&own, shown) ? keep_if_allowed(j, steal_fd(&fd), &st) : -ESTALE;
}

static int judge_mappings(struct judging *j)
{
	cleanup_free char *line = NULL;
	struct map_identity last = { 0 }, shown;
	char process[12], before[PATH_MAX] = "";
	size_t size = 0;
	uint64_t start;
	const char *path;
	int r = 1;
	bool any = false;
	FILE *maps;

	snprintf(process, sizeof(process), "%d", j->pid);
	maps = open_maps(j->sv, process);
	if (!maps)
		return -errno;
	while (r > 0 && getline(&line, &size, maps) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!parse_line(line, &start, &shown, &path))
			continue;
		any = true;
		if (same(&shown, &last) && strcmp(path, before) == 0)
			continue;
		if (!is_mapped(j, &shown, path))
			r = judge_mapping(j, &shown, path);
		last = shown;
		snprintf(before, sizeof(before), "%s", path);
	}
	fclose(maps);
	/* A process that is dying has none. */
	return any ? r : -ESRCH;
}

/* What binfmt_misc opened on behalf of a handler. */
static int judge_descriptor(struct judging *j)
{
	uint64_t vector[2 * AUXV_MAX];
	char name[32];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "%d/auxv", j->pid);
	fd = openat(j->sv->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, vector, sizeof(vector));
	close(fd);
	if (n < 0)
		return -errno;
	for (size_t i = 0; i + 1 < (size_t)n / sizeof(vector[0]); i += 2) {
		if (vector[i] != AT_EXECFD)
			continue;
		snprintf(name, sizeof(name), "fd/%d", (int)vector[i + 1]);
		return judge_link(j, name);
	}
	return 1;
}

int image_judge(struct supervisor *sv, pid_t pid, const struct image_files *allowed,
		struct image_finding *ret)
{
	struct judging j = { .sv = sv, .pid = pid, .files = *allowed, .ret = ret };
	int r;

	*ret = (struct image_finding){ 0 };
	r = judge_link(&j, "exe");
	if (r > 0)
		r = judge_mappings(&j);
	if (r > 0)
		r = judge_descriptor(&j);
	/* Those beyond the caller's are ours. */
	while (j.files.count > allowed->count)
		close(j.files.file[--j.files.count].fd);
	return r == -ENOENT ? -ESRCH : r;
}
