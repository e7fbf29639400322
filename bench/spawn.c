/* SPDX-License-Identifier: Apache-2.0 */
/* spawn COUNT PROGRAM [ARG...]: runs it COUNT times, prints the median of start to end in us. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Return: microseconds, or negative if it failed. */
static double once(char **argv)
{
	struct timespec begin, end;
	int status, r;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	r = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (r) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(r));
		return -1;
	}
	if (waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "%s: status %#x\n", argv[0], (unsigned)status);
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[1]) : 0;
	double *times;

	if (count < 1) {
		fprintf(stderr, "usage: %s COUNT PROGRAM [ARG...]\n", argv[0]);
		return 2;
	}
	times = calloc((size_t)count, sizeof(*times));
	if (!times)
		return 1;
	for (long i = 0; i < count; i++) {
		times[i] = once(argv + 2);
		if (times[i] < 0)
			return 1;
	}
	qsort(times, (size_t)count, sizeof(*times), compare);
	printf("%.1f\n", times[count / 2]);
	free(times);
	return 0;
}
