#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A list of the only system calls: what it leaves out is refused, what it names keeps its checks."""
import errno
import os
import platform
import socket

from live import PROBE, case, cases, cordon, equal, main, policy, run, true

# The mode in which the kernel alone holds a policy has no rules for unix sockets.
MODES = {"supervised": "supervisor: required\n",
         "off": "supervisor: off\nnetwork: {unix: {connect: [/]}}\n"}
UNIX, ALG = (str(int(family)) for family in (socket.AF_UNIX, socket.AF_ALG))
STREAM = str(int(socket.SOCK_STREAM))


def attempt(directory, mode, only, *arguments):
    """The errno inside; nobody has run without a supervisor who asked for one."""
    text = MODES[mode] + (f"syscalls: {{only: {only}}}\n" if only else "")
    result = run("-p", policy(directory, text), "-r", os.path.dirname(PROBE), PROBE, "try", *arguments, cwd=directory)
    true(b":" in result.out, result)
    return os.strerror(int(result.out.rsplit(b":", 1)[1]))


@cases([(f"{name}, {mode}", mode, only, arguments, error) for mode in MODES for name, only, arguments, error in [
    ("left out", '["@base"]', ("socket", UNIX, STREAM, "0"), 1),
    ("empty", "[]", ("socket", UNIX, STREAM, "0"), 1),
    ("named", '["@base", "@net"]', ("socket", UNIX, STREAM, "0"), 0),
    ("by itself", "[socket]", ("socket", UNIX, STREAM, "0"), 0),
    ("no list", "", ("socket", UNIX, STREAM, "0"), 0),
    ("arguments are judged", '["@base", "@net"]', ("socket", ALG, STREAM, "0"), 97),
]])
def sockets(directory, _name, mode, only, arguments, error):
    equal(attempt(directory, mode, only, *arguments), os.strerror(error))


@cases([("denied", 'deny: ["@net"]'), ("not named", 'only: ["@base", "@file"]')])
def without_connect(directory, _name, rule):
    """By the same call the child finds out whether the listener answers: it does, and the rest is refused."""
    file = policy(directory, "supervisor: required\nsyscalls: {%s}\n" % rule)
    number = {"x86_64": "42", "aarch64": "203"}[platform.machine()]
    for socket_fd, error in (("-100", errno.EBADF), ("0", errno.EPERM)):
        result = run("-p", file, "-r", os.path.dirname(PROBE), PROBE, "try", "syscall", number, socket_fd, "0", "0",
                     cwd=directory)
        equal(result.out, b"syscall:%d\n" % error, result)


@cases([("named", ', "@file"'), ("no list", None), ("needed", "")])
def mediation_stays(directory, _name, more):
    """A file that is denied is not read, whether its call is named or needed by everybody."""
    (directory / "secret").write_text("secret\n")
    (directory / "open").write_text("open\n")
    only = "" if more is None else f'syscalls: {{only: ["@base", "@fd"{more}]}}\n'
    rules = "supervisor: required\nfilesystem: {read: [$D], deny: [$D/secret]}\n" + only
    result = run("-p", policy(directory, rules), "cat", directory / "open", directory / "secret", cwd=directory)
    equal((result.status, result.out), (1, b"open\n"), result)


@case
def explained(directory):
    """With what nobody named."""
    file = policy(directory, 'syscalls: {only: ["@base"]}\n')
    shown = cordon("explain", "-p", file, cwd=directory).out.decode()
    lines = [line for line in shown.splitlines() if "syscalls.only" in line]
    true('"@base"' in lines[0] and "policy.yaml:3" in lines[0], shown)
    true(" execve " in lines[1] and " exit_group " in lines[1], shown)


@cases([("@bas", b"did you mean '@base'"), ("ptrace", b"refused by default"), ("clone3", b"refused by default")])
def bad_names(directory, name, part):
    result = run("-p", policy(directory, f'syscalls: {{only: ["{name}"]}}\n'), "true", cwd=directory)
    equal(result.status, 125, result)
    true(part in result.err, result)


main()
