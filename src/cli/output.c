/* SPDX-License-Identifier: Apache-2.0 */
/* Output: lines with our prefix on standard error, answers on standard output. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384

/* All of it, or nothing can be done about it: standard error is where we would say so. */
static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

void say(const char *fmt, ...)
{
	static const char prefix[] = "cordon: ";
	char line[LINE_MAX_BYTES];
	size_t used = sizeof(prefix) - 1, room = sizeof(line) - used - 1;
	va_list ap;
	int n;

	memcpy(line, prefix, used);
	va_start(ap, fmt);
	n = vsnprintf(line + used, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	used += (size_t)n < room ? (size_t)n : room - 1;
	line[used++] = '\n';
	write_all(STDERR_FILENO, line, used);
}

int say_error(const struct cordon_error *error)
{
	char text[sizeof(error->source) + sizeof(error->text) + 32];

	say("%s", cordon_error_format(error, text, sizeof(text)));
	return STATUS_CORDON;
}

int print_text(char *take_text, int status)
{
	size_t length = strlen(take_text);
	int r = write_all(STDOUT_FILENO, take_text, length);

	if (r == 0 && length > 0 && take_text[length - 1] != '\n')
		r = write_all(STDOUT_FILENO, "\n", 1);
	free(take_text);
	if (r == 0)
		return status;
	say("standard output: %s", strerror(-r));
	return STATUS_CORDON;
}
