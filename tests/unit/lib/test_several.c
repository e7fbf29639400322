/* SPDX-License-Identifier: Apache-2.0 */
/* Several sandboxes of one process: none knows of another, or waits for it. */
#include <cordon/cordon.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A sandbox in which everything beneath the directory is readable but `name`, and opens are mediated. */
static cordon_sandbox *sandbox_without(const char *directory, const char *name)
{
	cordon_sandbox *sandbox = NULL;
	cordon_policy *policy = NULL;
	struct cordon_error error;
	char path[256];

	cr_assert_eq(cordon_policy_new(NULL, &policy, NULL), 0);
	cr_assert_eq(cordon_policy_add(policy, "base", NULL), 0);
	cr_assert_eq(cordon_policy_set(policy, "filesystem.write", directory, NULL), 0);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	cr_assert_eq(cordon_policy_set(policy, "filesystem.deny", path, NULL), 0);
	cr_assert_eq(cordon_sandbox_new(policy, NULL, &sandbox, &error), 0, "%s", error.text);
	cordon_policy_free(policy);
	return sandbox;
}

static void start(cordon_sandbox *sandbox, const char *script)
{
	char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	struct cordon_error error;

	argv[2] = strdup(script);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, &error), 0, "%s", error.text);
	free(argv[2]);
}

static void make(const char *name)
{
	FILE *file = fopen(name, "w");

	cr_assert(file);
	fputs(name, file);
	fclose(file);
}

Test(several, one_that_waits_holds_up_no_other, .timeout = 60)
{
	char directory[] = "/tmp/cordon-several-XXXXXX", script[300];
	struct cordon_result result = { .size = sizeof(result) };
	cordon_sandbox *waiting, *working;

	cr_assert(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	make("one");
	make("two");
	waiting = sandbox_without(directory, "one");
	working = sandbox_without(directory, "two");
	snprintf(script, sizeof(script), "cd %s; read x <fifo; cat two one >out; exit 5",
		 directory);
	start(waiting, script);
	/* Rules are each one's own, and a thousand calls are answered meanwhile. */
	snprintf(script, sizeof(script),
		 "cd %s; i=0; while [ $i -lt 300 ]; do read x <one; i=$((i+1)); done; cat one two; "
		 "exit 7",
		 directory);
	start(working, script);
	cr_assert_eq(cordon_sandbox_wait(working, &result, -1), 0);
	cr_expect_eq(result.code, 7);
	cr_expect(result.notifications >= 300);
	cr_expect_eq(result.denied, 1);
	cr_expect_eq(cordon_sandbox_dispatch(waiting), 0, "it still waits");
	/* The end of one is not that of the other. */
	cordon_sandbox_free(working);
	cr_expect_eq(cordon_sandbox_dispatch(waiting), 0);
	make("fifo");
	cr_assert_eq(cordon_sandbox_wait(waiting, &result, -1), 0);
	cr_expect_eq(result.code, 5);
	cr_expect_eq(result.denied, 1);
	cordon_sandbox_free(waiting);
	for (size_t i = 0; i < 4; i++)
		unlink((const char *[]){ "one", "two", "fifo", "out" }[i]);
	cr_assert_eq(chdir("/"), 0);
	rmdir(directory);
}
