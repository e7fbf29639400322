/* SPDX-License-Identifier: Apache-2.0 */
/* Children that the host of the library never sees. */
#include "kernel.h"

#include <sys/syscall.h>
#include <sys/wait.h>

TestSuite(kernel_process, .timeout = 30);

static void silent_child_body(void)
{
	/* No exit signal in the low byte of the flags. */
	pid_t pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	siginfo_t info = { 0 };
	int status;

	EXPECT(pid >= 0);
	if (pid == 0)
		_exit(7);
	/* It has ended, and still a wait for any child does not find it. */
	EXPECT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL) == 0);
	EXPECT(info.si_pid == pid && info.si_status == 7);
	EXPECT_ERRNO(waitpid(-1, &status, 0), ECHILD);
	EXPECT(await(pid) == 7);
}

Test(kernel_process, a_child_without_exit_signal_is_not_waited_for)
{
	in_child(silent_child_body);
}
