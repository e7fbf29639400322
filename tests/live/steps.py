#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The system calls of the program's own process between clone and exec: which, and in which order."""
import os
import pathlib
import subprocess
import sys

from live import ABLATE, CORDON, HANG, PROBE, REFUSE, case, cases, equal, main, policy, true
from starts import SUPERVISION

INJECT = pathlib.Path(REFUSE).with_name("inject")
ROOT = os.geteuid() == 0
# The order is part of the contract. A call is told by its name and the first of its arguments.
ORDER = [
    ("session", "setsid"), ("umask", "umask"), ("user namespace", "unshare", 0x10000000),
    ("network namespace", "unshare", 0x40000000), ("ipc namespace", "unshare", 0x08000000),
    ("uts namespace", "unshare", 0x04000000), ("cgroup namespace", "unshare", 0x02000000),
    ("host name", "sethostname"), ("descriptors", "close_range"), ("affinity", "sched_setaffinity"),
    ("huge pages", "prctl", 41), ("randomization", "personality"), ("limits", "prlimit64"),
    ("bounding set", "prctl", 24), ("secure bits", "prctl", 28), ("groups", "setgroups"),
    ("group", "setresgid"), ("user", "setresuid"), ("capabilities", "capset"), ("ambient set", "prctl", 47),
    ("directory", "chdir"), ("parent's death", "prctl", 1), ("no_new_privs", "prctl", 38),
    ("Landlock", "landlock_restrict_self"), ("signal mask", "rt_sigprocmask"), ("filter", "seccomp"),
    ("execution", "execve"),
]
ALWAYS = {"descriptors", "parent's death", "no_new_privs", "Landlock", "signal mask", "filter", "execution"}
EVERYTHING = """
process:
  cwd: $D
  umask: "027"
  aslr: false
  huge_pages: false
  core_dumps: false
  new_session: true
  cpu_affinity: [%d]
  user: %d
  group: %d
  capabilities: {keep: [SETPCAP]%s}
limits: {open_files: 100}
isolation: {namespaces: [user, net, ipc, uts, cgroup], hostname: inside}
"""


def calls(directory, text):
    """What the program's process calls: a list of (name, first argument)."""
    log = directory / "log"
    done = subprocess.run([INJECT, log, "-", CORDON, "run", "-p", policy(directory, text), PROBE, "status"],
                          cwd=directory, timeout=HANG, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False,
                          # The leak check of a build with sanitizers uses ptrace itself.
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    true(done.returncode == 0 and done.stdout.endswith(b"__DONE__\n"), done)
    lines = [line.split() for line in log.read_text().splitlines()]
    return [(name, int(argument, 16)) for role, name, _, argument, *_ in lines if role == "program"]


def steps(made):
    """The steps that the calls belong to, each where it begins."""
    found = []
    for name, argument in made:
        for step, its_name, *its_argument in ORDER:
            if name == its_name and its_argument in ([], [argument]) and step not in found:
                found.append(step)
    return found


@cases(SUPERVISION)
def everything_in_its_order(directory, _name, more):
    directory.chmod(0o755)
    user = 1234 if ROOT else os.geteuid()
    text = EVERYTHING % (min(os.sched_getaffinity(0)), user, user, ", securebits: [noroot]" if ROOT else "")
    found = steps(calls(directory, f"filesystem: {{read: [$D, {os.path.dirname(PROBE)}]}}\n" + text + more))
    wanted = [step for step, *_ in ORDER if ROOT or step not in ("secure bits", "groups")]
    equal(found, wanted)


@cases(SUPERVISION)
def what_is_not_asked_for_makes_no_call(directory, _name, more):
    made = calls(directory, f"filesystem: {{read: [{os.path.dirname(PROBE)}]}}\n" + more)
    equal(set(steps(made)), ALWAYS)
    # Nothing else but looks at what was done, the records and the descriptors.
    allowed = {"setpgid", "close_range", "fcntl", "prctl", "getppid", "landlock_restrict_self", "openat",
               "close", "socket", "bind", "connect", "write", "read", "rt_sigprocmask", "seccomp", "execve",
               "mknodat"}
    equal({name for name, _ in made} - allowed, set())


@cases(SUPERVISION)
def the_rights_owe_nothing_to_the_set_up(directory, _name, more):
    """The program may be refused every call that its set-up needed: a static one that needs none starts."""
    calls_refused = "openat, open, access, faccessat, faccessat2, mmap, munmap, mprotect, brk, close, fcntl, getpid"
    quiet = pathlib.Path(PROBE).with_name("quiet")
    text = f"filesystem: {{read: [{quiet.parent}]}}\nsyscalls: {{deny: [{calls_refused}]}}\n" + more
    file = policy(directory, text)
    done = subprocess.run([CORDON, "run", "-p", file, quiet], cwd=directory, timeout=HANG, check=False,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    equal((done.returncode, done.stderr), (0, b""))
    # The control: it does refuse them. A program with a C library ends early.
    done = subprocess.run([CORDON, "run", "-p", file, PROBE, "status"], cwd=directory, timeout=HANG, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    true(done.returncode != 0 or b"status_errno" in done.stdout, done)


@case
def a_stack_that_is_overrun(directory):
    """The guard page ends the child and nothing else: the start fails, the host goes on and says so."""
    made = directory / "made"
    arguments = ["run", "-p", "base", "-w", directory, "-r", os.path.dirname(PROBE), PROBE, "try", "create", made]
    done = subprocess.run([ABLATE, *arguments], cwd=directory, timeout=HANG, check=False, stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, env={**os.environ, "CORDON_ABLATE": "stack"})
    equal((done.returncode, done.stderr), (125, b"cordon: start: the child died without a word\n"))
    true(not made.exists())
    subprocess.run([ABLATE, *arguments], cwd=directory, timeout=HANG, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    true(made.exists())


if __name__ == "__main__":
    sys.exit(main())
