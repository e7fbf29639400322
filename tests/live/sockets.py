#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets: what may be bound, inherited, asked of the kernel; and what is not even looked at."""
import errno
import json
import os
import socket
import struct
import subprocess
import sys

from live import (ABLATE, HANG, PRELUDE, PYTHON, UNDER, Skip, case, cases, cordon, equal, inside,
                  main, policy, run, start, true)


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


@case
def ports_of_the_loopback_alone(directory):
    port = free_port()
    rules = f"network:\n  listen: ['loopback:{port}']\n"
    code = f"""
def bind(family, host): return e(socket.socket(family).bind, (host, {port}))
say([bind(socket.AF_INET, host) for host in ("0.0.0.0", "192.0.2.1", "127.0.0.1", "127.1.2.3")])
say([bind(socket.AF_INET6, host) for host in ("::", "::ffff:0.0.0.0", "::1")])
"""
    result = run("-p", policy(directory, rules), PYTHON, "-I", "-S", "-c", PRELUDE + code,
                 cwd=directory)
    got = [json.loads(line) for line in result.out.decode().splitlines()]
    equal(got[0], ["EACCES", "EACCES", "", ""])
    if got[1][2] != "EADDRNOTAVAIL":
        equal(got[1], ["EACCES", "EACCES", ""])
    # The hint names the rule that is about the port.
    true(f'denied listen tcp 0.0.0.0:{port}: network.listen "loopback:{port}"'.encode()
         in result.err, result)


@case
def ports_in_the_kernel(directory):
    """With every decision "yes" the kernel still refuses a port that no rule has."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        server.setblocking(False)
        port = server.getsockname()[1]
        rules = "network:\n  allow: ['tcp://127.0.0.1:9']\n  listen: [9]\n"
        code = f"""
say([e(socket.socket().connect, ("127.0.0.1", {port})),
     e(socket.socket().bind, ("127.0.0.1", {free_port()}))])
"""
        for ablate, wanted in (("decide", ["EACCES", "EACCES"]),
                               ("decide,landlock,supervisor-landlock", ["", ""])):
            done = subprocess.run([*UNDER, ABLATE, "run", "-p", policy(directory, rules), PYTHON,
                                   "-I", "-S", "-c", PRELUDE + code], cwd=directory, timeout=HANG,
                                  env={**os.environ, "CORDON_ABLATE": ablate}, capture_output=True,
                                  check=False)
            true(done.returncode == 0, done)
            equal(json.loads(done.stdout), wanted)
            try:
                server.accept()[0].close()
                equal(ablate == "decide", False)
            except BlockingIOError:
                equal(ablate, "decide")


@case
def unix_sockets_are_made_as_files(directory):
    """Relative to the caller's directory, with its umask and owner, under the rules for files."""
    (directory / "work/deep").mkdir(parents=True)
    (directory / "out").mkdir()
    rules = ("filesystem:\n  write: [$D/work]\n  read: [$D/out]\n"
             "  protect: [$D/work/kept]\n  deny: [$D/work/denied]\n")
    code = """
os.chdir("work/deep")
os.umask(0o077)
kinds = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
def bind(name, kind=socket.SOCK_STREAM): return e(socket.socket(socket.AF_UNIX, kind).bind, name)
say([bind(f"s{kind}", kind) for kind in kinds])
say([bind(name) for name in ("../../out/s", "../kept", "../denied", "/tmp/outside", "no/s")])
say([oct(os.stat("s1").st_mode & 0o777), os.stat("s1").st_uid == os.getuid()])
"""
    equal(inside(directory, rules, code),
          [["", ""], ["EACCES", "EACCES", "EACCES", "EACCES", "ENOENT"], ["0o700", True]])
    equal(sorted(path.name for path in (directory / "work/deep").iterdir()), ["s1", "s5"])
    equal([path.name for path in (directory / "out").iterdir()], [])
    # network.unix.bind narrows it.
    narrow = rules + "network:\n  unix: { bind: [$D/work/deep] }\n"
    equal(inside(directory, narrow, """
say([e(socket.socket(socket.AF_UNIX).bind, name) for name in ("work/deep/t", "work/t")])
"""), [["", "EACCES"]])


@case
def who_the_peer_sees(directory):
    """The user's ids, and the process that connected on behalf."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{directory}/s")
        server.listen(1)
        rules = "filesystem:\n  read: [$D]\nnetwork:\n  unix: { connect: [$D/s] }\n"
        code = """
s = socket.socket(socket.AF_UNIX); s.connect("s"); say(os.getpid()); sys.stdin.read()
"""
        with start("-p", policy(directory, rules), PYTHON, "-I", "-S", "-c", PRELUDE + code,
                   cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            program = json.loads(process.stdout.readline())
            peer, _ = server.accept()
            pid, uid, gid = struct.unpack("=iII", peer.getsockopt(socket.SOL_SOCKET, 17, 12))
            equal((uid, gid), (os.geteuid(), os.getegid()))
            true(pid != program, (pid, program))
            process.stdin.close()
            peer.close()
            equal(process.wait(), 0)


@case
def who_the_peer_sees_after_a_change_of_ids(directory):
    """A program that has dropped root is not shown as root by what is done for it."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    directory.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{directory}/s")
        os.chmod(f"{directory}/s", 0o777)
        server.listen(4)
        server.settimeout(HANG)
        rules = "filesystem:\n  read: [$D]\nnetwork:\n  unix: { connect: [$D/s] }\n"
        inside(directory, rules, f"""
os.setgroups([]); os.setgid(65533); os.setuid(65534)
for blocking in (True, False):
    s = socket.socket(socket.AF_UNIX); s.setblocking(blocking); s.connect("{directory}/s")
a, b = socket.socketpair()
if {not UNDER}: say([a.sendmsg([b"one", b"two"]), b.recv(10).decode()])
""")
        for _ in range(2):
            peer, _ = server.accept()
            _, uid, gid = struct.unpack("=iII", peer.getsockopt(socket.SOL_SOCKET, 17, 12))
            equal((uid, gid), (65534, 65533))
            peer.close()


# A request for all interfaces, and one to bring the first one up.
NETLINK = """
import struct
def ask(send, kind, flags, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.bind((0, 0))
    send(s, struct.pack("=IHHII", 16 + len(body), kind, flags, 7, 0) + body)
    answer = s.recv(65536)
    kind, = struct.unpack_from("=H", answer, 4)
    return errno_name(-struct.unpack_from("=i", answer, 16)[0]) if kind == 2 else kind
def sendto(s, text): s.sendto(text, (0, 0))
def sendmsg(s, text): s.sendmsg([text], [], 0, (0, 0))
def connected(s, text): s.connect((0, 0)); s.send(text)
say([ask(send, 18, 0x301, struct.pack("=BxHiII", 0, 0, 0, 0, 0)) for send in (sendto, sendmsg, connected)])
say(ask(sendto, 16, 5, struct.pack("=BxHiII", 0, 0, 1, 1, 1)))
say([e(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, protocol) for protocol in (4, 9, 15, 16)])
"""


@case
def netlink_is_for_reading(directory):
    if os.geteuid() == 0:
        # With CAP_NET_ADMIN it would change the host's interfaces.
        equal(inside(directory, "", "say(e(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0))"),
              ["EPROTONOSUPPORT"])
        return
    got = inside(directory, "", NETLINK)
    equal(got[0], [16, 16, 16])
    equal(got[1:], ["EPERM", ["EPROTONOSUPPORT"] * 4])


@case
def inherited_sockets_work(directory):
    """A listener that is kept accepts, whoever comes; what comes of it is not decided."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(4)
        number = server.fileno()
        code = f"""
s = socket.socket(fileno={number})
say("ready")
a, peer = s.accept()
a.sendall(a.recv(10)[::-1])
say(peer[0])
"""
        rules = f"process:\n  fds: [{number}]\n"
        with start("-p", policy(directory, rules), PYTHON, "-I", "-S", "-c", PRELUDE + code,
                   cwd=directory, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                   pass_fds=(number,)) as process:
            equal(process.stdout.readline(), b'"ready"\n')
            with socket.socket() as client:
                client.bind(("127.7.7.7", 0))
                client.connect(server.getsockname())
                client.sendall(b"abc")
                equal(client.recv(10), b"cba")
            equal(process.stdout.readline(), b'"127.7.7.7"\n')
            equal(process.wait(), 0)


@case
def options_that_lead_elsewhere(directory):
    equal(inside(directory, "", """
s = socket.socket()
def set_option(level, name, value=struct_int): return e(s.setsockopt, level, name, value)
say([set_option(*row) for row in ((6, 19), (0, 19), (0, 15), (1, 36), (41, 75), (1, 25, b"lo\\0"), (0, 4, b"\\x83\\x03\\x04"))])
say([set_option(*row) for row in ((6, 1), (1, 2), (1, 9))])
""".replace("struct_int", "1")), [["EPERM"] * 7, [""] * 3])


# Options that a program without privileges may set, and ours may not, by level.
REFUSED = {0: {4, 15}, 1: {15, 25, 62}, 41: {5, 6, 57}}
# Of netfilter: a host that has not loaded them says ENOPROTOOPT.
TABLES = {0: {64, 65, 66, 67, 80, 83, 96, 97, 98, 99, 128, 129, 130, 131}, 41: {64, 65, 68, 69, 80}}
OPTIONS = """
numbers = [*range(140), *range(196, 216), 300, 1000, 2**31 - 1]
for family, level in ((2, 0), (2, 1), (2, 6), (10, 41)):
    for kind in (1,) if level == 6 else (1, 2):
        for number in numbers:
            for name, call_numbers in (("set", (54, 208)), ("get", (55, 209))):
                buffer, length = ctypes.create_string_buffer(b"\\1", 256), ctypes.c_uint32(256)
                last = 4 if name == "set" else ctypes.addressof(length)
                with socket.socket(family, kind) as s:
                    error = e(lambda: call(*call_numbers, s.fileno(), level, number, ctypes.addressof(buffer), last))
                say([family, kind, level, number, name, error])
"""


@case
def options_answer_as_for_the_unprivileged(directory):
    """What the filter refuses has the errno that the kernel has for whoever lacks the capability."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = subprocess.run([*drop, PYTHON, "-I", "-S", "-c", PRELUDE + OPTIONS], cwd=directory,
                          stdout=subprocess.PIPE, check=True, timeout=HANG)
    native = [json.loads(line) for line in done.stdout.decode().splitlines()]
    mediated = inside(directory, "network: { allow: ['udp://192.0.2.1:9'] }\n"
                      "process: { capabilities: { keep: [] } }\n", OPTIONS)
    equal(len(native), len(mediated))
    for one, other in zip(native, mediated):
        _, _, level, number, name, error = one
        if name == "set" and number in REFUSED.get(level, ()):
            true(other[5] in ("EPERM", "ENOPROTOOPT"), other)
        elif number not in TABLES.get(level, ()) or {error, other[5]} != {"EPERM", "ENOPROTOOPT"}:
            equal(other, one)


def notified(directory, rules, code, *arguments):
    report = directory / "report.json"
    equal(len(inside(directory, rules, code, *arguments, flags=("--report", str(report)))), 1)
    return json.loads(report.read_text())["counters"]["notified"]


@cases([("UDP", "socket.SOCK_DGRAM"), ("TCP", "socket.SOCK_STREAM")])
def payload_is_not_looked_at(directory, _name, kind):
    """Sends without an address, and everything that receives, make no notification."""
    port = free_port()
    rules = f"network:\n  allow: ['loopback:{port}']\n  listen: [{port}, 'udp://{port}']\n"
    code = f"""
r = socket.socket(socket.AF_INET, {kind}); r.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
r.bind(("127.0.0.1", {port}))
s = socket.socket(socket.AF_INET, {kind})
if {kind} == socket.SOCK_STREAM: r.listen(1)
s.connect(("127.0.0.1", {port}))
if {kind} == socket.SOCK_STREAM: r, _ = r.accept()
for i in range(int(sys.argv[1])):
    s.send(b"x"); os.write(s.fileno(), b"x"); call(44, 206, s.fileno(), b"x", 1, 0, 0, 0)
    r.recv(1); os.read(r.fileno(), 1); r.recvmsg(1)
say("done")
"""
    equal(notified(directory, rules, code, "1000"), notified(directory, rules, code, "10"))


@case
def off_mode_holds_what_the_kernel_holds(directory):
    """Without a supervisor: ports, and UDP as all or nothing; else the rule is named."""
    def off(text, code="say(e(socket.socket, 2, 2))"):
        return cordon("run", "--no-supervisor", "-p", policy(directory, text), PYTHON, "-I", "-S",
                      "-c", PRELUDE + code, cwd=directory)
    for entry in ("10.0.0.0/8:5432", "udp://1.2.3.4:53", "udp://*", "icmp://1.2.3.4"):
        result = off(f"network:\n  allow: ['{entry}']\n")
        equal(result.status, 125, result)
        true(entry.encode() in result.err, result)
    equal(off("network:\n  allow: ['tcp://*:443']\n").out, b'"EACCES"\n')
    equal(off("network:\n  allow: ['udp://*']\n  listen: ['udp://*']\n").out, b'""\n')
    equal(off("network:\n  listen: ['loopback:80']\n").status, 125)
    # Fast open and outside sockets of both kinds are refused all the same.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        server.setblocking(False)
        port = server.getsockname()[1]
        result = off("network:\n  allow: ['tcp://*:9']\n", f"""
say([e(socket.socket().sendto, b"x", 0x20000000, ("127.0.0.1", {port})),
     e(socket.socket().connect, ("127.0.0.1", {port})), e(socket.socket, socket.AF_UNIX), e(socket.socketpair)])
""")
        equal(json.loads(result.out), [errno.errorcode[errno.EOPNOTSUPP], "EACCES", "EACCES", ""])
        try:
            server.accept()
            equal("heard", "nothing")
        except BlockingIOError:
            pass


@case
def presets_leave_metadata_out(directory):
    """Whatever network a preset may have, the metadata services are not part of it."""
    names = [line.split()[0] for line in cordon("policy", "list", cwd=directory).out.decode().splitlines()]
    true({"base", "default"} <= set(names), names)
    for name in names:
        for target in ("169.254.169.254:80", "[fd00:ec2::254]:80", "udp://169.254.169.254:53"):
            result = cordon("why", "-p", name, "connect", target, cwd=directory)
            true(result.out.startswith(b"denied "), result)


@cases([("docker", "run/docker.sock", b"Docker"), ("bus", "run/dbus/system_bus_socket", b"D-Bus"),
        ("gpg", "gnupg/S.gpg-agent", b"gpg-agent"), ("ssh", "ssh-XX/agent.1", b"ssh-agent"),
        ("X", ".X11-unix/X0", b"X11")])
def hints_name_the_service(directory, _name, path, word):
    target = directory / path
    target.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(target))
        server.listen(1)
        server.setblocking(False)
        result = run("-p", policy(directory, "filesystem:\n  read: [$D]\n"), PYTHON, "-I", "-S", "-c",
                     PRELUDE + f"say(e(socket.socket(socket.AF_UNIX).connect, {str(target)!r}))",
                     cwd=directory)
        equal(result.out, b'"EACCES"\n')
        line, = [line for line in result.err.splitlines() if b"denied unix_connect" in line]
        true(word in line and str(target).encode() in line and b"network.unix.connect" in line, line)
        try:
            server.accept()
            equal("heard", "nothing")
        except BlockingIOError:
            pass


@case
def denied_abstract_names_are_told(directory):
    name = f"cordon-{directory.name}"
    with socket.socket(socket.AF_UNIX) as server, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        server.bind("\0" + name)
        server.listen(1)
        other.bind("\0" + name + "-d")
        code = f"""
say(e(socket.socket(socket.AF_UNIX).connect, "\\0{name}"))
if {not UNDER}: say(e(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto, b"x", "\\0{name}-d"))
"""
        result = run("-p", policy(directory, ""), PYTHON, "-I", "-S", "-c", PRELUDE + code,
                     cwd=directory)
        equal(result.out, b'"EACCES"\n' * (1 if UNDER else 2))
        true(f"denied unix_connect @{name}: no rule".encode() in result.err, result)
        true(UNDER or f"denied unix_connect @{name}-d: no rule".encode() in result.err, result)


@case
def the_name_that_is_shown_is_an_address(directory):
    """A path is bound by its last name; what getsockname() says must still lead to the socket."""
    for name in ("work", "work/denied", "other"):
        (directory / name).mkdir()
    rules = "filesystem:\n  write: [$D/work]\n  deny: [$D/work/denied]\n"
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(f"{directory}/other/outside")
        outside.listen(4)
        code = """
def listener(path):
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(4)
    return s
def connect(name):
    with socket.socket(socket.AF_UNIX) as s: return e(s.connect, name)
here = os.getcwd()
one = listener(here + "/work/one"); two = listener("work/two")
say([connect(s.getsockname()) for s in (one, two)])
os.rename("work/one", "work/moved"); os.unlink("work/two")
say([connect(s.getsockname()) for s in (one, two)] + [connect("work/moved")])
say([connect(name) for name in ("outside", "none", "./one")])
"""
        equal(inside(directory, rules, code), [["", ""], ["ENOENT", "ENOENT", ""], ["ENOENT"] * 3])
    code = """
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        shared = manager.dict(); shared["a"] = 1
        print(dict(shared))
"""
    (directory / "work/manager.py").write_text(code)
    done = run("-p", policy(directory, rules), PYTHON, "work/manager.py", cwd=directory,
               env={**os.environ, "TMPDIR": str(directory / "work")})
    equal(done.out, b"{'a': 1}\n", done)


@case
def own_abstract_names_beside_rules(directory):
    """With a rule on an abstract name the kernel tells none of the outside from the tree's; we do."""
    if UNDER:
        raise Skip("sockets of others cannot be taken without pidfd_getfd")
    base = f"cordon-{directory.name}"
    code = f"""
def listener(name, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind); s.bind(name)
    if kind == socket.SOCK_STREAM: s.listen(4)
    return s
def connect(name):
    with socket.socket(socket.AF_UNIX) as s: return e(s.connect, name)
def send(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s: return e(s.sendto, b"x", name)
own, odd, auto = listener("\\0{base}-own"), listener("\\0{base}\\0-odd"), listener("")
box = listener("\\0{base}-box", socket.SOCK_DGRAM)
say([connect(s.getsockname()) for s in (own, odd, auto)] + [send(box.getsockname()), len(box.recv(9))])
say([connect(name) for name in ("\\0{base}-out", "\\0{base}-named", "\\0{base}", "\\0{base}-none")])
pid = os.fork()
if pid == 0: os._exit(connect(own.getsockname()) != "")
say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
own.close(); say("closed"); input()
say(connect("\\0{base}-own"))
"""
    rules = f"network:\n  unix: {{ connect: ['@{base}-named'] }}\n"
    servers = {name: socket.socket(socket.AF_UNIX) for name in ("-out", "-named", "-own")}
    with start("-p", policy(directory, rules), "--no-hint", PYTHON, "-I", "-S", "-c", PRELUDE + code,
               cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
        for name in ("-out", "-named"):
            servers[name].bind(f"\0{base}{name}")
            servers[name].listen(4)
        lines = [json.loads(command.stdout.readline()) for _ in range(4)]
        equal(lines, [[""] * 4 + [1], ["EACCES", "", "EACCES", "EACCES"], 0, "closed"])
        # The name is free, and somebody outside takes it.
        servers["-own"].bind(f"\0{base}-own")
        servers["-own"].listen(4)
        out, _ = command.communicate(b"\n", HANG)
        equal(json.loads(out), "EACCES")
    for name, heard in (("-out", False), ("-named", True), ("-own", False)):
        servers[name].setblocking(False)
        try:
            servers[name].accept()[0].close()
            found = True
        except BlockingIOError:
            found = False
        servers[name].close()
        equal((name, found), (name, heard))


if __name__ == "__main__":
    sys.exit(main())
