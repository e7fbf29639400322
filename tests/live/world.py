# SPDX-License-Identifier: Apache-2.0
"""A small internet on the loopback of a network namespace: addresses, a resolv.conf, a name server.

The process moves into new namespaces of its own, so nothing of the host's network or files changes.
"""
import ctypes
import os
import pathlib
import socket
import struct
import tempfile
import threading

import live
from live import Skip

SERVER = "198.51.100.53"
# What is local in this world; documentation networks, so that they count as public addresses.
NETWORKS = [(socket.AF_INET, "198.51.100.0", 24), (socket.AF_INET, "203.0.113.0", 24),
            (socket.AF_INET6, "2001:db8::", 32)]
RESOLV_CONF, HOSTS = "/etc/resolv.conf", "/etc/hosts"

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 4096, 16384, 1 << 18, 2
PR_CAPBSET_DROP = 24
CAP_NET_BIND_SERVICE = 10
A, CNAME, PTR, TXT, AAAA, ANY = 1, 5, 12, 16, 28, 255
# For tests/support/refuse.
NO_NAMESPACES = "clone@0&0x10000000=0x10000000"
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def _check(result, what):
    if result != 0:
        raise Skip(f"{what}: {os.strerror(ctypes.get_errno())}")


def _netlink(message_type, body, flags=0x405):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.send(struct.pack("=LHHLL", 16 + len(body), message_type, flags, 0, 0) + body)
        error, = struct.unpack_from("=i", s.recv(4096), 16)
    if error:
        raise Skip(f"rtnetlink: {os.strerror(-error)}")


def _add_network(family, address, length):
    packed = socket.inet_pton(family, address)
    route = struct.pack("=BBBBBBBBI", family, length, 0, 0, 255, 4, 254, 2, 0)
    route += struct.pack("=HHi", 8, 4, 1)
    route += struct.pack("=HH", 4 + len(packed), 1) + packed
    _netlink(24, route)


def enter():
    """Moves this process; raises Skip where the host makes no such namespaces."""
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS), "user and network namespaces")
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _netlink(16, struct.pack("=BxHiII", 0, 0, 1, 1, 1))
    for network in NETWORKS:
        _add_network(*network)
    _check(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "a mount namespace")
    configure(f"nameserver {SERVER}\noptions timeout:1 attempts:2\n")


def configure(text, path=RESOLV_CONF):
    """Another file of the host's, for this world."""
    if not os.path.exists(path):
        raise Skip(f"no {path}")
    # One on top of another would be one on a file that has no name any more.
    _libc.umount2(os.path.realpath(path).encode(), MNT_DETACH)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        _check(_libc.mount(file.name.encode(), os.path.realpath(path).encode(), None, MS_BIND, None),
               "a bind mount")


def open_port_53(yes):
    """Whether everybody in this world may bind it, as in the containers of common engines."""
    pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0" if yes else "1024")


def drop_capabilities(which):
    """What is executed from now on has none of these."""
    for capability in which:
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break


def main(drop=range(64)):
    """live.main() in this world; without capabilities, as for an ordinary user."""
    try:
        enter()
    except Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    drop_capabilities(drop)
    return live.main()


def encode_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def decode_name(data, at):
    parts = []
    while data[at]:
        parts.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return ".".join(parts), at + 1


def record(owner, kind, data, ttl=60):
    if kind in (A, AAAA):
        data = socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, data)
    elif kind in (CNAME, PTR):
        data = encode_name(data)
    return encode_name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


class NameServer:
    """
    An authoritative server. zone: name -> list of (kind, data[, ttl[, owner]]), a code, or a function
    of the kind that gives one of these. Any other name is unknown; `*.domain` is a wildcard.
    """

    def __init__(self, zone, address=SERVER):
        self.zone, self.asked, self.lock = zone, [], threading.Lock()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen(16)
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self._serve_udp, self._serve_tcp)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        # Closing would not wake the threads; shutting down and an empty datagram do.
        self.tcp.shutdown(socket.SHUT_RDWR)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.udp.getsockname())
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    def names(self):
        with self.lock:
            return sorted({name for name, _, _ in self.asked})

    def _answer(self, data, stream):
        ident, flags = struct.unpack_from(">HH", data)
        name, at = decode_name(data, 12)
        kind, = struct.unpack_from(">H", data, at)
        with self.lock:
            self.asked.append((name, kind, data))
        entry = self.zone.get(name, self.zone.get("*." + name.split(".", 1)[-1], NXDOMAIN))
        if callable(entry):
            entry = entry(kind)
        code = entry if isinstance(entry, int) else NOERROR
        records = [] if code else [
            record(row[3] if len(row) > 3 else name, *row[:3]) for row in entry
            if row[0] in (kind, CNAME)]
        answer = b"".join(records)
        if not stream and len(answer) > 1000:
            flags, records, answer = flags | 0x200, [], b""
        return struct.pack(">HHHHHH", ident, flags | 0x8080 | code, 1, len(records), 0, 0) + \
            data[12:at + 4] + answer

    def _serve_udp(self):
        while True:
            data, peer = self.udp.recvfrom(4096)
            if not data:
                return
            self.udp.sendto(self._answer(data, False), peer)

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                length = connection.recv(2, socket.MSG_WAITALL)
                if len(length) == 2:
                    data = connection.recv(struct.unpack(">H", length)[0], socket.MSG_WAITALL)
                    answer = self._answer(data, True)
                    connection.sendall(struct.pack(">H", len(answer)) + answer)


# look(): as most programs do. ask(): as a resolver does; gives the code, the addresses, and whether
# the answer came from where the question went to.
LOOK = r"""
import struct
def look(name, family=0):
    try:
        return sorted({row[4][0] for row in socket.getaddrinfo(name, 0, family, socket.SOCK_STREAM)})
    except socket.gaierror as error:
        return error.args[0]
def connect(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        return e(s.connect, (address, port))
def labels(name):
    return b"".join(bytes([len(part)]) + part for part in name.split(b".") if part) + b"\0"
def query(name, kind=1, more=b""):
    return struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 1 if more else 0) + \
        (name if name.endswith(b"\0") else labels(name)) + struct.pack(">HH", kind, 1) + more
def skip(data, at):
    while data[at] and data[at] < 192:
        at += 1 + data[at]
    return at + (1 if data[at] == 0 else 2)
def read_answer(data):
    ident, flags, _, count = struct.unpack_from(">HHHH", data)
    at, found = skip(data, 12) + 4, []
    for _ in range(count):
        at = skip(data, at)
        kind, _, _, length = struct.unpack_from(">HHIH", data, at)
        at += 10
        if kind in (1, 28):
            found.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6,
                                          data[at:at + length]))
        elif kind == 12:
            found.append(data[at:at + length].decode("latin-1"))
        at += length
    return [flags & 15, sorted(found)]
def by_connect(s, q, to):
    s.connect(to); s.send(q); return s.recv(4096), to
def by_sendto(s, q, to):
    s.sendto(q, to); return s.recvfrom(4096)
def by_bound(s, q, to):
    s.bind(("::" if ":" in to[0] else "0.0.0.0", 0)); s.sendto(q, to); return s.recvfrom(4096)
def by_sendmsg(s, q, to):
    s.sendmsg([q[:9], q[9:]], [], 0, to); return s.recvfrom(4096)
def by_tcp(s, q, to):
    s.connect(to); s.sendall(struct.pack(">H", len(q)) + q)
    size = struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))[0]
    return s.recv(size, socket.MSG_WAITALL), s.getpeername()
def ask(name, kind=1, how=by_connect, to="198.51.100.53", more=b"", port=53):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if how is by_tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        data, peer = how(s, query(name, kind, more), (to, port))
        return [*read_answer(data), peer[:2] == (to, port)]
P = int(sys.argv[1]) if len(sys.argv) > 1 else 0
"""


def below(parent):
    """Processes below one, by the parents that procfs shows."""
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
        except OSError:
            pass
    found, rest = [], [parent]
    while rest:
        children = parents.get(rest.pop(), [])
        found += children
        rest += children
    return found


def resolver_of(command):
    """The resolver and the doorman above it."""
    for pid in below(command.pid):
        if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"cordon-resolver\0":
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            return pid, int(stat[1])
    raise AssertionError("no resolver")
