#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pid namespace of the program's own: numbers, signals, statuses, and the end of everything in it."""
import json
import os
import pathlib
import signal
import subprocess
import sys

from live import (CORDON, HANG, PRELUDE, PYTHON, UNDER, Skip, case, cases, equal, inside, main, policy, processes_with,
                  run, start, true)
from starts import OFF

PID = "isolation: {namespaces: [pid]}\n"
MODES = [("supervised", ""), ("off", OFF)]


@cases(MODES)
def numbers_inside(directory, _name, more):
    """The stage is 1, the keeper 2; two forks in a row work, and orphans go to the keeper."""
    got = inside(directory, PID + more, """
pids = []
for _ in range(2):
    pid = os.fork()
    if pid == 0: os._exit(7)
    pids.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
reader, writer = os.pipe()
if os.fork() == 0:
    middle = os.getpid()
    if os.fork() == 0:
        while os.getppid() == middle: os.sched_yield()
        os.write(writer, str(os.getppid()).encode())
        os._exit(0)
    os._exit(0)
os.wait()
say([os.getpid(), os.getppid(), pids, int(os.read(reader, 9))])
""")
    equal(got, [[3, 2, [7, 7], 2]])


@cases([(f"{name}-{program[0]}", more, *program) for name, more in MODES for program in [
    ("TERM", "kill -TERM $$", 143), ("ABRT", "kill -ABRT $$", 134), ("KILL", "kill -KILL $$", 137),
    ("exit", "exit 7", 7), ("grandchild", "(sh -c 'exit 3')", 3)]])
def statuses_as_outside(directory, _name, more, _what, program, status):
    """The program is not the first process of its namespace: signals end it as anywhere."""
    result = run("-p", policy(directory, PID + more), "sh", "-c", program, cwd=directory)
    equal(result.status, status, result)


@cases(MODES)
def processes_of_the_host_have_no_number(directory, _name, more):
    """ESRCH, and the process outside lives; without the namespace the number means that process."""
    with subprocess.Popen(["sleep", "1000"]) as outside:
        try:
            code = f"say(e(os.kill, {outside.pid}, 9))"
            number = outside.pid
            equal(inside(directory, PID + more, code), ["ESRCH"])
            equal(outside.poll(), None)
            equal(inside(directory, more, f"say(e(os.kill, {number}, 0))"), ["EPERM"])
        finally:
            outside.kill()


@cases(MODES)
def those_above_the_program_are_out_of_reach(directory, name, more):
    """Signals to everybody, and to the two by number, reach the tree alone. Priorities of others are
    refused altogether without a supervisor."""
    got = inside(directory, PID + more, """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True: signal.pause()
result = [e(os.kill, 1, 9), e(os.kill, 2, 9), e(os.setpriority, os.PRIO_PROCESS, 2, 5),
          e(os.setpriority, os.PRIO_PROCESS, child, 5)]
while True:
    e(os.kill, -1, signal.SIGTERM)
    if os.waitpid(child, os.WNOHANG)[0]: break
    e(os.kill, child, signal.SIGTERM)
say([name != "" for name in result])
""")
    equal(got, [[True, True, True, name == "off"]])


def names_in(pids):
    found = []
    for pid in pids:
        try:
            found.append(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
        except OSError:
            pass
    return found


def children_of(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        if int(text[text.rindex(")") + 2:].split()[1]) == pid:
            found.append(int(entry.name))
    return found


DAEMONS = """
import sys
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            say("up")
            while True: threading.Event().wait()
        os._exit(0)
for _ in range(3): os.wait()
say("up")
while True: threading.Event().wait()
"""


def left(directory):
    """Waits until nothing of the run is left: its processes name the directory."""
    deadline = HANG * 20
    while processes_with(str(directory)) and deadline:
        deadline -= 1
        try:
            subprocess.run(["sleep", "0.05"], check=True)
        except subprocess.CalledProcessError:
            pass
    return processes_with(str(directory))


@cases([(f"{name}-{who}", more, who) for name, more in MODES
        for who in ("cordon", "cordon-stage", "cordon-keeper")])
def whoever_dies_takes_all_along(directory, _name, more, who):
    with start("-p", policy(directory, PID + more), PYTHON, "-I", "-S", "-c", PRELUDE + DAEMONS,
               str(directory), cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        for _ in range(4):
            equal(json.loads(running.stdout.readline()), "up")
        victim = running.pid
        if who != "cordon":
            victim = [pid for pid in children_of(running.pid) if names_in([pid]) == [who]][0]
        os.kill(victim, signal.SIGKILL)
        running.communicate(timeout=HANG)
        equal(left(directory), [])


@cases(MODES)
def nothing_is_left_at_the_end(directory, _name, more):
    result = run("-p", policy(directory, PID + more), PYTHON, "-I", "-S", "-c",
                 PRELUDE + DAEMONS.replace("say(\"up\")\nwhile True: threading.Event().wait()\n", ""),
                 str(directory), cwd=directory)
    equal(result.status, 0, result)
    equal(processes_with(str(directory)), [])


@cases(MODES)
def limits_of_the_tree_hold(directory, _name, more):
    """The keeper looks at the tree in the numbers of the host's procfs."""
    for limit, code, reason in (
            ("processes: 20", "while True:\n    if os.fork() == 0: threading.Event().wait()", "processes"),
            ("memory: 60M", "x = []\nwhile True: x.append(bytearray(1 << 20))", "memory")):
        text = PID + more + f"limits: {{{limit}, wall: 20s}}\n"
        report = directory / "report.json"
        result = run("--report", str(report), "-p", policy(directory, text), PYTHON, "-I", "-S", "-c",
                     PRELUDE + code, cwd=directory)
        equal(json.loads(report.read_text())["exit"]["reason"], reason, result)


@case
def executions_are_held(directory):
    """What is executed under a deny rule is looked at: the tracer counts in other numbers."""
    (directory / "bin").mkdir()
    for name in ("good", "bad"):
        (directory / "bin" / name).write_text("#!/bin/sh\necho ran\n")
        (directory / "bin" / name).chmod(0o755)
    rules = PID + "filesystem: {read: [$D], deny: [$D/bin/bad]}\n"
    result = run("-p", policy(directory, rules), "sh", "-c",
                 "for i in 1 2 3; do bin/good; done; bin/bad; exec bin/good", cwd=directory)
    equal((result.status, result.out), (0, b"ran\n" * 4), result)


@case
def who_one_is_to_others(directory):
    """Credentials that are sent name the sender by the number that it has inside."""
    if any("pidfd_getfd" in word for word in UNDER):
        raise Skip("sendmsg() on pairs needs pidfd_getfd")
    got = inside(directory, PID + "network: {allow: ['udp://loopback']}\n", """
import struct
one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
claim = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
false = struct.pack("3i", 2, os.getuid(), os.getgid())
def send(what): one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, what)])
say([e(send, claim), e(send, false)])
""")
    equal(got, [["", "EPERM"]])


@case
def of_itself(directory):
    """/proc is the host's where there is no mount namespace: its numbers are the host's."""
    rules = PID + "filesystem: {deny: [/etc/shadow]}\n"
    got = inside(directory, rules, "say([os.readlink('/proc/self') != str(os.getpid()), "
                                   "b'NSpid' in read('/proc/self/status'), "
                                   "e(os.stat, '/proc/self/fd/0'), e(read, '/proc/1/environ')])")
    equal(got, [[True, True, "", "EACCES"]])
    result = subprocess.run([CORDON, "explain", "-p", str(policy(directory, PID))],
                            stdout=subprocess.PIPE, check=False, cwd=directory)
    true(b"/proc" in result.stdout, result)


if __name__ == "__main__":
    sys.exit(main())
