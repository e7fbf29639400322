/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under a policy and prints what it was refused.
 *
 *     cc run.c -o run $(pkg-config --cflags --libs cordon)
 *     ./run agent.yaml python3 job.py
 */
#include <cordon/cordon.h>

#include <stdio.h>

static void print_event(const struct cordon_event *event, void *arg)
{
	char line[8192];

	(void)arg;
	if (cordon_event_text(event, line, sizeof(line)) > 0)
		fprintf(stderr, "%s\n", line);
}

static int fail(const struct cordon_error *error)
{
	char text[1024];

	fprintf(stderr, "%s\n", cordon_error_format(error, text, sizeof(text)));
	return 1;
}

int main(int argc, char **argv)
{
	struct cordon_options options = { .size = sizeof(options), .on_event = print_event };
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_policy *policy = NULL;
	cordon_sandbox *sandbox = NULL;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: %s POLICY PROGRAM [ARG...]\n", argv[0]);
		return 1;
	}
	r = cordon_policy_new(NULL, &policy, &error);
	if (r == 0)
		r = cordon_policy_add(policy, argv[1], &error);
	if (r == 0)
		r = cordon_sandbox_new(policy, &options, &sandbox, &error);
	if (r == 0)
		r = cordon_sandbox_start(sandbox, argv + 2, &error);
	if (r == 0)
		r = cordon_sandbox_wait(sandbox, &result, -1);
	if (r < 0)
		fail(&error);
	else
		printf("status %d after %llu us, %llu denials\n", result.status,
		       (unsigned long long)result.wall_us, (unsigned long long)result.denied);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
	return r < 0;
}
