/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values, and the helpers for ownership. */
#include "base/err.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

Test(err, text_and_place)
{
	struct cordon_error error = { 0 };
	char line[700];

	cr_expect_eq(err_set(&error, -EINVAL, "no %s", "way"), -EINVAL);
	cr_expect_eq(err_wrap(&error, "start '%s'", "x"), -EINVAL);
	cr_expect_str_eq(error.text, "start 'x': no way");
	cr_expect_eq(err_place(&error, "f.yaml", 3, 7), -EINVAL);
	cr_expect_str_eq(cordon_error_format(&error, line, sizeof(line)),
			 "f.yaml:3:7: start 'x': no way");
	err_place(&error, "f.yaml", 0, 0);
	cr_expect_str_eq(cordon_error_format(&error, line, sizeof(line)),
			 "f.yaml: start 'x': no way");
	cr_expect_eq(err_sys(&error, -ENOENT, "open"), -ENOENT);
	cr_expect_str_eq(cordon_error_format(&error, line, sizeof(line)),
			 "open: No such file or directory", "the place is cleared");
	cr_expect_eq(err_set(NULL, -EIO, "nobody listens"), -EIO);
}

Test(err, long_texts_are_cut_and_terminated)
{
	struct cordon_error error;
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&error, -EINVAL, "%s", text);
	cr_expect_eq(strlen(error.text), sizeof(error.text) - 1);
	err_wrap(&error, "front");
	cr_expect_eq(strncmp(error.text, "front: xxx", 10), 0);
	cr_expect_lt(strlen(error.text), sizeof(error.text));
	err_place(&error, text, 1, 1);
	cr_expect_eq(strlen(error.source), sizeof(error.source) - 1);
}

static void leave_scope(int *ret_fd)
{
	cleanup_fd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = strdup("x");

	cr_assert(text);
	*ret_fd = fd;
	errno = ENOTTY;
}

Test(err, cleanup_frees_and_keeps_errno)
{
	int fd;

	leave_scope(&fd);
	cr_expect_eq(errno, ENOTTY);
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
}

Test(err, stealing)
{
	char text[] = "x", *from = text;
	char *got = steal_ptr(&from);
	int fd = 7;

	cr_expect_eq(got, text);
	cr_expect_null(from);
	cr_expect_eq(steal_fd(&fd), 7);
	cr_expect_eq(fd, -1);
}

Test(err, arrays_grow)
{
	int *numbers = NULL;
	size_t count = 0;

	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(vec_grow(&numbers, count), 0);
		numbers[count++] = i;
	}
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(numbers[i], i);
	free(numbers);
}
