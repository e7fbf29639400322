/* SPDX-License-Identifier: Apache-2.0 */
/* Acting with the caller's ids: see ids.h. */
#include "supervisor/ids.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define GROUPS_MAX 256

struct ids {
	uid_t uid;
	gid_t gid;
	uint64_t effective; /* capabilities */
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
	const char *at;
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
	if (r == 0)
		r = read_groups(text, ret);
	at = strstr(text, "\nCapEff:");
	if (r == 0 && (!at || sscanf(at, "\nCapEff: %" SCNx64, &ret->effective) != 1))
		r = -EIO;
	return r;
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

/* Effective capabilities of this thread; permitted ones stay, so that they can come back. */
static int set_effective(uint64_t effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		data[i].effective = (uint32_t)(effective >> 32 * i) & data[i].permitted;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static bool same_ids(const struct supervisor *sv, const struct ids *ids)
{
	return ids->uid == sv->own_uid && ids->gid == sv->own_gid &&
	       ids->group_count == sv->own_group_count &&
	       memcmp(ids->groups, sv->own_groups, ids->group_count * sizeof(gid_t)) == 0;
}

int ids_take(const struct supervisor *sv, pid_t tid)
{
	struct ids ids;
	int r = read_ids(sv, tid, &ids);

	if (r < 0)
		return r;
	if (same_ids(sv, &ids) && (ids.effective & sv->own_effective) == sv->own_effective)
		return 0;
	r = set_ids(&ids, sv->own_uid);
	if (r == 0)
		r = set_effective(ids.effective);
	return r < 0 ? r : 1;
}

int ids_restore(const struct supervisor *sv)
{
	struct ids ids = { .uid = sv->own_uid, .gid = sv->own_gid };
	int r;

	if (sv->own_group_count > GROUPS_MAX)
		return -E2BIG;
	memcpy(ids.groups, sv->own_groups, sv->own_group_count * sizeof(gid_t));
	ids.group_count = sv->own_group_count;
	syscall(SYS_setfsuid, sv->own_uid);
	/* First the capabilities: the groups need one. */
	r = set_effective(sv->own_effective);
	return r < 0 ? r : set_ids(&ids, sv->own_uid);
}

int ids_own_effective(uint64_t *ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret = data[0].effective | (uint64_t)data[1].effective << 32;
	return 0;
}
