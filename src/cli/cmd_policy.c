/* SPDX-License-Identifier: Apache-2.0 */
/* `cordon policy`: validate, show, list, schema. */
#include "cli/cli.h"
#include "cli/opts.h"

#include <stdlib.h>
#include <string.h>

/* Return: 0, or 1 if the file has problems, which were told. */
static int validate_one(const char *file)
{
	cleanup_policy cordon_policy *policy = NULL;
	struct cordon_error error = { 0 };
	int r = cordon_policy_new(NULL, &policy, &error);

	if (r == 0)
		r = cordon_policy_add(policy, file, &error);
	if (r == 0)
		r = cordon_policy_check(policy, &error);
	if (r == 0)
		return 0;
	if (!policy || cordon_policy_problem(policy, 0, &error) < 0) {
		say_error(&error);
		return 1;
	}
	for (size_t i = 0; cordon_policy_problem(policy, i, &error) == 0; i++)
		say_error(&error);
	return 1;
}

static int validate(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	int status, at = opts_parse(argc, argv, 0, &selection, &status), bad = 0;

	if (at < 0)
		return status;
	if (at == argc) {
		say("no policy file is named: cordon policy validate FILE...");
		return STATUS_CORDON;
	}
	for (; at < argc; at++)
		bad += validate_one(argv[at]);
	return bad ? STATUS_CORDON : STATUS_OK;
}

static int no_arguments(int argc, char **argv, int at)
{
	if (at == argc)
		return 0;
	say("policy %s takes no argument '%.60s'; policies are named with -p", argv[0], argv[at]);
	return -1;
}

static int show(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	cleanup_policy cordon_policy *policy = NULL;
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status, r;
	int at = opts_parse(argc, argv, OPTS_POLICY | OPTS_RUN | OPTS_JSON, &selection, &status);

	if (at < 0)
		return status;
	if (no_arguments(argc, argv, at) < 0)
		return STATUS_CORDON;
	r = selection_policy(&selection, &policy, &error);
	if (r == 0)
		r = cordon_policy_show(policy, selection.json, &text, &error);
	return r < 0 ? say_error(&error) : print_text(text, STATUS_OK);
}

static int list(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status, at = opts_parse(argc, argv, OPTS_JSON, &selection, &status);

	if (at < 0)
		return status;
	if (no_arguments(argc, argv, at) < 0)
		return STATUS_CORDON;
	if (cordon_policy_presets(selection.json, &text, &error) < 0)
		return say_error(&error);
	return print_text(text, STATUS_OK);
}

static int schema(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status, at = opts_parse(argc, argv, 0, &selection, &status);

	if (at < 0)
		return status;
	if (no_arguments(argc, argv, at) < 0)
		return STATUS_CORDON;
	if (cordon_policy_schema(&text, &error) < 0)
		return say_error(&error);
	return print_text(text, STATUS_OK);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} actions[] = {
	{ "validate", validate },
	{ "show", show },
	{ "list", list },
	{ "schema", schema },
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static const char *action_name(size_t index)
{
	return actions[index].name;
}

int cmd_policy(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	const char *near;
	int status = STATUS_CORDON;

	for (size_t i = 0; argc > 1 && i < ACTION_COUNT; i++) {
		if (strcmp(argv[1], actions[i].name) == 0)
			return actions[i].run(argc - 1, argv + 1);
	}
	if (argc > 1 && *argv[1] == '-' && opts_parse(argc, argv, 0, &selection, &status) < 0)
		return status;
	near = argc > 1 ? nearest_name(argv[1], action_name, ACTION_COUNT) : NULL;
	if (near)
		say("unknown action 'policy %.60s' (did you mean '%s'?)", argv[1], near);
	else
		say("policy needs an action: validate, show, list or schema");
	return STATUS_CORDON;
}
