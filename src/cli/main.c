/* SPDX-License-Identifier: Apache-2.0 */
/* The command `cordon`: a table of commands. */
#include "cli/cli.h"
#include "cli/opts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
	{ "run", cmd_run, "[OPTIONS] [--] PROGRAM [ARG...]", "Run a program under a policy" },
	{ "check", cmd_check, "[--json]", "Show what this host can enforce" },
	{ "explain", cmd_explain, "[OPTIONS]",
	  "Show the policy, and which mechanism holds each rule here" },
	{ "why", cmd_why, "[OPTIONS] OPERATION TARGET",
	  "Tell whether an operation is allowed, and by which rule" },
	{ "learn", cmd_learn, "-o FILE [OPTIONS] -- PROGRAM [ARG...]",
	  "Write the smallest policy for a program (not supported by this version)" },
	{ "policy", cmd_policy, "validate FILE... | show [OPTIONS] | list | schema",
	  "Check, print and list policies" },
	{ "bpf", cmd_bpf, "[OPTIONS]", "Print the seccomp program that would be installed" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static const char *command_name(size_t index)
{
	return commands[index].name;
}

static int print_usage(void)
{
	printf("Usage: cordon COMMAND [OPTIONS]\n"
	       "Runs a program that nobody trusts under a policy.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].summary);
	printf("\nEvery command takes --help. `cordon --version` prints the version.\n");
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_CORDON;
}

/*
 * A descriptor 0 to 2 that is closed would be the number of the next file that is opened, and the
 * program's output would end up there (SP-09).
 */
static int fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", O_RDWR) != fd)
			return -1;
	}
	return 0;
}

static int unknown_command(const char *name)
{
	const char *near = nearest_name(name, command_name, COMMAND_COUNT);

	if (near)
		say("unknown command '%.60s' (did you mean '%s'?)", name, near);
	else
		say("unknown command '%.60s'; `cordon --help` lists the commands", name);
	return STATUS_CORDON;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (fill_standard_descriptors() < 0)
		return STATUS_CORDON;
	if (argc < 2) {
		say("no command is named; `cordon --help` lists the commands");
		return STATUS_CORDON;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_usage();
	if (strcmp(argv[1], "--version") == 0) {
		printf("cordon %s\n", cordon_version());
		return fflush(stdout) == 0 ? STATUS_OK : STATUS_CORDON;
	}
	command = command_find(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	return command->run(argc - 1, argv + 1);
}
