/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the program: in the PATH of its own final environment, by the parent (SP-29). */
#ifndef CORDON_CHILD_PROGRAM_H
#define CORDON_CHILD_PROGRAM_H

#include <cordon/error.h>

/*
 * name: as the caller gave it; with a slash it is taken as it is, relative to cwd.
 * envp: the program's final environment. cwd: the program's; NULL: ours.
 * ret_path: absolute or cwd-relative path for execve, from malloc.
 * Return: 0; -ENOENT not found (exit status 127); -EACCES, -ENOEXEC, -EISDIR ... found but not
 * executable (126).
 */
int program_find(const char *name, char *const envp[], const char *cwd, char **ret_path,
		 struct cordon_error *err);

#endif
