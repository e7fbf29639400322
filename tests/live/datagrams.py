#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages that name a peer: UDP, ICMP, unix datagrams, and what travels along with them."""
import contextlib
import os
import socket
import struct
import subprocess
import sys

from live import (CORDON, HANG, PYTHON, UNDER, PRELUDE, Skip, bare, case, cases, equal, inside, main,
                  policy, true)

# The three calls, as raw as they are. A message is (address as bytes or None, payload).
SENDS = r'''
class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p),
                ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]
class Entry(ctypes.Structure):
    _fields_ = [("message", Message), ("length", ctypes.c_uint)]
keep = []
def pointer(data):
    buffer = ctypes.create_string_buffer(data, len(data)); keep.append(buffer)
    return ctypes.addressof(buffer)
def message(address, payload, control=b""):
    parts = (ctypes.c_size_t * 4)(pointer(payload[:1]), len(payload[:1]), pointer(payload[1:]),
                                  len(payload[1:])); keep.append(parts)
    return Message(pointer(address) if address else 0, len(address or b""),
                   ctypes.addressof(parts), 2, pointer(control) if control else 0, len(control), 0)
def sendto(s, messages, flags=0):
    address, payload = messages[0]
    return call(44, 206, s.fileno(), payload, len(payload), flags, address or 0, len(address or b""))
def sendmsg(s, messages, flags=0, control=b""):
    return call(46, 211, s.fileno(), ctypes.addressof(keep_one(message(*messages[0], control))), flags)
def keep_one(thing):
    keep.append(thing); return thing
def sendmmsg(s, messages, flags=0):
    """Number of messages, and the lengths that were written back."""
    entries = keep_one((Entry * len(messages))(*[Entry(message(*m), 77) for m in messages]))
    n = call(307, 269, s.fileno(), ctypes.addressof(entries), len(messages), flags)
    return [n] + [entry.length for entry in entries]
def v4(host, port, family=socket.AF_INET):
    return struct.pack("=HH4s8x", family, socket.htons(port), socket.inet_aton(host))
def v6(host, port):
    return struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0,
                       socket.inet_pton(socket.AF_INET6, host), 0)
def un(path):
    return struct.pack("=H", socket.AF_UNIX) + (path if isinstance(path, bytes) else os.fsencode(path))
def out(function, *arguments, **more):
    """The result, or the errno's name."""
    try: return function(*arguments, **more)
    except OSError as error: return errno_name(error.errno)
import struct
A, B = json.loads(sys.argv[1]) if len(sys.argv) > 1 else (0, 0)
'''


@contextlib.contextmanager
def receiver(address, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.bind(address)
        one.setblocking(False)
        yield one


def heard(one):
    """Everything that has arrived."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(one.recv(70000))
    return found


def udp_pair():
    stack = contextlib.ExitStack()
    good, bad = (stack.enter_context(receiver(("127.0.0.1", 0))) for _ in range(2))
    return stack, good, bad, good.getsockname()[1], bad.getsockname()[1]


UDP = "network:\n  allow: ['udp://127.0.0.1:$A']\n"


@cases([("sendto",), ("sendmsg",), ("sendmmsg",), ("connect",), ("reconnect",)])
def udp_destinations(directory, how):
    """Each way to a destination, to one that is allowed and to one that is not."""
    stack, good, bad, a, b = udp_pair()
    code = SENDS + f"""
def send(port, payload):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    how = {how!r}
    if how.endswith("connect"):
        if how == "reconnect":
            s.connect(("127.0.0.1", A))
        s.connect(("127.0.0.1", port))
        s.send(payload)
    else:
        globals()[how](s, [(v4("127.0.0.1", port), payload)])
say([e(send, A, b"good"), e(send, B, b"bad")])
"""
    with stack:
        got = inside(directory, UDP.replace("$A", str(a)), code, f"[{a}, {b}]")
        equal(got, [["", "EACCES"]])
        equal((heard(good), heard(bad)), ([b"good"], []))
        equal(bare(directory, code, f"[{a}, {b}]"), [["", ""]])
        equal((heard(good), heard(bad)), ([b"good"], [b"bad"]))


@case
def a_vector_stops_at_the_first_refusal(directory):
    stack, good, bad, a, b = udp_pair()
    code = SENDS + """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one, two, three = [(v4("127.0.0.1", A), text) for text in (b"1", b"22", b"333")]
wrong = (v4("127.0.0.1", B), b"bad")
say(out(sendmmsg, s, [one, two, wrong, three]))
say(out(sendmmsg, s, [wrong, one]))
say(out(sendmmsg, s, [one, (v4("127.0.0.1", A)[:6], b"short"), two]))
say(out(sendmmsg, s, [one, two, three]))
say(out(sendmmsg, s, []))
"""
    with stack:
        equal(inside(directory, UDP.replace("$A", str(a)), code, f"[{a}, {b}]"),
              [[2, 1, 2, 77, 77], "EACCES", [1, 1, 77, 77], [3, 1, 2, 3], [0]])
        equal(heard(good), [b"1", b"22", b"1", b"1", b"22", b"333"])
        equal(heard(bad), [])


# What reaches 127.0.0.1: the socket's family, the address as an expression, by which calls.
SPELLINGS = [
    ("mapped", "AF_INET6", "v6('::ffff:127.0.0.1', port)", True),
    ("IPv4 on an IPv6 socket", "AF_INET6", "v4('127.0.0.1', port)", True),
    ("unspecified", "AF_INET", "v4('0.0.0.0', port)", True),
    ("mapped unspecified", "AF_INET6", "v6('::ffff:0.0.0.0', port)", True),
    ("AF_UNSPEC", "AF_INET", "v4('127.0.0.1', port, 0)", False),
]


@cases(SPELLINGS)
def spellings_of_one_destination(directory, _name, family, address, connects):
    stack, good, bad, a, b = udp_pair()
    code = SENDS + f"""
def everything(port, tag):
    s = socket.socket(socket.{family}, socket.SOCK_DGRAM)
    for call_ in (sendto, sendmsg, sendmmsg):
        yield out(call_, s, [({address}, tag)]) if port == A else e(call_, s, [({address}, tag)])
    if {connects}:
        yield e(lambda: call(42, 203, s.fileno(), {address}, len({address})))
say([str(value) for value in everything(A, b"good")])
say(list(everything(B, b"bad")))
"""
    with stack:
        got = inside(directory, UDP.replace("$A", str(a)), code, f"[{a}, {b}]")
        if "EAFNOSUPPORT" in got[0]:
            raise Skip("this kernel has no IPv6")
        equal(got, [["4", "4", "[1, 4]"] + [""] * connects, ["EACCES"] * (3 + connects)])
        equal((len(heard(good)), heard(bad)), (3, []))
        # The control: without cordon the same spelling does reach the other one.
        bare(directory, code, f"[{a}, {b}]")
        equal(heard(bad), [b"bad"] * 3)


@case
def denied_loopback_by_every_name(directory):
    """The unspecified address is the own host, for addresses as for the word."""
    with receiver(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        code = SENDS + """
four, six = (socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6))
say([e(sendto, four, [(v4(host, A), b"x")]) for host in ("127.0.0.1", "0.0.0.0", "127.1.1.1")])
say([e(sendto, six, [(v6(host, A), b"x")]) for host in ("::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0")])
"""
        for denied in ("loopback", "127.0.0.0/8"):
            rules = f"network:\n  allow: ['*', '127.0.0.0/8']\n  deny: ['{denied}']\n"
            got = inside(directory, rules, code, f"[{port}, 0]")
            equal(got[0], ["EACCES"] * 3)
            equal(got[1][1:], ["EACCES"] * 3)
        equal(heard(one), [])


@case
def connected_and_disconnected(directory):
    stack, good, bad, a, b = udp_pair()
    code = SENDS + """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", A))
say([e(s.send, b"send"), e(os.write, s.fileno(), b"write"), e(sendmsg, s, [(None, b"sendmsg")]),
     e(sendto, s, [(None, b"sendto")]), e(sendmsg, s, [(v4("127.0.0.1", B), b"bad")])])
say(s.getpeername() == ("127.0.0.1", A))
say([e(lambda: call(42, 203, s.fileno(), bytes(16), 16)), e(s.send, b"nobody"), e(s.getpeername)])
"""
    with stack:
        got = inside(directory, UDP.replace("$A", str(a)), code, f"[{a}, {b}]")
        equal(got, [["", "", "", "", "EACCES"], True, ["", "EDESTADDRREQ", "ENOTCONN"]])
        equal((heard(good), heard(bad)), ([b"send", b"write", b"sendmsg", b"sendto"], []))


@case
def udp_ports_to_bind(directory):
    with receiver(("127.0.0.1", 0)) as one:
        free = one.getsockname()[1]
    code = """
port = int(sys.argv[1])
def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
say([e(udp().bind, ("127.0.0.1", port)), e(udp().bind, ("127.0.0.1", port - 1)),
     e(udp().bind, ("0.0.0.0", port)), e(udp().bind, ("127.0.0.1", 0))])
"""
    for listen, wanted in ((f"udp://{free}", ["", "EACCES", "", "EACCES"]),
                           ("udp://0", ["EACCES", "EACCES", "EACCES", ""]),
                           ("udp://*", ["", "", "", ""])):
        equal(inside(directory, f"network:\n  listen: ['{listen}']\n", code, str(free)), [wanted])
    # A TCP port is not a UDP port; and who sends UDP gets a port for the answers.
    equal(inside(directory, f"network:\n  listen: [{free}]\n  allow: ['udp://1.2.3.4:53']\n", code,
                 str(free)), [["EACCES", "EACCES", "EACCES", ""]])
    equal(inside(directory, f"network:\n  listen: [{free}]\n", "say(e(socket.socket, 2, 2))"),
          ["EACCES"])


@case
def wrong_arguments(directory):
    """Errnos and limits, compared with the kernel's own answers."""
    stack, _good, _bad, a, b = udp_pair()
    code = SENDS + """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here = v4("127.0.0.1", A)
def raw(header, flags=0): return call(46, 211, s.fileno(), header, flags)
one = message(here, b"x")
def changed(**fields):
    m = message(here, b"x")
    for name, value in fields.items(): setattr(m, name, value)
    return e(raw, ctypes.addressof(keep_one(m)))
many = keep_one((ctypes.c_size_t * 2050)())
say([e(raw, 0), e(raw, 8), changed(name=8), changed(namelen=0xffffffff), changed(namelen=200),
     changed(namelen=4), changed(iov=8), changed(iov=0, iovlen=0), changed(control=8, controllen=16),
     changed(control=0, controllen=0), changed(control=pointer(bytes(64)), controllen=64),
     changed(iov=ctypes.addressof(many), iovlen=1025), changed(control=pointer(b"x" * 8), controllen=8)])
say([e(sendto, s, [(here, bytes(size))]) for size in (65507, 65508, 1 << 20)])
say([e(lambda: call(44, 206, s.fileno(), 8, 5, 0, here, 16)), e(lambda: call(44, 206, 999, b"", 0, 0, here, 16)),
     e(lambda: call(44, 206, 0, b"", 0, 0, here, 16)), e(lambda: call(44, 206, s.fileno(), b"", 0, 0, here, 129)),
     e(lambda: call(44, 206, s.fileno(), b"", 0, 0, 8, 16))])
say([e(lambda: call(307, 269, s.fileno(), 8, 2, 0)), e(lambda: call(307, 269, s.fileno(), 0, 0, 0))])
say([e(sendmsg, s, [(v4("127.0.0.1", 0), b"x")]), e(sendmsg, s, [(v6("::1", A), b"x")])])
"""
    with stack:
        arguments = f"[{a}, {b}]"
        rules = "network:\n  allow: ['udp://127.0.0.1', 'udp://[::1]']\n"
        equal(inside(directory, rules, code, arguments), bare(directory, code, arguments))


@case
def more_than_is_copied(directory):
    code = SENDS + """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
size = (64 << 20) + 1
big = bytes(size)
say(e(lambda: call(44, 206, s.fileno(), big, size, 0, v4("127.0.0.1", 9), 16)))
a, b = socket.socketpair()
def drain():
    while b.recv(1 << 20): pass
thread = threading.Thread(target=drain); thread.start()
say(sendmsg(a, [(None, big)]))
a.close(); thread.join()
"""
    if UNDER:
        raise Skip("pidfd_getfd is refused: nothing can be sent on a pair")
    equal(inside(directory, "network:\n  allow: ['udp://127.0.0.1']\n", code),
          ["EMSGSIZE", 64 << 20])


@case
def detours_are_refused(directory):
    stack, good, _bad, a, b = udp_pair()
    code = SENDS + """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def header(level, kind, data): return struct.pack("=QII", 16 + len(data), level, kind) + data
here = [(v4("127.0.0.1", A), b"x")]
route = bytes([131, 7, 4]) + socket.inet_aton("127.0.0.1") + b"\\0"
say([e(sendmsg, s, here, control=header(*row)) for row in
     ((0, 7, route), (41, 57, bytes(8)), (41, 5, bytes(8)), (1, 36, struct.pack("=I", 1)))])
say([e(sendmsg, s, here, control=header(0, 8, struct.pack("=I4s4s", 0, socket.inet_aton("127.0.0.1"), bytes(4)))),
     e(sendmsg, s, here, control=header(0, 1, struct.pack("=I", 16)))])
"""
    with stack:
        equal(inside(directory, UDP.replace("$A", str(a)), code, f"[{a}, {b}]"),
              [["EPERM"] * 4, ["", ""]])
        equal(heard(good), [b"x", b"x"])


def in_a_network_of_its_own(directory, rules, code):
    """Runs under cordon in a network namespace whose kernel lets everybody make ping sockets."""
    script = PRELUDE + r'''
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, b"lo".ljust(16, b"\0") + b"\x49\0" + bytes(22))
with open("/proc/sys/net/ipv4/ping_group_range", "w") as file: file.write(sys.argv[1])
s.close()
os.execvp(sys.argv[2], sys.argv[2:])
'''
    flags = ["-n"] if os.geteuid() == 0 else ["-Urn"]
    groups = "0 2147483647" if os.geteuid() == 0 else "0 0"
    done = subprocess.run(["unshare", *flags, PYTHON, "-I", "-S", "-c", script, groups, *UNDER, CORDON,
                           "run", "-p", policy(directory, rules), PYTHON, "-I", "-S", "-c",
                           PRELUDE + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, cwd=directory, timeout=HANG, check=False)
    if b"unshare" in done.stderr:
        raise Skip("no network namespace can be made here")
    true(done.returncode == 0, done)
    return done


@case
def ping_sockets(directory):
    code = SENDS + """
echo = bytes([8, 0, 0, 0, 0, 0, 0, 1]) + b"ping"
def ping(host, how):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)
    s.settimeout(10)
    if how is None:
        s.connect((host, 0)); s.send(echo)
    else:
        how(s, [(v4(host, 0), echo)])
    return s.recv(100)[8:] == b"ping"
say([out(ping, host, how) for host in ("127.0.0.1", "127.0.0.2")
     for how in (sendto, sendmsg, sendmmsg, None)])
say([e(socket.socket, 2, 3, 1), e(socket.socket, 2, 2, 17)])
"""
    done = in_a_network_of_its_own(directory, "network:\n  allow: ['icmp://127.0.0.1']\n", code)
    equal(done.stdout, b'[true, true, true, true, "EACCES", "EACCES", "EACCES", "EACCES"]\n'
                       b'["EPERM", "EACCES"]\n')
    true(b"denied connect icmp 127.0.0.2" in done.stderr, done)
    done = in_a_network_of_its_own(directory, "", "say(e(socket.socket, 2, 2, 1))")
    equal(done.stdout, b'"EACCES"\n')


UNIX = """
filesystem:
  read: [$D/out]
  write: [$D/work]
"""


def needs_datagrams():
    if UNDER:
        raise Skip("pidfd_getfd is refused: there are no unix datagram sockets")


@case
def unix_datagrams_to_the_outside(directory):
    needs_datagrams()
    for folder in ("out", "work"):
        (directory / folder).mkdir()
    abstract = f"\0cordon-{directory.name}"
    with receiver(f"{directory}/out/s", socket.AF_UNIX) as one, \
            receiver(f"{directory}/work/s", socket.AF_UNIX) as two, \
            receiver(abstract, socket.AF_UNIX) as three:
        code = SENDS + f"""
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0]
for address in un("out/s"), un("work/s\\0tail"), un({abstract!r}):
    say([e(call_, one, [(address, b"x")]) for call_ in (sendto, sendmsg, sendmmsg) for one in (s, pair)])
    say(e(lambda: call(42, 203, s.fileno(), address, len(address))))
"""
        got = inside(directory, UNIX, code)
        equal(got[:4], [["EACCES"] * 6, "EACCES", ["EACCES"] * 6, "EACCES"])
        true({*got[4], got[5]} <= {"EACCES", "EPERM"}, got)
        equal([heard(one), heard(two), heard(three)], [[], [], []])
        rules = UNIX + "network:\n  unix:\n    connect: [$D/out/s]\n"
        equal(inside(directory, rules, code)[:4], [[""] * 6, "", ["EACCES"] * 6, "EACCES"])
        equal([heard(one), heard(two)], [[b"x"] * 6, []])
        bare(directory, code)
        equal(len(heard(two)), 6)


@case
def unix_datagrams_of_the_tree(directory):
    needs_datagrams()
    (directory / "work").mkdir()
    long = "work/" + "n" * (108 - 5)
    code = SENDS + f"""
for address in un("work/s"), un({long!r}), un({chr(0)!r} + "cordon-own-{directory.name}"):
    r = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    call(49, 200, r.fileno(), address, len(address))
    say([out(call_, s, [(address, call_.__name__.encode())]) for call_ in (sendto, sendmsg, sendmmsg)] +
        [r.recv(100).decode() for _ in range(3)])
    call(42, 203, s.fileno(), address, len(address))
    s.send(b"connected")
    say(r.recv(100).decode())
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
say([sendmsg(a, [(None, b"packet")]), b.recv(10).decode(), sendmsg(a, [(un("work/s"), b"name")]), b.recv(10).decode()])
c, d = socket.socketpair()
say(e(sendmsg, c, [(un("work/s"), b"x")]))
"""
    names = ["sendto", "sendmsg", "sendmmsg"]
    equal(inside(directory, UNIX, code),
          [[6, 7, [1, 8], *names], "connected"] * 3 + [[6, "packet", 4, "name"], "EISCONN"])


@case
def descriptors_and_credentials(directory):
    needs_datagrams()
    (directory / "work").mkdir()
    code = SENDS + """
import array
a, b = socket.socketpair()
r, w = os.pipe()
def pass_on(*fds): return e(a.sendmsg, [b"fds"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
def received():
    data, control, _, _ = b.recvmsg(10, 4096)
    fds = array.array("i"); [fds.frombytes(c[2]) for c in control if c[1] == socket.SCM_RIGHTS]
    return fds
handle = os.open("/", os.O_PATH)
say([pass_on(w, r), pass_on(999), pass_on(-1), pass_on(handle)])
one = received()
os.write(one[0], b"through"); say([len(one), os.read(r, 10).decode(), os.read(one[1], 10).decode() if os.write(w, b"two") else 0])
other = received()
say([len(other), os.fstat(other[0]).st_ino == os.stat("/").st_ino])
say([pass_on(*[r] * 253), len(received()), pass_on(*[r] * 254)])
b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
def claim(pid, uid, gid):
    return e(a.sendmsg, [b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("=iII", pid, uid, gid))])
mine = (os.getpid(), os.getuid(), os.getgid())
say([claim(*mine), claim(1, *mine[1:]), claim(mine[0], mine[1] + 1, mine[2]), claim(*mine[:2], mine[2] + 1)])
data, control, _, _ = b.recvmsg(10, 4096)
say(list(struct.unpack("=iII", control[0][2])[1:]) == list(mine[1:]))
"""
    equal(inside(directory, UNIX, code),
          [["", "EBADF", "EBADF", ""], [2, "through", "two"], [1, True], ["", 253, "EINVAL"],
           ["", "EPERM", "EPERM", "EPERM"], True])


@case
def sends_that_wait(directory):
    """A send that has to wait holds up nobody else, and ends as it would without cordon."""
    needs_datagrams()
    (directory / "work").mkdir()
    code = SENDS + """
import signal, time
a, b = socket.socketpair()
total = 8 << 20
sent = []
thread = threading.Thread(target=lambda: sent.append(sendmsg(a, [(None, b"y" * total)])))
thread.start()
# The other end reads nothing yet; meanwhile calls that are mediated go on.
for i in range(200):
    os.mkdir(f"work/{i}")
got = 0
while got < total: got += len(b.recv(1 << 20))
thread.join()
say([sent[0] == total, got == total])
a.setblocking(False)
n = sendmsg(a, [(None, b"y" * total)])
say([0 < n < total, out(sendmsg, a, [(None, b"y")])])
r = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); r.bind("work/r")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.settimeout(None)
count = [0]
s.setblocking(False)
try:
    while True: s.sendto(b"m", "work/r"); count[0] += 1
except BlockingIOError: pass
s.setblocking(True)
thread = threading.Thread(target=lambda: sent.append(sendmmsg(s, [(un("work/r"), b"one"), (un("work/r"), b"two")])))
thread.start()
seen = [r.recv(10) for _ in range(count[0] + 2)]
thread.join()
say([sent[1], [text.decode() for text in seen[-2:]]])
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 0, 50000))
say(out(lambda: [s.sendto(b"m", "work/r") for _ in range(100000)]))
"""
    equal(inside(directory, UNIX, code),
          [[True, True], [True, "EAGAIN"], [[2, 3, 3], ["one", "two"]], "EAGAIN"])


@cases([("signal",), ("flag",), ("ignored",), ("datagram",)])
def broken_pipes(directory, how):
    needs_datagrams()
    code = SENDS + f"""
import signal
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET if {how!r} == "datagram" else socket.SOCK_STREAM)
b.close()
signal.signal(signal.SIGPIPE, signal.SIG_IGN if {how!r} == "ignored" else lambda *_: say("SIGPIPE"))
say(out(sendmsg, a, [(None, b"x")], {0x4000 if how == "flag" else 0}))
"""
    equal(inside(directory, "", code), bare(directory, code))


if __name__ == "__main__":
    sys.exit(main())
