/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that may hang: see slow.h. */
#include "supervisor/slow.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "supervisor/ablate.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Types that the kernel answers for alone, from memory or a disk of this machine. */
static const char *const local[] = {
	"bcachefs", "binfmt_misc", "bpf",	"btrfs",    "cgroup",	  "cgroup2", "configfs",
	"debugfs",  "devpts",	   "devtmpfs",	"efivarfs", "erofs",	  "exfat",   "ext2",
	"ext3",	    "ext4",	   "f2fs",	"fusectl",  "hugetlbfs",  "iso9660", "jfs",
	"mqueue",   "nsfs",	   "ntfs3",	"overlay",  "proc",	  "pstore",  "ramfs",
	"rootfs",   "securityfs",  "selinuxfs", "squashfs", "sysfs",	  "tmpfs",   "tracefs",
	"udf",	    "vfat",	   "xfs",	"zfs",	    "rpc_pipefs",
};

/* Ours, and the program's: a mount has another number in each. */
enum { OWN, OF_PROGRAM, VIEWS };

struct slow_mounts {
	uint64_t *ids; /* in ascending order */
	size_t count;
	int watch[VIEWS], source[VIEWS];
};

static bool is_local(const char *type, size_t length)
{
	for (size_t i = 0; i < COUNT_OF(local) && !ablated("all-slow"); i++)
		if (strlen(local[i]) == length && memcmp(local[i], type, length) == 0)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS] - TYPE SOURCE OPTIONS`; blanks are escaped. */
static int add_line(struct slow_mounts *slow, const char *line)
{
	const char *type = strstr(line, " - ");
	int r;

	if (!type)
		return 0;
	type += strlen(" - ");
	if (is_local(type, strcspn(type, " ")))
		return 0;
	r = vec_grow(&slow->ids, slow->count);
	if (r == 0)
		slow->ids[slow->count++] = strtoull(line, NULL, 10);
	return r;
}

static int add_mounts(struct slow_mounts *slow, int watch)
{
	int fd = held_copy(watch), r = 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	cleanup_free char *line = NULL;
	size_t size = 0;

	if (!file) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	rewind(file);
	while (r == 0 && getline(&line, &size, file) > 0)
		r = add_line(slow, line);
	fclose(file);
	return r;
}

static int read_mounts(struct supervisor *sv)
{
	struct slow_mounts *slow = sv->slow;
	int r = 0;

	slow->count = 0;
	for (int i = 0; r == 0 && i < VIEWS; i++)
		if (slow->watch[i] >= 0)
			r = add_mounts(slow, slow->watch[i]);
	if (slow->count > 0)
		qsort(slow->ids, slow->count, sizeof(*slow->ids), compare);
	sv->careful = slow->count > 0 && !ablated("slow");
	return r;
}

static void changed(void *arg, short events)
{
	struct supervisor *sv = arg;

	(void)events;
	read_mounts(sv);
}

int slow_new(struct supervisor *sv)
{
	const char *const files[VIEWS] = { "thread-self/mountinfo", sv->policy->mountinfo };
	struct slow_mounts *slow = calloc(1, sizeof(*slow));

	if (!slow)
		return -ENOMEM;
	sv->slow = slow;
	for (int i = 0; i < VIEWS; i++)
		slow->watch[i] = slow->source[i] = -1;
	for (int i = 0; i < VIEWS; i++) {
		if (!files[i])
			continue;
		slow->watch[i] = openat(sv->proc_fd, files[i], O_RDONLY | O_CLOEXEC);
		if (slow->watch[i] < 0)
			return -errno;
		slow->source[i] = loop_add_for(sv->loop, slow->watch[i], POLLPRI, changed, sv);
		if (slow->source[i] < 0)
			return slow->source[i];
	}
	return read_mounts(sv);
}

void slow_free(struct supervisor *sv)
{
	if (!sv->slow)
		return;
	for (int i = 0; i < VIEWS; i++) {
		loop_remove(sv->loop, sv->slow->source[i]);
		if (sv->slow->watch[i] >= 0)
			close(sv->slow->watch[i]);
	}
	free(sv->slow->ids);
	free(sv->slow);
	sv->slow = NULL;
}

/* KERNEL(5.8): the number of a mount; older kernels do not fill it in. AT_STATX_DONT_SYNC asks nobody. */
int slow_check(const struct caller *caller, int fd)
{
	const struct slow_mounts *slow = caller->sv->slow;
	struct statx st;
	uint64_t id;

	if (!caller->careful)
		return 0;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) <
		    0 ||
	    !(st.stx_mask & STATX_MNT_ID))
		return 0;
	id = st.stx_mnt_id;
	return bsearch(&id, slow->ids, slow->count, sizeof(id), compare) ? -SLOW : 0;
}
