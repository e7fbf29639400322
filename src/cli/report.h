/* SPDX-License-Identifier: Apache-2.0 */
/* --report FILE: written whole or not at all. */
#ifndef CORDON_CLI_REPORT_H
#define CORDON_CLI_REPORT_H

struct report_file {
	int directory; /* -1: no report is wanted */
	const char *name;
};

/* Holds the directory of the file; path: borrowed, may be NULL. Return: 0 or -errno. */
int report_open(struct report_file *file, const char *path);
/* Writes text beside the file and renames it. Return: 0 or -errno. */
int report_write(const struct report_file *file, const char *text);
void report_done(struct report_file *file);

#endif
