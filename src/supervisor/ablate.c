/* SPDX-License-Identifier: Apache-2.0 */
/* Test build only: see ablate.h. */
#include "supervisor/ablate.h"

#ifdef CORDON_ABLATE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* CORDON_ABLATE is a list like "decide,landlock-abi=3". */
static const char *find(const char *name)
{
	const char *at = getenv("CORDON_ABLATE");
	size_t length = strlen(name);

	while (at && *at) {
		if (strncmp(at, name, length) == 0 &&
		    (at[length] == ',' || at[length] == '=' || !at[length]))
			return at + length;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return NULL;
}

bool ablated(const char *name)
{
	return find(name) != NULL;
}

int ablated_number(const char *name, int fallback)
{
	const char *at = find(name);

	return at && *at == '=' ? atoi(at + 1) : fallback;
}

static bool faults_begun;

void fault_begin(const char *path)
{
	faults_begun |= strstr(path, "FAULTS") != NULL;
}

/* When the process began, which tells it from another one of the same number; 0: there is none. */
static unsigned long long begin_of(int proc_fd, int tid)
{
	unsigned long long begin = 0;
	char name[32], text[512] = "";
	const char *at;
	int fd;

	snprintf(name, sizeof(name), "%d/stat", tid);
	fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0 && (at = strrchr(text, ')')))
		sscanf(at + 2,
		       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		       "%*d %llu",
		       &begin);
	close(fd);
	return begin;
}

void await_reuse(int proc_fd, int tid, const char *path)
{
	unsigned long long first = begin_of(proc_fd, tid), now = first;

	if (!ablated("reuse") || !strstr(path, "REUSED"))
		return;
	while (now == first || now == 0)
		now = begin_of(proc_fd, tid);
}

bool fault(const char *site)
{
	static int passes;
	char name[64];
	int wanted;

	snprintf(name, sizeof(name), "fault-%s", site);
	wanted = faults_begun ? ablated_number(name, 0) : 0;
	return wanted > 0 && ++passes == wanted;
}
#else
/* ISO C wants a declaration in every file. */
typedef int ablate_nothing;
#endif
