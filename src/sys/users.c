/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups: see users.h. */
#include "sys/users.h"

#include "base/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void cleanup_stream_(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}
#define cleanup_stream __attribute__((cleanup(cleanup_stream_)))

/* A group's line holds all its members. */
#define LINE_MAX_BYTES (1u << 20)

int user_by_name(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	cleanup_stream FILE *file = fopen("/etc/passwd", "re");
	cleanup_free char *line = malloc(LINE_MAX_BYTES);
	struct passwd entry, *found;
	int r;

	if (!file || !line)
		return !line ? -ENOMEM : -errno;
	do {
		r = fgetpwent_r(file, &entry, line, LINE_MAX_BYTES, &found);
	} while (r == 0 && strcmp(entry.pw_name, name) != 0);
	if (r != 0)
		return -r;
	*ret_uid = entry.pw_uid;
	*ret_gid = entry.pw_gid;
	return 0;
}

int group_by_name(const char *name, gid_t *ret)
{
	cleanup_stream FILE *file = fopen("/etc/group", "re");
	cleanup_free char *line = malloc(LINE_MAX_BYTES);
	struct group entry, *found;
	int r;

	if (!file || !line)
		return !line ? -ENOMEM : -errno;
	do {
		r = fgetgrent_r(file, &entry, line, LINE_MAX_BYTES, &found);
	} while (r == 0 && strcmp(entry.gr_name, name) != 0);
	if (r != 0)
		return -r;
	*ret = entry.gr_gid;
	return 0;
}
