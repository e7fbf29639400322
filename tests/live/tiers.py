#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Older Landlock, and none: the test build leaves out what an ABI did not know yet."""
import json
import os
import socket
import subprocess
import sys

from live import ABLATE, HANG, PRELUDE, PYTHON, UNDER, case, cases, equal, main, policy, true

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/work/secret]
  protect: [$D/work/kept]
"""
PLAIN = RULES.split("  deny")[0]


def tree(directory):
    for folder in ("read", "work/a", "work/b", "outside"):
        (directory / folder).mkdir(parents=True)
    for file in ("read/file", "work/secret", "work/kept", "work/a/file", "outside/file"):
        (directory / file).write_text(f"{file}\n")
    (directory / "outside/run").write_text("#!/bin/sh\n")
    (directory / "outside/run").chmod(0o755)


def ablated(directory, ablate, rules, wanted, *arguments, flags=()):
    """Errnos under the test build without some walls."""
    code = PRELUDE + f"import signal\nfor text in {list(wanted)!r}: say(e(lambda: eval(text)))"
    done = subprocess.run([*UNDER, ABLATE, "run", "--no-hint", *flags, "-p",
                           str(policy(directory, rules)), PYTHON, "-I", "-S", "-c", code,
                           *map(str, arguments)], cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG, check=False,
                          env={**os.environ, "CORDON_ABLATE": ablate})
    equal(done.returncode, 0, done)
    got = dict(zip(wanted, (line.strip('"') for line in done.stdout.decode().split())))
    equal(got, wanted)


TRUNCATES = ["os.truncate('read/file', 0)", "os.close(os.open('read/file', os.O_RDONLY | os.O_TRUNC))",
             "os.close(call(437, 437, -100, b'read/file', how(os.O_TRUNC), 24))"]


@cases([(abi,) for abi in range(7)])
def the_same_verdicts(directory, abi):
    """Without Landlock only where the policy accepts that the supervisor is alone."""
    tree(directory)
    rules = RULES + ("isolation:\n  on_failure: warn\n" if abi == 0 else "")
    moved = "EXDEV" if abi == 1 else ""
    with socket.socket(socket.AF_UNIX) as outside, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as \
            sleeper:
        name = f"cordon-test-{os.getpid()}"
        outside.bind("\0" + name)
        outside.listen()
        ablated(directory, f"landlock-abi={abi}", rules, {
            **{text: "EACCES" for text in TRUNCATES},
            "read('read/file')": "", "write('read/file')": "EACCES", "os.listdir('read')": "",
            "write('work/new')": "", "read('work/secret')": "EACCES", "write('work/kept')": "EACCES",
            "read('work/kept')": "", "os.rename('work/a/file', 'work/a/moved')": "",
            "os.rename('work/a/moved', 'work/b/file')": moved,
            "read('outside/file')": "EACCES", "write('outside/file')": "EACCES",
            "os.listdir('outside')": "EACCES", "os.unlink('outside/file')": "EACCES",
            "os.mkdir('outside/new')": "EACCES", "os.chmod('outside/file', 0o777)": "EACCES",
            "os.execv('outside/run', ['run'])": "EACCES",
            "os.mknod('work/null', 0o20666, 259)": "EPERM",
            "os.kill(int(sys.argv[1]), signal.SIGTERM)": "EPERM",
            "socket.socket(socket.AF_UNIX).connect('\\0' + sys.argv[2])": "EACCES",
            "socket.socket().connect(('127.0.0.1', 9))": "EACCES",
        }, sleeper.pid, name)
        equal(sleeper.poll(), None)
        outside.setblocking(False)
        try:
            outside.accept()
            raise AssertionError("a connection arrived")
        except BlockingIOError:
            pass
    for file in ("read/file", "work/secret", "work/kept", "outside/file"):
        equal((directory / file).read_text(), f"{file}\n")


# An owner of the descriptor r, whose every byte is then a SIGKILL for it; w is the other end.
OWNERS = {
    "F_SETOWN": "fcntl.fcntl(r, 8, pid)",
    "F_SETOWN, high bits": "call(72, 25, r, 0x700000008, pid | 1 << 40)",
    "F_SETOWN_EX": "fcntl.fcntl(r, 15, struct.pack('ii', 1, pid))",
    "FIOSETOWN": "fcntl.ioctl(r, 0x8901, struct.pack('i', pid))",
    "SIOCSPGRP": "fcntl.ioctl(r, 0x8902, struct.pack('i', pid))",
}
SIGNAL = """
import struct
pid = int(sys.argv[1])
pair = socket.socketpair()
r, w = pair[0].fileno(), pair[1].fileno()
say([e(fcntl.fcntl, r, 8, 0), e(lambda: eval(sys.argv[2]))])
fcntl.fcntl(r, 10, 9)
fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)
os.write(w, b"x")
"""


def own(directory, started_by, how, error):
    """Returns how the process ended that the signal is aimed at."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as canary:
        done = subprocess.run([*started_by, PYTHON, "-I", "-S", "-c", PRELUDE + SIGNAL, str(canary.pid),
                               OWNERS[how]], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=HANG, check=False,
                              env={**os.environ, "CORDON_ABLATE": "landlock-abi=5"})
        equal((done.returncode, json.loads(done.stdout)), (0, ["", error]), done)
        canary.communicate(timeout=HANG)
    return canary.returncode


@cases([(f"{how}, {name}", how, rules) for how in OWNERS for name, rules in
        (("plain", "filesystem:\n  read: [/]\n"), ("with leases refused", RULES))])
def no_signals_by_an_owner(directory, _name, how, rules):
    tree(directory)
    under = [*UNDER, ABLATE, "run", "--no-hint", "-p", str(policy(directory, rules))]
    equal(own(directory, under, how, "EPERM"), 0)


@cases([(how,) for how in OWNERS])
def owner_control(directory, how):
    equal(own(directory, [], how, ""), -9)


@case
def truncation_control(directory):
    """What ABI 1 and 2 let pass: each of the calls empties a file that may only be read."""
    for text in TRUNCATES:
        tree(directory / str(TRUNCATES.index(text)))
        ablated(directory / str(TRUNCATES.index(text)), "landlock-abi=2,decide,supervisor-landlock",
                PLAIN, {text: ""})
        equal((directory / str(TRUNCATES.index(text)) / "read/file").read_text(), "")


@case
def none_is_refused(directory):
    tree(directory)
    for flags in ((), ("--no-supervisor",)):
        done = subprocess.run([*UNDER, ABLATE, "run", *flags, "-p", str(policy(directory, PLAIN)), "touch",
                               "work/ran"], cwd=directory, stdout=subprocess.PIPE, timeout=HANG,
                              stderr=subprocess.PIPE, env={**os.environ, "CORDON_ABLATE": "landlock-abi=0"},
                              check=False)
        equal(done.returncode, 125, done)
        true(b"Landlock" in done.stderr and not (directory / "work/ran").exists(), done)
    done = subprocess.run([*UNDER, ABLATE, "check"], cwd=directory, stdout=subprocess.PIPE, timeout=HANG,
                          env={**os.environ, "CORDON_ABLATE": "landlock-abi=0"}, check=False)
    equal(done.returncode, 1, done)
    true(b"no Landlock here" in done.stdout, done)


@cases([(abi,) for abi in (1, 2)])
def alone_the_kernel_cannot(directory, abi):
    """Without a supervisor nobody holds truncation: an error, and nothing runs."""
    tree(directory)
    done = subprocess.run([*UNDER, ABLATE, "run", "--no-supervisor", "-p", str(policy(directory, PLAIN)),
                           "touch", "work/ran"], cwd=directory, stdout=subprocess.PIPE, timeout=HANG,
                          stderr=subprocess.PIPE, check=False,
                          env={**os.environ, "CORDON_ABLATE": f"landlock-abi={abi}"})
    equal(done.returncode, 125, done)
    true(b"truncation" in done.stderr or b"Landlock" in done.stderr, done)
    true(not (directory / "work/ran").exists(), done)


if __name__ == "__main__":
    sys.exit(main())
