/* SPDX-License-Identifier: Apache-2.0 */
/* Two kinds of rtnetlink requests: see netns.h. */
#include "sys/netns.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* KERNEL: the loopback is the first interface of every network namespace. */
#define LOOPBACK_INDEX 1

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
};

struct route_request {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr out;
	int interface;
};

/* Sends one request and takes its acknowledgement. Return: 0 or -errno. */
static int request(int fd, const void *data, size_t length)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char room[512]; /* the request comes back behind an error */
	} reply;
	ssize_t n = send(fd, data, length, 0);

	if (n < 0)
		return -errno;
	n = recv(fd, &reply, sizeof(reply), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(reply.error)) || reply.header.nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return reply.error.error;
}

static int bring_up(int fd)
{
	const struct link_request up = {
		.header = { .nlmsg_len = sizeof(up),
			    .nlmsg_type = RTM_NEWLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = LOOPBACK_INDEX, .ifi_flags = IFF_UP, .ifi_change = IFF_UP },
	};

	return request(fd, &up, sizeof(up));
}

/*
 * `ip route add local default dev lo`. KERNEL: in table `local` such a route counts as an address
 * of the host wherever it asks for one (AnyIP).
 */
static int own_everything(int fd, unsigned char family)
{
	const struct route_request add = {
		.header = { .nlmsg_len = sizeof(add),
			    .nlmsg_type = RTM_NEWROUTE,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
		.route = { .rtm_family = family,
			   .rtm_table = RT_TABLE_LOCAL,
			   .rtm_protocol = RTPROT_STATIC,
			   .rtm_scope = RT_SCOPE_HOST,
			   .rtm_type = RTN_LOCAL },
		.out = { .rta_len = RTA_LENGTH(sizeof(int)), .rta_type = RTA_OIF },
		.interface = LOOPBACK_INDEX,
	};

	return request(fd, &add, sizeof(add));
}

int netns_capture(int *ret_ipv6)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r;

	*ret_ipv6 = 0;
	if (fd < 0)
		return -errno;
	r = bring_up(fd);
	if (r == 0)
		r = own_everything(fd, AF_INET);
	/* A host without IPv6 has no such table; that is not a failure. */
	if (r == 0)
		*ret_ipv6 = own_everything(fd, AF_INET6) == 0;
	close(fd);
	return r;
}
