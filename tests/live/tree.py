#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole tree ends (I10), and a program that waits stops nobody else (I9)."""
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

from live import (HANG, PRELUDE, PROBE, PYTHON, case, cases, equal, inside, main, policy,
                  run, start, true)

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/work/denied]
"""
MODES = [("supervised", ()), ("off", ("--no-supervisor", "--unix-connect", "/"))]


def until(condition, what):
    """Waits for an event, with a deadline that only a hang reaches."""
    end = time.monotonic() + HANG
    while not condition():
        true(time.monotonic() < end, f"waited in vain: {what}")
        time.sleep(0.01)


def daemons(directory, *flags, count=5):
    """A running tree of daemons; returns the process and the end of a pipe that each holds."""
    read_end, write_end = os.pipe()
    process = start("--no-hint", *flags, "-r", "/", "sh", "-c", f"exec 9>&1 1>&2; exec {PROBE} tree {count}",
                    cwd=directory, stdout=write_end, stderr=subprocess.DEVNULL)
    os.close(write_end)
    got = b""
    while len(got) < count:
        true(select.select([read_end], [], [], HANG)[0], "the daemons did not start")
        some = os.read(read_end, 100)
        true(some, "the tree ended before all daemons were up")
        got += some
    return process, read_end


def gone(read_end):
    """The pipe ends when the last of the tree has."""
    try:
        true(select.select([read_end], [], [], HANG)[0], "something of the tree is left")
        equal(os.read(read_end, 1), b"")
    finally:
        os.close(read_end)


@cases(MODES)
def ends_with_cordon(directory, _name, flags):
    """SIGKILL of cordon: nothing of the tree is left."""
    process, read_end = daemons(directory, *flags)
    process.kill()
    process.wait()
    gone(read_end)


@cases(MODES)
def ends_at_the_time_limit(directory, _name, flags):
    process, read_end = daemons(directory, *flags, "-t", "3s")
    equal(process.wait(HANG), 124)
    gone(read_end)


@cases(MODES)
def ends_with_the_program(directory, _name, flags):
    result = run("--no-hint", *flags, "-p", "base", "-r", "/", "sh", "-c",
                 f"(exec 9>/dev/null; {PROBE} tree 5 & ) ; setsid sleep 1000 & echo done; exit 3",
                 cwd=directory)
    equal((result.status, result.out), (3, b"done\n"), result)


@case
def ends_at_a_second_signal(directory):
    process, read_end = daemons(directory)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    # The first of them may have been enough.
    true(process.wait(HANG) in (130, 137), process.returncode)
    gone(read_end)


@case
def ends_when_the_keeper_dies(directory):
    """The keeper is the child of cordon; the program does not outlive it."""
    with start("--no-hint", "-p", "base", "sh", "-c", "echo up; exec sleep 1000", cwd=directory,
               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        equal(process.stdout.readline(), b"up\n")
        children = pathlib.Path(f"/proc/{process.pid}/task").glob("*/children")
        keepers = " ".join(path.read_text() for path in children).split()
        true(keepers, "no keeper found")
        for pid in keepers:
            os.kill(int(pid), signal.SIGKILL)
        equal(process.stdout.read(), b"")
        equal(process.wait(HANG), 125)


@case
def private_directory_is_removed(directory):
    result = run("-p", "base", "sh", "-c", "echo $TMPDIR; mkdir -p $TMPDIR/a/b; touch $TMPDIR/a/b/c;"
                 "chmod 0 $TMPDIR/a; ls -d $TMPDIR", cwd=directory)
    lines = result.out.decode().splitlines()
    true(len(lines) == 2 and lines[0] == lines[1], result)
    true(not os.path.exists(lines[0]), lines)


def script(directory, code, **more):
    return start("--no-hint", "-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c",
                 PRELUDE + code, cwd=directory, stdout=subprocess.PIPE, stdin=subprocess.PIPE,
                 **more)


def tree(directory):
    for folder in ("read", "work"):
        (directory / folder).mkdir()
    (directory / "read/file").write_text("read\n")
    os.mkfifo(directory / "work/fifo")


@case
def a_fifo_without_a_partner(directory):
    """One process waits in open(); another makes a thousand opens; then the partner comes."""
    tree(directory)
    code = """
go_r, go_w = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(go_w, b"x")
    say(read("work/fifo").decode())
    os._exit(0)
os.read(go_r, 1)
for i in range(1000):
    read("read/file")
say(os.waitpid(pid, os.WNOHANG)[0])
write("work/fifo", b"through")
say(os.waitpid(pid, 0)[1])
say(e(lambda: os.open("work/fifo", os.O_WRONLY | os.O_NONBLOCK)))
"""
    equal(inside(directory, RULES, code), [0, "through", 0, "ENXIO"])


@case
def a_killed_caller(directory):
    """A process killed while its open waits leaves no half of the FIFO open."""
    tree(directory)
    code = """
import signal
for turn in range(20):
    pid = os.fork()
    if pid == 0:
        read("work/fifo")
        os._exit(1)
    if turn % 2:
        read("read/file")
    os.kill(pid, signal.SIGKILL)
    if os.waitpid(pid, 0)[1] != signal.SIGKILL:
        say("not killed")
def closed():
    return e(lambda: os.close(os.open("work/fifo", os.O_WRONLY | os.O_NONBLOCK))) == "ENXIO"
import time
end = time.monotonic() + 60
while not closed() and time.monotonic() < end:
    time.sleep(0.01)
say(closed())
say([e(read, "read/file"), e(read, "work/denied")])
"""
    equal(inside(directory, RULES, code), [True, ["", "EACCES"]])


@case
def the_limit_holds_while_a_call_waits(directory):
    tree(directory)
    with script(directory, "read('work/fifo')") as process:
        process.send_signal(signal.SIGTERM)
        true(process.wait(HANG) != 0)
    result = run("-t", "300ms", "-p", policy(directory, RULES), "cat", "work/fifo", cwd=directory)
    equal(result.status, 124, result)


@case
def pipes_by_name(directory):
    """Opening a pipe again waits for nobody: many times, since it depends on who is quicker."""
    tree(directory)
    code = """
for i in range(200):
    r, w = os.pipe()
    os.write(w, b"x")
    again = os.open(f"/proc/self/fd/{r}", os.O_RDONLY)
    if os.read(again, 1) != b"x":
        say(i)
    for fd in r, w, again:
        os.close(fd)
say("done")
"""
    equal(inside(directory, RULES, code), ["done"])


@case
def many_at_once(directory):
    """64 threads in each of 8 processes, and 64 processes: each gets its own answers."""
    tree(directory)
    for i in range(64):
        (directory / f"read/{i}").write_text(f"{i}\n")
    (directory / "work/denied").write_text("secret\n")
    code = """
bad = []
def work(i):
    for turn in range(10):
        if read(f"read/{i}") != b"%d\\n" % i:
            bad.append(i)
        if e(read, "work/denied") != "EACCES":
            bad.append("denied")
        name = f"work/{os.getpid()}.{i}"
        write(name)
        os.rename(name, name + "x")
        os.unlink(name + "x")
def threads():
    all = [threading.Thread(target=work, args=(i,)) for i in range(64)]
    for t in all: t.start()
    for t in all: t.join()
    os._exit(1 if bad else 0)
def child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        function(*arguments)
        os._exit(1 if bad else 0)
    return pid
for pids in ([child(threads) for _ in range(4)], [child(work, i) for i in range(64)]):
    say([os.waitpid(pid, 0)[1] for pid in pids])
"""
    equal(inside(directory, RULES, code), [[0] * 4, [0] * 64])
    equal([path.name for path in (directory / "work").iterdir() if path.name[0].isdigit()], [])


@case
def nothing_is_left_of_many_runs(directory):
    tree(directory)
    file = policy(directory, RULES)
    before = set(os.listdir("/tmp"))
    for _ in range(20):
        equal(run("-p", file, "true", cwd=directory).status, 0)
    left = [name for name in set(os.listdir("/tmp")) - before if name.startswith("cordon-")
            and not name.startswith("cordon-test-")]
    # Other tests run at the same time: theirs go when they end.
    until(lambda: not any(os.path.exists(f"/tmp/{name}") for name in left), left)


if __name__ == "__main__":
    sys.exit(main())
