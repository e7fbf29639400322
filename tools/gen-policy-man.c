/* SPDX-License-Identifier: Apache-2.0 */
/* Copies a manual page from standard input to output; `@KEYS@` becomes the list of policy keys. */
#include "policy/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	char line[4096];
	char *section = keys_man_section();

	if (!section)
		return 1;
	while (fgets(line, sizeof(line), stdin))
		fputs(strcmp(line, "@KEYS@\n") == 0 ? section : line, stdout);
	free(section);
	return fflush(stdout) || ferror(stdin) ? 1 : 0;
}
