/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest programs to be executed: system calls and no C library, so that either also serves as
 * the loader of another program.
 *
 *   mark     makes the file `ran` in the working directory and ends with 77
 *   quiet    ends with 0
 *   linked   like quiet; its loader is LOADER, which tests overwrite with a path of their own
 */
#include "child/raw.h"

#include <fcntl.h>

__attribute__((noreturn)) void _start(void);

__attribute__((noreturn)) void _start(void)
{
#ifdef MARK
	raw(SYS_openat, AT_FDCWD, "ran", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	raw_exit(77);
#else
	raw_exit(0);
#endif
}
