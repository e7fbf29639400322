/* SPDX-License-Identifier: Apache-2.0 */
/* Acting with the caller's ids: see ids.h. */
#include "supervisor/ids.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define GROUPS_MAX 256

struct ids {
	uid_t uid;
	gid_t gid;
	size_t group_count;
	gid_t groups[GROUPS_MAX];
};

/* The last number of a line such as "Uid:\t0\t0\t0\t0": the filesystem id. */
static int last_of_line(const char *status, const char *key, unsigned *ret)
{
	const char *line = strstr(status, key);
	unsigned a, b, c;

	if (!line || sscanf(line + strlen(key), "%u %u %u %u", &a, &b, &c, ret) != 4)
		return -EIO;
	return 0;
}

static int read_groups(const char *status, struct ids *ret)
{
	const char *at = strstr(status, "\nGroups:");
	char *end;

	if (!at)
		return -EIO;
	at += strlen("\nGroups:");
	ret->group_count = 0;
	for (;;) {
		unsigned long group;

		at += strspn(at, " \t");
		if (*at < '0' || *at > '9')
			return 0;
		group = strtoul(at, &end, 10);
		if (ret->group_count == GROUPS_MAX)
			return -E2BIG;
		ret->groups[ret->group_count++] = (gid_t)group;
		at = end;
	}
}

static int read_ids(const struct supervisor *sv, pid_t tid, struct ids *ret)
{
	char name[32], text[8192];
	cleanup_fd int fd = -1;
	ssize_t n;
	int r;

	snprintf(name, sizeof(name), "%d/status", tid);
	fd = openat(sv->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	r = last_of_line(text, "\nUid:", &ret->uid);
	if (r == 0)
		r = last_of_line(text, "\nGid:", &ret->gid);
	return r < 0 ? r : read_groups(text, ret);
}

static int set_ids(const struct ids *ids, uid_t from_uid)
{
	/* The groups need CAP_SETGID, which only changes with the user id of credentials, not
	 * fsuid. */
	if (syscall(SYS_setgroups, ids->group_count, ids->groups) < 0)
		return -errno;
	syscall(SYS_setfsgid, ids->gid);
	syscall(SYS_setfsuid, ids->uid);
	/* setfs*id() report nothing: a second call with an impossible id tells the current one. */
	if ((gid_t)syscall(SYS_setfsgid, -1) != ids->gid ||
	    (uid_t)syscall(SYS_setfsuid, -1) != ids->uid) {
		syscall(SYS_setfsuid, from_uid);
		return -EPERM;
	}
	return 0;
}

int ids_take(const struct supervisor *sv, pid_t tid)
{
	char name[16];
	struct stat st;
	struct ids ids;
	int r;

	snprintf(name, sizeof(name), "%d", tid);
	if (fstatat(sv->proc_fd, name, &st, 0) < 0)
		return -errno;
	if (st.st_uid == sv->own_uid && st.st_gid == sv->own_gid)
		return 0;
	r = read_ids(sv, tid, &ids);
	if (r < 0)
		return r;
	r = set_ids(&ids, sv->own_uid);
	return r < 0 ? r : 1;
}

int ids_restore(const struct supervisor *sv)
{
	struct ids ids = { .uid = sv->own_uid, .gid = sv->own_gid };

	if (sv->own_group_count > GROUPS_MAX)
		return -E2BIG;
	memcpy(ids.groups, sv->own_groups, sv->own_group_count * sizeof(gid_t));
	ids.group_count = sv->own_group_count;
	syscall(SYS_setfsuid, sv->own_uid);
	return set_ids(&ids, sv->own_uid);
}
