#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TCP and unix sockets: who can be reached, and by what names; servers outside look on."""
import errno
import socket
import sys

from live import Server, Skip, case, cases, equal, errnos, inside, main, true

TCP = """
network:
  allow: ["loopback:$A"]
"""


def local():
    return Server(("127.0.0.1", 0))


CONNECT = """
def connect(family, address, blocking=True):
    s = socket.socket(family)
    s.setblocking(blocking)
    error = s.connect_ex(address)
    if error == errno.EINPROGRESS:
        import select
        select.select([], [s], [], 60)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno_name(error) if error else ""
A, B = json.loads(sys.argv[1]) if len(sys.argv) > 1 else (0, 0)
"""


@cases([("blocking",), ("non-blocking",)])
def tcp_by_address_and_port(directory, how):
    with local() as good, local() as bad:
        code = CONNECT + f"""
for port in A, B:
    say([connect(socket.AF_INET, (host, port), {how == "blocking"})
         for host in ("127.0.0.1", "127.9.9.9", "0.0.0.0")])
say(connect(socket.AF_INET, ("192.0.2.1", A), {how == "blocking"}))
"""
        got = inside(directory, TCP.replace("$A", str(good.port)), code,
                     f"[{good.port}, {bad.port}]")
        equal(got[1:], [["EACCES"] * 3, "EACCES"])
        equal([got[0][0], got[0][1]], ["", "ECONNREFUSED"])
        # The kernel takes it for the loopback, and so does the rule.
        equal(got[0][2], "")
        equal((good.heard(), bad.heard()), (True, False))


@case
def tcp_with_mapped_addresses(directory):
    if not socket.has_ipv6:
        raise Skip("no IPv6")
    with local() as good, local() as bad:
        code = CONNECT + """
say([e(socket.socket, socket.AF_INET6)])
say([connect(socket.AF_INET6, (host, port)) for port in (A, B)
     for host in ("::ffff:127.0.0.1", "::ffff:192.0.2.1", "64:ff9b::7f00:1")])
"""
        got = inside(directory, TCP.replace("$A", str(good.port)), code,
                     f"[{good.port}, {bad.port}]")
        if got[0] == ["EAFNOSUPPORT"]:
            raise Skip("this kernel has no IPv6")
        equal(got[1], ["", "EACCES", "EACCES", "EACCES", "EACCES", "EACCES"])
        equal((good.heard(), bad.heard()), (True, False))


@case
def denied_wins(directory):
    with local() as server:
        rules = f"network:\n  allow: ['*']\n  deny: ['loopback:{server.port}']\n"
        equal(inside(directory, rules, CONNECT + "say(connect(socket.AF_INET, ('127.0.0.1', A)))",
                     f"[{server.port}, 0]"), ["EACCES"])
        equal(server.heard(), False)


@case
def no_network_by_default(directory):
    with local() as server:
        code = CONNECT + """
say(connect(socket.AF_INET, ("127.0.0.1", A)))
s = socket.socket()
say(e(s.bind, ("127.0.0.1", 0)))
say(e(socket.socket().listen, 1))
say(e(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
"""
        equal(inside(directory, "", code, f"[{server.port}, 0]"), ["EACCES"] * 4)
        equal(server.heard(), False)


@case
def data_behind_the_first_call(directory):
    """Sending that connects, and other families and protocols that would do without a connect."""
    with local() as server:
        rules = TCP.replace("$A", str(server.port))
        code = """
port = int(sys.argv[1])
s = socket.socket()
say(e(s.sendto, b"x", 0x20000000, ("127.0.0.1", port)))
say(e(s.sendmsg, [b"x"], [], 0x20000000, ("127.0.0.1", port)))
say([e(socket.socket, *arguments) for arguments in (
    (2, 1, 262), (2, 1, 132), (2, 5, 132), (2, 3, 6), (17, 3, 0), (38, 5, 0), (40, 1, 0),
    (16, 3, 4), (2, 2, 136))])
say([e(s.connect, ("127.0.0.1", port)), e(s.sendall, b"x")])
"""
        got = inside(directory, rules, code, str(server.port))
        equal(got[:2], [errno.errorcode[errno.EOPNOTSUPP]] * 2)
        equal(got[2], ["EPROTONOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EPERM",
                       "EAFNOSUPPORT", "EAFNOSUPPORT", "EAFNOSUPPORT", "EPROTONOSUPPORT",
                       "EPROTONOSUPPORT"])
        equal(got[3], ["", ""])


@case
def listening(directory):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    rules = f"network:\n  listen: [{port}]\n  allow: ['loopback:{port}']\n"
    code = """
port = int(sys.argv[1])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
say([e(s.bind, ("127.0.0.1", port + 1 if port < 65535 else 1024)), e(s.bind, ("127.0.0.1", 0)),
     e(s.listen, 1), e(socket.socket().listen, 1)])
say([e(s.bind, ("127.0.0.1", port)), e(s.listen, 1)])
c = socket.socket()
say(e(c.connect, ("127.0.0.1", port)))
a, _ = s.accept()
a.sendall(b"hello"); a.close()
say([c.recv(10).decode(), c.recv(10).decode()])
"""
    equal(inside(directory, rules, code, str(port)),
          [["EACCES"] * 4, ["", ""], "", ["hello", ""]])


@case
def results_of_a_connect(directory):
    """What a program sees of a socket whose connection somebody else made."""
    with local() as server:
        code = """
port = int(sys.argv[1])
s = socket.socket()
say([e(s.connect, ("127.0.0.1", port)), e(s.connect, ("127.0.0.1", port)),
     s.getpeername() == ("127.0.0.1", port), s.getsockname()[0]])
s.close()
say([e(lambda: call(42, 203, 999, bytes(16), 16)), e(lambda: call(42, 203, 0, bytes(16), 16))])
t = socket.socket()
say([e(lambda: call(42, 203, t.fileno(), b"\\x02\\x00", 2)),
     e(lambda: call(42, 203, t.fileno(), b"\\x01\\x00" + bytes(14), 16)),
     e(lambda: call(42, 203, t.fileno(), 0, 16)), e(lambda: call(42, 203, t.fileno(), bytes(16), -1))])
"""
        got = inside(directory, TCP.replace("$A", str(server.port)), code, str(server.port))
        equal(got, [["", "EISCONN", True, "127.0.0.1"], ["EBADF", "ENOTSOCK"],
                    ["EINVAL", "EAFNOSUPPORT", "EFAULT", "EINVAL"]])


UNIX = """
filesystem:
  read: [$D/out]
  write: [$D/work]
  deny: [$D/work/denied]
"""


@case
def unix_of_the_outside(directory):
    for folder in ("out", "work", "denied"):
        (directory / folder).mkdir()
    with Server(f"{directory}/out/s", socket.AF_UNIX) as one, \
            Server(f"{directory}/work/s", socket.AF_UNIX) as two, \
            Server(f"{directory}/work/denied", socket.AF_UNIX) as three, \
            Server(f"\0cordon-{directory.name}", socket.AF_UNIX) as four, \
            Server(f"{directory}/work/d", socket.AF_UNIX, socket.SOCK_DGRAM) as five:
        servers = (one, two, three, four, five)
        (directory / "work/link").symlink_to("../out/s")
        code = CONNECT + f"""
say([connect(socket.AF_UNIX, path) for path in
     ("out/s", "work/s", "work/denied", "{directory}/work/s", "work/link", "/proc/self/cwd/out/s")])
say(connect(socket.AF_UNIX, "\\0cordon-{directory.name}"))
"""
        got = inside(directory, UNIX, code)
        equal(got[0], ["EACCES"] * 6)
        true(got[1] in ("EACCES", "EPERM"), got)
        equal([server.heard() for server in servers], [False] * 5, got)
        rules = UNIX + "network:\n  unix:\n    connect: [$D/out/s, $D/work/denied]\n"
        equal(inside(directory, rules, code)[0], ["", "EACCES", "EACCES", "EACCES", "", ""])
        equal([server.heard() for server in servers], [True, False, False, False, False])


@case
def unix_of_the_tree(directory):
    for folder in ("out", "work"):
        (directory / folder).mkdir()
    code = CONNECT + f"""
os.umask(0o027)
a, b = socket.socketpair()
a.send(b"pair")
say(b.recv(10).decode())
for address in "work/own", "work/../work/other", "\\0cordon-own-{directory.name}":
    s = socket.socket(socket.AF_UNIX)
    say([e(s.bind, address), e(s.listen, 1), connect(socket.AF_UNIX, address)])
say([oct(os.stat("work/own").st_mode & 0o7777), stat.S_ISSOCK(os.stat("work/own").st_mode)])
say([e(socket.socket(socket.AF_UNIX).bind, path)
     for path in ("out/s", "work/own", "work/denied", "work/missing/s")])
os.unlink("work/own")
"""
    equal(inside(directory, UNIX, code),
          ["pair", ["", "", ""], ["", "", ""], ["", "", ""], ["0o750", True],
           ["EACCES", "EADDRINUSE", "EACCES", "ENOENT"]])
    equal([path.name for path in (directory / "out").iterdir()], [])
    true(not (directory / "work/denied").exists())


@case
def unix_bind_onto_a_protected_name(directory):
    (directory / "work/hooks").mkdir(parents=True)
    rules = "filesystem:\n  write: [$D/work]\n  protect: ['$D/work/hooks/**']\n"
    errnos(directory, rules, {
        "socket.socket(socket.AF_UNIX).bind('work/hooks/pre-commit')": "EACCES",
        "socket.socket(socket.AF_UNIX).bind('work/free')": ""})
    equal(list((directory / "work/hooks").iterdir()), [])


if __name__ == "__main__":
    sys.exit(main())
