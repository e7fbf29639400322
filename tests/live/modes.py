#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The mode without a supervisor, and starting under somebody else's listener."""
import subprocess
import sys

from live import CORDON, HANG, REFUSE, case, cases, equal, errnos, main, policy, run, true

OFF = """
supervisor: off
network:
  unix:
    connect: [/]
"""


@cases([("deny", "filesystem:\n  read: [$D]\n  deny: [$D/x]\n", "filesystem.deny"),
        ("hide", "filesystem:\n  read: [$D]\n  hide: [$D/x]\n", "filesystem.hide"),
        ("protect", "filesystem:\n  write: [$D]\n  protect: [$D/x]\n", "filesystem.protect"),
        ("address", "network:\n  allow: ['10.0.0.0/8:80']\n", "network.allow"),
        ("trace", "report:\n  trace: true\n", "report.trace")])
def what_it_cannot_hold_is_refused(directory, _name, rules, key):
    result = run("--no-supervisor", "-p", policy(directory, rules), "touch", "made", cwd=directory)
    equal(result.status, 125, result)
    true(key.encode() in result.err, result)
    true(not (directory / "made").exists(), result)


@case
def what_the_kernel_holds(directory):
    for folder in ("read", "work", "outside"):
        (directory / folder).mkdir()
        (directory / folder / "file").write_text(f"{folder}\n")
    rules = OFF + "filesystem:\n  read: [$D/read]\n  write: [$D/work]\n"
    errnos(directory, rules, {
        "read('read/file')": "", "write('work/file')": "", "write('read/file')": "EACCES",
        "read('outside/file')": "EACCES", "os.truncate('read/file', 0)": "EACCES",
        "os.rename('read/file', 'work/x')": "EACCES", "os.unlink('read/file')": "EACCES",
        "socket.socket().connect(('127.0.0.1', 9))": "EACCES",
        "os.mknod('work/null', 0o20666, 259)": "EPERM"})
    equal((directory / "read/file").read_text(), "read\n")


@case
def under_another_listener(directory):
    """Only one listener can be: said in words, with the way out."""
    def start(*flags):
        return subprocess.run([REFUSE, "listener", "swapon", CORDON, "run", *flags, "echo", "ran"],
                              cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=HANG, check=False)
    done = start("-p", str(policy(directory, "filesystem:\n  deny: [$D/x]\n")))
    equal((done.returncode, done.stdout), (125, b""), done)
    true(b"--no-supervisor" in done.stderr, done)
    done = start("-p", str(policy(directory, OFF)))
    equal((done.returncode, done.stdout), (0, b"ran\n"), done)


if __name__ == "__main__":
    sys.exit(main())
