/* SPDX-License-Identifier: Apache-2.0 */
/* Reading procfs by system calls only (I11). */
#ifndef CORDON_CHILD_PROC_H
#define CORDON_CHILD_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest name below /proc that is built here: NUMBER/task/NUMBER/children. */
#define PROC_NAME_MAX 64

/* Builds a name piece by piece: each returns the new end, which is terminated. */
char *proc_put(char *at, const char *text);
char *proc_put_number(char *at, pid_t number);

/* Return: the number at *at, which moves behind it; -1 if there is none. */
long proc_number(const char **at);

/* The start of a file, terminated. Return: its length or -errno. */
long proc_read(int dir, const char *name, char *buffer, size_t size);
/* The number in a line such as "VmRSS:  12 kB", if it begins with `label`. Return: -1 else. */
int64_t proc_value(const char *line, const char *label);
/* The same for the first such line of a text. */
int64_t proc_field(const char *text, const char *label);
/* The same for the last of several numbers. */
int64_t proc_last_field(const char *text, const char *label);

/* What is called for each number; false ends the walk. */
typedef bool proc_number_fn(void *arg, pid_t number);
/* The numbers among the names of an open directory. Return: 0 or -errno. */
int proc_each_entry(int dir, proc_number_fn *fn, void *arg);
/* The numbers in a file of numbers. Return: 0 or -errno. */
int proc_each_number(int dir, const char *name, proc_number_fn *fn, void *arg);

#endif
