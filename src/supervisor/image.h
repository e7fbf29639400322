/* SPDX-License-Identifier: Apache-2.0 */
/* What a process is made of that stands before the first instruction of a new program: see image.c. */
#ifndef CORDON_SUPERVISOR_IMAGE_H
#define CORDON_SUPERVISOR_IMAGE_H

#include "policy/decide.h"
#include "supervisor/supervisor.h"

#include <sys/stat.h>

/* Scripts, the program that runs the last of them, and its loader. */
#define IMAGE_FILES_MAX 8

/* A file by its identity, held so that the identity stays its own. */
struct image_file {
	int fd; /* O_PATH */
	dev_t dev;
	ino_t ino;
};

/* The files that an execution was allowed with. */
struct image_files {
	struct image_file file[IMAGE_FILES_MAX];
	int count;
};

/* take_fd: O_PATH; closed if there is no room, which costs a second decision and no more. */
void image_add(struct image_files *files, int take_fd, const struct stat *st);
void image_done(struct image_files *files);

/* Why an image may not run; the decision is filled for a refusal by policy. */
struct image_finding {
	struct decision decision;
	char path[PATH_MAX];
};

/*
 * Whether every file that the image consists of is one of `allowed`, or is allowed by the policy.
 * pid: stopped, so that nothing of it changes. Return: 1; 0 with the finding; -ESRCH: it is dying;
 * -errno: it cannot be told.
 */
int image_judge(struct supervisor *sv, pid_t pid, const struct image_files *allowed,
		struct image_finding *ret);

#endif
