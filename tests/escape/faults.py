#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SV-06: whatever goes wrong on the way to an answer, the call fails, and an event says that it was no decision.

The test build fails the Nth pass of one site; the program makes the same calls each time.
"""
import json
import os
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import ABLATE, HANG, PRELUDE, PYTHON, UNDER, cases, equal, main, policy, true  # noqa: E402

RULES = """
filesystem:
  write: [$D/work]
  deny: [$D/work/denied, $D/work/bad]
  hide: [$D/work/hidden]
network:
  allow: [loopback]
"""
CODE = """
import random
def listed(): return sorted(os.listdir("work"))
def attribute(): os.setxattr("work/file", "user.test", b"value")
def times(): os.utime("work/file", (1, 2))
def bind():
    with socket.socket(socket.AF_UNIX) as s: s.bind("work/socket")
def connect():
    with socket.socket() as s:
        s.settimeout(30)
        s.connect(("127.0.0.1", int(sys.argv[1])))
def fifo(): os.close(os.open("work/fifo", os.O_RDWR))
def execute(path):
    os.waitpid(os.posix_spawn(path, [path], {}), 0)
calls = [(read, "work/file"), (read, "work/denied"), (os.stat, "work/hidden"), (write, "work/new"),
         (os.mkdir, "work/folder"), (os.rename, "work/room", "work/moved"), (os.unlink, "work/victim"),
         (os.unlink, "work/denied"), (os.chmod, "work/file", 0o640), (os.chmod, "work/denied", 0o640),
         (os.truncate, "work/file", 3), (os.truncate, "work/denied", 0), (attribute,), (times,), (listed,),
         (os.readlink, "work/link"), (os.symlink, "x", "work/made"), (os.link, "work/file", "work/hard"),
         (os.link, "work/denied", "work/leak"), (fifo,), (bind,), (connect,), (execute, "/bin/true"),
         (execute, "work/bad")]
e(os.stat, "work/FAULTS")
found = []
for call, *arguments in calls:
    found.append(e(call, *arguments))
say([found, "hidden" in listed()])
"""
# All of them take minutes.
PASSES = range(1, 100) if "CORDON_ROUNDS" in os.environ else (1, 3, 8, 20)


def attempt(directory, number, setting):
    """(what the calls gave, the events that were no decisions)."""
    place = directory / f"{number}"
    work = place / "work"
    (work / "room").mkdir(parents=True)
    place.chmod(0o777)
    for name in ("file", "denied", "hidden", "victim"):
        (work / name).write_text("content")
    (work / "bad").write_bytes(pathlib.Path("/bin/true").read_bytes())
    (work / "bad").chmod(0o755)
    (work / "link").symlink_to("file")
    os.mkfifo(work / "fifo")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        command = [*UNDER, ABLATE, "run", "--no-hint", "--events", place / "events", "-p", policy(place, RULES),
                   PYTHON, "-I", "-S", "-c", PRELUDE + CODE, server.getsockname()[1]]
        done = subprocess.run([str(word) for word in command], cwd=place, timeout=HANG, check=False,
                              env={**os.environ, "CORDON_ABLATE": setting}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    equal((work / "denied").read_text(), "content")
    true(not (work / "leak").exists())
    events = [json.loads(line) for line in (place / "events").read_text().splitlines()]
    failures = [event for event in events if event["kind"] == "failed"]
    true(all(event["cause"] == "supervisor" for event in failures))
    if done.returncode != 0:
        return None, failures
    found, shows = json.loads(done.stdout)
    true(not shows, done.stdout)
    return found, failures


# Whether an event tells of it: of a caller that is gone there is nothing to tell.
@cases([("string", True), ("read", True), ("id", False), ("addfd", True), ("memory", True), ("status", True),
        ("descriptor", True), ("worker", True)])
def each_site(directory, site, told):
    usual, failures = attempt(directory, 0, "")
    equal(failures, [])
    refused = [i for i, error in enumerate(usual) if error]
    equal(len(refused), 7, usual)
    failed = 0
    for number in PASSES:
        found, failures = attempt(directory, number, f"fault-{site}={number}")
        if found is None:
            failed += 1
            continue
        different = [i for i in range(len(usual)) if found[i] != usual[i]]
        if not different and not failures:
            continue  # what was refused anyway, or never came to pass
        true(all(found[i] in ("EACCES", "EFAULT") or usual[i] for i in different), (found, usual))
        true(all(found[i] for i in refused), found)
        true(failures or not told, found)
        failed += bool(different)
    true(failed > 0, "nothing ever failed: it proves nothing")


if __name__ == "__main__":
    sys.exit(main())
