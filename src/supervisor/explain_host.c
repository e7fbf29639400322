/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host can enforce, proved by doing it: a throw-away run of the default policy.
 *
 * Nothing is read off a version. The run's own self-test is a round trip through the listener, each
 * layer reads itself back from the kernel, and the program that runs at the end does nothing.
 */
#include "supervisor/explain.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "child/plan.h"
#include "policy/load.h"
#include "supervisor/host.h"
#include "supervisor/sandbox.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>

static int make_default(struct policy **ret, struct cordon_error *err)
{
	/* Any directory but the root will do as a workspace. */
	const struct policy_context context = { .workspace = "/usr" };
	struct policy_builder *builder;
	int r = policy_builder_new(&context, &builder, err);

	if (r < 0)
		return r;
	r = policy_build(builder, ret, err);
	policy_builder_free(builder);
	return r;
}

static void wait_for_end(struct sandbox *sandbox)
{
	while (!sandbox_ended(sandbox)) {
		struct pollfd fd = { .fd = sandbox_fd(sandbox), .events = POLLIN };

		poll(&fd, 1, -1);
		free(sandbox_take_event(sandbox));
	}
}

/* Return: 0 if the run went as it should; 1 if a layer was refused (*err says which). */
static int try_run(struct sandbox_facts *facts, struct sandbox **ret, struct cordon_error *err)
{
	static char program[] = "/bin/true";
	char *argv[] = { program, NULL };
	struct policy *policy;
	int r = make_default(&policy, err);

	if (r < 0)
		return r;
	r = sandbox_new(policy, NULL, 0, ret, err);
	if (r < 0)
		return r == -EOPNOTSUPP ? 1 : r;
	r = sandbox_start(*ret, argv, NULL, false, err);
	if (r == 0)
		wait_for_end(*ret);
	sandbox_facts(*ret, facts);
	return r < 0 ? 1 : 0;
}

static char *as_text(const struct host *host, const struct sandbox_facts *facts, int verdict,
		     const struct cordon_error *err)
{
	struct strbuf text = { 0 };

	strbuf_add(&text, "%-20s ABI %d\n", "landlock", host->landlock_abi);
	strbuf_add(&text, "%-20s %s\n", "pidfd_getfd",
		   host->pidfd_getfd ? "yes" : "refused: sockets are made by the supervisor");
	strbuf_add(&text, "%-20s %s\n", "ptrace",
		   host->ptrace_error ? "refused: no deny or hide rule over something executable"
				      : "yes");
	strbuf_add(&text, "%-20s %s\n", "event loop", facts->backend);
	for (unsigned i = 1; facts->layers && i < LAYER_COUNT; i++) {
		const struct layer_outcome *layer = &facts->layers[i];

		if (!layer->requested)
			continue;
		strbuf_add(&text, "%-20s %s", layer_name(i), layer_state_name(layer->state));
		if (layer->error)
			strbuf_add(&text, ": %s", strerrordesc_np(layer->error));
		strbuf_add(&text, "\n");
	}
	if (verdict == 0)
		strbuf_add(&text, "\nthe default policy can be held in full\n");
	else
		strbuf_add(&text, "\nthe default policy cannot be held: %s\n", err->text);
	return strbuf_take(&text);
}

static char *as_json(const struct host *host, const struct sandbox_facts *facts, int verdict,
		     const struct cordon_error *err)
{
	json_t *layers = json_array(), *root;
	char *text;

	for (unsigned i = 1; facts->layers && i < LAYER_COUNT; i++) {
		const struct layer_outcome *layer = &facts->layers[i];

		if (layer->requested)
			json_array_append_new(layers,
					      json_pack("{s:s, s:s, s:i}", "name", layer_name(i),
							"state", layer_state_name(layer->state),
							"errno", layer->error));
	}
	root = json_pack("{s:i, s:i, s:b, s:b, s:s, s:o, s:b, s:s}", "schema_version", 1,
			 "landlock_abi", host->landlock_abi, "pidfd_getfd", host->pidfd_getfd,
			 "ptrace", host->ptrace_error == 0, "event_loop", facts->backend, "layers",
			 layers, "default_policy_held", verdict == 0, "missing",
			 verdict == 0 ? "" : err->text);
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

int explain_host(bool json, char **ret_text, struct cordon_error *err)
{
	struct sandbox_facts facts = { .backend = "none" };
	struct cordon_error missing = { 0 };
	struct sandbox *sandbox = NULL;
	struct host host;
	int r;

	host_probe(NULL, &host);
	r = try_run(&facts, &sandbox, &missing);
	if (r >= 0)
		*ret_text = json ? as_json(&host, &facts, r, &missing)
				 : as_text(&host, &facts, r, &missing);
	else if (err)
		*err = missing;
	sandbox_free(sandbox);
	if (r >= 0 && !*ret_text)
		return err_set(err, -ENOMEM, "out of memory");
	return r;
}
