/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are the same in several spellings: see folding.h. For `explain` alone: it asks every directory that is
 * granted.
 */
#include "supervisor/folding.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

/* File systems that fold everywhere. */
static const uint32_t types[] = {
	MSDOS_SUPER_MAGIC,
	0x2011bab0, /* exfat */
	0x5346544e, /* ntfs */
	0x7366746e, /* ntfs3 */
	0xff534d42, /* cifs */
	0xfe534d42, /* smb3 */
	0x482b,	    /* hfsplus */
};

/* File systems where a directory says for itself whether it does. */
static bool has_flag(uint32_t type)
{
	return type == EXT4_SUPER_MAGIC || type == F2FS_SUPER_MAGIC || type == TMPFS_MAGIC;
}

static bool folds(int fd)
{
	cleanup_fd int opened = -1;
	struct statfs fs;
	char path[32];
	long flags = 0; /* KERNEL: an int is written, whatever the number of the request says */

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if ((uint32_t)fs.f_type == types[i])
			return true;
	if (!has_flag((uint32_t)fs.f_type))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return opened >= 0 && ioctl(opened, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_CASEFOLD_FL;
}

static bool guards_something(const struct policy *policy)
{
	for (size_t i = 0; i < policy->fs_count; i++)
		if (policy->fs[i].kind < FS_WRITE)
			return true;
	return false;
}

int folding_note(const struct policy *policy, struct assignment *assignment)
{
	int r = 0;

	if (!guards_something(policy))
		return 0;
	for (size_t i = 0; r >= 0 && i < policy->fs_count; i++) {
		const struct fs_rule *rule = &policy->fs[i];
		struct strbuf line = { 0 };

		if (rule->kind < FS_WRITE || !rule->exists || !rule->is_directory ||
		    !folds(rule->fd))
			continue;
		strbuf_add(
			&line,
			"%s: in '%s' upper and lower case are the same name: a deny, hide or "
			"protect "
			"rule on a file that exists holds for every spelling, all others for the "
			"spelling that they have",
			rule->rule.key, rule->path);
		r = line.failed ? -ENOMEM : assignment_note(assignment, line.text);
		strbuf_done(&line);
	}
	return r;
}
