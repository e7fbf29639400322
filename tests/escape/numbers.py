#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SV-08: callers that are killed, and whose numbers are other processes' at once.

In a pid namespace with few numbers. A request whose caller is gone must have no effect: what is looked up
by the caller's number, its working directory first of all, is another's by then.
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import ABLATE, CORDON, HANG, PRELUDE, PYTHON, UNDER, Skip, case, cases, equal, main, policy, true  # noqa: E402

RULES = """
filesystem:
  read: [$D]
  write: [$D/rooms]
  protect: [$D/rooms/kept]
  deny: [$D/denied]
"""
# KERNEL: numbers below 300 are not given out again.
FEW = ('echo 340 >/proc/sys/kernel/pid_max && echo 299 >/proc/sys/kernel/ns_last_pid || exit 99; '
       '[ "$(cat /proc/sys/kernel/pid_max)" = 340 ] || exit 99; exec "$@"')


def among_few(directory, code, ablate=None):
    """Runs the code in a pid namespace of few numbers."""
    command = ["unshare", "-Urpf", "--mount-proc", "sh", "-c", FEW, "sh", *UNDER, ABLATE if ablate else CORDON,
               "run", "--no-hint", "-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c", PRELUDE + code]
    done = subprocess.run([str(word) for word in command], cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=HANG, check=False,
                          env={**os.environ, "CORDON_ABLATE": ablate or ""})
    if done.returncode == 99 or b"unshare: " in done.stderr:
        raise Skip("no pid namespace with numbers of its own here (Linux 6.14, user namespaces)")
    equal(done.returncode, 0, done)
    return done.stdout


# The supervisor stands still in the middle of the first one's call until another has its number.
REUSE = """
import signal
def doing(file): return os.pread(file, 100, 0).split()[0]
ends = os.pipe()
os.chdir("rooms/new")
first = os.fork()
if first == 0:
    os.chdir("../old")
    os.read(ends[0], 1)
    e(lambda: CALL)
    os._exit(0)
file = os.open(f"/proc/{first}/syscall", os.O_RDONLY)
reading = str(0 if X86 else 63).encode()
while doing(file) != reading: pass
os.write(ends[1], b"x")
while doing(file) in (reading, b"running"): pass
os.kill(first, signal.SIGKILL)
os.waitpid(first, 0)
for _ in range(1000):
    pid = os.fork()
    if pid == 0:
        if os.getpid() != first: os._exit(0)
        while True: signal.pause()
    if pid == first: break
    os.waitpid(pid, 0)
say(pid == first)
# Served after the call that stood still: whatever becomes of that one has become of it by then.
os.mkdir("../after")
say([os.listdir("../old"), os.listdir(".")])
os.kill(pid, signal.SIGKILL)
"""
CALLS = {"mkdir": "os.mkdir('REUSED')", "mkfifo": "os.mkfifo('REUSED')"}


def rooms(directory, names):
    for name in names:
        (directory / "rooms" / name).mkdir(parents=True)
    (directory / "denied").write_text("secret")


@cases([(name,) for name in CALLS])
def a_number_that_is_anothers(directory, name):
    rooms(directory, ["old", "new"])
    said = among_few(directory, REUSE.replace("CALL", CALLS[name]), "reuse")
    equal(said, b'true\n[[], []]\n')


@cases([(name,) for name in CALLS])
def control(directory, name):
    """Without the question whether the caller still waits the call is made in another's directory; unless
    the caller is killed before the supervisor has taken its call, so there is more than one attempt."""
    for attempt in range(10):
        place = directory / str(attempt)
        rooms(place, ["old", "new"])
        said = among_few(place, REUSE.replace("CALL", CALLS[name]), "reuse,id")
        if said != b'true\n[[], []]\n':
            break
    equal(said, b'true\n[[], ["REUSED"]]\n')


TORTURE = """
import random, signal
random.seed(1)
def calls(room):
    os.chdir(f"rooms/{room}")
    for turn in range(10**6):
        for function, arguments in ((write, (f"{room}.{turn % 5}",)), (os.rename, (f"{room}.{turn % 5}", f"{room}.x")),
                                    (os.mkdir, (f"{room}.d",)), (os.rmdir, (f"{room}.d",)), (os.stat, ("../../denied",))):
            e(function, *arguments)
        if not e(read, "../../denied"): write("LEAK")
running = []
for turn in range(500):
    pid = os.fork()
    if pid == 0: calls(turn % 12)
    running.append(pid)
    for _ in range(random.randrange(1000)): pass
    if len(running) > 6:
        victim = running.pop(random.randrange(len(running)))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
for pid in running:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
say([name for room in range(12) for name in os.listdir(f"rooms/{room}") if not name.startswith(f"{room}.")])
say(e(read, "denied"))
"""


@case
def random_kills(directory):
    """Ten times as many processes as there are numbers; each works in a directory of its own."""
    rooms(directory, map(str, range(12)))
    equal(among_few(directory, TORTURE), b'[]\n"EACCES"\n')
    true(any((directory / "rooms/0").iterdir()), "nothing was done: it proves nothing")


if __name__ == "__main__":
    sys.exit(main())
