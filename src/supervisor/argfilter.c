/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Argument filters: see argfilter.h.
 *
 * All arguments here are int, unsigned int or flags in the low 32 bits: the kernel ignores the high
 * word, and so do the tests. The constants are those of the building machine; they are the same on
 * all architectures we make programs for.
 */
#include "supervisor/argfilter.h"
#include "base/cleanup.h"
#include "sys/compat.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/fsverity.h>
#include <linux/ioprio.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ALLOW	  SECCOMP_RET_ALLOW
#define FAIL(err) (SECCOMP_RET_ERRNO | (err))

/* clang-format off */
/* Tests on argument a. */
#define IS(a, v)      { .arg = (a), .width = 32, .cmp = FILTER_EQ, .value = (v) }
#define ISNT(a, v)    { .arg = (a), .width = 32, .cmp = FILTER_NE, .value = (v) }
#define MASKED(a, m, v) { .arg = (a), .width = 32, .cmp = FILTER_EQ, .mask = (m), .value = (v) }
#define NONE_OF(a, m) { .arg = (a), .width = 32, .cmp = FILTER_EQ, .mask = (m), .value = 0 }
#define RANGE(a, from, to) \
	{ .arg = (a), .width = 32, .cmp = FILTER_IN, .value = (from), .value_to = (to) }
#define ANY_OF(a, m)  { .arg = (a), .width = 32, .cmp = FILTER_NE, .mask = (m), .value = 0 }
#define RANGE(a, from, to) \
	{ .arg = (a), .width = 32, .cmp = FILTER_IN, .value = (from), .value_to = (to) }
#define TESTS(...) \
	.tests = { __VA_ARGS__ }, \
	.test_count = sizeof((struct filter_test[]){ __VA_ARGS__ }) / sizeof(struct filter_test)

/* NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET NEWTIME */
#define NAMESPACE_FLAGS 0x7e020080u
/* Values of socket's arguments. Both families of IP: 2 and 10 differ in one bit. */
#define DOMAIN(d)       IS(0, d)
#define DOMAIN_INET     MASKED(0, ~8u, AF_INET)
#define TYPE(t)         MASKED(1, 0xf, t)
#define TYPE_STREAM_SEQ MASKED(1, 0xb, SOCK_STREAM) /* STREAM 1, SEQPACKET 5 */
#define TYPE_RAW_DGRAM  MASKED(1, 0xe, SOCK_DGRAM)  /* DGRAM 2, RAW 3 */
#define PROTOCOL(p)     IS(2, p)
#define PROTOCOL_UNIX   MASKED(2, ~1u, 0) /* 0, and PF_UNIX 1 for the same */

#define OPTIONS(call, level, from, to, err, text) \
	{ call, TESTS(IS(1, level), RANGE(2, from, to)), FAIL(err), .why = (text) }
#define OPTION(level, name, err, text) \
	{ "setsockopt", TESTS(IS(1, level), IS(2, name)), FAIL(err), .why = (text) }

/* Reads a property of an interface. */
#define IFINFO(request) \
	{ "ioctl", TESTS(IS(1, request)), ALLOW, .when = ARG_IFINFO, .why = "reads interfaces" }

/* Files of XFS by handle, whatever the size of its structure. */
#define XFS_IOCTL(nr) \
	{ "ioctl", TESTS(MASKED(1, 0xffff, 'X' << 8 | (nr))), FAIL(EPERM), \
	  .why = "xfs: opens files without their names" }
#define OCFS2_IOC_REFLINK_NR 0x40186f04u

static_assert(((unsigned)AF_INET | 8u) == AF_INET6, "one mask for both families");
static_assert((SOCK_SEQPACKET & 0xb) == SOCK_STREAM, "one mask for both types");
static_assert((SOCK_RAW & 0xe) == SOCK_DGRAM, "one mask for both types");

static const struct arg_rule rules[] = {
	{ "clone", TESTS(ANY_OF(0, NAMESPACE_FLAGS)), FAIL(EPERM),
	  .why = "a namespace gives capabilities inside" },
	{ "unshare", TESTS(ANY_OF(0, NAMESPACE_FLAGS)), FAIL(EPERM),
	  .why = "a namespace gives capabilities inside" },

	/*
	 * SECURITY: whoever owns a descriptor gets its signals from the kernel, SIGKILL by F_SETSIG, and the
	 * kernel asks for no more than the same user. That is kill() by another name.
	 */
	{ "fcntl", TESTS(IS(1, F_SETOWN), ISNT(2, 0)), FAIL(EPERM), .when = ARG_NO_SCOPE,
	  .why = "signals another process" },
	{ "fcntl", TESTS(IS(1, F_SETOWN_EX)), FAIL(EPERM), .when = ARG_NO_SCOPE,
	  .why = "signals another process, which is named in memory" },
	{ "ioctl", TESTS(IS(1, FIOSETOWN)), FAIL(EPERM), .when = ARG_NO_SCOPE,
	  .why = "signals another process, which is named in memory" },
	{ "ioctl", TESTS(IS(1, SIOCSPGRP)), FAIL(EPERM), .when = ARG_NO_SCOPE,
	  .why = "signals another process, which is named in memory" },

	{ "ioctl", TESTS(IS(1, TIOCSTI)), FAIL(EPERM), .why = "types into the caller's terminal" },
	{ "ioctl", TESTS(IS(1, TIOCLINUX)), FAIL(EPERM), .why = "pastes into a virtual console" },
	{ "ioctl", TESTS(IS(1, TIOCSETD)), FAIL(EPERM), .why = "loads line disciplines" },
	{ "ioctl", TESTS(IS(1, TIOCCONS)), FAIL(EPERM), .why = "redirects the console" },
	{ "ioctl", TESTS(IS(1, SIOCOUTQNSD)), ALLOW, .why = "a socket's own queue" },
	IFINFO(SIOCGIFNAME),
	IFINFO(SIOCGIFCONF),
	IFINFO(SIOCGIFFLAGS),
	IFINFO(SIOCGIFADDR),
	IFINFO(SIOCGIFDSTADDR),
	IFINFO(SIOCGIFBRDADDR),
	IFINFO(SIOCGIFNETMASK),
	IFINFO(SIOCGIFMETRIC),
	IFINFO(SIOCGIFMEM),
	IFINFO(SIOCGIFMTU),
	IFINFO(SIOCGIFENCAP),
	IFINFO(SIOCGIFHWADDR),
	IFINFO(SIOCGIFSLAVE),
	IFINFO(SIOCGIFINDEX),
	IFINFO(SIOCGIFPFLAGS),
	IFINFO(SIOCGIFCOUNT),
	IFINFO(SIOCGIFTXQLEN),
	IFINFO(SIOCGIFMAP),
	{ "ioctl", TESTS(RANGE(1, 0x8909, 0x89ff)), FAIL(EPERM),
	  .why = "reads or changes interfaces, routes, devices" },
	{ "ioctl", TESTS(RANGE(1, 0x8b00, 0x8bff)), FAIL(EPERM), .why = "wireless devices" },

	{ "ioctl", TESTS(IS(1, FIFREEZE)), FAIL(EPERM), .why = "stops a whole file system" },
	{ "ioctl", TESTS(IS(1, FITHAW)), FAIL(EPERM), .why = "stops a whole file system" },
	{ "ioctl", TESTS(IS(1, FS_IOC_SHUTDOWN)), FAIL(EPERM), .why = "ends a whole file system" },
	{ "ioctl", TESTS(IS(1, FS_IOC_ENABLE_VERITY)), FAIL(EPERM),
	  .why = "changes a file that was opened for reading" },
	{ "ioctl", TESTS(IS(1, FS_IOC_SET_ENCRYPTION_POLICY)), FAIL(EPERM),
	  .why = "changes a directory that was opened for reading" },
	{ "ioctl", TESTS(IS(1, FICLONE)), ALLOW, .why = "between two descriptors" },
	{ "ioctl", TESTS(IS(1, FICLONERANGE)), ALLOW, .why = "between two descriptors" },
	{ "ioctl", TESTS(IS(1, FIDEDUPERANGE)), ALLOW, .why = "between two descriptors" },
	{ "ioctl", TESTS(IS(1, FS_IOC_GETFSLABEL)), ALLOW, .why = "the name of a file system" },
	{ "ioctl", TESTS(MASKED(1, 0xff00, 0x9400)), FAIL(EPERM),
	  .why = "btrfs: makes, copies and removes whole trees behind the back of every path rule" },
	XFS_IOCTL(105),
	XFS_IOCTL(106),
	XFS_IOCTL(107),
	XFS_IOCTL(108),
	XFS_IOCTL(122),
	XFS_IOCTL(123),
	{ "ioctl", TESTS(IS(1, OCFS2_IOC_REFLINK_NR)), FAIL(EPERM), .why = "takes paths" },

	{ "prctl", TESTS(IS(0, PR_SET_SECUREBITS)), FAIL(EPERM),
	  .why = "changes the rules of capabilities" },
	{ "prctl", TESTS(IS(0, PR_SET_PTRACER)), FAIL(EPERM), .why = "lets others in" },
	{ "prctl", TESTS(IS(0, PR_SET_MM)), FAIL(EPERM), .why = "forges what /proc shows" },
	{ "prctl", TESTS(IS(0, PR_SET_DUMPABLE)), FAIL(0), .when = ARG_SUPERVISED,
	  .why = "a process that cannot be read cannot be mediated; success without effect" },

	{ "mknod", TESTS(MASKED(1, S_IFMT, S_IFCHR)), FAIL(EPERM), .unless = ARG_NAMES_HELD,
	  .why = "device node" },
	{ "mknod", TESTS(MASKED(1, S_IFMT, S_IFBLK)), FAIL(EPERM), .unless = ARG_NAMES_HELD,
	  .why = "device node" },
	{ "mknodat", TESTS(MASKED(2, S_IFMT, S_IFCHR)), FAIL(EPERM), .unless = ARG_NAMES_HELD,
	  .why = "device node" },
	{ "mknodat", TESTS(MASKED(2, S_IFMT, S_IFBLK)), FAIL(EPERM), .unless = ARG_NAMES_HELD,
	  .why = "device node" },

	{ "personality", TESTS(IS(0, UINT32_MAX)), ALLOW, .why = "a question" },
	{ "personality", TESTS(ISNT(0, 0)), FAIL(EPERM), .why = "weakens address randomisation" },

	{ "sendto", TESTS(ANY_OF(3, MSG_FASTOPEN)), FAIL(EOPNOTSUPP),
	  .why = "connects without connect" },
	{ "sendmsg", TESTS(ANY_OF(2, MSG_FASTOPEN)), FAIL(EOPNOTSUPP),
	  .why = "connects without connect" },
	{ "sendmmsg", TESTS(ANY_OF(3, MSG_FASTOPEN)), FAIL(EOPNOTSUPP),
	  .why = "connects without connect" },
	{ "setsockopt", TESTS(IS(1, SOL_SOCKET), IS(2, SO_BINDTODEVICE)), FAIL(EPERM),
	  .why = "chooses the way out" },
	{ "setsockopt", TESTS(IS(1, SOL_SOCKET), IS(2, SO_BINDTOIFINDEX)), FAIL(EPERM),
	  .why = "chooses the way out" },

	OPTION(SOL_SOCKET, SO_MARK, EPERM, "chooses the way out"),
	OPTION(SOL_SOCKET, SO_SNDBUFFORCE, EPERM, "more memory than the limit"),
	OPTION(SOL_SOCKET, SO_RCVBUFFORCE, EPERM, "more memory than the limit"),
	OPTION(SOL_SOCKET, SO_REUSEPORT, ENOPROTOOPT, "joins a port that a process of the host listens on"),
	OPTION(SOL_IP, IP_OPTIONS, EPERM, "source routes lead to hosts that no rule names"),
	OPTION(SOL_IP, IP_TRANSPARENT, EPERM, "addresses of others"),
	OPTION(SOL_IP, IP_FREEBIND, EPERM, "addresses of others"),
	OPTION(SOL_IPV6, IPV6_RTHDR, EPERM, "source routes lead to hosts that no rule names"),
	OPTION(SOL_IPV6, IPV6_2292RTHDR, EPERM, "source routes lead to hosts that no rule names"),
	OPTION(SOL_IPV6, IPV6_2292PKTOPTIONS, EPERM, "source routes lead to hosts that no rule names"),
	OPTION(SOL_IPV6, IPV6_TRANSPARENT, EPERM, "addresses of others"),
	OPTION(SOL_TCP, TCP_REPAIR, EPERM, "forges connections"),
	/*
	 * SECURITY: the kernel asks for these capabilities in the user namespace of the socket's network
	 * namespace. That of the lookup sockets belongs to the program's own user, who has them all there.
	 * The errnos are those of a caller without them, on a host with the usual tables.
	 */
	OPTIONS("setsockopt", SOL_IP, IP_IPSEC_POLICY, IP_XFRM_POLICY, EPERM, "policies of IPsec"),
	OPTIONS("setsockopt", SOL_IP, 64, 65, EPERM, "tables of netfilter"),
	OPTIONS("setsockopt", SOL_IP, 96, 97, EPERM, "tables of netfilter"),
	OPTIONS("setsockopt", SOL_IP, 200, 212, EOPNOTSUPP, "routes of multicast"),
	OPTIONS("setsockopt", SOL_IP, 64, UINT32_MAX, ENOPROTOOPT, "tables of netfilter that few hosts have"),
	OPTIONS("setsockopt", SOL_IPV6, IPV6_IPSEC_POLICY, IPV6_XFRM_POLICY, EPERM, "policies of IPsec"),
	OPTIONS("setsockopt", SOL_IPV6, IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, EPERM, "headers of the program's own"),
	OPTIONS("setsockopt", SOL_IPV6, IPV6_DSTOPTS, IPV6_DSTOPTS, EPERM, "headers of the program's own"),
	OPTIONS("setsockopt", SOL_IPV6, 64, 65, EPERM, "tables of netfilter"),
	OPTIONS("setsockopt", SOL_IPV6, 200, 212, EOPNOTSUPP, "routes of multicast"),
	OPTIONS("setsockopt", SOL_IPV6, 200, UINT32_MAX, ENOPROTOOPT, "tables of netfilter that few hosts have"),
	OPTIONS("getsockopt", SOL_IP, 64, 67, EPERM, "tables of netfilter"),
	OPTIONS("getsockopt", SOL_IP, 96, 99, EPERM, "tables of netfilter"),
	OPTIONS("getsockopt", SOL_IP, 200, 212, EOPNOTSUPP, "routes of multicast"),
	OPTIONS("getsockopt", SOL_IP, 68, 79, ENOPROTOOPT, "tables of netfilter that few hosts have"),
	OPTIONS("getsockopt", SOL_IP, 81, UINT32_MAX, ENOPROTOOPT, "tables of netfilter that few hosts have"),
	OPTIONS("getsockopt", SOL_IPV6, 64, 65, EPERM, "tables of netfilter"),
	OPTIONS("getsockopt", SOL_IPV6, 68, 69, EPERM, "tables of netfilter"),
	OPTIONS("getsockopt", SOL_IPV6, 200, 212, EOPNOTSUPP, "routes of multicast"),
	OPTIONS("getsockopt", SOL_IPV6, 200, UINT32_MAX, ENOPROTOOPT, "tables of netfilter that few hosts have"),

	{ "vmsplice", .action = FAIL(ENOSYS), .when = ARG_MEMORY,
	  .why = "pages in a pipe keep huge pages whose memory is unmapped, and no look sees them" },
	{ "setpriority", TESTS(ISNT(0, PRIO_PROCESS)), FAIL(EPERM),
	  .why = "every process of a user, or of a group that others may be in" },
	{ "setpriority", TESTS(ISNT(1, 0)), FAIL(EPERM), .when = ARG_OFF, .why = "another process" },
	{ "ioprio_set", TESTS(ISNT(0, IOPRIO_WHO_PROCESS)), FAIL(EPERM),
	  .why = "every process of a user, or of a group that others may be in" },
	{ "ioprio_set", TESTS(ISNT(1, 0)), FAIL(EPERM), .when = ARG_OFF, .why = "another process" },
	{ "prlimit64", TESTS(ISNT(0, 0)), FAIL(EPERM), .when = ARG_OFF,
	  .why = "limits of another process, whose place nobody can check" },
	{ "seccomp",
	  TESTS(IS(0, SECCOMP_SET_MODE_FILTER), ANY_OF(1, SECCOMP_FILTER_FLAG_NEW_LISTENER)),
	  FAIL(EBUSY), .when = ARG_HAS_LISTENER,
	  .why = "would answer our notifications once the supervisor is gone" },
	{ "memfd_create", TESTS(NONE_OF(1, MFD_NOEXEC_SEAL)), FAIL(EACCES), .when = ARG_EXEC_LIST,
	  .why = "memory that can be executed is outside every exec rule" },

	/*
	 * Sockets: only what stands here. Datagram sockets are admitted where something decides who
	 * their messages go to.
	 */
	{ "socket", TESTS(DOMAIN(AF_NETLINK)), FAIL(EPROTONOSUPPORT), .when = ARG_NO_NETLINK,
	  .why = "with CAP_NET_ADMIN it changes the host's interfaces" },
	{ "socket", TESTS(DOMAIN(AF_NETLINK), TYPE_RAW_DGRAM, PROTOCOL(0)), ALLOW,
	  .unless = ARG_NO_NETLINK, .why = "NETLINK_ROUTE, read-only without capabilities" },
	{ "socket", TESTS(DOMAIN(AF_NETLINK), TYPE_RAW_DGRAM), FAIL(EPROTONOSUPPORT),
	  .unless = ARG_NO_NETLINK, .why = "other kernel services" },
	{ "socket", TESTS(DOMAIN(AF_NETLINK)), FAIL(ESOCKTNOSUPPORT),
	  .unless = ARG_NO_NETLINK, .why = "no such type" },

	{ "socket", TESTS(DOMAIN(AF_UNIX)), FAIL(EACCES), .when = ARG_NO_UNIX,
	  .why = "nothing would hold connects to sockets outside" },
	{ "socket", TESTS(DOMAIN(AF_UNIX), TYPE_STREAM_SEQ, PROTOCOL_UNIX), ALLOW,
	  .unless = ARG_NO_UNIX, .why = "connects are decided" },
	{ "socket", TESTS(DOMAIN(AF_UNIX), TYPE(SOCK_DGRAM), PROTOCOL_UNIX), ALLOW,
	  .when = ARG_UNIX_DATAGRAM, .unless = ARG_NO_UNIX, .why = "sends are decided" },
	{ "socket", TESTS(DOMAIN(AF_UNIX), TYPE(SOCK_DGRAM), PROTOCOL_UNIX), FAIL(EACCES),
	  .unless = ARG_NO_UNIX | ARG_UNIX_DATAGRAM, .why = "sends are not decided" },
	{ "socket", TESTS(DOMAIN(AF_UNIX), TYPE_STREAM_SEQ), FAIL(EPROTONOSUPPORT),
	  .unless = ARG_NO_UNIX, .why = "no such protocol" },
	{ "socket", TESTS(DOMAIN(AF_UNIX), TYPE(SOCK_DGRAM)), FAIL(EPROTONOSUPPORT),
	  .unless = ARG_NO_UNIX, .why = "no such protocol" },
	{ "socket", TESTS(DOMAIN(AF_UNIX)), FAIL(ESOCKTNOSUPPORT),
	  .unless = ARG_NO_UNIX, .why = "the kernel takes SOCK_RAW for a datagram socket" },

	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_STREAM), PROTOCOL(0)), ALLOW,
	  .why = "connects are decided" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_STREAM), PROTOCOL(IPPROTO_TCP)), ALLOW,
	  .why = "connects are decided" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_STREAM)), FAIL(EPROTONOSUPPORT),
	  .why = "MPTCP, SCTP, SMC pass the kernel's port rules" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_DGRAM), PROTOCOL(0)), ALLOW, .when = ARG_UDP,
	  .why = "sends are decided" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_UDP)), ALLOW,
	  .when = ARG_UDP, .why = "sends are decided" },
	{ "socket", TESTS(DOMAIN(AF_INET), TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_ICMP)), ALLOW,
	  .when = ARG_ICMP, .why = "sends are decided" },
	{ "socket", TESTS(DOMAIN(AF_INET6), TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_ICMPV6)), ALLOW,
	  .when = ARG_ICMP, .why = "sends are decided" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_DGRAM), PROTOCOL(0)), FAIL(EACCES),
	  .unless = ARG_UDP, .why = "UDP: no rule is about it" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_UDP)), FAIL(EACCES),
	  .unless = ARG_UDP, .why = "UDP: no rule is about it" },
	{ "socket", TESTS(DOMAIN(AF_INET), TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_ICMP)), FAIL(EACCES),
	  .unless = ARG_ICMP, .why = "ICMP: no rule is about it" },
	{ "socket", TESTS(DOMAIN(AF_INET6), TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_ICMPV6)),
	  FAIL(EACCES), .unless = ARG_ICMP, .why = "ICMP: no rule is about it" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_DGRAM)), FAIL(EPROTONOSUPPORT),
	  .why = "UDP-Lite and others" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_RAW)), FAIL(EPERM), .why = "raw packets" },
	{ "socket", TESTS(DOMAIN_INET, TYPE(SOCK_PACKET)), FAIL(EPERM), .why = "raw packets" },
	{ "socket", TESTS(DOMAIN_INET), FAIL(ESOCKTNOSUPPORT), .why = "RDM, SEQPACKET, DCCP" },
	{ "socket", .action = FAIL(EAFNOSUPPORT), .why = "every other family" },

	{ "socketpair", TESTS(DOMAIN(AF_UNIX), TYPE_STREAM_SEQ, PROTOCOL_UNIX), ALLOW,
	  .why = "stays inside" },
	{ "socketpair", TESTS(DOMAIN(AF_UNIX), TYPE(SOCK_DGRAM), PROTOCOL_UNIX), ALLOW,
	  .when = ARG_UNIX_DATAGRAM, .why = "stays inside unless a send says otherwise" },
	{ "socketpair", TESTS(DOMAIN(AF_UNIX), TYPE(SOCK_DGRAM), PROTOCOL_UNIX), FAIL(EACCES),
	  .unless = ARG_UNIX_DATAGRAM, .why = "either end can still send to any name" },
	{ "socketpair", TESTS(DOMAIN(AF_UNIX), TYPE_STREAM_SEQ), FAIL(EPROTONOSUPPORT),
	  .why = "no such protocol" },
	{ "socketpair", TESTS(DOMAIN(AF_UNIX), TYPE(SOCK_DGRAM)), FAIL(EPROTONOSUPPORT),
	  .why = "no such protocol" },
	{ "socketpair", TESTS(DOMAIN(AF_UNIX)), FAIL(ESOCKTNOSUPPORT),
	  .why = "the kernel takes SOCK_RAW for a datagram socket" },
	{ "socketpair", .action = FAIL(EAFNOSUPPORT), .why = "every other family" },
};
/* clang-format on */

size_t argfilter_count(void)
{
	return COUNT_OF(rules);
}

const struct arg_rule *argfilter_at(size_t index)
{
	return index < COUNT_OF(rules) ? &rules[index] : NULL;
}

bool argfilter_in_force(const struct arg_rule *rule, unsigned conditions)
{
	return (conditions & rule->when) == rule->when && (conditions & rule->unless) == 0;
}
