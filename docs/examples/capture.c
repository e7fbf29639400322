/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program with bytes as its input, and takes its output into memory, not more than a mebibyte.
 *
 *     cc capture.c -o capture $(pkg-config --cflags --libs cordon)
 *     ./capture "some text" tr a-z A-Z
 */
#include <cordon/cordon.h>

#include <stdio.h>
#include <string.h>

static int fail(const struct cordon_error *error)
{
	char text[1024];

	fprintf(stderr, "%s\n", cordon_error_format(error, text, sizeof(text)));
	return 1;
}

static void print(const cordon_sandbox *sandbox, int stream, const char *name)
{
	const char *bytes;
	size_t length;

	if (cordon_sandbox_output(sandbox, stream, &bytes, &length) == 0 && length > 0)
		printf("%s: %.*s\n", name, (int)length, bytes);
}

int main(int argc, char **argv)
{
	struct cordon_options options = { .size = sizeof(options),
					  .stream[1].kind = CORDON_STREAM_PIPE,
					  .stream[2].kind = CORDON_STREAM_PIPE };
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_policy *policy = NULL;
	cordon_sandbox *sandbox = NULL;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: %s INPUT PROGRAM [ARG...]\n", argv[0]);
		return 1;
	}
	options.stream[0] = (struct cordon_stream){ .kind = CORDON_STREAM_BYTES,
						    .bytes = argv[1],
						    .length = strlen(argv[1]) };
	r = cordon_policy_new(NULL, &policy, &error);
	if (r == 0)
		r = cordon_policy_add(policy, "default", &error);
	if (r == 0)
		r = cordon_policy_set(policy, "limits.output", "1M", &error);
	if (r == 0)
		r = cordon_policy_set(policy, "limits.wall", "1m", &error);
	if (r == 0)
		r = cordon_sandbox_new(policy, &options, &sandbox, &error);
	if (r == 0)
		r = cordon_sandbox_start(sandbox, argv + 2, &error);
	if (r == 0)
		r = cordon_sandbox_wait(sandbox, &result, -1);
	if (r < 0) {
		fail(&error);
	} else {
		print(sandbox, 1, "output");
		print(sandbox, 2, "error");
		printf("status %d%s\n", result.status, result.truncated ? ", truncated" : "");
	}
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
	return r < 0;
}
