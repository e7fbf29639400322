#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of socket by every way to a peer, to one that is allowed and to one that is not.

Servers outside are the judges: under a policy the forbidden one hears nothing at all, and the allowed
one exactly what was sent to it. Without cordon the same program reaches both.
"""
import contextlib
import json
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import HANG, PYTHON, Skip, cases, cordon, equal, main, policy, true  # noqa: E402

WAYS = ["connect", "sendto", "sendmsg", "sendmmsg", "fastopen", "reconnect", "child", "thread",
        "passed"]

# Runs inside and outside alike. argv: kind (domain, type, protocol), good and bad address, ways.
PAYLOAD = r'''
import array, ctypes, json, os, socket, sys, threading
job = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
domain, kind, protocol = job["kind"]
def real(address): return tuple(address) if isinstance(address, list) else address
def make(): return socket.socket(domain, kind, protocol)
def quietly(function, *arguments):
    try: function(*arguments)
    except OSError: pass
def by_connect(s, to, text):
    quietly(s.connect, to); quietly(s.send, text)
class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p),
                ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int), ("pad", ctypes.c_int),
                ("length", ctypes.c_uint)]
def raw(to):
    if domain == socket.AF_INET:
        return domain.to_bytes(2, "little") + to[1].to_bytes(2, "big") + socket.inet_aton(to[0]) + bytes(8)
    return int(domain).to_bytes(2, "little") + to.encode()
def by_sendmmsg(s, to, text):
    """The first message goes to the good peer: what is sent there is told apart by its text."""
    keep = []
    def message(address, data):
        address, data = raw(address), ctypes.create_string_buffer(data, len(data))
        name = ctypes.create_string_buffer(address, len(address))
        part = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(data))
        keep.extend((data, name, part))
        return Message(ctypes.addressof(name), len(address), ctypes.addressof(part), 1)
    vector = (Message * 2)(message(real(job["good"]), b"first"), message(to, text))
    libc.sendmmsg(s.fileno(), vector, 2, 0)
def by_reconnect(s, to, text):
    quietly(s.connect, real(job["good"]))
    libc.connect(s.fileno(), bytes(16), 16)
    by_connect(s, to, text)
def by_child(s, to, text):
    more = dict(job, ways=["connect"], label=text.decode(), peers=[to])
    pid = os.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", sys.argv[2], json.dumps(more), sys.argv[2]])
    os.waitpid(pid, 0)
def by_thread(s, to, text):
    thread = threading.Thread(target=by_connect, args=(s, to, text)); thread.start(); thread.join()
def by_passed(s, to, text):
    a, b = socket.socketpair()
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    fds = array.array("i"); fds.frombytes(b.recvmsg(1, 64)[1][0][2])
    by_connect(socket.socket(fileno=fds[0]), to, text)
WAYS = {"connect": by_connect, "sendmmsg": by_sendmmsg, "reconnect": by_reconnect, "child": by_child,
        "thread": by_thread, "passed": by_passed,
        "sendto": lambda s, to, text: s.sendto(text, to),
        "sendmsg": lambda s, to, text: s.sendmsg([text], [], 0, to),
        "fastopen": lambda s, to, text: s.sendto(text, 0x20000000, to)}
for peer in job.get("peers") or [job["good"], job["bad"]]:
    for way in job["ways"]:
        text = (job.get("label") or f"<{way}>").encode()
        try: s = make()
        except OSError as error: print(way, error); continue
        with s: quietly(WAYS[way], s, real(peer), text)
'''


class Peer:
    """A server of any kind; hears everything that is said to it."""

    def __init__(self, kind, address):
        self.socket = socket.socket(*kind)
        self.stream = kind[1] in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
        if address:
            self.socket.bind(address)
        if self.stream:
            self.socket.listen(64)
        self.heard = b""

    @property
    def address(self):
        name = self.socket.getsockname()
        return list(name[:2]) if isinstance(name, tuple) else \
            name.decode() if isinstance(name, bytes) else name

    def listen(self):
        """What has arrived by now; connections are closed already, so that there is an end."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                if not self.stream:
                    self.heard += self.socket.recv(1000)
                    continue
                one, _ = self.socket.accept()
                one.settimeout(HANG)
                with one, contextlib.suppress(ConnectionResetError):
                    while text := one.recv(1000):
                        self.heard += text
        return self.heard

    def close(self):
        self.socket.close()


INET = ("127.0.0.1", 0)
# Kind, (domain, type, protocol), where it listens, rule for the good one, what is heard without cordon.
DATAGRAM = ["connect", "sendto", "sendmsg", "sendmmsg", "reconnect", "child", "thread", "passed"]
STREAM = ["connect", "child", "thread", "passed"]
KINDS = [
    ("TCP", (2, 1, 6), "inet", "allow: ['tcp://127.0.0.1:$PORT']", [*STREAM, "reconnect", "fastopen"]),
    ("UDP", (2, 2, 17), "inet", "allow: ['udp://127.0.0.1:$PORT']", [*DATAGRAM, "fastopen"]),
    ("MPTCP", (2, 1, 262), "inet", "", STREAM),
    ("SCTP", (2, 1, 132), "inet", "", STREAM),
    ("UDP-Lite", (2, 2, 136), "inet", "", DATAGRAM),
    ("unix stream", (1, 1, 0), "path", "unix: { connect: [$PATH] }", STREAM),
    ("unix datagram", (1, 2, 0), "path", "unix: { connect: [$PATH] }", DATAGRAM),
    ("unix seqpacket", (1, 5, 0), "path", "unix: { connect: [$PATH] }", STREAM),
    ("abstract stream", (1, 1, 0), "abstract", "unix: { connect: ['$NAME'] }", STREAM),
    ("abstract datagram", (1, 2, 0), "abstract", "unix: { connect: ['$NAME'] }", DATAGRAM),
]


def peers(kind, where, directory):
    try:
        if where == "inet":
            return Peer(kind, INET), Peer(kind, INET)
        prefix = f"{directory}/" if where == "path" else f"\0{directory.name}-"
        return Peer(kind, prefix + "good"), Peer(kind, prefix + "bad")
    except OSError as error:
        raise Skip(f"this kernel has no such socket: {error}") from error


def rules(rule, good):
    address = good.address
    if isinstance(address, list):
        rule = rule.replace("$PORT", str(address[1]))
    else:
        rule = rule.replace("$PATH", address).replace("$NAME", "@" + address[1:])
    return f"network: {{ {rule} }}\n" if rule else ""


def said(ways):
    """What a peer hears of these ways, and of the first messages of vectors."""
    return sorted(f"<{way}>" for way in ways)


def parts(heard):
    return sorted("<" + part for part in heard.decode().replace("first", "").split("<") if part)


@cases(KINDS)
def matrix(directory, name, kind, where, rule, reaching):
    def attack(text):
        good, bad = peers(kind, where, directory)
        with contextlib.closing(good), contextlib.closing(bad):
            job = json.dumps({"kind": kind, "good": good.address, "bad": bad.address, "ways": WAYS})
            command = [PYTHON, "-I", "-S", "-c", PAYLOAD, job, PAYLOAD]
            if text is None:
                subprocess.run(command, timeout=HANG, check=True, stdout=subprocess.DEVNULL)
            else:
                done = cordon("run", "--no-hint", "-p", policy(directory, rules(text, good)),
                              "-r", directory, *command, cwd=directory)
                equal(done.status, 0, done)
            result = good.listen(), bad.listen()
        for path in directory.glob("[gb]*d"):
            path.unlink()
        return result

    # The control: every way that this kind knows reaches both.
    good, bad = attack(None)
    true(set(said(reaching)) <= set(parts(good)), good)
    true(set(said(reaching)) <= set(parts(bad)), bad)
    # By default nobody hears anything.
    equal(attack(""), (b"", b""))
    if not rule:
        return
    good, bad = attack(rule)
    equal(bad, b"")
    # Fast open is refused, and an abstract name of the outside is the kernel's to refuse.
    equal([part for part in said(set(reaching) - {"fastopen"}) if part not in parts(good)], [])


# No peer can be made for these without rights, or at all: the socket itself is what is refused.
OTHERS = [("raw", (2, 3, 253)), ("raw ICMP", (2, 3, 1)), ("raw IPv6", (10, 3, 58)),
          ("packet", (17, 3, 768)), ("netlink diag", (16, 3, 4)), ("netlink user", (16, 3, 2)),
          ("vsock", (40, 1, 0)), ("alg", (38, 5, 0)), ("bluetooth", (31, 3, 1)), ("xdp", (44, 3, 0)),
          ("tipc", (30, 5, 0)), ("rds", (21, 5, 0)), ("key", (15, 3, 2)), ("smc", (43, 1, 0)),
          ("can", (29, 3, 1)), ("dccp", (2, 6, 33)), ("qipcrtr", (42, 2, 0))]


@cases(OTHERS)
def no_such_socket(directory, name, kind):
    """Also under a policy that allows everything that it can."""
    code = ("import socket,sys\n"
            f"for make in socket.socket, socket.socketpair:\n"
            f"    try: make(*{kind!r}); print('made')\n"
            "    except OSError as error: print(error.errno)\n")
    text = "network:\n  allow: ['*', 'icmp://*']\n  listen: ['*', 'udp://*']\n"
    for flags in (["-p", policy(directory, text)], ["-p", policy(directory, "")],
                  ["--no-supervisor", "-p", "base"]):
        done = cordon("run", *flags, PYTHON, "-I", "-S", "-c", code, cwd=directory)
        equal(done.status, 0, done)
        true(b"made" not in done.out and len(done.out.split()) == 2, done)
    done = subprocess.run([PYTHON, "-I", "-S", "-c", code], capture_output=True, check=True)
    if b"made" not in done.stdout:
        raise Skip("this kernel or this user has no such socket either")


if __name__ == "__main__":
    sys.exit(main())
