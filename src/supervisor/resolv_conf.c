/* SPDX-License-Identifier: Apache-2.0 */
/* The program's resolv.conf: see resolv_conf.h. */
#include "supervisor/resolv_conf.h"

#include "base/cleanup.h"
#include "sys/fds.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define RESOLV_CONF "/etc/resolv.conf"

struct resolv_conf {
	int text;   /* the program's */
	int object; /* the host's, held: its inode cannot become another's */
	struct stat st;
	char path[PATH_MAX];
};

int resolv_conf_read(char ret[RESOLV_CONF_MAX])
{
	cleanup_fd int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ret[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, ret, RESOLV_CONF_MAX - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static bool names_server(const char *line, size_t length)
{
	static const char key[] = "nameserver";
	size_t at = 0;

	while (at < length && (line[at] == ' ' || line[at] == '\t'))
		at++;
	return length - at >= strlen(key) && memcmp(line + at, key, strlen(key)) == 0;
}

void resolv_conf_write(const char *text, struct in_addr server, bool by_stream, struct strbuf *ret)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &server, address, sizeof(address));
	strbuf_add(ret, "nameserver %s\n", address);
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (!names_server(text, length)) {
			strbuf_add_bytes(ret, text, length);
			strbuf_add(ret, "\n");
		}
		text += length + (text[length] == '\n');
	}
	if (by_stream)
		strbuf_add(ret, "options use-vc\n");
}

int resolv_conf_new(struct in_addr server, bool by_stream, struct resolv_conf **ret)
{
	struct resolv_conf *conf = calloc(1, sizeof(*conf));
	cleanup_strbuf struct strbuf text = { 0 };
	char old[RESOLV_CONF_MAX];
	int r;

	*ret = conf;
	if (!conf)
		return -ENOMEM;
	conf->text = conf->object = -1;
	r = resolv_conf_read(old);
	if (r < 0)
		return r;
	conf->object = open(RESOLV_CONF, O_PATH | O_CLOEXEC);
	if (conf->object < 0 || fstat(conf->object, &conf->st) < 0 ||
	    !realpath(RESOLV_CONF, conf->path))
		return -errno;
	resolv_conf_write(old, server, by_stream, &text);
	if (text.failed)
		return -ENOMEM;
	conf->text = fd_memory("resolv.conf", text.text, text.length, 0444);
	return conf->text < 0 ? conf->text : 0;
}

void resolv_conf_free(struct resolv_conf *conf)
{
	if (!conf)
		return;
	if (conf->text >= 0)
		close(conf->text);
	if (conf->object >= 0)
		close(conf->object);
	free(conf);
}

bool resolv_conf_is(const struct resolv_conf *conf, const struct place *place)
{
	if (!conf || !S_ISREG(place->st.st_mode))
		return false;
	return (place->st.st_ino == conf->st.st_ino && place->st.st_dev == conf->st.st_dev) ||
	       strcmp(place->path, conf->path) == 0;
}

int resolv_conf_open(const struct resolv_conf *conf, int self_fd, int flags)
{
	char name[12];
	int fd = openat(self_fd, held_name(conf->text, name), flags);

	return fd < 0 ? -errno : fd;
}

int resolv_conf_held(const struct resolv_conf *conf)
{
	return conf ? conf->text : -1;
}
