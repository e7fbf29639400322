/* SPDX-License-Identifier: Apache-2.0 */
/* Sticky directories: see sticky.h. The conditions are those of the kernel, in its order. */
#include "supervisor/sticky.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define EVERYBODY (S_ISVTX | S_IWOTH)

static int read_setting(const struct supervisor *sv, const char *name)
{
	cleanup_fd int fd = openat(sv->proc_fd, name, O_RDONLY | O_CLOEXEC);
	char digit;

	return fd >= 0 && read(fd, &digit, 1) == 1 && digit >= '0' && digit <= '9' ? digit - '0'
										   : 1;
}

void sticky_read(struct supervisor *sv)
{
	sv->protected_symlinks = read_setting(sv, "sys/fs/protected_symlinks");
	sv->protected_regular = read_setting(sv, "sys/fs/protected_regular");
	sv->protected_fifos = read_setting(sv, "sys/fs/protected_fifos");
}

/* An id that is none changes nothing, and the call tells the current one. */
static bool is_own(const struct stat *st)
{
	return st->st_uid == (uid_t)syscall(SYS_setfsuid, -1);
}

int sticky_follow(const struct supervisor *sv, int directory, const struct stat *link)
{
	struct stat st;

	if (!sv->protected_symlinks || is_own(link))
		return 0;
	if (fstat(directory, &st) < 0)
		return -errno;
	return (st.st_mode & EVERYBODY) != EVERYBODY || st.st_uid == link->st_uid ? 0 : -EACCES;
}

int sticky_open(const struct supervisor *sv, int directory, const struct stat *object)
{
	struct stat st;
	int level = S_ISREG(object->st_mode)	? sv->protected_regular
		    : S_ISFIFO(object->st_mode) ? sv->protected_fifos
						: 1;

	if (level == 0)
		return 0;
	if (fstat(directory, &st) < 0)
		return -errno;
	if (!(st.st_mode & S_ISVTX) || object->st_uid == st.st_uid || is_own(object))
		return 0;
	return st.st_mode & S_IWOTH || (st.st_mode & S_IWGRP && level >= 2) ? -EACCES : 0;
}
