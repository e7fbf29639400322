/* SPDX-License-Identifier: Apache-2.0 */
/* Names out of /etc/hosts: see hosts.h. */
#include "supervisor/hosts.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/name_table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define HOSTS_FILE "/etc/hosts"
#define HOSTS_MAX  ((size_t)16 << 20)
#define BLANKS	   " \t\r"

/* An address as text, perhaps with a scope. Return: whether it is one. */
static bool read_address(char *text, uint8_t *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	text[strcspn(text, "%")] = '\0';
	memcpy(ret, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ret + sizeof(mapped)) == 1 ||
	       inet_pton(AF_INET6, text, ret) == 1;
}

/* As the policy writes names. Return: whether it can be one. */
static bool read_name(char *text)
{
	size_t length = strlen(text);

	if (length > 1 && text[length - 1] == '.')
		text[--length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	return length > 0 && length < NAME_SIZE;
}

void hosts_each(const char *text, hosts_fn fn, void *arg)
{
	cleanup_free char *copy = strdup(text);
	char *rest = copy, *line, *word, *save;
	uint8_t address[16];

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "#")] = '\0';
		word = strtok_r(line, BLANKS, &save);
		if (!word || !read_address(word, address))
			continue;
		while ((word = strtok_r(NULL, BLANKS, &save)))
			if (read_name(word))
				fn(arg, word, address);
	}
}

int hosts_each_of_host(hosts_fn fn, void *arg)
{
	cleanup_fd int fd = open(HOSTS_FILE, O_RDONLY | O_CLOEXEC);
	cleanup_strbuf struct strbuf text = { 0 };
	char piece[4096];
	ssize_t n;

	strbuf_add(&text, "127.0.0.1 localhost\n::1 localhost\n");
	while (fd >= 0 && text.length < HOSTS_MAX && (n = read(fd, piece, sizeof(piece))) > 0)
		strbuf_add_bytes(&text, piece, (size_t)n);
	if (text.failed)
		return -ENOMEM;
	hosts_each(text.text, fn, arg);
	return 0;
}
