/* SPDX-License-Identifier: Apache-2.0 */
/* Programs from memory, and functions of the host in place of a program. */
#include "library.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct way {
	const char *rules;
	bool no_keeper;
} ways[] = {
	{ "{ supervisor: required }", false },
	{ KERNEL_ONLY, false },
	{ KERNEL_ONLY, true },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Return: the status that it comes to, or -errno of the start. */
static int run(const struct way *way, const char *more, struct cordon_options *options)
{
	char name[] = "given";
	char *const argv[] = { name, NULL };
	cordon_policy *policy = base_and(way->rules, more);
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox = NULL;
	int r;

	options->size = sizeof(*options);
	options->no_keeper = way->no_keeper;
	r = cordon_sandbox_new(policy, options, &sandbox, &error);
	if (r == 0)
		r = cordon_sandbox_start(sandbox, argv, &error);
	if (r == 0 && cordon_sandbox_wait(sandbox, &result, -1) == 0)
		r = result.status;
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
	return r;
}

struct row {
	char name[32];
	char script[96]; /* or the path of a program, whose bytes are taken */
	char more[96];
	int result;
};

ParameterizedTestParameters(commands, memory)
{
	static struct row rows[] = {
		{ "a script", "#!/bin/sh\nexit 7\n", "", 7 },
		{ "its name", "#!/bin/sh\n[ \"${0#/dev/fd/}\" != \"$0\" ] && exit 7\n", "", 7 },
		{ "sealed", "#!/bin/sh\n(echo x >>\"$0\") 2>/dev/null && exit 9; exit 7\n", "", 7 },
		{ "its arguments", "#!/bin/sh\nexit $#\n", "", 0 },
		{ "a program", "/bin/true", "", 0 },
		{ "another one", "/bin/false", "", 1 },
		{ "beside a list", "/bin/false", "{ filesystem: { exec: [/usr] } }", 1 },
		{ "a script beside a list", "#!/bin/sh\nexit 7\n",
		  "{ filesystem: { exec: [/usr] } }", 7 },
		{ "beside an empty list", "/bin/false", "{ filesystem: { exec: [] } }", 1 },
		{ "a script alone", "#!/bin/sh\n/bin/true || exit 7\n",
		  "{ filesystem: { exec: [] } }", 7 },
		{ "no program", "none", "", -ENOEXEC },
		{ "no interpreter", "#!/nonexistent\n", "", -ENOENT },
	};

	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, commands, memory, .timeout = 60)
{
	static char bytes[1 << 20];
	struct cordon_options options = { .program = bytes };

	options.program_size = strlen(row->script);
	memcpy(bytes, row->script, options.program_size);
	if (row->script[0] == '/') {
		int fd = open(row->script, O_RDONLY | O_CLOEXEC);

		options.program_size = (size_t)read(fd, bytes, sizeof(bytes));
		close(fd);
	}
	for (size_t i = 0; i < WAYS; i++)
		cr_expect_eq(run(&ways[i], row->more[0] ? row->more : NULL, &options), row->result,
			     "%s, way %zu", row->name, i);
}

/* What is denied stays so for what it is executed with. */
Test(commands, interpreters_of_memory_are_judged, .timeout = 60)
{
	static const char script[] = "#!/bin/sh\nexit 7\n";
	struct cordon_options options = { .program = script, .program_size = strlen(script) };

	cr_expect_eq(run(&ways[0], "{ filesystem: { deny: [/bin/sh] } }", &options), -EACCES);
	cr_expect_eq(run(&ways[0], "{ filesystem: { deny: [/bin/true] } }", &options), 7);
}

struct job {
	char secret[64], open[64];
};

static int look(void *arg)
{
	const struct job *job = arg;
	char text[8] = "";
	int fd = open(job->secret, O_RDONLY | O_CLOEXEC), mine;

	if (fd >= 0)
		return 99;
	mine = open(job->open, O_RDONLY | O_CLOEXEC);
	if (mine < 0 || read(mine, text, sizeof(text)) != 5 || write(1, text, 5) != 5)
		return 98;
	/* Only the standard ones are there: none of the host's, and no listener to answer oneself with. */
	close(mine);
	for (int other = 3; other < 1024; other++)
		if (fcntl(other, F_GETFD) >= 0)
			return 97;
	return 7;
}

static int become_true(void *arg)
{
	char path[] = "/bin/true";
	char *const argv[] = { path, NULL };

	(void)arg;
	execv(path, argv);
	return 9;
}

static int deep(void *arg)
{
	volatile char room[4 << 20];

	for (size_t i = 0; i < sizeof(room); i += 4096)
		room[i] = (char)i;
	*(volatile int *)arg = 1;
	return room[4096] == 0 ? 7 : 9;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

Test(commands, functions, .timeout = 60)
{
	char directory[] = "/tmp/cordon-commands-XXXXXX", rules[160], text[8];
	struct job job;
	int ends[2];

	cr_assert_not_null(mkdtemp(directory));
	snprintf(job.secret, sizeof(job.secret), "%s/secret", directory);
	snprintf(job.open, sizeof(job.open), "%s/open", directory);
	write_file(job.secret, "secret");
	write_file(job.open, "plain");
	for (size_t i = 0; i < WAYS; i++) {
		struct cordon_options options = { .function = look, .function_arg = &job };

		cr_assert_eq(pipe(ends), 0);
		options.stream[1].kind = CORDON_STREAM_FD;
		options.stream[1].fd = ends[1];
		/* Only a supervisor holds what lies inside a grant. */
		if (i == 0)
			snprintf(rules, sizeof(rules), "{ filesystem: { read: [%s], deny: [%s] } }",
				 directory, job.secret);
		else
			snprintf(rules, sizeof(rules), "{ filesystem: { read: [%s] } }", job.open);
		cr_expect_eq(run(&ways[i], rules, &options), 7, "way %zu", i);
		close(ends[1]);
		cr_expect_eq(read(ends[0], text, sizeof(text)), 5);
		cr_expect_eq(memcmp(text, "plain", 5), 0);
		close(ends[0]);
	}
	/* The control: outside it is not held. */
	cr_expect_eq(look(&job), 99);
	unlink(job.secret);
	unlink(job.open);
	rmdir(directory);
}

Test(commands, functions_that_execute, .timeout = 60)
{
	struct cordon_options options = { .function = become_true };

	for (size_t i = 0; i < WAYS; i++) {
		cr_expect_eq(run(&ways[i], NULL, &options), 0, "way %zu", i);
		cr_expect_eq(run(&ways[i], "{ filesystem: { exec: [] } }", &options), 9, "way %zu",
			     i);
	}
	cr_expect_eq(run(&ways[0], "{ filesystem: { deny: [/bin/true] } }", &options), 9);
}

Test(commands, functions_have_a_copy_and_room, .timeout = 60)
{
	int told = 0;
	struct cordon_options options = { .function = deep, .function_arg = &told };

	for (size_t i = 0; i < WAYS; i++)
		cr_expect_eq(run(&ways[i], NULL, &options), 7, "way %zu", i);
	cr_expect_eq(told, 0);
}

Test(commands, one_of_them, .timeout = 60)
{
	struct cordon_options options = { .function = deep,
					  .program = "#!/bin/sh\n",
					  .program_size = 10 };

	cr_expect_eq(run(&ways[0], NULL, &options), -EINVAL);
	options.program = NULL;
	options.spawn = CORDON_SPAWN_VFORK;
	cr_expect_eq(run(&ways[2], NULL, &options), -EOPNOTSUPP);
}
