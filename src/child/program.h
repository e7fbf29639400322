/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the program: in the PATH of its own final environment, by the parent (SP-29). */
#ifndef CORDON_CHILD_PROGRAM_H
#define CORDON_CHILD_PROGRAM_H

#include <cordon/error.h>

#include <stdbool.h>

/*
 * Whether the program's own walls let it execute the file; one that they do not is passed over like
 * a file without permission. path: absolute. Called only for files that exist and are executable.
 */
typedef bool (*program_gate_fn)(const char *path, void *arg);

/*
 * name: as the caller gave it; with a slash it is taken as it is, relative to cwd.
 * envp: the program's final environment. root: where paths are looked up, as in sys/rooted.h. cwd: the
 * program's; NULL, without a root only: ours. gate: asked in the search
 * of PATH only; NULL: everything passes.
 * ret_path: absolute or cwd-relative path for execve, from malloc.
 * Return: 0; -ENOENT not found (exit status 127); -EACCES, -ENOEXEC, -EISDIR ... found but not
 * executable (126).
 */
int program_find(const char *name, char *const envp[], int root, const char *cwd,
		 program_gate_fn gate, void *gate_arg, char **ret_path, struct cordon_error *err);

#endif
