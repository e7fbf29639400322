#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starting where the host lacks or forbids something, and what a run leaves behind."""
import json
import os
import pathlib
import signal
import subprocess
import sys

from live import (CORDON, HANG, PRELUDE, PYTHON, REFUSE, case, cases, equal, inside, main,
                  policy, run, start, true)

PLAIN = """
filesystem:
  read: [$D/read]
  write: [$D/work]
"""
GUARDED = PLAIN + "  deny: [$D/read/secret]\n"
RECEIVE, ADD = "ioctl@1&0xffffffff=0xc0502100", "ioctl@1&0xffffffff=0x40182103"
LISTENER = "seccomp@1&8=8"


def tree(directory):
    for folder in ("read", "work"):
        (directory / folder).mkdir()
    for file in ("read/secret", "read/file", "work/file"):
        (directory / file).write_text(f"{file}\n")


def refused(directory, error, calls, rules, *flags, program=("cat", "read/file")):
    """A run while the host refuses these calls."""
    return subprocess.run([REFUSE, error, calls, CORDON, "run", *flags, "-p",
                           str(policy(directory, rules)), *program], cwd=directory,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=HANG, check=False)


@cases([("another listener", "listener", "swapon", b"another supervisor"),
        ("no notification", "EINVAL", LISTENER, b"gVisor"),
        ("receiving is forbidden", "EPERM", RECEIVE, b"AppArmor"),
        ("descriptors cannot be added", "EPERM", ADD, b"forbids serving the listener")])
def no_listener_to_be_had(directory, _name, error, calls, cause):
    """auto goes on without one exactly where the kernel holds every rule, and says so in one line."""
    tree(directory)
    done = refused(directory, error, calls, PLAIN, "--report", "report", "--events", "events")
    equal((done.returncode, done.stdout), (0, b"read/file\n"), done)
    lines = [line for line in done.stderr.splitlines() if b"supervisor" in line]
    true(any(b"runs without one, the kernel alone holds every rule" in line for line in lines), done)
    report = json.loads((directory / "report").read_text())
    equal(report["mode"], "off", report)
    true(any("runs without one" in note for note in report["notes"]), report)
    events = [json.loads(line) for line in (directory / "events").read_text().splitlines()]
    true(any(event["kind"] == "note" and "runs without one" in event["text"] for event in events), events)
    # It is the mode it says it is, and the wall that is left stands.
    done = refused(directory, error, calls, PLAIN, program=("sh", "-c", "echo x >read/file"))
    true(done.returncode != 0 and (directory / "read/file").read_text() == "read/file\n", done)
    for rules, flags in ((GUARDED, ()), (PLAIN + "supervisor: required\n", ()),
                         (PLAIN, ("--trace",))):
        done = refused(directory, error, calls, rules, *flags, program=("touch", "work/ran"))
        equal(done.returncode, 125, (rules, done))
        true(cause in done.stderr, (cause, done))
        true(not (directory / "work/ran").exists(), done)


@case
def what_fails_in_both_attempts_is_told_once(directory):
    """Without a listener the start is tried again, and with it everything else that fails."""
    tree(directory)
    rules = PLAIN + "process: {aslr: false}\nisolation: {on_failure: {aslr: warn}}\n"
    done = refused(directory, "EINVAL", LISTENER + ",personality", rules, "--events", "events")
    equal((done.returncode, done.stdout), (0, b"read/file\n"), done)
    equal(done.stderr.count(b"layer aslr is not in force"), 1, done)
    events = [json.loads(line) for line in (directory / "events").read_text().splitlines()]
    equal([event["layer"] for event in events if event["kind"] == "layer"], ["aslr"])


FEATURES = [("WAIT_KILLABLE_RECV", "EINVAL", "seccomp@1&0x20=0x20"),
            ("SYNC_WAKE_UP", "ENOTTY", "ioctl@1&0xffffffff=0x40082104"),
            ("pidfd_getfd", "EPERM", "pidfd_getfd"),
            ("process_vm_readv", "EPERM", "process_vm_readv"),
            ("io_uring", "EPERM", "io_uring_setup"), ("io_uring absent", "ENOSYS", "io_uring_setup"),
            ("close_range", "ENOSYS", "close_range"),
            ("close_range with CLOEXEC", "EINVAL", "close_range@2&4=4"),
            ("faccessat2 and fchmodat2", "ENOSYS", "faccessat2,fchmodat2"),
            ("openat2", "ENOSYS", "openat2"),
            ("all of them", "ENOSYS", "pidfd_getfd,process_vm_readv,io_uring_setup,faccessat2,fchmodat2,"
             "close_range,clone3,openat2")]
DEEDS = {
    "read('read/file')": "", "read('read/secret')": "EACCES", "read('read/../read/secret')": "EACCES",
    "write('work/new')": "", "write('read/file')": "EACCES", "os.rename('work/new', 'work/newer')": "",
    "os.chmod('work/newer', 0o600)": "", "os.chmod('read/file', 0o600)": "EACCES",
    "os.access('work/newer', os.W_OK) or 1 / 0": "", "os.stat('read/secret')": "EACCES",
    "os.mkfifo('work/fifo')": "", "socket.socket().connect(('127.0.0.1', 9))": "EACCES",
    "os.unlink('work/newer')": ""}


@cases(FEATURES)
def features_of_the_kernel(directory, _name, error, calls):
    """What is used where it is there has something that takes its place."""
    tree(directory)
    code = PRELUDE + f"for text in {list(DEEDS)!r}: say(e(lambda: eval(text)))"
    done = refused(directory, error, calls, GUARDED, "--no-hint",
                   program=(PYTHON, "-I", "-S", "-c", code))
    equal(done.returncode, 0, done)
    equal(dict(zip(DEEDS, (json.loads(line) for line in done.stdout.splitlines()))), DEEDS)
    equal((directory / "read/file").read_text(), "read/file\n")


@case
def a_directory_of_its_own(directory):
    """Private, empty, not the same twice, gone at the end; nothing outside follows."""
    (directory / "precious").mkdir()
    (directory / "precious/file").write_text("precious\n")
    code = """
st = os.stat(os.environ["TMPDIR"])
say([os.environ["TMPDIR"], stat.S_IMODE(st.st_mode), os.listdir(os.environ["TMPDIR"])])
os.chdir(os.environ["TMPDIR"])
os.symlink(sys.argv[1], "link"); os.mkdir("locked"); write("locked/file"); os.chmod("locked", 0)
os.mkdir("ro"); os.mkdir("ro/sub"); write("ro/sub/file"); os.chmod("ro/sub", 0o500); os.chmod("ro", 0o500)
os.mkfifo("fifo"); write("na\\nme")
"""
    seen = [inside(directory, PLAIN, code, str(directory / "precious"))[0] for _ in range(2)]
    for path, mode, names in seen:
        equal((mode, names), (0o700, []))
        true(not os.path.lexists(path), path)
    true(seen[0][0] != seen[1][0], seen)
    equal((directory / "precious/file").read_text(), "precious\n")


@cases([("killed", "os.kill(os.getpid(), 9)"), ("ended from outside", "time.sleep(1000)"),
        ("failed", "sys.exit(3)")])
def it_is_removed_however_the_program_ends(directory, name, end):
    code = PRELUDE + f"import time\nsay(os.environ['TMPDIR']); write(os.environ['TMPDIR'] + '/file'); {end}"
    with start("--no-hint", "-p", policy(directory, PLAIN), PYTHON, "-I", "-S", "-c", code, cwd=directory,
               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        path = json.loads(child.stdout.readline())
        if name == "ended from outside":
            child.send_signal(signal.SIGTERM)
        child.wait(timeout=HANG)
    true(path.startswith("/") and not os.path.lexists(path), path)


@case
def however_deep_it_is(directory):
    """Deeper than the descriptors that are held for it."""
    code = """
os.chdir(os.environ["TMPDIR"])
for i in range(800):
    os.mkdir("d"); write("f"); os.chdir("d")
say(os.environ["TMPDIR"])
"""
    path, = inside(directory, PLAIN, code)
    true(not os.path.lexists(path), path)


@case
def it_can_be_kept(directory):
    result = run("--keep-tmp", "--report", "report", "-p", policy(directory, PLAIN), "sh", "-c",
                 "echo kept >$TMPDIR/file; echo $TMPDIR", cwd=directory)
    path = pathlib.Path(result.out.decode().strip())
    try:
        equal((path / "file").read_text(), "kept\n", result)
        true(f"cordon: $TMP was kept: {path}" in result.lines, result)
        true(f"$TMP was kept: {path}" in json.loads((directory / "report").read_text())["notes"])
    finally:
        subprocess.run(["rm", "-rf", str(path)], check=True)


if __name__ == "__main__":
    sys.exit(main())
