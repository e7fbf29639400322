/* SPDX-License-Identifier: Apache-2.0 */
/* What a file names that the kernel opens to execute it: see format.h. */
#include "supervisor/format.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The kernel looks at so much of a script for its interpreter. */
#define SCRIPT_HEAD 256
#define HEADERS_MAX 128

/* The interpreter that the first line of a script names. Return: 1, or 0 if it names none. */
static int of_script(char *head, char *ret)
{
	char *start = head + 2 + strspn(head + 2, " \t"), *end = start + strcspn(start, " \t\n");

	*end = '\0';
	strcpy(ret, start);
	return end != start;
}

/* The loader that the headers of an ELF program name. Return: 1, 0 if they name none, -errno. */
static int of_elf(int fd, char *ret)
{
	Elf64_Ehdr elf;
	Elf64_Phdr headers[HEADERS_MAX];

	/* What the kernel does not take for a program of this machine it does not load. */
	if (pread(fd, &elf, sizeof(elf), 0) != sizeof(elf) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(headers[0]))
		return 0;
	if (elf.e_phnum > HEADERS_MAX)
		return -E2BIG;
	if (pread(fd, headers, elf.e_phnum * sizeof(headers[0]), (off_t)elf.e_phoff) !=
	    (ssize_t)(elf.e_phnum * sizeof(headers[0])))
		return 0;
	for (size_t i = 0; i < elf.e_phnum; i++) {
		if (headers[i].p_type != PT_INTERP)
			continue;
		if (headers[i].p_filesz < 2 || headers[i].p_filesz > PATH_MAX)
			return 0;
		if (pread(fd, ret, headers[i].p_filesz, (off_t)headers[i].p_offset) !=
		    (ssize_t)headers[i].p_filesz)
			return 0;
		return ret[headers[i].p_filesz - 1] == '\0';
	}
	return 0;
}

int format_next(int fd, char *ret)
{
	char head[SCRIPT_HEAD + 1] = { 0 };

	if (pread(fd, head, SCRIPT_HEAD, 0) < 0)
		return -errno;
	if (memcmp(head, "#!", 2) == 0)
		return of_script(head, ret);
	if (memcmp(head, ELFMAG, SELFMAG) == 0)
		return of_elf(fd, ret);
	return 0;
}
