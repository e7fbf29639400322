#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls about a file system that does not answer: they hold up nobody else, and end with their caller."""
import json
import os
import pathlib
import select
import subprocess
import sys
import time

import fuse
from live import (ABLATE, CORDON, HANG, PRELUDE, PYTHON, UNDER, Skip, bare, case, cases, equal, inside, main, policy,
                  run, true)
from world import drop_capabilities

RULES = """
filesystem:
  write: [$D/work, $D/mount]
  deny: [$D/work/denied, $D/mount/denied]
"""
CALLS = {
    "open": "os.open('mount/hang-LOOKUP', 0)",
    "open itself": "os.open('mount/hang-OPEN', 0)",
    "stat": "os.stat('mount/hang-LOOKUP')",
    "attributes": "os.stat('mount/hang-GETATTR')",
    "access": "os.access('mount/hang-LOOKUP', 4)",
    "by a link": "os.stat('work/link/hang-LOOKUP')",
    "from inside": "os.chdir('mount'); os.stat('hang-LOOKUP')",
    "from a descriptor": "os.stat('hang-LOOKUP', dir_fd=os.open('mount', os.O_RDONLY))",
    "chmod": "os.chmod('mount/hang-SETATTR', 0o600)",
    "unlink": "os.unlink('mount/hang-UNLINK')",
    "mkdir": "os.mkdir('mount/hang-MKDIR')",
    "rename": "os.rename('mount/hang-RENAME', 'mount/other')",
    "close": "os.close(os.open('mount/hang-FLUSH', 0))",
}
# The flag tells whether the file system had answered when it was read.
OTHERS = """
import signal
libc.prctl(1, signal.SIGKILL, 0, 0, 0)
wake, pids = os.pipe(), []
for i, text in enumerate(sys.argv[1:]):
    pids.append(os.fork())
    if pids[-1] == 0:
        e(exec, text)
        os._exit(0)
say("started")
sys.stdin.readline()
say([read("work/flag").decode(), e(os.mkdir, "work/made"), e(read, "work/denied"), sorted(os.listdir("work"))[0]])
os.write(wake[1], b"x")
sys.stdin.readline()
read("work/flag")
for pid in pids:
    os.kill(pid, signal.SIGKILL)
say([os.waitpid(pid, 0)[1] for pid in pids])
"""


def tree(directory):
    for name in ("work", "mount"):
        (directory / name).mkdir()
    (directory / "work/denied").write_text("secret")
    (directory / "work/flag").write_text("")
    (directory / "work/link").symlink_to("../mount")


def launch(directory, calls, ablate=None, more=""):
    command = [*UNDER, ABLATE if ablate else CORDON, "run", "--no-hint", "-p", policy(directory, RULES + more), PYTHON,
               "-I", "-S", "-c", PRELUDE + OTHERS, *calls]
    return subprocess.Popen([str(word) for word in command], cwd=directory, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "CORDON_ABLATE": ablate or ""})


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


@cases([(name,) for name in CALLS])
def others_go_on(directory, name):
    tree(directory)
    with fuse.FileSystem(directory / "mount") as files, \
            launch(directory, [CALLS[name]]) as process:
        equal(process.stdout.readline(), '"started"\n')
        files.wait_for(1)
        go_on(process)
        equal(process.stdout.readline(), '["", "", "EACCES", "denied"]\n')
        # The program's own close() hangs as well, and the kernel does not let go of it.
        if name == "close":
            files.release()
        go_on(process)
        ends = [0, 9] if name == "close" else [9]
        true(all(end in ends for end in json.loads(process.stdout.readline())))
        equal(process.wait(HANG), 0)


@cases([("open",), ("stat",), ("from a descriptor",)])
def others_go_on_in_a_mount_namespace(directory, name):
    """There the mount has another number."""
    tree(directory)
    with fuse.FileSystem(directory / "mount") as files, \
            launch(directory, [CALLS[name]], more="isolation: {namespaces: [mount]}\n") as process:
        equal(process.stdout.readline(), '"started"\n')
        files.wait_for(1)
        go_on(process)
        true(select.select([process.stdout], [], [], HANG / 2)[0], "nobody is served")
        equal(process.stdout.readline(), '["", "", "EACCES", "denied"]\n')
        go_on(process)
        equal(json.loads(process.stdout.readline()), [9])
        equal(process.wait(HANG), 0)


@cases([("open",), ("stat",), ("mkdir",)])
def control(directory, name):
    """Without: nobody is served before the file system has answered."""
    tree(directory)
    with fuse.FileSystem(directory / "mount") as files, \
            launch(directory, [CALLS[name]], "slow") as process:
        equal(process.stdout.readline(), '"started"\n')
        files.wait_for(1)
        go_on(process)
        equal(select.select([process.stdout], [], [], 1)[0], [])
        (directory / "work/flag").write_text("answered")
        files.release()
        equal(process.stdout.readline()[:12], '["answered",')
        go_on(process)
        equal(process.wait(HANG), 0)


@case
def what_is_served_aside(directory):
    """Reads, refusals, events, and what a descriptor of the caller's leads to."""
    tree(directory)
    code = """
fd = os.open("mount/folder", os.O_RDONLY)
say([read("mount/file").decode(), e(read, "mount/denied"), e(os.stat, "mount/denied"), e(read, "mount/missing")])
say([os.stat("mount/file").st_size, os.fstat(fd).st_mode & 0o7777, e(os.chmod, "mount/file", 0o600),
     os.access("mount/file", os.R_OK), e(os.chdir, "mount"), os.getcwd().endswith("/mount"),
     e(read, "../work/denied"), e(read, "/proc/self/root" + os.getcwd() + "/denied"), os.listdir(fd)])
say([e(os.open, "file", os.O_PATH), e(os.open, "denied", os.O_PATH), e(os.mkdir, "denied")])
"""
    with fuse.FileSystem(directory / "mount"):
        got = inside(directory, RULES, code)
        equal(got, [[fuse.TEXT.decode(), "EACCES", "EACCES", "ENOENT"],
                    [len(fuse.TEXT), 0o755, "", True, "", True, "EACCES", "EACCES", []],
                    ["", "EACCES", "EACCES"]])
        result = run("-p", policy(directory, RULES), "cat", "mount/denied", cwd=directory)
        true(f"denied read {directory}/mount/denied".encode() in result.err, result)


@case
def a_signal_ends_it(directory):
    """As without cordon: if the file system ends the request that the kernel asks it to end."""
    tree(directory)
    code = """
import signal
signal.signal(signal.SIGALRM, lambda *_: None)
libc.siginterrupt(signal.SIGALRM, 1)
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
say([libc.open(b"mount/hang-OPEN", 0), errno_name(ctypes.get_errno())])
"""
    with fuse.FileSystem(directory / "mount", interruptible=True):
        equal(bare(directory, code), [[-1, "EINTR"]])
        equal(inside(directory, RULES, code), [[-1, "EINTR"]])


def rests(pid):
    """How often threads of the process have gone to sleep by themselves."""
    return sum(int(line.split()[1]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
               for line in (task / "status").read_text().splitlines() if line.startswith("voluntary_ctxt"))


@case
def more_hang_than_there_are_processes(directory):
    """Those that find none wait; meanwhile the supervisor rests, and others go on."""
    tree(directory)
    with fuse.FileSystem(directory / "mount") as files, \
            launch(directory, ["""
threading.stack_size(65536)
for _ in range(70): threading.Thread(target=os.open, args=("mount/hang-OPEN", 0), daemon=True).start()
while True: signal.pause()
"""]) as process:
        equal(process.stdout.readline(), '"started"\n')
        files.wait_for(64)
        go_on(process)
        equal(process.stdout.readline(), '["", "", "EACCES", "denied"]\n')
        begin, deadline = rests(process.pid), time.monotonic() + 20
        while rests(process.pid) < begin + 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        true(rests(process.pid) >= begin + 10, "the supervisor never rests")
        go_on(process)
        equal(json.loads(process.stdout.readline()), [9])
        equal(process.wait(HANG), 0)


@case
def an_outcome_that_is_lost(directory):
    """The caller gets an answer all the same, and the next call is served."""
    tree(directory)
    code = 'import os\ntry: os.stat("mount/FAULTS")\nexcept OSError as error: print(error.errno)\n' \
           'print(os.stat("work/flag").st_size)'
    with fuse.FileSystem(directory / "mount"):
        done = subprocess.run([str(word) for word in (*UNDER, ABLATE, "run", "--no-hint", "-p", policy(directory, RULES),
                                                      PYTHON, "-I", "-S", "-c", code)],
                              cwd=directory, env={**os.environ, "CORDON_ABLATE": "fault-outcome=1"},
                              stdout=subprocess.PIPE, timeout=HANG, check=False)
        equal(done.stdout, b"13\n0\n")


@case
def mounted_meanwhile(directory):
    """What is mounted while the program runs is noticed with the next call, and held apart from then on."""
    fuse.needed()
    tree(directory)
    with launch(directory, ["os.read(wake[0], 1); os.stat('mount/hang-LOOKUP')"]) as process:
        equal(process.stdout.readline(), '"started"\n')
        with fuse.FileSystem(directory / "mount") as files:
            go_on(process)
            equal(process.stdout.readline(), '["", "", "EACCES", "denied"]\n')
            files.wait_for(1)
            go_on(process)
            equal(process.wait(HANG), 0)


if __name__ == "__main__":
    try:
        fuse.enter()
    except Skip as reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)
    if os.getuid() != 0:
        drop_capabilities(range(64))
    sys.exit(main())
