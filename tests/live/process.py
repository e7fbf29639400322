#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the program finds: environment, descriptors, limits; and what it may do to others."""
import ctypes
import os
import pathlib
import resource
import signal
import subprocess
import sys

from live import (CORDON, HANG, PROBE, UNDER, Skip, case, cases, equal, inside, main, policy, run, start, true)

GUARDED = """
filesystem:
  read: [$D]
  deny: [$D/secret]
"""


def status(directory, *flags, **more):
    """Facts of the probe: key -> list of values."""
    result = run("-p", "base", *flags, "-r", os.path.dirname(PROBE), PROBE, "status", cwd=directory, **more)
    true(result.status == 0 and result.out.endswith(b"__DONE__\n"), result)
    facts = {}
    for line in result.out.decode().splitlines()[:-1]:
        key, _, value = line.partition(":")
        facts.setdefault(key, []).append(value)
    return facts


MODES = [("supervised", ()), ("off", ("--no-supervisor", "--unix-connect", "/"))]


@cases(MODES)
def environment(directory, _name, flags):
    facts = status(directory, *flags, env={"PATH": os.environ["PATH"], "HOME": "/nowhere",
                                           "LANG": "C", "TERM": "dumb", "SECRET": "x",
                                           "LD_PRELOAD": "/nonexistent.so", "BASH_ENV": "/x"})
    names = {entry.split("=")[0] for entry in facts["env"]}
    true({"PATH", "LANG", "TERM", "TMPDIR"} <= names, names)
    equal(names & {"SECRET", "LD_PRELOAD", "BASH_ENV"}, set())


@cases(MODES)
def environment_is_merged(directory, _name, flags):
    """Passed by name and prefix, unset, then set in place or behind; bytes, the first of doubles, in order."""
    text = ("process:\n  env:\n    pass: [PATH, 'KEEP_*', BYTES, TWICE]\n    unset: [KEEP_NOT, 'KEEP_NO_*']\n"
            "    set: {NEW: 'a=b', KEEP_ME: other, EMPTY: ''}\n")
    lines = inherited(directory, text, flags, [b"KEEP_ME=first", b"DROPPED=x", b"KEEP_NOT=x", b"BYTES=\xff\xfe",
                                               b"KEEP_NO_1=x", b"TWICE=1", b"TWICE=2", b"KEEP_IT=1"])
    equal([line for line in lines if not line.startswith((b"PATH=", b"TMPDIR=", b"CORDON="))],
          [b"KEEP_ME=other", b"BYTES=\xff\xfe", b"TWICE=1", b"KEEP_IT=1", b"NEW=a=b", b"EMPTY="])
    lines = inherited(directory, "process: {env: inherit}\n", flags, [b"ANY=1", b"TMPDIR=/tmp"])
    true(b"ANY=1" in lines and b"TMPDIR=/tmp" not in lines, lines)


def inherited(directory, text, flags, variables):
    """The environment that the program finds where cordon was started with this one, doubles included."""
    file = directory / "more.yaml"
    file.write_text("version: 1\n" + text)
    read_end, write_end = os.pipe()
    arguments = [os.fsencode(str(word)) for word in (
        *UNDER, CORDON, "run", *flags, "-p", "base", "-p", file, "-r", os.path.dirname(PROBE), "-w",
        "$TMP", PROBE, "status")]
    environment = [b"PATH=/usr/bin:/bin", *variables]
    child = os.fork()
    if child == 0:
        os.dup2(write_end, 1)
        argv = (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None)
        envp = (ctypes.c_char_p * (len(environment) + 1))(*environment, None)
        ctypes.CDLL(None).execve(arguments[0], argv, envp)
        os._exit(125)
    os.close(write_end)
    with open(read_end, "rb") as out:
        lines = out.read().split(b"\n")
    equal(os.waitpid(child, 0)[1], 0, lines)
    return [line[4:] for line in lines if line.startswith(b"env:")]


@cases(MODES)
def priority_and_signals(directory, _name, flags):
    file = directory / "more.yaml"
    file.write_text("version: 1\nprocess: {nice: 5, signal_mask: [USR1, 64], signal_ignore: [SIGPIPE, INT]}\n")
    facts = status(directory, *flags, "-p", "base", "-p", file)
    equal([int(facts[key][0], 16) for key in ("SigBlk", "SigIgn")], [1 << 9 | 1 << 63, 1 << 12 | 1 << 1])
    equal(facts["nice"], ["5"])
    file.write_text("version: 1\nprocess: {nice: -20}\n")
    result = run("-p", "base", "-p", file, "true", cwd=directory)
    if os.geteuid() != 0:
        equal(result.status, 125, result)
        true(b"start: sched: Permission denied" in result.err, result)


@cases([(f"{name},{pattern}", flags, pattern) for name, flags in MODES
        for pattern in ("core.%p", "|/nonexistent/collector %p")])
def no_core_dumps(directory, _name, flags, pattern):
    """What counts as none depends on the pattern, which is the host's: cordon is shown the other one as well."""
    real = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    file, work = directory / "more.yaml", directory / "work"
    file.write_text("version: 1\nprocess: {core_dumps: false}\n")
    (directory / "pattern").write_text(pattern + "\n")
    work.mkdir()

    def crash(*more, under=()):
        return subprocess.run([*under, CORDON, "run", *flags, "-p", "base", *more, "-w", str(work), "sh", "-c",
                               "grep core /proc/self/limits; kill -SEGV $$"], cwd=work, timeout=HANG,
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, preexec_fn=allow_dumps,
                              # The run time of a sanitizer does away with dumps by itself.
                              env={**os.environ, "ASAN_OPTIONS": "disable_coredump=0"})

    show = ["unshare", "-rm", "sh", "-c",
            f'mount --bind {directory}/pattern /proc/sys/kernel/core_pattern && exec "$@"', "sh"]
    done = crash("-p", str(file), under=() if real[0] == pattern[0] else show)
    if b"unshare: " in done.stderr or b"mount: " in done.stderr:
        raise Skip("this host has no user and mount namespaces for this user")
    # For a program that takes dumps the kernel reads 0 as "no limit", and 1 as "none".
    equal((done.returncode, done.stdout.split()[4:6]), (139, [b"1", b"1"] if pattern[0] == "|" else [b"0", b"0"]))
    equal(os.listdir(work), [])
    # The control: a crash leaves something, where the host's limit and pattern let it.
    if real.strip() == "core" and resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY:
        equal(crash().returncode, 139)
        true(os.listdir(work) != [])


def allow_dumps():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


@cases(MODES)
def descriptors_are_closed(directory, _name, flags):
    """However many the caller left open, and of whatever kind."""
    ends = [os.pipe() for _ in range(20)]
    files = [os.open(directory, os.O_RDONLY), os.open("/etc/passwd", os.O_RDONLY)]
    kept = [fd for pair in ends for fd in pair] + files
    try:
        facts = status(directory, *flags, pass_fds=kept)
    finally:
        for fd in kept:
            os.close(fd)
    numbers = sorted(int(entry.split()[0]) for entry in facts["fd"])
    # The probe's own /proc/self/fd is read by name; its open of /dev/tty may have left one.
    equal(numbers[:3], [0, 1, 2])
    true(all("/dev/tty" in entry or "/proc/" in entry for entry in facts["fd"]
             if int(entry.split()[0]) > 2), facts["fd"])


@cases(MODES)
def walls_stand(directory, _name, flags):
    facts = status(directory, *flags)
    outer = int(next((line.split()[1] for line in open("/proc/self/status")
                      if line.startswith("Seccomp_filters")), "0"))
    outer += bool(UNDER)
    equal((facts["NoNewPrivs"], facts["Seccomp"]), (["1"], ["2"]))
    equal(int(facts["Seccomp_filters"][0]), outer + 1)
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        if os.getuid() != 0:
            equal(int(facts[name][0], 16), 0)
    equal(facts["cwd"], [str(directory)])


@cases(MODES)
def limits(directory, _name, flags):
    facts = status(directory, *flags, "--open-files", "100", "--file-size", "1M", "--cpu", "5s")
    equal(facts[f"rlimit_{resource.RLIMIT_NOFILE}"], ["100 100"])
    equal(facts[f"rlimit_{resource.RLIMIT_FSIZE}"], ["1048576 1048576"])
    equal(facts[f"rlimit_{resource.RLIMIT_CPU}"][0].split()[0], "5")
    equal(facts[f"rlimit_{resource.RLIMIT_CORE}"][0].split()[0], "0")


@case
def other_processes_are_left_alone(directory):
    """Neither signals nor limits nor priorities reach the supervisor, the keeper or a stranger."""
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        code = """
import resource
stranger = int(sys.argv[1])
parent = os.getppid()
for pid in (parent, stranger):
    say([e(os.kill, pid, 0), e(os.kill, pid, 9),
         e(resource.prlimit, pid, resource.RLIMIT_CPU, (1, 1)),
         e(os.setpriority, os.PRIO_PROCESS, pid, 19), e(os.sched_setaffinity, pid, [0]),
         e(call, 101, 117, 16, pid, 0, 0), e(call, 310, 270, pid, 0, 0, 0, 0, 0)])
say([e(os.kill, -1, 9), e(os.killpg, os.getpgid(0), 0)])
say([e(os.kill, os.getpid(), 0), e(resource.prlimit, 0, resource.RLIMIT_CPU, (50, 60)),
     e(os.setpriority, os.PRIO_PROCESS, 0, 5)])
"""
        try:
            before = resource.prlimit(stranger.pid, resource.RLIMIT_CPU)
            got = inside(directory, GUARDED, code, str(stranger.pid))
            for row in got[:2]:
                true("" not in row, row)
            equal(got[3], ["", "", ""])
            equal(stranger.poll(), None)
            equal(resource.prlimit(stranger.pid, resource.RLIMIT_CPU), before)
            equal(os.getpriority(os.PRIO_PROCESS, stranger.pid), 0)
        finally:
            stranger.kill()


@case
def a_child_is_its_own(directory):
    code = """
import resource
pid = os.fork()
if pid == 0:
    signal_end, _ = os.pipe()
    os.read(signal_end, 1)
say([e(os.kill, pid, 9), os.waitpid(pid, 0)[1]])
"""
    equal(inside(directory, GUARDED, code), [["", 9]])


@case
def non_dumpable_programs(directory):
    """Agents that make themselves unreadable run, and read no more than others."""
    (directory / "secret").write_text("secret\n")
    (directory / "plain").write_text("plain\n")
    code = """
say([libc.prctl(4, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0), e(read, "plain"), e(read, "secret")])
"""
    equal(inside(directory, GUARDED, code), [[0, 1, "", "EACCES"]])


@case
def unreadable_executable(directory):
    """Memory that cannot be read is a refusal, never a pass (I4)."""
    (directory / "secret").write_text("secret\n")
    tool = directory / "tool"
    tool.write_bytes(open("/bin/cat", "rb").read())
    tool.chmod(0o111)
    result = run("-p", policy(directory, GUARDED), "./tool", "secret", cwd=directory)
    true(result.status != 0 and b"secret\n" not in result.out, result)


@case
def pipelines(directory):
    """A hundred times: no hang, and the right output."""
    (directory / "secret").write_text("secret\n")
    file = policy(directory, GUARDED)
    for _ in range(100):
        result = run("-p", file, "dash", "-c", "echo a | cat | cat", cwd=directory)
        equal((result.status, result.out, result.err), (0, b"a\n", b""))


@case
def signals_during_calls(directory):
    """A storm of signals whose handler restarts calls: each is carried out once, none fails."""
    (directory / "work").mkdir()
    rules = "filesystem:\n  write: [$D/work]\n  deny: [$D/work/denied]\n"
    code = """
import signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
bad = []
for i in range(3000):
    for error in (e(lambda: os.close(call(257, 56, -100, b"work/x", 0o301, 0o600))),
                  e(os.rename, "work/x", "work/y"), e(os.unlink, "work/y")):
        if error:
            bad.append(error)
signal.setitimer(signal.ITIMER_REAL, 0)
say(bad)
"""
    equal(inside(directory, rules, code), [[]])


@case
def exit_statuses(directory):
    for script, wanted in (("exit 42", 42), ("kill -9 $$", 137), ("kill -TERM $$", 143)):
        equal(run("sh", "-c", script, cwd=directory).status, wanted)
    with start("-t", "200ms", "sleep", "1000", cwd=directory, stderr=subprocess.DEVNULL) as timed:
        equal(timed.wait(HANG), 124)
    with start("sleep", "1000", cwd=directory, stderr=subprocess.DEVNULL) as stopped:
        stopped.send_signal(signal.SIGTERM)
        true(stopped.wait(HANG) in (143, -signal.SIGTERM), stopped.returncode)


@case
def what_an_execution_opens(directory):
    """The interpreter of a script and the loader of a program are judged like the file itself."""
    (directory / "w").mkdir()
    copy = directory / "w/interpreter"
    copy.write_bytes(open("/bin/sh", "rb").read())
    copy.chmod(0o755)
    (directory / "w/script").write_text(f"#!{copy}\necho ran\n")
    (directory / "w/script").chmod(0o755)
    loader = next(path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
                  if os.path.exists(path))
    for denied, says in (("$D/w/other", b"ran\nran\n"), ("$D/w/interpreter", b""), (loader, b"")):
        rules = f"filesystem:\n  write: [$D/w]\n  exec: [$D/w, /usr, /bin, /lib, /lib64]\n  deny: [{denied}]\n"
        result = run("-p", policy(directory, rules), "--no-hint", "sh", "-c",
                     "w/script; w/interpreter -c 'echo ran'", cwd=directory)
        equal(result.out, says, result)


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@case
def descriptors_of_our_own(directory):
    """SV-18: the command takes what the hard limit allows; the program gets the soft limit that it would have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 1024:
        raise Skip("the hard limit of descriptors is below 1024")
    (directory / "work").mkdir()
    rules = GUARDED + "  write: [$D/work]\n"
    code = """
import resource
say(resource.getrlimit(resource.RLIMIT_NOFILE))
def wait(i):
    os.mkfifo(f"work/{i}")
    read(f"work/{i}")
threads = [threading.Thread(target=wait, args=(i,)) for i in range(200)]
for thread in threads: thread.start()
while len(os.listdir("work")) < 200: os.sched_yield()
for i in range(200): write(f"work/{i}")
for thread in threads: thread.join()
say(e(read, "secret"))
"""
    (directory / "secret").write_text("secret")
    equal(inside(directory, rules, code, preexec_fn=limited(256, hard)), [[256, hard], "EACCES"])


@case
def too_few_descriptors(directory):
    """Nothing runs, with a message; whatever was begun at once before."""
    (directory / "secret").write_text("secret")
    result = run("-p", policy(directory, GUARDED), "touch", "made", cwd=directory, preexec_fn=limited(32, 32))
    equal(result.status, 125, result)
    true(b"Too many open files" in result.err, result)
    true(not (directory / "made").exists())
    file = policy(directory, GUARDED)
    many = [start("-p", file, "true", cwd=directory, preexec_fn=limited(256, 256)) for _ in range(16)]
    equal([one.wait(HANG) for one in many], [0] * 16)


if __name__ == "__main__":
    sys.exit(main())
