# SPDX-License-Identifier: Apache-2.0
"""What the live tests share: policies, and Python code that runs inside and reports as JSON.

A test never believes an errno alone: what must not happen is looked for from outside afterwards.
"""
import json
import os
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from blackbox import (CORDON, HANG, PYTHON, SOURCE, UNDER, Skip, case, cases, cordon, equal,  # noqa: E402
                      main, processes_with, run, true)

__all__ = ["CORDON", "HANG", "PYTHON", "SOURCE", "UNDER", "Skip", "case", "cases", "cordon", "equal", "main",
           "processes_with", "run", "true", "PRELUDE", "PROBE", "RACE", "ABLATE", "REFUSE", "policy",
           "inside", "bare", "Server", "errnos", "probe", "start", "SANITIZED", "NO_LEAK_CHECK"]

PROBE, RACE, ABLATE, REFUSE = (os.path.abspath(path) for path in sys.argv[3:7])

# The run time of a sanitizer makes system calls of its own: what it cannot do without, a test cannot
# refuse. Its leak check at the end uses clone, ptrace and signals: with this environment it has none.
SANITIZED = b"__asan_init" in pathlib.Path(CORDON).read_bytes()
NO_LEAK_CHECK = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

# What code inside has at hand. e() gives the name of the errno, "" for success.
PRELUDE = r'''
import ctypes, errno, fcntl, json, os, platform, socket, stat, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
def errno_name(error): return errno.errorcode.get(error, str(error))
def e(function, *arguments, **more):
    try:
        function(*arguments, **more)
    except OSError as error:
        return errno_name(error.errno)
    return ""
def call(x86, arm, *arguments):
    """A system call by its numbers; None where the architecture has none."""
    number = x86 if X86 else arm
    result = libc.syscall(ctypes.c_long(number), *[
        ctypes.c_char_p(a) if isinstance(a, bytes) else
        ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result
def how(flags, mode=0, resolve=0):
    return (ctypes.c_uint64 * 3)(flags, mode, resolve)
def say(value): print(json.dumps(value), flush=True)
def read(path):
    with open(path, "rb") as file: return file.read()
def write(path, data=b"inside\n"):
    with open(path, "wb") as file: file.write(data)
'''


def policy(directory, text, name="policy.yaml"):
    """Writes a policy on top of `base`; $D in it is the directory of the test."""
    path = directory / name
    path.write_text("version: 1\nextends: [base]\n" + text.replace("$D", str(directory)))
    return path


def _parse(result):
    true(result.status == 0, result)
    return [json.loads(line) for line in result.out.decode().splitlines()]


def inside(directory, rules, code, *arguments, flags=(), stdin=b"", **more):
    """Runs the code under the policy in the directory: the values that it said."""
    result = run("-p", policy(directory, rules), *flags, PYTHON, "-I", "-S", "-c", PRELUDE + code,
                 *arguments, cwd=directory, stdin=stdin, **more)
    return _parse(result)


def bare(directory, code, *arguments):
    """Runs the code without cordon."""
    done = subprocess.run([PYTHON, "-I", "-S", "-c", PRELUDE + code, *map(str, arguments)],
                          cwd=directory, timeout=HANG, stdout=subprocess.PIPE, check=True,
                          input=b"")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def errnos(directory, rules, wanted, **more):
    """wanted: expression -> name of the errno it must give ("" for success)."""
    code = f"for text in {list(wanted)!r}: say(e(lambda: eval(text)))"
    got = dict(zip(wanted, (value for value in inside(directory, rules, code, **more))))
    equal(got, wanted, "".join(f"\n{k}: got {got[k] or 'success'}, wanted {v or 'success'}"
                               for k, v in wanted.items() if got[k] != v))


def probe(directory, *arguments, flags=()):
    """Runs the probe inside: the errno of `try`."""
    result = run(*flags, "-r", os.path.dirname(PROBE), PROBE, "try", *arguments, cwd=directory)
    true(b":" in result.out or result.status > 128, result)
    return int(result.out.rsplit(b":", 1)[1]) if result.status < 128 else -(result.status - 128)


def start(*arguments, cwd, **more):
    """The command, running; use it as a context."""
    return subprocess.Popen([*UNDER, CORDON, "run", *map(str, arguments)], cwd=cwd, **more)


class Server:
    """Listens outside; knows whether anybody came."""

    def __init__(self, address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        self.socket = socket.socket(family, kind)
        self.socket.bind(address)
        if kind != socket.SOCK_DGRAM:
            self.socket.listen(16)
        self.socket.setblocking(False)
        self.kind = kind

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def heard(self):
        try:
            if self.kind == socket.SOCK_DGRAM:
                self.socket.recv(100)
            else:
                self.socket.accept()[0].close()
            return True
        except BlockingIOError:
            return False
