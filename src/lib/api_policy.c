/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions about policies: argument checks, lifetimes, and the way to the builder. */
#include "lib/policy.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "lib/json.h"
#include "supervisor/explain.h"

#include <cordon/sandbox.h>

#include <string.h>

void lib_policy_done(struct policy **policy)
{
	policy_free(*policy);
}

int lib_policy_build(cordon_policy *policy, bool bind, struct policy **ret,
		     struct cordon_error *err)
{
	cleanup_policy struct policy *built = NULL;
	int r = policy_build(policy->builder, &built, err);

	if (r < 0)
		return r;
	if (bind) {
		r = policy_bind(built, NULL, err);
		if (r < 0)
			return r;
	}
	*ret = steal_ptr(&built);
	return 0;
}

/* Takes as much of the caller's struct as both sides know. */
static int copy_options(const struct cordon_policy_options *options,
			struct cordon_policy_options *ret, struct cordon_error *err)
{
	*ret = (struct cordon_policy_options){ 0 };
	if (!options)
		return 0;
	if (options->size < sizeof(options->size))
		return err_set(err, -EINVAL, "cordon_policy_options: size is not set");
	memcpy(ret, options, options->size < sizeof(*ret) ? options->size : sizeof(*ret));
	return 0;
}

int cordon_policy_new(const struct cordon_policy_options *options, cordon_policy **ret,
		      struct cordon_error *error)
{
	struct cordon_policy_options known;
	struct policy_context context = { 0 };
	cordon_policy *policy;
	int r;

	if (!ret)
		return err_set(error, -EINVAL, "cordon_policy_new: ret is NULL");
	r = copy_options(options, &known, error);
	if (r < 0)
		return r;
	policy = calloc(1, sizeof(*policy));
	if (!policy)
		return err_set(error, -ENOMEM, "out of memory");
	context.workspace = known.workspace;
	context.home = known.home;
	r = policy_builder_new(&context, &policy->builder, error);
	if (r < 0) {
		free(policy);
		return r;
	}
	*ret = policy;
	return 0;
}

void cordon_policy_free(cordon_policy *policy)
{
	if (!policy)
		return;
	policy_builder_free(policy->builder);
	free(policy);
}

int cordon_policy_add(cordon_policy *policy, const char *preset_or_file, struct cordon_error *error)
{
	if (!policy || !preset_or_file)
		return err_set(error, -EINVAL, "cordon_policy_add: an argument is NULL");
	if (!*preset_or_file)
		return err_set(error, -EINVAL, "policy: the name is empty");
	return policy_builder_add(policy->builder, preset_or_file, error);
}

int cordon_policy_add_text(cordon_policy *policy, const char *name, const char *text, size_t length,
			   struct cordon_error *error)
{
	if (!policy || !name || (!text && length > 0))
		return err_set(error, -EINVAL, "cordon_policy_add_text: an argument is NULL");
	return policy_builder_add_text(policy->builder, name, text ? text : "", length, error);
}

int cordon_policy_set(cordon_policy *policy, const char *key, const char *value,
		      struct cordon_error *error)
{
	if (!policy || !key || !value)
		return err_set(error, -EINVAL, "cordon_policy_set: an argument is NULL");
	return policy_builder_set(policy->builder, key, value, error);
}

int cordon_policy_check(cordon_policy *policy, struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;

	if (!policy)
		return err_set(error, -EINVAL, "cordon_policy_check: policy is NULL");
	return lib_policy_build(policy, false, &built, error);
}

int cordon_policy_problem(const cordon_policy *policy, size_t index, struct cordon_error *ret)
{
	if (!policy || !ret)
		return -EINVAL;
	return policy_builder_problem(policy->builder, index, ret);
}

int cordon_policy_show(cordon_policy *policy, bool json, char **ret_text,
		       struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;
	char *text;
	int r;

	if (!policy || !ret_text)
		return err_set(error, -EINVAL, "cordon_policy_show: an argument is NULL");
	/* Shown is what would be enforced, so it has to be a policy that can be. */
	r = lib_policy_build(policy, false, &built, error);
	if (r < 0)
		return r;
	text = policy_show(policy->builder, json, error);
	if (!text)
		return error && error->code < 0 ? error->code
						: err_set(error, -ENOMEM, "out of memory");
	*ret_text = text;
	return 0;
}

int cordon_policy_explain(cordon_policy *policy, bool json, char **ret_text,
			  struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;
	int r;

	if (!policy || !ret_text)
		return err_set(error, -EINVAL, "cordon_policy_explain: an argument is NULL");
	*ret_text = NULL;
	r = lib_policy_build(policy, true, &built, error);
	return r < 0 ? r : explain_policy(built, json, ret_text, error);
}

int cordon_policy_bpf(cordon_policy *policy, char **ret_text, struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;
	int r;

	if (!policy || !ret_text)
		return err_set(error, -EINVAL, "cordon_policy_bpf: an argument is NULL");
	r = lib_policy_build(policy, true, &built, error);
	return r < 0 ? r : explain_filter(built, ret_text, error);
}

int cordon_policy_schema(char **ret_text, struct cordon_error *error)
{
	char *text;

	if (!ret_text)
		return err_set(error, -EINVAL, "cordon_policy_schema: ret_text is NULL");
	text = policy_schema();
	if (!text)
		return err_set(error, -ENOMEM, "out of memory");
	*ret_text = text;
	return 0;
}

static void add_preset(json_t *list, struct strbuf *sb, const char *name, const char *path,
		       const char *summary)
{
	json_t *entry;

	if (!list) {
		strbuf_add(sb, "%-20s %s  %s\n", name, path, summary);
		return;
	}
	entry = json_object();
	json_set_text(entry, "name", name, SIZE_MAX);
	json_set_text(entry, "path", path, SIZE_MAX);
	json_set_text(entry, "summary", summary, SIZE_MAX);
	json_array_append_new(list, entry);
}

int cordon_policy_presets(bool json, char **ret_text, struct cordon_error *error)
{
	struct policy_context context = { 0 };
	cleanup_json json_t *list = json ? json_array() : NULL;
	cleanup_strbuf struct strbuf sb = { 0 };

	if (!ret_text)
		return err_set(error, -EINVAL, "cordon_policy_presets: ret_text is NULL");
	for (size_t i = 0;; i++) {
		cleanup_free char *name = NULL, *path = NULL, *summary = NULL;
		int r = policy_preset(&context, i, &name, &path, &summary);

		if (r == -ENOENT)
			break;
		if (r < 0)
			return err_sys(error, r, "presets");
		add_preset(list, &sb, name, path, summary ? summary : "");
	}
	if (json)
		return json_to_text(list, JSON_INDENT(2), ret_text, error);
	*ret_text = strbuf_take(&sb);
	return *ret_text ? 0 : err_set(error, -ENOMEM, "out of memory");
}

int cordon_host_check(bool json, char **ret_text, struct cordon_error *error)
{
	if (!ret_text)
		return err_set(error, -EINVAL, "cordon_host_check: ret_text is NULL");
	return explain_host(json, ret_text, error);
}
