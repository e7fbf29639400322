/* SPDX-License-Identifier: Apache-2.0 */
/* Acting with the caller's ids: see ids.h. */
#include "supervisor/ids.h"

#include "base/cleanup.h"
#include "sys/process.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

struct ids {
	uid_t uid;
	gid_t gid;
	uint64_t effective; /* capabilities */
	size_t group_count;
	gid_t *groups;	 /* `few`, or a mapping: a process aside must not allocate */
	size_t map_size; /* of the mapping; 0: `few` */
	gid_t few[64];
};

/* The numbers of a line such as "Uid:\t0\t0\t0\t0": real, effective, saved and filesystem id. */
static int read_line(const char *status, const char *key, unsigned ret[4])
{
	const char *line = strstr(status, key);

	if (!line ||
	    sscanf(line + strlen(key), "%u %u %u %u", &ret[0], &ret[1], &ret[2], &ret[3]) != 4)
		return -EIO;
	return 0;
}

/* KERNEL: under its real ids root has what is permitted, and everybody else no capability. */
static int read_capabilities(const char *status, enum ids_kind kind, struct ids *ret)
{
	const char *key = kind == IDS_REAL ? "\nCapPrm:" : "\nCapEff:";
	const char *line = strstr(status, key);

	if (!line || sscanf(line + strlen(key), "%" SCNx64, &ret->effective) != 1)
		return -EIO;
	if (kind == IDS_REAL && ret->uid != 0)
		ret->effective = 0;
	return 0;
}

static int read_groups(const char *status, struct ids *ret)
{
	const char *at = strstr(status, "\nGroups:");
	size_t most;

	if (!at)
		return -EIO;
	at += strlen("\nGroups:");
	/* Each takes a digit and a space at least. */
	most = strcspn(at, "\n") / 2 + 1;
	ret->groups = ret->few;
	if (most > COUNT_OF(ret->few)) {
		size_t size = most * sizeof(*ret->groups);
		void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);

		if (map == MAP_FAILED)
			return -ENOMEM;
		ret->groups = map;
		ret->map_size = size;
	}
	ret->group_count = 0;
	for (;;) {
		char *end;

		at += strspn(at, " \t");
		if (*at < '0' || *at > '9')
			return 0;
		ret->groups[ret->group_count++] = (gid_t)strtoul(at, &end, 10);
		at = end;
	}
}

static int read_numbers(const struct supervisor *sv, pid_t tid, struct process_text *ret_status,
			unsigned ret_uids[4], unsigned ret_gids[4])
{
	int r = process_text_read(sv->proc_fd, tid, "status", ret_status);

	if (r == 0)
		r = read_line(ret_status->text, "\nUid:", ret_uids);
	return r == 0 ? read_line(ret_status->text, "\nGid:", ret_gids) : r;
}

static int read_ids(const struct supervisor *sv, pid_t tid, enum ids_kind kind, struct ids *ret)
{
	unsigned uids[4], gids[4];
	cleanup_process_text struct process_text status;
	int r = read_numbers(sv, tid, &status, uids, gids);

	if (r == 0)
		r = read_groups(status.text, ret);
	if (r < 0)
		return r;
	ret->uid = uids[kind == IDS_REAL ? 0 : 3];
	ret->gid = gids[kind == IDS_REAL ? 0 : 3];
	return read_capabilities(status.text, kind, ret);
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

static int take(struct supervisor *sv, struct ids *ids)
{
	int r;

	/* SECURITY: capabilities of another user namespace are none in ours. */
	if (sv->user_ns)
		ids->effective = 0;
	if (same_ids(sv, ids) && (ids->effective & sv->own_effective) == sv->own_effective)
		return 0;
	sv->ids_taken = true;
	sv->taken_effective = ids->effective;
	r = set_ids(ids, sv->own_uid);
	return r == 0 ? set_effective(ids->effective) : r;
}

int ids_take(struct supervisor *sv, pid_t tid, enum ids_kind kind)
{
	struct ids ids = { .map_size = 0 };
	int r = read_ids(sv, tid, kind, &ids);

	if (r == 0)
		r = take(sv, &ids);
	if (ids.map_size > 0)
		munmap(ids.groups, ids.map_size);
	return r;
}

struct supervisor *ids_look(struct supervisor *sv)
{
	if (sv->ids_taken)
		set_effective(sv->own_effective);
	return sv;
}

void ids_look_end(struct supervisor *const *sv)
{
	int saved = errno;

	if (*sv && (*sv)->ids_taken && set_effective((*sv)->taken_effective) < 0)
		(*sv)->broken((*sv)->callback_arg, "cannot take a caller's capabilities");
	errno = saved;
}

int ids_restore(struct supervisor *sv)
{
	const struct ids ids = { .uid = sv->own_uid,
				 .gid = sv->own_gid,
				 .group_count = sv->own_group_count,
				 .groups = sv->own_groups };
	int r;

	if (!sv->ids_taken)
		return 0;
	sv->ids_taken = false;
	syscall(SYS_setfsuid, sv->own_uid);
	/* First the capabilities: the groups need one. */
	r = set_effective(sv->own_effective);
	return r < 0 ? r : set_ids(&ids, sv->own_uid);
}

int ids_include(const struct supervisor *sv, pid_t tid, uid_t uid, gid_t gid)
{
	unsigned uids[4], gids[4];
	cleanup_process_text struct process_text status;
	int r = read_numbers(sv, tid, &status, uids, gids);

	if (r < 0)
		return r;
	return (uid == uids[0] || uid == uids[1] || uid == uids[2]) &&
	       (gid == gids[0] || gid == gids[1] || gid == gids[2]);
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
