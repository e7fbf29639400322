/* SPDX-License-Identifier: Apache-2.0 */
/* Who has the terminal: the program while it runs, our own group before and after. */
#ifndef CORDON_CLI_TERMINAL_H
#define CORDON_CLI_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct terminal {
	bool interactive; /* descriptor 0 is our terminal and we had the foreground at the start */
	struct termios modes; /* as they were then */
};

/* Looks at descriptor 0. Call before anything is started, with SIGTTOU blocked. */
void terminal_init(struct terminal *terminal);
/* Gives the foreground to the program's group if it is ours to give. */
void terminal_give(const struct terminal *terminal, pid_t program);
/*
 * The program has stopped: takes the foreground back if the program has it, stops our own group as
 * the terminal would have stopped it, and returns when somebody continues us.
 */
void terminal_stop(const struct terminal *terminal, pid_t program);
/* The run is over. restore: also the modes, since the program had no chance to. */
void terminal_done(const struct terminal *terminal, bool restore);

#endif
