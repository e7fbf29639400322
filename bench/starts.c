/* SPDX-License-Identifier: Apache-2.0 */
/*
 * starts WAY THREADS COUNT: starts /bin/true COUNT times from each of THREADS threads and waits for it.
 * WAY: spawn (posix_spawn and waitpid), direct (a policy that the kernel holds alone, and no keeper),
 * kernel (the same policy with the keeper), supervised. Prints the median from start to end in us, starts a second, and processor
 * time of the process and its children for each start in us.
 */
#include <cordon/cordon.h>

#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static char program[] = "/bin/true";
static char *const arguments[] = { program, NULL };

struct thread {
	pthread_t id;
	cordon_policy *policy; /* NULL: posix_spawn */
	struct cordon_options options;
	double *times;
	long count;
};

static _Noreturn void fail(const struct cordon_error *error)
{
	char text[1024];

	fprintf(stderr, "%s\n", cordon_error_format(error, text, sizeof(text)));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* No $TMP: making and removing a directory measures the file system. */
static const char grants[] = "version: 1\n"
			     "filesystem:\n"
			     "  read: [/usr, /bin, /lib, /lib64, /etc/ld.so.cache]\n"
			     "  write: [/dev/null]\n";
static const char kernel_only[] = "supervisor: off\n"
				  "network: { unix: { connect: [/] } }\n";

static cordon_policy *policy_new(bool supervised)
{
	struct cordon_error error = { 0 };
	cordon_policy *policy;

	if (cordon_policy_new(NULL, &policy, &error) < 0 ||
	    cordon_policy_add_text(policy, "grants", grants, strlen(grants), &error) < 0)
		fail(&error);
	if (!supervised &&
	    cordon_policy_add_text(policy, "kernel", kernel_only, strlen(kernel_only), &error) < 0)
		fail(&error);
	return policy;
}

static void start(cordon_policy *policy, const struct cordon_options *options)
{
	struct cordon_result result = { .size = sizeof(result) };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;

	if (cordon_sandbox_new(policy, options, &sandbox, &error) < 0 ||
	    cordon_sandbox_start(sandbox, arguments, &error) < 0 ||
	    cordon_sandbox_wait(sandbox, &result, -1) < 0 || result.status != 0)
		fail(&error);
	cordon_sandbox_free(sandbox);
}

static void spawn(void)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0 ||
	    waitpid(pid, &status, 0) < 0 || status != 0)
		exit(1);
}

static void *work(void *arg)
{
	struct thread *thread = arg;

	for (long i = 0; i < thread->count; i++) {
		double begin = now();

		if (thread->policy)
			start(thread->policy, &thread->options);
		else
			spawn();
		thread->times[i] = now() - begin;
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double used(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	long threads = argc == 4 ? atol(argv[2]) : 0, count = argc == 4 ? atol(argv[3]) : 0;
	struct thread *all = calloc(threads > 0 ? (size_t)threads : 1, sizeof(*all));
	double *times = calloc(count > 0 ? (size_t)(threads * count) : 1, sizeof(*times));
	double begin, elapsed;

	if (threads < 1 || count < 1 || !all || !times) {
		fprintf(stderr, "usage: %s spawn|direct|kernel|supervised THREADS COUNT\n",
			argv[0]);
		return 2;
	}
	for (long i = 0; i < threads; i++) {
		all[i].times = times + i * count;
		all[i].count = count;
		all[i].options = (struct cordon_options){
			.size = sizeof(all[i].options),
			.no_keeper = strcmp(argv[1], "direct") == 0,
		};
		if (strcmp(argv[1], "spawn") != 0)
			all[i].policy = policy_new(strcmp(argv[1], "supervised") == 0);
	}
	begin = now();
	for (long i = 0; i < threads; i++)
		if (pthread_create(&all[i].id, NULL, work, &all[i]) != 0)
			return 1;
	for (long i = 0; i < threads; i++)
		pthread_join(all[i].id, NULL);
	elapsed = now() - begin;
	qsort(times, (size_t)(threads * count), sizeof(*times), compare);
	printf("%.1f %.1f %.1f\n", times[threads * count / 2],
	       (double)(threads * count) * 1e6 / elapsed,
	       (used(RUSAGE_SELF) + used(RUSAGE_CHILDREN)) / (double)(threads * count));
	for (long i = 0; i < threads; i++)
		cordon_policy_free(all[i].policy);
	free(all);
	free(times);
	return 0;
}
