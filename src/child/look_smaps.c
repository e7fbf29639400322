/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory files that are mapped, from `smaps`: see look_memory.c.
 *
 * It is long, and so only read when a limit would be exceeded. A mapping is a line that begins with its
 * address, and behind it a line for each figure, all of which begin with a capital:
 *
 *   7f0000000000-7f0004000000 rw-s 00000000 00:01 1234    /memfd:name (deleted)
 *   Pss:               65536 kB
 *   Anonymous:             0 kB
 */
#include "child/look_parts.h"

#include "child/raw.h"

#include <fcntl.h>

static const char *next_line(const char *line)
{
	while (*line && *line != '\n')
		line++;
	return *line ? line + 1 : line;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static uint64_t take_number(const char **at, unsigned base)
{
	uint64_t value = 0;

	for (; is_hex(**at); (*at)++)
		value = value * base + (unsigned)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
	return value;
}

/* The fourth and fifth word of a header: device and inode. */
static bool maps_known_file(const struct looker *looker, const char *line)
{
	uint64_t major, minor;

	for (int words = 0; words < 3; line++) {
		if (*line == '\0' || *line == '\n')
			return false;
		words += *line == ' ';
	}
	major = take_number(&line, 16);
	line += *line == ':';
	minor = take_number(&line, 16);
	line += *line == ' ';
	return major == looker->memfd_major && minor == looker->memfd_minor &&
	       look_knows_file(looker, take_number(&line, 10));
}

static uint64_t sum_up(const struct looker *looker, const char *line)
{
	uint64_t kib = 0, pss = 0;
	bool counts = false;

	for (; *line; line = next_line(line)) {
		int64_t value;

		if (is_hex(*line)) {
			counts = maps_known_file(looker, line);
			pss = 0;
		} else if (counts && (value = proc_value(line, "Pss:")) > 0) {
			pss = (uint64_t)value;
		} else if (counts && (value = proc_value(line, "Anonymous:")) >= 0) {
			/* Pages of a private mapping that were written to are not the file's. */
			kib += pss > (uint64_t)value ? pss - (uint64_t)value : 0;
		}
	}
	return kib;
}

uint64_t look_mapped_files(struct looker *looker, pid_t thread)
{
	char name[PROC_NAME_MAX];
	uint64_t kib = 0;
	long fd, n;

	if (thread == 0)
		return 0;
	proc_put(proc_put_number(name, thread), "/smaps");
	fd = raw(SYS_openat, looker->proc, name, O_RDONLY | O_CLOEXEC);
	look_note_error(looker, fd);
	if (fd < 0)
		return 0;
	/* Every read gives whole mappings. */
	while ((n = raw(SYS_read, fd, looker->text, LOOK_TEXT_SIZE - 1)) > 0) {
		looker->text[n] = '\0';
		kib += sum_up(looker, looker->text);
	}
	raw(SYS_close, fd);
	return kib;
}
