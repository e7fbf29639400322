/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the program. */
#include "child/program.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* TOP/a: a directory `tool`, a `plain` without x. TOP/b: executable `tool` and `plain`. */
static char top[64];

static void make_file(const char *name, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	fchmod(fd, mode);
	close(fd);
}

static void make_directory(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	cr_assert_eq(mkdir(path, 0755), 0);
}

static void set_up(void)
{
	strcpy(top, "/tmp/cordon-program-XXXXXX");
	cr_assert(mkdtemp(top));
	make_directory("a");
	make_directory("a/tool");
	make_file("a/plain", 0644);
	make_file("a/refused", 0644);
	make_directory("b");
	make_file("b/tool", 0755);
	make_file("b/plain", 0755);
}

static void tear_down(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	cr_expect_eq(system(command), 0);
}

/* Looks with PATH made of a format with one %s for the top; NULL: no PATH at all. */
static int look(const char *name, const char *format, char *ret, size_t size,
		struct cordon_error *err)
{
	char variable[512] = "PATH=", *envp[] = { variable, NULL }, *none[] = { NULL }, *path;
	int r;

	if (format)
		snprintf(variable + 5, sizeof(variable) - 5, format, top, top);
	r = program_find(name, format ? envp : none, -1, NULL, NULL, NULL, &path, err);
	ret[0] = '\0';
	if (r == 0) {
		snprintf(ret, size, "%s", path);
		free(path);
	}
	return r;
}

TestSuite(program, .init = set_up, .fini = tear_down);

Test(program, directories_and_files_without_x_are_passed_over)
{
	char found[256], wanted[256];

	snprintf(wanted, sizeof(wanted), "%s/b/tool", top);
	cr_expect_eq(look("tool", "%s/a:%s/b", found, sizeof(found), NULL), 0);
	cr_expect_str_eq(found, wanted);
	snprintf(wanted, sizeof(wanted), "%s/b/plain", top);
	cr_expect_eq(look("plain", "%s/a:%s/b", found, sizeof(found), NULL), 0);
	cr_expect_str_eq(found, wanted);
}

Test(program, a_refusal_is_remembered)
{
	struct cordon_error err = { 0 };
	char found[256];

	cr_expect_eq(look("refused", "%s/a:%s/b", found, sizeof(found), &err), -EACCES);
	cr_expect(strstr(err.text, "/a/refused: Permission denied"), "%s", err.text);
}

Test(program, not_found_names_the_list)
{
	struct cordon_error err = { 0 };
	char found[256];

	cr_expect_eq(look("nothing-like-it", "%s/a::bin", found, sizeof(found), &err), -ENOENT);
	cr_expect(strstr(err.text, "nothing-like-it: not found in PATH ("), "%s", err.text);
	cr_expect(strstr(err.text, "relative entries are skipped"), "%s", err.text);
}

Test(program, relative_and_empty_entries_are_skipped)
{
	char found[256], inside[128];

	snprintf(inside, sizeof(inside), "%s/b", top);
	cr_assert_eq(chdir(inside), 0);
	cr_expect_eq(look("tool", "", found, sizeof(found), NULL), -ENOENT);
	cr_expect_eq(look("tool", ":.:", found, sizeof(found), NULL), -ENOENT);
}

Test(program, without_path_the_usual_places)
{
	char found[256];

	cr_expect_eq(look("sh", NULL, found, sizeof(found), NULL), 0);
	cr_expect_eq(found[0], '/');
}

Test(program, with_a_slash_it_is_taken_as_it_is)
{
	char *none[] = { NULL }, *path, wanted[128];

	cr_assert_eq(program_find("b/tool", none, -1, top, NULL, NULL, &path, NULL), 0);
	cr_expect_str_eq(path, "b/tool");
	free(path);
	snprintf(wanted, sizeof(wanted), "%s/b/tool", top);
	cr_assert_eq(program_find(wanted, none, -1, NULL, NULL, NULL, &path, NULL), 0);
	cr_expect_str_eq(path, wanted);
	free(path);
	cr_expect_eq(program_find("a/tool", none, -1, top, NULL, NULL, &path, NULL), -EISDIR);
	cr_expect_eq(program_find("a/plain", none, -1, top, NULL, NULL, &path, NULL), -EACCES);
	cr_expect_eq(program_find("a/plain/x", none, -1, top, NULL, NULL, &path, NULL), -ENOENT);
	cr_expect_eq(program_find("a/none", none, -1, top, NULL, NULL, &path, NULL), -ENOENT);
	cr_expect_eq(program_find("", none, -1, top, NULL, NULL, &path, NULL), -ENOENT);
}
