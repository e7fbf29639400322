/* SPDX-License-Identifier: Apache-2.0 */
/* Typing of namespaces, root and mounts: see compile.h. */
#include "policy/compile.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/records.h"
#include "policy/vars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int compile_namespace(struct compile *compile, const struct key *key, const struct entry *entry)
{
	/* In the order of the layers. */
	static const char *const known[] = { "user", "pid", "mount",  "net",
					     "ipc",  "uts", "cgroup", "time" };
	unsigned layer = LAYER_USER_NS;

	(void)key;
	for (size_t i = 0; i < COUNT_OF(known); i++, layer++) {
		if (strcmp(entry->text, known[i]) != 0)
			continue;
		compile->policy->namespaces |= LAYER_BIT(layer);
		return 0;
	}
	return compile_fail(compile, -EINVAL,
			    "one of user pid mount net ipc uts cgroup time is wanted");
}

/* Seconds or a duration, perhaps with a sign. */
int compile_time_offset(struct compile *compile, const struct key *key, const struct entry *entry)
{
	static const char *const clocks[CLOCKS_COUNT] = { "monotonic", "boottime" };
	const char *text = entry->text + (entry->text[0] == '-');
	uint64_t value;

	(void)key;
	for (size_t i = 0; i < CLOCKS_COUNT; i++) {
		struct clock_offset *offset = &compile->policy->offsets[i];

		if (strcmp(entry->name, clocks[i]) != 0)
			continue;
		if (str_to_u64(text, INT32_MAX, &value) == 0)
			value *= 1000;
		else if (str_to_duration(text, &value) < 0 || value > INT32_MAX * 1000ull)
			return compile_fail(compile, -EINVAL,
					    "seconds, or a duration such as 90s or 24h, with or "
					    "without '-', are wanted");
		offset->seconds = (int64_t)(value / 1000);
		offset->milliseconds = (int)(value % 1000);
		offset->back = text != entry->text;
		compile->policy->namespaces |= LAYER_BIT(LAYER_TIME_NS);
		return 0;
	}
	return compile_fail(compile, -EINVAL, "a clock is wanted: monotonic or boottime");
}

int compile_inner_user_ns(struct compile *compile, const struct key *key, const struct entry *entry)
{
	uint64_t value;

	(void)key;
	if (str_to_u64(entry->text, INT32_MAX, &value) < 0)
		return compile_fail(compile, -EINVAL, "a number is wanted");
	compile->policy->inner_user_ns = (int64_t)value;
	compile->policy->namespaces |= LAYER_BIT(LAYER_USER_NS);
	return 0;
}

/* A place that has to be there before the run. */
static int read_place(struct compile *compile, const char *text, char **ret)
{
	int r = vars_path(compile, text, false, ret);

	if (r == 0 && vars_uses_tmp(text)) {
		free(*ret);
		*ret = NULL;
		return compile_fail(compile, -EINVAL, "$TMP is not there yet");
	}
	return r;
}

int compile_join(struct compile *compile, const struct key *key, const struct entry *entry)
{
	static const struct {
		const char *name;
		unsigned layer;
	} known[JOINS] = {
		[JOIN_NET] = { "net", LAYER_NET_NS },
		[JOIN_IPC] = { "ipc", LAYER_IPC_NS },
		[JOIN_UTS] = { "uts", LAYER_UTS_NS },
		[JOIN_CGROUP] = { "cgroup", LAYER_CGROUP_NS },
	};
	struct policy *policy = compile->policy;
	int r;

	for (size_t i = 0; i < JOINS; i++) {
		if (strcmp(entry->name, known[i].name) != 0)
			continue;
		if (policy->namespaces & LAYER_BIT(known[i].layer))
			return compile_fail(compile, -EINVAL,
					    "isolation.namespaces asks for a new one");
		if (i == JOIN_UTS && policy->hostname)
			return compile_fail(compile, -EINVAL,
					    "isolation.hostname asks for a new one");
		r = read_place(compile, entry->text, &policy->joins[i].path);
		if (r == 0)
			r = compile_rule(key, entry, &policy->joins[i].rule);
		policy->namespaces |= LAYER_BIT(known[i].layer);
		return r;
	}
	return compile_fail(compile, -EINVAL, "one of net ipc uts cgroup can be joined");
}

/* While only the form is checked, $WORKSPACE stands for nothing yet. */
static bool is_root(const struct compile *compile, const char *text, const char *path)
{
	return strcmp(path, "/") == 0 && (compile->workspace || text[0] == '/');
}

int compile_root(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	cleanup_free char *path = NULL;
	int r = read_place(compile, entry->text, &path);

	if (r == 0 && is_root(compile, entry->text, path))
		return compile_fail(compile, -EINVAL, "that is the root already");
	if (r == 0)
		r = compile_rule(key, entry, &policy->root_rule);
	if (r < 0)
		return r;
	free(policy->root);
	policy->root = steal_ptr(&path);
	return 0;
}

static int read_type(struct compile *compile, const char *text, struct mount_rule *mount)
{
	static const char *const types[] = { "bind", "tmpfs", "proc", "dev" };

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (strcmp(types[i], text) != 0)
			continue;
		mount->type = (enum mount_type)i;
		return 0;
	}
	return compile_fail(compile, -EINVAL, "type: one of bind tmpfs proc dev is wanted");
}

static int read_flag(struct compile *compile, const char *name, const char *text, bool *ret)
{
	*ret = strcmp(text, "true") == 0;
	return *ret || strcmp(text, "false") == 0
		       ? 0
		       : compile_fail(compile, -EINVAL, "%s: true or false is wanted", name);
}

static int read_size(struct compile *compile, const char *text, uint64_t *ret)
{
	if (str_to_size(text, ret) < 0 || *ret == 0)
		return compile_fail(compile, -EINVAL, "size: a size such as 512M or 2G is wanted");
	return 0;
}

/* Of a bind. */
static int read_end(struct compile *compile, const char *name, const char *text, char **ret)
{
	int r = read_place(compile, text, ret);
	char reason[sizeof(compile->reason)];

	if (r != -EINVAL)
		return r;
	memcpy(reason, compile->reason, sizeof(reason));
	return compile_fail(compile, r, "%s: %.200s", name, reason);
}

static int read_field(struct compile *compile, const char *name, const char *text,
		      struct mount_rule *mount)
{
	if (strcmp(name, "source") == 0)
		return read_end(compile, name, text, &mount->source);
	if (strcmp(name, "target") == 0)
		return read_end(compile, name, text, &mount->target);
	if (strcmp(name, "type") == 0)
		return read_type(compile, text, mount);
	if (strcmp(name, "size") == 0)
		return read_size(compile, text, &mount->size);
	if (strcmp(name, "read_only") == 0)
		return read_flag(compile, name, text, &mount->read_only);
	return read_flag(compile, name, text, &mount->optional);
}

/* What does not go together. */
static int check_whole(struct compile *compile, const struct mount_rule *mount, bool target_is_root)
{
	const bool bind = mount->type == MOUNT_BIND;

	if (!mount->target)
		return compile_fail(compile, -EINVAL, "it has no target");
	if (target_is_root)
		return compile_fail(compile, -EINVAL, "target: '/' is what isolation.root is for");
	if (bind != (mount->source != NULL))
		return compile_fail(compile, -EINVAL,
				    bind ? "it has no source" : "only a bind has a source");
	if (mount->size > 0 && mount->type != MOUNT_TMPFS)
		return compile_fail(compile, -EINVAL, "only a tmpfs has a size");
	if (mount->optional && !bind)
		return compile_fail(compile, -EINVAL, "only a bind is optional");
	if (mount->read_only && mount->type != MOUNT_BIND && mount->type != MOUNT_TMPFS)
		return compile_fail(compile, -EINVAL, "only a bind or a tmpfs is read_only");
	return 0;
}

void mount_rule_done(struct mount_rule *mount)
{
	compile_rule_done(&mount->rule);
	free(mount->source);
	free(mount->target);
}

int compile_mount(struct compile *compile, const struct key *key, const struct entry *entry)
{
	struct policy *policy = compile->policy;
	cleanup_free char *fields = strdup(entry->name);
	struct mount_rule mount = { 0 };
	char *rest = fields, *name, *value;
	bool target_is_root = false;
	int r = fields ? vec_grow(&policy->mounts, policy->mount_count) : -ENOMEM;

	while (r == 0 && record_next(&rest, &name, &value)) {
		r = read_field(compile, name, value, &mount);
		if (r == 0 && strcmp(name, "target") == 0)
			target_is_root = is_root(compile, value, mount.target);
	}
	if (r == 0)
		r = check_whole(compile, &mount, target_is_root);
	if (r == 0)
		r = compile_rule(key, entry, &mount.rule);
	if (r < 0) {
		mount_rule_done(&mount);
		return r;
	}
	policy->mounts[policy->mount_count++] = mount;
	return 0;
}
