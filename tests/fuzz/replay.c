/* SPDX-License-Identifier: Apache-2.0 */
/* Gives every file of the directories named to the fuzz target, once: how a corpus is a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *stream = fopen(path, "re");
	size_t size;

	if (!stream)
		return -1;
	size = fread(data, 1, sizeof(data), stream);
	fclose(stream);
	/* Also cut short at some places: a corpus is never large enough. */
	for (size_t i = 1; i <= 16; i++)
		LLVMFuzzerTestOneInput(data, size * i / 16);
	return 0;
}

int main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			char path[4096];

			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			if (replay_file(path) < 0) {
				fprintf(stderr, "cannot read %s\n", path);
				return 1;
			}
			count++;
		}
		if (dir)
			closedir(dir);
	}
	printf("%zu files\n", count);
	return count == 0;
}
