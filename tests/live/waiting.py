#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that wait: they hold up nobody else, and a signal or a kill ends them."""
import json
import os
import socket
import subprocess
import sys

from live import (ABLATE, CORDON, HANG, PRELUDE, PYTHON, REFUSE, UNDER, bare, case, cases, equal, inside, main,
                  policy)

RULES = """
filesystem:
  write: [$D/work]
  deny: [$D/work/denied]
network:
  allow: [loopback]
"""


class BlackHole:
    """A server that takes no connection any more: whoever comes waits."""

    def __enter__(self):
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen(0)
        self.port = self.server.getsockname()[1]
        self.waiting = []
        while True:
            one = socket.socket()
            one.settimeout(0.2)
            self.waiting.append(one)
            try:
                one.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return self

    def __exit__(self, *_):
        for one in [self.server, *self.waiting]:
            one.close()


SIGNALS = """
import signal, time, array
libc.siginterrupt(signal.SIGALRM, 1)
def interrupted(function, *arguments):
    '''The raw call, and what a handled signal in the middle of it makes of it.'''
    hits = []
    signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
    libc.siginterrupt(signal.SIGALRM, 1)
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
    try:
        return [e(function, *arguments), len(hits) > 0]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
"""


@case
def a_signal_ends_a_connect(directory):
    """Without cordon the connect goes on in the background: EALREADY says so."""
    with BlackHole() as hole:
        code = SIGNALS + f"""
import struct
address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons({hole.port}), socket.inet_aton("127.0.0.1"))
s = socket.socket()
say(interrupted(lambda: call(42, 203, s.fileno(), address, 16)))
s.setblocking(False)
say(e(lambda: call(42, 203, s.fileno(), address, 16)))
"""
        (directory / "work").mkdir()
        wanted = [["EINTR", True], "EALREADY"]
        equal(bare(directory, code), wanted)
        equal(inside(directory, RULES, code), wanted)


@case
def a_signal_ends_a_send_and_an_open(directory):
    (directory / "work").mkdir()
    code = SIGNALS + """
os.mkfifo("work/fifo")
say(interrupted(lambda: call(2, None, b"work/fifo", 0, 0) if X86 else call(None, 56, -100, b"work/fifo", 0, 0)))
if %s:
    a, b = socket.socketpair()
    text = bytes(1 << 20)
    buffer = ctypes.create_string_buffer(text, len(text))
    part = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), len(text))
    header = (ctypes.c_size_t * 7)(0, 0, ctypes.addressof(part), 1, 0, 0, 0)
    sent = []
    # What fits is sent, and that is the result; the next one sends nothing.
    say(interrupted(lambda: sent.append(call(46, 211, a.fileno(), ctypes.addressof(header), 0))))
    say(interrupted(lambda: call(46, 211, a.fileno(), ctypes.addressof(header), 0)))
    b.setblocking(False)
    got = 0
    try:
        while True: got += len(b.recv(1 << 20))
    except BlockingIOError: pass
    say([got == sent[0], 0 < got < len(text)])
""" % (not UNDER)
    wanted = [["EINTR", True]] + [["", True], ["EINTR", True], [True, True]] * (not UNDER)
    equal(inside(directory, RULES, code), wanted)


@cases([("blocked connects", 64), ("more than there is room for", 300 if UNDER else 1000)])
def others_go_on(directory, _name, threads):
    """While as many threads wait, another one opens 10,000 files; then the waiting ones are killed."""
    with BlackHole() as hole:
        (directory / "work").mkdir()
        (directory / "work/file").write_text("x")
        code = f"""
import socket
threading.stack_size(65536)
states = []
def wait():
    states.append(1)
    socket.socket().connect(("127.0.0.1", {hole.port}))
threads = [threading.Thread(target=wait, daemon=True) for _ in range({threads})]
for thread in threads: thread.start()
while len(states) < {threads}: pass
for i in range(10000): os.close(os.open("work/file", os.O_RDONLY))
say(sum(thread.is_alive() for thread in threads))
os._exit(0)
"""
        equal(inside(directory, RULES, code), [threads])


@case
def not_without_bound(directory):
    """Who finds as many waiting as may be gets EAGAIN; killed ones leave their place to others."""
    with BlackHole() as hole:
        (directory / "work").mkdir()
        code = SIGNALS + f"""
import struct
threading.stack_size(65536)
address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons({hole.port}), socket.inet_aton("127.0.0.1"))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
def crowd(count):
    refused = []
    def wait():
        s = socket.socket()
        if e(lambda: call(42, 203, s.fileno(), address, 16)) == "EAGAIN": refused.append(1)
    for _ in range(count): threading.Thread(target=wait, daemon=True).start()
    return refused
# As many as are carried out at once, and a few that would have to wait but for another.
done, tell = os.pipe()
pid = os.fork()
if pid == 0:
    refused = crowd(256 + 40)
    while len(refused) < 32: os.sched_yield()
    os.write(tell, b"x")
    signal.pause()
os.read(done, 1)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
got = ["EAGAIN"]
while got[0] == "EAGAIN":
    s = socket.socket()
    got = interrupted(lambda: call(42, 203, s.fileno(), address, 16))
say(got)
os._exit(0)
"""
        done = subprocess.run([*UNDER, ABLATE, "run", "--no-hint", "-p", policy(directory, RULES), PYTHON,
                               "-I", "-S", "-c", PRELUDE + code], cwd=directory, timeout=HANG,
                              env={**os.environ, "CORDON_ABLATE": "waiting=8"}, stdout=subprocess.PIPE,
                              check=True)
        equal(json.loads(done.stdout), ["EINTR", True])


@case
def a_signal_ends_the_wait_for_room(directory):
    """As many threads wait as there is room for, and more; a connect that finds none can be interrupted."""
    with BlackHole() as hole:
        (directory / "work").mkdir()
        (directory / "work/file").write_text("x")
        code = SIGNALS + f"""
import struct
threading.stack_size(65536)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons({hole.port}), socket.inet_aton("127.0.0.1"))
states = []
def wait():
    states.append(1)
    socket.socket().connect(("127.0.0.1", {hole.port}))
for _ in range(300): threading.Thread(target=wait, daemon=True).start()
while len(states) < 300: os.sched_yield()
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
s = socket.socket()
say(interrupted(lambda: call(42, 203, s.fileno(), address, 16)))
say(e(read, "work/file"))
os._exit(0)
"""
        equal(inside(directory, RULES, code), [["EINTR", True], ""])


@case
def ten_fifos(directory):
    """Who waits for a partner holds up nobody, and gets it."""
    (directory / "work").mkdir()
    (directory / "work/file").write_text("x")
    code = """
for i in range(10): os.mkfifo(f"work/{i}")
got = []
threads = [threading.Thread(target=lambda i=i: got.append(read(f"work/{i}").decode())) for i in range(10)]
for thread in threads: thread.start()
say([e(read, "work/file") for _ in range(1000)] == [""] * 1000)
say(got)
for i in range(10): write(f"work/{i}", str(i).encode())
for thread in threads: thread.join()
say(sorted(got))
"""
    equal(inside(directory, RULES, code), [True, [], [str(i) for i in range(10)]])


@case
def a_connect_that_must_not_wait(directory):
    with BlackHole() as hole, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        (directory / "work").mkdir()
        code = f"""
import select
s = socket.socket(); s.setblocking(False)
say([errno_name(s.connect_ex(("127.0.0.1", {hole.port}))) for _ in range(2)])
say(select.select([], [s], [], 0)[1] == [])
t = socket.socket(); t.setblocking(False)
first = t.connect_ex(("127.0.0.1", {server.getsockname()[1]}))
select.select([], [t], [], 60)
# Within the machine the connection may stand at once; then that is the result.
say([errno_name(first) in ("0", "EINPROGRESS"), t.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
     t.getpeername()[1] == {server.getsockname()[1]}])
l = socket.socket(socket.AF_UNIX); l.bind("work/socket"); l.listen(0)
found = []
for _ in range(3):
    one = socket.socket(socket.AF_UNIX); one.setblocking(False)
    found.append([one, errno_name(one.connect_ex("work/socket"))])
say([error for _, error in found])
os.unlink("work/socket")
u = socket.socket(); u.settimeout(0.2)
try: u.connect(("127.0.0.1", {hole.port}))
except TimeoutError: say("timeout")
w = socket.socket(); w.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bytes(8) + (200000).to_bytes(8, "little"))
say(errno_name(w.connect_ex(("127.0.0.1", {hole.port}))))
"""
        wanted = bare(directory, code)
        equal(wanted[:2], [["EINPROGRESS", "EALREADY"], True])
        equal(inside(directory, RULES, code), wanted)


@cases([("as it is", []), ("without looking around", [REFUSE, "fake", "timerfd_settime"])])
def closing_reaches_the_peer(directory, _name, under):
    """No duplicate of ours keeps a connection or a port."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        server.settimeout(30)
        (directory / "work").mkdir()
        code = f"""
import select
for blocking in (True, False):
    s = socket.socket(); s.setblocking(blocking)
    s.connect_ex(("127.0.0.1", {server.getsockname()[1]}))
    select.select([], [s], [], 60)
    s.close()
say("closed")
sys.stdin.read()
"""
        with subprocess.Popen([*UNDER, *under, CORDON, "run", "-p", policy(directory, RULES), PYTHON, "-I",
                               "-S", "-c", PRELUDE + code], cwd=directory, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            equal(process.stdout.readline(), b'"closed"\n')
            for _ in range(2):
                peer, _ = server.accept()
                peer.settimeout(30)
                equal(peer.recv(1), b"")
                peer.close()
            process.stdin.close()
            equal(process.wait(), 0)


if __name__ == "__main__":
    sys.exit(main())
