#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every single system call of a set-up fails once, in every way: the start is refused whole, or not at all.

The calls come from the set-up itself, which a tracer writes down (tests/support/inject.c), so none can be
forgotten. Each attempt has a directory of its own, in which everything would show that is left behind.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

from live import CORDON, HANG, PROBE, REFUSE, SANITIZED, cases, equal, main, policy, processes_with, true
from starts import OFF, check_ran, layers

INJECT = pathlib.Path(REFUSE).with_name("inject")
ROOT = os.geteuid() == 0
# Each asks for as many steps as one start can have.
RULES = """
filesystem: {{read: [$D, {probe}], write: [$D/work, $TMP]}}
process:
  cwd: $D
  umask: "027"
  aslr: false
  huge_pages: false
  core_dumps: false
  new_session: true
  cpu_affinity: [{cpu}]
  capabilities: {{keep: []}}
{ids}limits: {{open_files: 100, memory: 6G, processes: 5000, wall: 1h}}
isolation:
  namespaces: [{namespaces}]
  hostname: inside
  on_failure: {mode}
"""
IDS = "  user: 1234\n  group: 1234\n"
EACH_WAY = [("refuse", "EPERM"), ("refuse", "ENOSYS"), ("refuse", "ENOMEM"), ("warn", "ENOMEM"), ("ignore", "EPERM")]
# The second one differs in little, and so does what may fail.
STARTS = [("supervised", "", "ipc, net, cgroup", ROOT, EACH_WAY), ("off", OFF, "ipc", False, EACH_WAY[:1])]
# Some calls are made for many numbers in a row: these arguments tell them apart, the others do not.
TELLING = {"prctl": 1, "fcntl": 2, "ioctl": 2, "prlimit64": 2, "unshare": 1}
# The C library's own calls, which no step is made of: what it cannot do without ends the process; and
# close(), which the kernel never leaves undone.
LIBC = {"futex", "rseq", "set_robust_list", "mprotect", "munmap", "madvise", "gettid", "close", "exit_group",
        "exit", "rt_sigprocmask"}


def rules(mode, more, namespaces, ids):
    return RULES.format(probe=os.path.dirname(PROBE), mode=mode, cpu=min(os.sched_getaffinity(0)),
                        namespaces=namespaces, ids=IDS if ids else "") + more


class Attempt:
    """One start of which one call fails: what came of it."""

    def __init__(self, directory, what, text):
        directory.mkdir()
        (directory / "work").mkdir(mode=0o777)
        (directory / "work").chmod(0o777)
        (directory / "tmp").mkdir()
        self.log, report, made = directory / "log", directory / "report.json", directory / "work/made"
        self.done = subprocess.run(
            [INJECT, self.log, what, CORDON, "run", "--report", report, "-p", policy(directory, text),
             PROBE, "try", "create", made], cwd=directory, env={**os.environ, "TMPDIR": str(directory / "tmp"), "ASAN_OPTIONS": "detect_leaks=0"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG, check=False)
        self.report = json.loads(report.read_text()) if report.exists() else None
        self.ran = made.exists()
        self.left = processes_with(str(directory)) + os.listdir(directory / "tmp")

    def calls(self):
        """(role, name, index among those of the name, arguments), in order."""
        for line in self.log.read_text().splitlines():
            role, name, index, *arguments = line.split()
            yield role, name, int(index), tuple(arguments)


def different(calls):
    """Of calls that only repeat, the first and the last."""
    groups = collections.defaultdict(list)
    ready = False
    for role, name, index, arguments in calls:
        # With the one byte of `ready` the thread has done its part: the program may run from then on.
        ready |= role == "thread" and name == "sendto" and arguments[2] == "1"
        if name not in LIBC and not (ready and role == "thread" and name != "sendto"):
            groups[role, name, arguments[:TELLING.get(name, 0)]].append(index)
    for (role, name, arguments), indexes in groups.items():
        for index in indexes if len(indexes) <= 4 else (indexes[0], indexes[-1]):
            yield role, name, index


def check(attempt, mode, error, about):
    """Nothing at all has run, and a line says at which step; or it ran, and the report is true."""
    about = f"{about}: {attempt.done} {attempt.report and attempt.report['level']}"
    equal(attempt.left, [], "left: " + about)
    lines = attempt.done.stderr.decode().splitlines()
    true(all(line.startswith("cordon: ") for line in lines), about)
    if attempt.ran:
        equal(attempt.done.returncode, 0, about)
        check_ran(attempt.report, error, about)
        if mode == "refuse":
            equal(attempt.report["level"], "full", about)
        return
    equal(attempt.done.returncode in (125, 126), True, about)
    true(lines and any(word in lines[0] for word in ("start: ", "supervisor: ", "cannot be executed")), about)
    true(attempt.report is not None, about)
    equal(layers(attempt.report)["exec"]["state"] in ("no_record", "failed"), True, about)


def mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text()


@cases(STARTS)
def each_call_fails(directory, _name, more, namespaces, ids, ways):
    before = mounts()
    directory.chmod(0o755)  # so that another user can enter it
    whole = Attempt(directory / "whole", "-", rules("refuse", more, namespaces, ids))
    true(whole.ran and whole.done.returncode == 0, whole.done)
    equal(whole.report["level"], "full", whole.report)
    found = list(different(whole.calls()))
    equal({role for role, *_ in found}, {"thread", "keeper", "program"})
    if SANITIZED:
        found = [call for call in found if call[0] != "thread"]
    work = [(role, name, index, error, mode) for role, name, index in found for mode, error in ways]

    def one(number, role, name, index, error, mode):
        try:
            attempt = Attempt(directory / str(number), f"{role}:{name}:{index}={error}",
                              rules(mode, more, namespaces, ids))
            check(attempt, mode, error, f"{role} {name} {index} {error} {mode}")
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            return f"{role} {name} {index} {error} {mode}: {failure}"
        return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [text for text in pool.map(lambda each: one(each[0], *each[1]), enumerate(work)) if text]
    equal(mounts(), before)
    true(not failures, f"{len(failures)} of {len(work)}\n" + "\n".join(failures[:20]))


if __name__ == "__main__":
    sys.exit(main())
