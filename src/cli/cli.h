/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share. */
#ifndef CORDON_CLI_CLI_H
#define CORDON_CLI_CLI_H

#include <cordon/cordon.h>

/* Exit statuses that are ours; docs/man/cordon.1.scd lists them. */
enum {
	STATUS_OK = 0,
	STATUS_NO = 1,
	STATUS_TIMEOUT = 124,
	STATUS_CORDON = 125,
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

/*
 * A command. argv[0] is its name. Return: the exit status.
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* behind `cordon NAME` */
	const char *summary;
};

/* Commands of the table in main.c. */
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_bpf(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_learn(int argc, char **argv);

/* The row of a command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Writes `cordon: TEXT` and a newline to standard error, with one write. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for an error. Return: STATUS_CORDON. */
int say_error(const struct cordon_error *error);
/*
 * Prints text to standard output, ending it with a newline, and frees it.
 * Return: status, or STATUS_CORDON if it cannot be written.
 */
int print_text(char *take_text, int status);

#endif
