/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the program: see program.h. */
#include "child/program.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "sys/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Return: 0, -EISDIR for a directory, or the errno that a look at the file gave. */
static int look_below(int root, const char *path)
{
	cleanup_fd int fd = rooted_open(root, path, O_PATH, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EACCES;
	/* KERNEL(5.8): faccessat2. */
	return syscall(SYS_faccessat2, fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int look(int root, int dir_fd, const char *path)
{
	struct stat st;

	if (root >= 0)
		return look_below(root, path);
	if (fstatat(dir_fd, path, &st, 0) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(dir_fd, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int hand_out(const char *path, char **ret_path, struct cordon_error *err)
{
	char *copy = strdup(path);

	if (!copy)
		return err_sys(err, -ENOMEM, "%s", path);
	*ret_path = copy;
	return 0;
}

static int find_as_given(const char *name, int root, const char *cwd, char **ret_path,
			 struct cordon_error *err)
{
	cleanup_fd int dir_fd = -1;
	cleanup_free char *joined = NULL;
	int r;

	/* A cwd that cannot be entered is an error of its own, which the start reports. */
	if (root >= 0 && asprintf(&joined, "%s/%s", name[0] == '/' ? "" : cwd, name) < 0) {
		joined = NULL;
		return err_sys(err, -ENOMEM, "%s", name);
	}
	if (root < 0 && cwd && name[0] != '/') {
		dir_fd = open(cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir_fd < 0)
			return hand_out(name, ret_path, err);
	}
	r = look(root, dir_fd < 0 ? AT_FDCWD : dir_fd, joined ? joined : name);
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(err, -ENOENT, "%s: not found", name);
	if (r < 0)
		return err_sys(err, r, "%s", name);
	return hand_out(name, ret_path, err);
}

static const char *search_list(char *const envp[])
{
	for (size_t i = 0; envp[i]; i++) {
		if (strncmp(envp[i], "PATH=", 5) == 0)
			return envp[i] + 5;
	}
	return DEFAULT_PATH;
}

static bool goes_on(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ESTALE || r == -ENODEV || r == -ETIMEDOUT ||
	       r == -EACCES || r == -EISDIR;
}

/* The words for entries of the list that were not looked at; such a search could be led astray by
 * where the program happens to run. */
static const char *skipped_text(bool skipped)
{
	return skipped ? "; empty and relative entries are skipped" : "";
}

int program_find(const char *name, char *const envp[], int root, const char *cwd,
		 program_gate_fn gate, void *gate_arg, char **ret_path, struct cordon_error *err)
{
	cleanup_strbuf struct strbuf candidate = { 0 }, refused = { 0 };
	const char *list, *at, *end;
	bool skipped = false;
	int r;

	if (!*name)
		return err_set(err, -ENOENT, "the program's name is empty");
	if (strchr(name, '/'))
		return find_as_given(name, root, cwd, ret_path, err);
	list = search_list(envp);
	for (at = list; at; at = *end ? end + 1 : NULL) {
		end = strchrnul(at, ':');
		if (*at != '/') {
			skipped = true;
			continue;
		}
		candidate.length = 0;
		strbuf_add(&candidate, "%.*s/%s", (int)(end - at), at, name);
		if (candidate.failed)
			return err_sys(err, -ENOMEM, "%s", name);
		r = look(root, AT_FDCWD, candidate.text);
		if (r == 0 && gate && !gate(candidate.text, gate_arg))
			r = -EACCES;
		if (r == 0)
			return hand_out(candidate.text, ret_path, err);
		if (!goes_on(r))
			return err_sys(err, r, "%s", candidate.text);
		if (r == -EACCES && refused.length == 0)
			strbuf_add(&refused, "%s", candidate.text);
	}
	if (refused.length > 0)
		return err_sys(err, -EACCES, "%s", refused.text);
	return err_set(err, -ENOENT, "%s: not found in PATH (%s)%s", name, list,
		       skipped_text(skipped));
}
