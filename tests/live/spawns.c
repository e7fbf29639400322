/* SPDX-License-Identifier: Apache-2.0 */
/* Many starts from one host: from several threads, beside busy ones, and nothing of them is left. */
#include "library.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Return: 0, or -errno of the start. */
static int spawn(cordon_policy *policy, const char *program)
{
	struct cordon_result result = { .size = sizeof(result) };
	char name[64];
	char *const argv[] = { name, NULL };
	cordon_sandbox *sandbox = NULL;
	int r;

	snprintf(name, sizeof(name), "%s", program);
	r = cordon_sandbox_new(policy, NULL, &sandbox, NULL);
	if (r == 0)
		r = cordon_sandbox_start(sandbox, argv, NULL);
	if (r == 0 && (cordon_sandbox_wait(sandbox, &result, -1) < 0 || result.status != 0))
		r = -EIO;
	cordon_sandbox_free(sandbox);
	return r;
}

static size_t entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static size_t lines(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t count = 0;
	int c;

	cr_assert_not_null(file);
	while ((c = getc(file)) != EOF)
		count += c == '\n';
	fclose(file);
	return count;
}

Test(spawns, leave_nothing_in_the_host, .timeout = 280)
{
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	size_t descriptors, threads, maps;

	/* The first ones load what stays loaded; both ways of ending a start take part. */
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(spawn(policy, "/bin/true"), 0);
		cr_assert_eq(spawn(policy, "/etc/passwd"), -EACCES);
	}
	descriptors = entries("/proc/self/fd");
	threads = entries("/proc/self/task");
	maps = lines("/proc/self/maps");
	for (int i = 0; i < 500; i++) {
		cr_assert_eq(spawn(policy, "/bin/true"), 0);
		cr_assert_eq(spawn(policy, "/etc/passwd"), -EACCES);
	}
	cr_expect_eq(entries("/proc/self/fd"), descriptors);
	cr_expect_eq(entries("/proc/self/task"), threads);
#ifndef __SANITIZE_ADDRESS__ /* whose run time maps memory as it goes */
	cr_expect_eq(lines("/proc/self/maps"), maps);
#else
	(void)maps;
#endif
	cr_expect_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
	cordon_policy_free(policy);
}

static void *make_one(void *arg)
{
	cordon_sandbox *sandbox = NULL;

	cordon_sandbox_new(arg, NULL, &sandbox, NULL);
	return sandbox;
}

/* Made by a thread that has ended since; with a process that stands before the start. */
static int start_made_elsewhere(cordon_policy *policy)
{
	char name[] = "/bin/true", *const argv[] = { name, NULL };
	struct cordon_result result = { .size = sizeof(result) };
	cordon_sandbox *sandbox;
	pthread_t thread;
	void *made;
	int r;

	cr_assert_eq(pthread_create(&thread, NULL, make_one, policy), 0);
	pthread_join(thread, &made);
	sandbox = made;
	cr_assert_not_null(sandbox);
	r = cordon_sandbox_start(sandbox, argv, NULL);
	if (r == 0)
		r = cordon_sandbox_wait(sandbox, &result, -1);
	cordon_sandbox_free(sandbox);
	return r < 0 ? r : result.status;
}

Test(spawns, namespaces_that_stand_before_leave_nothing, .timeout = 120)
{
	static const char *const names[] = { "pid", "mount", "time" };
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	size_t descriptors, threads;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert_eq(cordon_policy_set(policy, "isolation.namespaces", names[i], NULL), 0);
	cr_assert_eq(spawn(policy, "/bin/true"), 0);
	descriptors = entries("/proc/self/fd");
	threads = entries("/proc/self/task");
	for (int i = 0; i < 25; i++) {
		cr_expect_eq(spawn(policy, "/bin/true"), 0);
		cr_expect_eq(spawn(policy, "/etc/passwd"), -EACCES);
		cr_expect_eq(start_made_elsewhere(policy), 0);
		cordon_sandbox_free(make_one(policy));
	}
	cr_expect_eq(entries("/proc/self/fd"), descriptors);
	cr_expect_eq(entries("/proc/self/task"), threads);
	cr_expect_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
	cordon_policy_free(policy);
}

static atomic_bool stop;
static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;

/* What makes a child that allocates or locks hang: it inherits the locks, not who holds them. */
static void *busy(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		char *memory = malloc(1000 + (size_t)rand() % 100000);

		pthread_mutex_lock(&contended);
		if (memory)
			memory[0] = 1;
		pthread_mutex_unlock(&contended);
		free(memory);
	}
	return NULL;
}

Test(spawns, from_a_host_of_fifty_busy_threads, .timeout = 280)
{
	const char *more = getenv("CORDON_TEST_SPAWNS");
	int count = more ? atoi(more) : 50;
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	pthread_t threads[50];

	for (int i = 0; i < 50; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, busy, NULL), 0);
	for (int i = 0; i < count; i++)
		cr_assert_eq(spawn(policy, "/bin/true"), 0);
	atomic_store(&stop, true);
	for (int i = 0; i < 50; i++)
		pthread_join(threads[i], NULL);
	cordon_policy_free(policy);
}

struct waiter {
	cordon_policy *policy;
	int failed;
};

static void *spawn_some(void *arg)
{
	struct waiter *waiter = arg;

	for (int i = 0; i < 20; i++)
		waiter->failed |= spawn(waiter->policy, "/bin/true");
	return NULL;
}

Test(spawns, from_several_threads_at_once, .timeout = 120)
{
	struct waiter waiters[8];
	pthread_t threads[8];

	for (int i = 0; i < 8; i++) {
		waiters[i] = (struct waiter){ base_and(KERNEL_ONLY, NULL), 0 };
		cr_assert_eq(pthread_create(&threads[i], NULL, spawn_some, &waiters[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(waiters[i].failed, 0);
		cordon_policy_free(waiters[i].policy);
	}
}

static atomic_int ends;

static void count_end(const struct cordon_event *event, void *arg)
{
	(void)arg;
	if (event->kind == CORDON_EVENT_END)
		atomic_fetch_add(&ends, 1);
}

static void *wait_for_it(void *arg)
{
	struct cordon_result result = { .size = sizeof(result) };

	return (void *)(intptr_t)(cordon_sandbox_wait(arg, &result, -1) == 0 ? result.status : -1);
}

/* Each gets the status; the end is delivered once. A stop in between is no end. */
Test(spawns, many_threads_wait_for_one, .timeout = 60)
{
	static char shell[] = "/bin/sh", c[] = "-c", text[] = "kill -STOP $$; exit 7";
	char *const argv[] = { shell, c, text, NULL };
	struct cordon_options options = { .size = sizeof(options), .on_event = count_end };
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	struct cordon_result result = { .size = sizeof(result) };
	cordon_sandbox *sandbox;
	pthread_t threads[8];
	void *status;

	cr_assert_eq(cordon_sandbox_new(policy, &options, &sandbox, NULL), 0);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, NULL), 0);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, wait_for_it, sandbox), 0);
	/* Until it has stopped, there is nothing to continue. */
	while (cordon_sandbox_wait(sandbox, &result, 10) == -ETIMEDOUT)
		cordon_sandbox_resume(sandbox);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &status);
		cr_expect_eq((intptr_t)status, 7);
	}
	cr_expect_eq(atomic_load(&ends), 1);
	cr_expect_eq(result.status, 7);
	cordon_sandbox_free(sandbox);
	cordon_policy_free(policy);
}

Test(spawns, freeing_a_running_one_ends_it, .timeout = 60)
{
	static char shell[] = "/bin/sh", c[] = "-c", text[] = "setsid sleep 1000 & sleep 1000";
	char *const argv[] = { shell, c, text, NULL };
	cordon_policy *policy = base_and(KERNEL_ONLY, NULL);
	cordon_sandbox *sandbox;
	struct cordon_result result = { .size = sizeof(result), .status = -1 };
	pid_t pid;

	cr_assert_eq(cordon_sandbox_new(policy, NULL, &sandbox, NULL), 0);
	cr_assert_eq(cordon_sandbox_start(sandbox, argv, NULL), 0);
	/* There is no status before the end. */
	cr_expect_eq(cordon_sandbox_wait(sandbox, &result, 0), -ETIMEDOUT);
	cr_expect_eq(result.status, -1);
	pid = cordon_sandbox_pid(sandbox);
	cordon_sandbox_free(sandbox);
	cr_expect(kill(pid, 0) < 0 && errno == ESRCH);
	cr_expect(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
	cordon_policy_free(policy);
}

#define AT_ONCE	    1000
#define HANDS	    4
#define EACH	    (AT_ONCE / HANDS)
#define DESCRIPTORS 3 /* of one that runs */

struct hand {
	cordon_policy *policy;
	cordon_sandbox **sandboxes; /* EACH of them */
	int error;
};

static void *start_many(void *arg)
{
	struct hand *hand = arg;
	char name[] = "/bin/sleep", time[] = "1000";
	char *const argv[] = { name, time, NULL };

	for (int i = 0; i < EACH && hand->error == 0; i++) {
		hand->error = cordon_sandbox_new(hand->policy, NULL, &hand->sandboxes[i], NULL);
		if (hand->error == 0)
			hand->error = cordon_sandbox_start(hand->sandboxes[i], argv, NULL);
	}
	return NULL;
}

static void *free_many(void *arg)
{
	struct hand *hand = arg;

	for (int i = 0; i < EACH; i++)
		cordon_sandbox_free(hand->sandboxes[i]);
	return NULL;
}

static void with_all_hands(struct hand *hands, void *(*function)(void *))
{
	pthread_t threads[HANDS];

	for (int i = 0; i < HANDS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, function, &hands[i]), 0);
	for (int i = 0; i < HANDS; i++)
		pthread_join(threads[i], NULL);
}

Test(spawns, a_thousand_at_once, .timeout = 240)
{
	static cordon_sandbox *sandboxes[AT_ONCE];
	const struct rlimit limit = { 4096, 4096 };
	struct hand hands[HANDS], others[HANDS];
	size_t before = entries("/proc/self/fd");

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* A policy must not be used by two threads at once. */
	for (int i = 0; i < HANDS; i++)
		hands[i] = (struct hand){ base_and(KERNEL_ONLY, NULL), sandboxes + i * EACH, 0 };
	with_all_hands(hands, start_many);
	for (int i = 0; i < HANDS; i++) {
		cr_expect_eq(hands[i].error, 0, "%d", hands[i].error);
		others[i] = (struct hand){ NULL, sandboxes + (i + 1) % HANDS * EACH, 0 };
		cordon_policy_free(hands[i].policy);
	}
	cr_expect_leq(entries("/proc/self/fd"), before + DESCRIPTORS * AT_ONCE);
	for (int i = 0; i < AT_ONCE; i++)
		cr_expect(kill(cordon_sandbox_pid(sandboxes[i]), 0) == 0, "number %d", i);
	with_all_hands(others, free_many);
	cr_expect_eq(entries("/proc/self/fd"), before);
	cr_expect_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
}
