/* SPDX-License-Identifier: Apache-2.0 */
/* The program: confinement and loop. See resolver.h. */
#include "base/cleanup.h"
#include "resolver/private.h"
#include "sys/helper.h"
#include "sys/landlock.h"

#include <sys/prctl.h>
#include <time.h>

#define SOURCES_MAX (1 + RESOLVER_LISTENERS + STREAMS_MAX + QUERIES_MAX)

uint64_t resolver_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void resolver_tell(struct resolver_record *record)
{
	struct iovec part = { record, sizeof(*record) };

	if (helper_send(RESOLVER_CONTROL, &part, 1, NULL, 0) < 0)
		_exit(0);
}

/* No capability, and a Landlock domain in which nothing is granted, if there is Landlock; the filter holds the
 * same. */
static int take_domain(void)
{
	int abi = landlock_abi(), ruleset, r = helper_drop_capabilities();

	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		return -errno;
	if (abi == 0)
		return 0;
	ruleset = landlock_create(landlock_fs_rights(abi), landlock_net_rights(abi),
				  landlock_scopes(abi));
	if (ruleset < 0)
		return ruleset;
	r = landlock_restrict(ruleset);
	close(ruleset);
	return r;
}

static void take_record(struct resolver *r)
{
	struct resolver_record record;
	struct iovec part = { &record, sizeof(record) };
	int fds[HELPER_FDS_MAX];
	ssize_t n = helper_receive(RESOLVER_CONTROL, &part, 1, fds, MSG_DONTWAIT);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n != (ssize_t)sizeof(record))
		_exit(0);
	query_told(r, &record, fds[0]);
}

static bool is_duplicate(int fd)
{
	int domain;
	socklen_t length = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain == AF_UNIX;
}

static size_t gather(const struct resolver *r, const bool *unused, struct pollfd *fds)
{
	size_t count = 0;

	for (int fd = RESOLVER_CONTROL; fd < RESOLVER_FIRST_FREE; fd++)
		fds[count++] = (struct pollfd){ .fd = unused[fd] ? -1 : fd, .events = POLLIN };
	for (int i = 0; i < STREAMS_MAX; i++)
		fds[count++] = (struct pollfd){ .fd = r->streams[i].fd, .events = POLLIN };
	for (int i = 0; i < QUERIES_MAX; i++)
		fds[count++] = (struct pollfd){ .fd = r->queries[i].fd,
						.events = query_events(&r->queries[i]) };
	return count;
}

/* RACE: what one function closes must not be read by the next under a new meaning: the slot has to
 * hold the descriptor that was polled. */
static void serve(struct resolver *r, const struct pollfd *fds)
{
	const struct pollfd *at = fds;

	if (at++->revents)
		take_record(r);
	for (int fd = RESOLVER_UDP4; fd < RESOLVER_FIRST_FREE; fd++, at++) {
		if (!(at->revents & POLLIN))
			continue;
		if (fd == RESOLVER_UDP4 || fd == RESOLVER_UDP6)
			asker_datagram(r, fd);
		else
			asker_accept(r, fd);
	}
	for (int i = 0; i < STREAMS_MAX; i++, at++)
		if (at->revents && at->fd >= 0 && r->streams[i].fd == at->fd)
			asker_stream(r, i);
	for (int i = 0; i < QUERIES_MAX; i++, at++)
		if (at->revents && at->fd >= 0 && r->queries[i].fd == at->fd)
			query_ready(r, &r->queries[i]);
}

int main(void)
{
	struct resolver_record ready = { .kind = RESOLVER_READY, .number = RESOLVER_VERSION };
	bool unused[RESOLVER_FIRST_FREE] = { false };
	struct resolver *r = calloc(1, sizeof(*r));
	struct pollfd fds[SOURCES_MAX];

	if (!r)
		return 1;
	for (int i = 0; i < QUERIES_MAX; i++)
		r->queries[i].fd = -1;
	for (int i = 0; i < STREAMS_MAX; i++)
		r->streams[i].fd = -1;
	for (int fd = RESOLVER_UDP4; fd < RESOLVER_FIRST_FREE; fd++)
		unused[fd] = is_duplicate(fd);
	if (take_domain() < 0 || filter_take() < 0)
		return 1;
	resolver_tell(&ready);
	for (;;) {
		int wait = query_deadlines(r);
		size_t count = gather(r, unused, fds);

		if (poll(fds, count, wait) > 0)
			serve(r, fds);
	}
}
