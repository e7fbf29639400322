/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line for people.
 *
 * Grammar: `denied OPERATION TARGET: REASON. ADVICE`. The target is chosen by the program that is
 * not trusted, and the terminal is shared with it: SECURITY: every byte of it is escaped, so that
 * no name can forge a second line or move the cursor. A denial by `hide` has no line, because the
 * line would reveal what is hidden.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "lib/event.h"

#include <cordon/event.h>

#include <stdio.h>
#include <string.h>

/* Which list a user adds to so that the operation is allowed. */
static const struct {
	const char *operation, *key;
} grants[] = {
	{ "read", "filesystem.read" },	      { "stat", "filesystem.read" },
	{ "watch", "filesystem.read" },	      { "exec", "filesystem.exec" },
	{ "write", "filesystem.write" },      { "create", "filesystem.write" },
	{ "mkdir", "filesystem.write" },      { "remove", "filesystem.write" },
	{ "rename", "filesystem.write" },     { "link", "filesystem.write" },
	{ "meta", "filesystem.write" },	      { "connect", "network.allow" },
	{ "listen", "network.listen" },	      { "unix_connect", "network.unix.connect" },
	{ "unix_bind", "network.unix.bind" }, { "dns", "network.allow" },
};

const char *event_grant_key(const char *operation)
{
	for (size_t i = 0; operation && i < COUNT_OF(grants); i++) {
		if (strcmp(grants[i].operation, operation) == 0)
			return grants[i].key;
	}
	return NULL;
}

static void add_capped(struct strbuf *sb, const char *text)
{
	size_t length = strnlen(text, EVENT_TEXT_MAX + 1);

	strbuf_add_escaped(sb, text, length > EVENT_TEXT_MAX ? EVENT_TEXT_MAX : length);
	if (length > EVENT_TEXT_MAX)
		strbuf_add(sb, "...");
}

void event_rule_text(struct strbuf *sb, const char *key, const char *text, const char *file,
		     int line)
{
	strbuf_add(sb, "%s", key);
	if (text) {
		strbuf_add(sb, " \"");
		add_capped(sb, text);
		strbuf_add(sb, "\"");
	}
	if (!file)
		return;
	strbuf_add(sb, " (");
	add_capped(sb, file);
	if (line > 0)
		strbuf_add(sb, ":%d", line);
	strbuf_add(sb, ")");
}

/* What stands behind well-known sockets, so that nobody grants one without knowing. */
static const struct {
	const char *part, *what;
} services[] = {
	{ "docker.sock", "Docker: controls containers, and through them the host" },
	{ "podman.sock", "Podman: controls containers" },
	{ "containerd", "containerd: controls containers, and through them the host" },
	{ "crio.sock", "CRI-O: controls containers, and through them the host" },
	{ "/run/dbus/", "D-Bus: talks to every service of the system" },
	{ "/dbus-", "D-Bus: starts programs in the user's session" },
	{ "S.gpg-agent", "gpg-agent: signs and decrypts with the user's keys" },
	{ "ssh-agent", "ssh-agent: signs with the user's keys" },
	{ "/ssh-", "ssh-agent: signs with the user's keys" },
	{ "/keyring/", "keyring: holds the user's passwords and keys" },
	{ ".X11-unix/", "X11: sees the screen, and types" },
	{ "/wayland-", "Wayland: shows windows" },
	{ "/systemd/private", "systemd: starts services" },
	{ "/systemd/journal/", "the journal: writes log entries" },
	{ "/systemd/notify", "systemd: the state of a service" },
	{ "/systemd/resolve/", "systemd-resolved: looks up any name" },
	{ "/nscd/", "nscd: looks up any name" },
	{ "/dev/log", "syslog: writes log entries" },
	{ "/run/user/", "a service of the user's session" },
};

static const char *service_of(const struct cordon_event *event)
{
	if (!event->target || !event->operation || strcmp(event->operation, "unix_connect") != 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(services); i++)
		if (strstr(event->target, services[i].part))
			return services[i].what;
	return NULL;
}

static void add_denied(struct strbuf *sb, const struct cordon_event *event)
{
	const char *grant = event_grant_key(event->operation);
	const char *service = service_of(event);

	strbuf_add(sb, "denied %s ", event->operation ? event->operation : "call");
	add_capped(sb, event->target ? event->target : event->given ? event->given : "?");
	strbuf_add(sb, ": ");
	if (event->rule_key) {
		event_rule_text(sb, event->rule_key, event->rule_text, event->rule_file,
				event->rule_line);
		strbuf_add(sb, ". Retrying will not help; to allow it, change that rule.");
		return;
	}
	strbuf_add(sb, "no rule allows it");
	if (service)
		strbuf_add(sb, " (%s)", service);
	strbuf_add(sb, ". Retrying will not help");
	if (grant)
		strbuf_add(sb, "; to allow it, add it to %s", grant);
	strbuf_add(sb, ".");
}

static void add_failed(struct strbuf *sb, const struct cordon_event *event)
{
	strbuf_add(sb, "failed %s", event->operation ? event->operation : "call");
	if (event->target || event->given) {
		strbuf_add(sb, " ");
		add_capped(sb, event->target ? event->target : event->given);
	}
	strbuf_add(sb, ": supervisor error (");
	add_capped(sb, event->reason ? event->reason : "unknown");
	strbuf_add(sb, "). This is not a policy decision.");
}

static void add_limit(struct strbuf *sb, const struct cordon_event *event)
{
	strbuf_add(sb, "limit reached: %s", event->rule_key ? event->rule_key : "limits");
	if (event->rule_text && *event->rule_text) {
		strbuf_add(sb, " ");
		add_capped(sb, event->rule_text);
	}
	if (event->rule_file)
		event_rule_text(sb, "", NULL, event->rule_file, event->rule_line);
	strbuf_add(sb, ". %s.", event->reason ? "The run goes on" : "The run was ended");
}

/* One that is to be ignored has no line. */
static void add_layer(struct strbuf *sb, const struct cordon_event *event)
{
	if (!event->rule_text || strcmp(event->rule_text, "warn") != 0)
		return;
	strbuf_add(sb, "layer %s is not in force: ", event->operation ? event->operation : "?");
	if (event->error)
		strbuf_add(sb, "%s", strerrordesc_np(event->error));
	else
		strbuf_add(sb, "this host lacks it");
	strbuf_add(sb, ". The run goes on without it, as isolation.on_failure says.");
}

static bool is_hidden(const struct cordon_event *event)
{
	return event->rule_key && strcmp(event->rule_key, "filesystem.hide") == 0;
}

int cordon_event_text(const struct cordon_event *event, char *buffer, size_t size)
{
	cleanup_strbuf struct strbuf sb = { 0 };

	if (!event || event->size < EVENT_SIZE_MIN || (!buffer && size > 0))
		return -EINVAL;
	switch (event->kind) {
	case CORDON_EVENT_DENIED:
		if (!is_hidden(event))
			add_denied(&sb, event);
		break;
	case CORDON_EVENT_FAILED:
		add_failed(&sb, event);
		break;
	case CORDON_EVENT_LIMIT:
		add_limit(&sb, event);
		break;
	case CORDON_EVENT_DROPPED:
		strbuf_add(&sb, "%lld events were not recorded, they came too fast.",
			   (long long)event->number);
		break;
	case CORDON_EVENT_NOTE:
		add_capped(&sb, event->reason ? event->reason : "");
		break;
	case CORDON_EVENT_LAYER:
		add_layer(&sb, event);
		break;
	case CORDON_EVENT_START:
	case CORDON_EVENT_STOPPED:
	case CORDON_EVENT_END:
	default:
		break;
	}
	if (sb.failed)
		return -ENOMEM;
	if (size > 0)
		snprintf(buffer, size, "%s", sb.text ? sb.text : "");
	return (int)sb.length;
}
