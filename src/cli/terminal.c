/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has the terminal.
 *
 * Theory of operation. The program runs in a process group of its own, so that Ctrl-C reaches it
 * and not us. The library makes that group the foreground one before the program is executed. From
 * then on we are a background group:
 *
 * 1. SIGTTOU is blocked in this thread for as long as we live: it is what tcsetpgrp() and, with
 *    `stty tostop`, our own lines would be stopped by.
 * 2. The program stops (Ctrl-Z): we take the foreground, then stop too, so that the shell sees a
 *    stopped job. The whole group is stopped, as the terminal would have done: a shell script that
 *    called us has to stop as well. SIGTSTP and not SIGSTOP: the kernel drops it for an orphaned
 *    group, which nobody could ever continue, and then the program just goes on.
 * 3. We are continued: with `fg` the shell has given the foreground to us and it is handed on; with
 *    `bg` it has not, and must not be taken.
 * 4. At the end the foreground group may be one that has died with the tree, then it is ours again.
 *    A living group is the shell's: it is left alone.
 */
#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

void terminal_init(struct terminal *terminal)
{
	/* tcgetpgrp() fails unless it is our controlling terminal. */
	terminal->interactive = tcgetpgrp(STDIN_FILENO) == getpgrp() &&
				tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
}

void terminal_give(const struct terminal *terminal, pid_t program)
{
	if (terminal->interactive && program > 0 && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetpgrp(STDIN_FILENO, program);
}

void terminal_stop(const struct terminal *terminal, pid_t program)
{
	sigset_t stop;

	if (!terminal->interactive) {
		kill(getpid(), SIGSTOP);
		return;
	}
	if (tcgetpgrp(STDIN_FILENO) == program)
		tcsetpgrp(STDIN_FILENO, getpgrp());
	kill(0, SIGTSTP);
	/* It has been pending until here; we stop inside the first call. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	sigprocmask(SIG_BLOCK, &stop, NULL);
}

void terminal_done(const struct terminal *terminal, bool restore)
{
	pid_t group;

	if (!terminal->interactive)
		return;
	group = tcgetpgrp(STDIN_FILENO);
	if (group > 0 && group != getpgrp()) {
		if (kill(-group, 0) == 0 || errno != ESRCH)
			return;
		tcsetpgrp(STDIN_FILENO, getpgrp());
	}
	if (restore)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->modes);
}
