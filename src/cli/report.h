/* SPDX-License-Identifier: Apache-2.0 */
/* --report FILE: written whole or not at all. */
#ifndef CORDON_CLI_REPORT_H
#define CORDON_CLI_REPORT_H

#include <limits.h>

struct report_file {
	int directory; /* of a regular file; -1: none */
	int stream;    /* a pipe, terminal or other device instead; -1: none */
	char name[NAME_MAX + 1];
};

#define REPORT_NONE                                                                                \
	{                                                                                          \
		-1, -1, ""                                                                         \
	}

/* Holds what will be written to. path: may be NULL, then nothing will. Return: 0 or -errno. */
int report_open(struct report_file *file, const char *path);
/* Writes the text and a newline. Return: 0 or -errno. */
int report_write(const struct report_file *file, const char *text);
void report_done(struct report_file *file);

#endif
