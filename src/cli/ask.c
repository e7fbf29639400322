/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that answer and run nothing: check, explain, why, bpf, learn. */
#include "cli/cli.h"
#include "cli/opts.h"

#include <stdlib.h>
#include <string.h>

/* Return: index of the first argument, or -1 with *ret_status. extra: how many may follow. */
static int parse(int argc, char **argv, unsigned sets, int extra, struct selection *ret,
		 int *ret_status)
{
	int at = opts_parse(argc, argv, sets, ret, ret_status);

	if (at < 0 || argc - at == extra)
		return at;
	say("%s takes %s; `cordon %s --help` shows how", argv[0],
	    extra ? "an operation and a target behind the options" : "no further argument",
	    argv[0]);
	*ret_status = STATUS_CORDON;
	return -1;
}

int cmd_check(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status, r;

	if (parse(argc, argv, OPTS_JSON, 0, &selection, &status) < 0)
		return status;
	r = cordon_host_check(selection.json, &text, &error);
	if (r < 0)
		return say_error(&error);
	return print_text(text, r == 0 ? STATUS_OK : STATUS_NO);
}

int cmd_explain(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	cleanup_policy cordon_policy *policy = NULL;
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status = STATUS_OK, r;

	if (parse(argc, argv, OPTS_POLICY | OPTS_RUN | OPTS_JSON, 0, &selection, &status) < 0)
		return status;
	r = selection_policy(&selection, &policy, &error);
	if (r == 0)
		r = cordon_policy_explain(policy, selection.json, &text, &error);
	status = r < 0 ? STATUS_CORDON : STATUS_OK;
	/* What would be refused is explained all the same, and then said. */
	if (text)
		status = print_text(text, status);
	return r < 0 ? say_error(&error) : status;
}

int cmd_why(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	cleanup_policy cordon_policy *policy = NULL;
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status, r, at;

	at = parse(argc, argv, OPTS_POLICY | OPTS_JSON, 2, &selection, &status);
	if (at < 0)
		return status;
	r = selection_policy(&selection, &policy, &error);
	if (r == 0)
		r = cordon_policy_why(policy, argv[at], argv[at + 1], selection.json, &text,
				      &error);
	if (r < 0)
		return say_error(&error);
	return print_text(text, r == 1 ? STATUS_OK : STATUS_NO);
}

int cmd_bpf(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	cleanup_policy cordon_policy *policy = NULL;
	struct cordon_error error = { 0 };
	char *text = NULL;
	int status, r;

	if (parse(argc, argv, OPTS_POLICY, 0, &selection, &status) < 0)
		return status;
	r = selection_policy(&selection, &policy, &error);
	if (r == 0)
		r = cordon_policy_bpf(policy, &text, &error);
	return r < 0 ? say_error(&error) : print_text(text, STATUS_OK);
}

int cmd_learn(int argc, char **argv)
{
	cleanup_selection struct selection selection = { 0 };
	int status;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) &&
	    opts_parse(argc, argv, 0, &selection, &status) < 0)
		return status;
	say("learn is not supported by this version; `cordon run --trace` lists what is refused");
	return STATUS_CORDON;
}
