/* SPDX-License-Identifier: Apache-2.0 */
/* What the stage mounts: see stage_view.h. */
#include "supervisor/stage_view.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/inside.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A text that lives as long as the plan. Return: NULL: out of memory. */
static const char *keep(struct stage_view *view, char *take_text)
{
	if (take_text)
		view->texts[view->text_count++] = take_text;
	return take_text;
}

/* Return: 0; -errno. */
static int take_object(struct stage_view *view, const char *path, struct view_object *ret,
		       bool *ret_directory)
{
	const char *real = keep(view, realpath(path, NULL));
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return -errno;
	*ret = (struct view_object){ .path = real, .dev = st.st_dev, .ino = st.st_ino };
	*ret_directory = S_ISDIR(st.st_mode);
	return 0;
}

static int add(struct stage_view *view, const struct view_mount *mount,
	       const struct mount_rule *rule)
{
	if (view->plan.count == VIEW_MOUNTS_MAX)
		return -E2BIG;
	view->rules[view->plan.count] = rule;
	view->mounts[view->plan.count++] = *mount;
	return 0;
}

static int add_bind(struct stage_view *view, const char *source, const char *target, bool read_only,
		    const struct mount_rule *rule)
{
	struct view_mount mount = { .kind = VIEW_BIND, .target = target, .read_only = read_only };
	int r = take_object(view, source, &mount.source, &mount.is_directory);

	return r < 0 ? r : add(view, &mount, rule);
}

/* Links of the host stay links. What the host does not have is left out. */
static int add_host_libs(struct stage_view *view)
{
	static const char *const places[] = { "/usr/lib", "/usr/lib64", "/usr/bin",
					      "/lib",	  "/lib64",	"/bin" };

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		struct view_mount link = { .kind = VIEW_LINK, .target = places[i] };
		char text[PATH_MAX];
		ssize_t n = readlink(places[i], text, sizeof(text) - 1);
		int r;

		if (n < 0) {
			r = add_bind(view, places[i], places[i], true, NULL);
		} else {
			text[n] = '\0';
			link.text = keep(view, strdup(text));
			r = link.text ? add(view, &link, NULL) : -ENOMEM;
		}
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int add_rule(struct stage_view *view, const struct mount_rule *rule)
{
	static const enum view_kind kinds[] = { [MOUNT_BIND] = VIEW_BIND,
						[MOUNT_TMPFS] = VIEW_TMPFS,
						[MOUNT_PROC] = VIEW_PROC,
						[MOUNT_DEV] = VIEW_DEV };
	struct view_mount mount = { .kind = kinds[rule->type],
				    .target = rule->target,
				    .is_directory = true,
				    .hides = view->hide,
				    .read_only = rule->read_only };
	char *size = NULL;
	int r;

	if (rule->type == MOUNT_BIND) {
		r = add_bind(view, rule->source, rule->target, rule->read_only, rule);
		return r == -ENOENT && rule->optional ? 0 : r;
	}
	if (rule->size > 0) {
		if (asprintf(&size, "%llu", (unsigned long long)rule->size) < 0)
			return -ENOMEM;
		mount.text = keep(view, size);
	}
	return add(view, &mount, rule);
}

static bool has_target(const struct policy *policy, const char *target)
{
	for (size_t i = 0; i < policy->mount_count; i++)
		if (strcmp(policy->mounts[i].target, target) == 0)
			return true;
	return false;
}

static int fail_at(struct cordon_error *err, int code, const struct rule *rule)
{
	err_set(err, code, "%s: %s: %s", rule->key, rule->text, strerrordesc_np(-code));
	if (rule->origin.line > 0)
		err_place(err, rule->origin.file, rule->origin.line, rule->origin.column);
	return code;
}

/* What lies below comes first, so that the policy's own lie on top. */
static int add_own(struct stage_view *view, const struct policy *policy, const char *tmp)
{
	const struct view_mount proc = {
		.kind = VIEW_PROC, .target = "/proc", .hides = view->hide, .of_pid_ns = true
	};
	int r = policy->host_libs ? add_host_libs(view) : 0;

	if (r == 0 && policy->root && tmp)
		r = add_bind(view, tmp, INSIDE_TMP, false, NULL);
	/* In a pid namespace the host's would show processes that do not exist there. */
	if (r == 0 && (policy->namespaces & LAYER_BIT(LAYER_PID_NS)) &&
	    !has_target(policy, "/proc"))
		r = add(view, &proc, NULL);
	return r;
}

int stage_view_make(const struct policy *policy, const char *tmp, bool hide, struct stage_view *ret,
		    struct cordon_error *err)
{
	bool directory = true;
	int r;

	*ret = (struct stage_view){ .plan.mounts = ret->mounts, .hide = hide };
	if (policy->root) {
		r = take_object(ret, policy->root, &ret->plan.root, &directory);
		if (r == 0 && !directory)
			r = -ENOTDIR;
		if (r < 0)
			return fail_at(err, r, &policy->root_rule);
	}
	r = add_own(ret, policy, tmp);
	if (r < 0)
		return err_sys(err, r, "isolation: what is mounted by itself");
	for (size_t i = 0; i < policy->mount_count; i++) {
		r = add_rule(ret, &policy->mounts[i]);
		if (r < 0)
			return fail_at(err, r, &policy->mounts[i].rule);
	}
	/* Something may lie over it now. */
	if (!policy->root && tmp && policy->mount_count > 0)
		r = add_bind(ret, tmp, tmp, false, NULL);
	return r < 0 ? err_sys(err, r, "isolation: $TMP") : 0;
}

void stage_view_done(struct stage_view *view)
{
	for (size_t i = 0; i < view->text_count; i++)
		free(view->texts[i]);
	view->text_count = 0;
}
