/* SPDX-License-Identifier: Apache-2.0 */
/* The boundary of the library: arguments that are wrong, sizes, states. Nothing is run here. */
#include <cordon/cordon.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cordon_policy *empty_policy(void)
{
	cordon_policy *policy = NULL;

	cr_assert_eq(cordon_policy_new(NULL, &policy, NULL), 0);
	return policy;
}

static const char text_policy[] =
	"version: 1\nextends: [base]\nfilesystem:\n  read: [/usr/share]\n";

static cordon_policy *small_policy(void)
{
	cordon_policy *policy = empty_policy();

	cr_assert_eq(cordon_policy_add_text(policy, "test", text_policy, strlen(text_policy), NULL),
		     0);
	return policy;
}

static bool has_text(const struct cordon_error *error)
{
	return error->code == -EINVAL && error->text[0];
}

Test(api, null_arguments_of_policies)
{
	struct cordon_error e = { 0 };
	cordon_policy *policy = empty_policy();
	char *text;

	cr_expect(cordon_policy_new(NULL, NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_add(NULL, "base", &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_add(policy, NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_add(policy, "", &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_add_text(policy, NULL, "", 0, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_add_text(policy, "x", NULL, 1, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_set(policy, NULL, "x", &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_set(policy, "x", NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_check(NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_problem(NULL, 0, &e) == -EINVAL);
	cr_expect(cordon_policy_show(policy, false, NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_explain(NULL, false, &text, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_why(policy, "read", NULL, false, &text, &e) == -EINVAL);
	cr_expect(cordon_policy_bpf(policy, NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_schema(NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_policy_presets(false, NULL, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_host_check(false, NULL, &e) == -EINVAL && has_text(&e));
	cordon_policy_free(policy);
	cordon_policy_free(NULL);
}

Test(api, null_arguments_of_sandboxes)
{
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error e = { 0 };
	cordon_sandbox *sandbox;
	char *argv[] = { (char[]){ "true" }, NULL }, *text;

	cr_expect(cordon_sandbox_new(NULL, NULL, &sandbox, &e) == -EINVAL && has_text(&e));
	cr_expect(cordon_sandbox_start(NULL, argv, &e) == -EINVAL && has_text(&e));
	cr_expect_eq(cordon_sandbox_pid(NULL), -1);
	cr_expect_eq(cordon_sandbox_fd(NULL), -EINVAL);
	cr_expect_eq(cordon_sandbox_dispatch(NULL), -EINVAL);
	cr_expect_eq(cordon_sandbox_wait(NULL, &result, 0), -EINVAL);
	cr_expect_eq(cordon_sandbox_kill(NULL, 9), -EINVAL);
	cr_expect_eq(cordon_sandbox_signal(NULL, 9), -EINVAL);
	cr_expect_eq(cordon_sandbox_resume(NULL), -EINVAL);
	cr_expect_eq(cordon_sandbox_hint(NULL), 0);
	cr_expect(cordon_sandbox_report(NULL, &text, &e) == -EINVAL && has_text(&e));
	cordon_sandbox_free(NULL);
}

Test(api, sizes_of_option_structs)
{
	struct cordon_policy_options unset = { .size = 0 };
	/* An older host: its struct ends behind `size`, and what follows is not looked at. */
	struct cordon_policy_options old = { .size = sizeof(size_t), .workspace = "/nonexistent" };
	struct {
		struct cordon_policy_options known;
		char newer[64];
	} newer = { .known = { .size = sizeof(newer) } };
	struct cordon_options options = { .size = 0 };
	struct cordon_error e = { 0 };
	cordon_policy *policy;
	cordon_sandbox *sandbox;

	cr_expect(cordon_policy_new(&unset, &policy, &e) == -EINVAL && has_text(&e));
	cr_expect_eq(cordon_policy_new(&old, &policy, &e), 0, "%s", e.text);
	cordon_policy_free(policy);
	cr_expect_eq(cordon_policy_new(&newer.known, &policy, &e), 0);
	cr_expect(cordon_sandbox_new(policy, &options, &sandbox, &e) == -EINVAL && has_text(&e));
	cordon_policy_free(policy);
}

Test(api, an_unknown_key_names_the_nearest)
{
	cordon_policy *policy = empty_policy();
	struct cordon_error e = { 0 };

	cr_assert_eq(cordon_policy_set(policy, "filesystem.redd", "/usr", &e), -EINVAL);
	cr_expect_not_null(strstr(e.text, "filesystem.redd"), "%s", e.text);
	cr_expect_not_null(strstr(e.text, "read"), "%s", e.text);
	cordon_policy_free(policy);
}

struct question {
	const char *operation, *target;
	int allowed;
};

static const struct question questions[] = {
	{ "read", "/usr/share/doc", 1 },
	{ "read", "/usr/share/does/not/exist", 1 },
	{ "write", "/usr/share/doc", 0 },
	{ "create", "/usr/share/new", 0 },
	{ "read", "/var/x", 0 },
	{ "connect", "127.0.0.1:80", 0 },
	{ "connect", "[::1]:80", 0 },
	{ "connect", "localhost:80", 0 },
	{ "connect", "udp://1.1.1.1:53", 0 },
	{ "listen", "8080", 0 },
	{ "listen", "127.0.0.1:8080", 0 },
	{ "unix_connect", "/run/x", 0 },
	{ "unix_connect", "@x", 0 },
	{ "fly", "/", -EINVAL },
	{ "control", "1", -EINVAL },
	{ "read", "", -EINVAL },
	{ "read", "/usr/share/none/../x", -EINVAL },
	{ "connect", "127.0.0.1", -EINVAL },
	{ "connect", "127.0.0.1:x", -EINVAL },
	{ "connect", "127.0.0.1:65536", -EINVAL },
	{ "connect", "http://127.0.0.1:80", -EINVAL },
	{ "connect", "example.com:80", -EINVAL },
	{ "connect", "127.0.0.1.127.0.0.1.127.0.0.1.127.0.0.1.127.0.0.1.127.0.0.1.127.0.0.1:80",
	  -EINVAL },
};

Test(api, why)
{
	cordon_policy *policy = small_policy();

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct question *q = &questions[i];
		struct cordon_error e = { 0 };
		char *text = NULL;
		int r = cordon_policy_why(policy, q->operation, q->target, i % 2, &text, &e);

		cr_expect_eq(r, q->allowed, "%s %s: %d %s", q->operation, q->target, r, e.text);
		cr_expect_eq(text != NULL, r >= 0);
		cr_expect_eq(e.text[0] != 0, r < 0, "%s %s", q->operation, q->target);
		free(text);
	}
	cordon_policy_free(policy);
}

Test(api, a_sandbox_that_was_not_started)
{
	cordon_policy *policy = small_policy();
	cordon_sandbox *sandbox = NULL;
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error e = { 0 };
	char *none[] = { NULL }, *text;

	cr_assert_eq(cordon_sandbox_new(policy, NULL, &sandbox, &e), 0, "%s", e.text);
	cordon_policy_free(policy); /* the sandbox has its own */
	cr_expect_eq(cordon_sandbox_pid(sandbox), -1);
	cr_expect_geq(cordon_sandbox_fd(sandbox), 0);
	cr_expect_eq(cordon_sandbox_dispatch(sandbox), 0);
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, -1), -EINVAL);
	cr_expect_eq(cordon_sandbox_kill(sandbox, 9), -EINVAL);
	cr_expect_eq(cordon_sandbox_hint(sandbox), 1);
	cr_expect_eq(cordon_sandbox_start(sandbox, NULL, &e), -EINVAL);
	cr_expect_eq(cordon_sandbox_start(sandbox, none, &e), -EINVAL);
	cr_expect_eq(cordon_sandbox_report(sandbox, &text, &e), -EBUSY);
	cordon_sandbox_free(sandbox);
}

/* In a process of its own: the test's process must not be the one that owns the sandbox. */
Test(api, a_copy_after_fork_is_inert)
{
	cordon_policy *policy = small_policy();
	cordon_sandbox *sandbox = NULL;
	pid_t child;
	int status;

	cr_assert_eq(cordon_sandbox_new(policy, NULL, &sandbox, NULL), 0);
	child = fork();
	if (child == 0) {
		bool inert = cordon_sandbox_dispatch(sandbox) == -EOWNERDEAD &&
			     cordon_sandbox_kill(sandbox, 9) == -EOWNERDEAD &&
			     cordon_sandbox_fd(sandbox) == -EOWNERDEAD;

		cordon_sandbox_free(sandbox);
		_exit(inert ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
	cr_expect_eq(cordon_sandbox_dispatch(sandbox), 0);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}

Test(api, report_of_an_error)
{
	const struct cordon_error e = { -EINVAL, 3, 5, "a.yaml", "filesystem.redd: unknown key" };
	char *text = NULL;

	cr_expect_eq(cordon_error_report(NULL, &text), -EINVAL);
	cr_assert_eq(cordon_error_report(&e, &text), 0);
	cr_expect_not_null(strstr(text, "\"reason\": \"setup_failed\""), "%s", text);
	cr_expect_not_null(strstr(text, "\"line\": 3"), "%s", text);
	free(text);
}

/* Runs a shell with descriptors of ours under other numbers. Return: its exit status. */
static int run_with(char *script, const struct cordon_fd *fds, size_t count, cordon_sandbox **ret,
		    struct cordon_error *e)
{
	const struct cordon_options options = { .size = sizeof(options),
						.fds = fds,
						.fd_count = count };
	struct cordon_result result = { .size = sizeof(result) };
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, script, NULL };
	cordon_policy *policy = NULL;
	int r;

	cr_assert_eq(cordon_policy_new(NULL, &policy, e), 0);
	cr_assert_eq(cordon_policy_add(policy, "base", e), 0, "%s", e->text);
	cr_assert_eq(cordon_sandbox_new(policy, &options, ret, e), 0, "%s", e->text);
	cordon_policy_free(policy);
	r = cordon_sandbox_start(*ret, argv, e);
	if (r < 0)
		return r;
	cr_assert_eq(cordon_sandbox_wait(*ret, &result, -1), 0);
	return result.status;
}

Test(api, descriptors_are_given, .timeout = 30)
{
	struct cordon_error e = { 0 };
	cordon_sandbox *sandbox;
	int ends[2], wrong[2];
	char byte;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(wrong, O_CLOEXEC), 0);
	/* The later of two counts; 6 is closed although nobody opened it. */
	cr_expect_eq(
		run_with((char[]){ "printf x >&5" },
			 (const struct cordon_fd[]){ { 5, wrong[1] }, { 5, ends[1] }, { 6, -1 } },
			 3, &sandbox, &e),
		0, "%s", e.text);
	cordon_sandbox_free(sandbox);
	cr_expect_eq(read(ends[0], &byte, 1), 1);
	close(wrong[1]);
	cr_expect_eq(read(wrong[0], &byte, 1), 0);
	cr_assert_lt(fcntl(777, F_GETFD), 0);
	cr_expect_eq(run_with((char[]){ "true" }, (const struct cordon_fd[]){ { 5, 777 } }, 1,
			      &sandbox, &e),
		     -EBADF);
	cordon_sandbox_free(sandbox);
	cr_expect_eq(run_with((char[]){ "true" }, (const struct cordon_fd[]){ { 1 << 30, 0 } }, 1,
			      &sandbox, &e),
		     -EBADF);
	cordon_sandbox_free(sandbox);
}

Test(api, an_argument_longer_than_the_kernel_takes, .timeout = 30)
{
	struct cordon_error e = { 0 };
	cordon_sandbox *sandbox;
	size_t size = 1 << 20;
	char *script = malloc(size);

	memset(script, ' ', size);
	script[size - 1] = '\0';
	cr_expect_eq(run_with(script, NULL, 0, &sandbox, &e), -E2BIG, "%s", e.text);
	cordon_sandbox_free(sandbox);
	free(script);
}

Test(api, layers_level_and_compact_form, .timeout = 30)
{
	struct cordon_layer layer = { .size = sizeof(layer) };
	struct cordon_compact compact;
	struct cordon_error e = { 0 };
	cordon_sandbox *sandbox;
	size_t applied = 0;
	int r;

	cr_assert_eq(run_with((char[]){ "true" }, NULL, 0, &sandbox, &e), 0, "%s", e.text);
	for (size_t i = 0; (r = cordon_sandbox_layer(sandbox, i, &layer)) == 0; i++)
		applied += layer.state == CORDON_LAYER_APPLIED;
	cr_expect_eq(r, -ENOENT);
	cr_expect_gt(applied, 5);
	cr_expect_str_eq(cordon_sandbox_level(sandbox), "full");
	cr_assert_eq(cordon_sandbox_compact(sandbox, CORDON_PROFILE_STRICT, &compact), 0);
	cr_expect_eq(compact.part[CORDON_PART_NO_NEW_PRIVS].state, CORDON_COMPACT_APPLIED);
	cr_expect_eq(compact.part[CORDON_PART_SECCOMP].state, CORDON_COMPACT_APPLIED);
	cr_expect_eq(compact.part[CORDON_PART_UNSHARE].state, CORDON_COMPACT_SKIPPED);
	cr_expect_eq(compact.part[CORDON_PART_RLIMIT_AS].state, CORDON_COMPACT_SKIPPED);
	cordon_sandbox_free(sandbox);
	layer.size = 0;
	cr_expect_eq(cordon_sandbox_layer(NULL, 0, &layer), -EINVAL);
	cr_expect_null(cordon_sandbox_level(NULL));
}
