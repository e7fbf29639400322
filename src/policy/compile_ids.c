/* SPDX-License-Identifier: Apache-2.0 */
/* Typing of users, groups and capabilities: see compile.h. */
#include "policy/compile.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "sys/caps.h"
#include "sys/users.h"

#include <errno.h>
#include <limits.h>
#include <linux/securebits.h>
#include <string.h>

/* The last number means "unchanged" to the kernel. */
#define ID_LAST (UINT32_MAX - 1)

/* Return: 1 for a number; 0 for what may be a name; -EINVAL. */
static int read_number(struct compile *compile, const char *text, uint32_t *ret)
{
	uint64_t value;

	if (*text < '0' || *text > '9')
		return 0;
	if (str_to_u64(text, ID_LAST, &value) < 0)
		return compile_fail(compile, -EINVAL, "a number up to %u, or a name, is wanted",
				    ID_LAST);
	*ret = (uint32_t)value;
	return 1;
}

static int unknown(struct compile *compile, const char *what, int r)
{
	if (r != -ENOENT)
		return r == -ENOMEM
			       ? r
			       : compile_fail(compile, -EINVAL, "the %s cannot be looked up: %s",
					      what, strerrordesc_np(-r));
	return compile_fail(compile, -EINVAL,
			    "/etc has no %s of that name; a number names any that there is", what);
}

static int read_group(struct compile *compile, const char *text, gid_t *ret)
{
	int r = read_number(compile, text, ret);

	if (r != 0)
		return r < 0 ? r : 0;
	r = group_by_name(text, ret);
	return r < 0 ? unknown(compile, "group", r) : 0;
}

int compile_user(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	uid_t uid;
	gid_t gid;
	int r = read_number(compile, entry->text, &uid);

	(void)key;
	if (r < 0)
		return r;
	policy->user_gid = -1;
	if (r == 0) {
		r = user_by_name(entry->text, &uid, &gid);
		if (r < 0)
			return unknown(compile, "user", r);
		policy->user_gid = gid;
	}
	policy->uid = uid;
	return 0;
}

int compile_group(struct compile *compile, const struct key *key, const struct entry *entry)
{
	gid_t gid;
	int r = read_group(compile, entry->text, &gid);

	(void)key;
	if (r == 0)
		compile->policy->gid = gid;
	return r;
}

int compile_groups(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	gid_t gid;
	int r = read_group(compile, entry->text, &gid);

	(void)key;
	if (r < 0)
		return r;
	if (policy->group_count == NGROUPS_MAX)
		return compile_fail(compile, -EINVAL, "more than %d groups", NGROUPS_MAX);
	if (vec_grow(&policy->groups, policy->group_count) < 0)
		return -ENOMEM;
	policy->groups[policy->group_count++] = gid;
	return 0;
}

int compile_capability(struct compile *compile, const struct key *key, const struct entry *entry)
{
	int cap = caps_by_name(entry->text);

	if (cap < 0)
		return compile_fail(compile, -EINVAL,
				    "the name of a capability, such as NET_BIND_SERVICE, or a "
				    "number up to %u is wanted",
				    caps_last());
	compile->policy->caps[key->offset] |= 1ull << cap;
	return 0;
}

int compile_securebit(struct compile *compile, const struct key *key, const struct entry *entry)
{
	static const struct {
		const char *name;
		unsigned bit;
	} rows[] = {
		{ "noroot", SECBIT_NOROOT },
		{ "noroot_locked", SECBIT_NOROOT_LOCKED },
		{ "no_setuid_fixup", SECBIT_NO_SETUID_FIXUP },
		{ "no_setuid_fixup_locked", SECBIT_NO_SETUID_FIXUP_LOCKED },
		{ "keep_caps", SECBIT_KEEP_CAPS },
		{ "keep_caps_locked", SECBIT_KEEP_CAPS_LOCKED },
		{ "no_cap_ambient_raise", SECBIT_NO_CAP_AMBIENT_RAISE },
		{ "no_cap_ambient_raise_locked", SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED },
	};

	(void)key;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, entry->text) != 0)
			continue;
		compile->policy->securebits |= rows[i].bit;
		return 0;
	}
	return compile_fail(compile, -EINVAL,
			    "noroot, no_setuid_fixup, keep_caps or no_cap_ambient_raise, or one of "
			    "them with '_locked', is wanted");
}
