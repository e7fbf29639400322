#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opening: every call of the family against every kind of rule."""
import json
import os
import subprocess
import sys

from live import (HANG, PRELUDE, PYTHON, bare, case, cases, equal, errnos, inside, main, policy,
                  start, true)

RULES = """
filesystem:
  read: [$D/read, $D/both]
  write: [$D/work]
  deny: [$D/work/denied, $D/read/denied, "**/.env"]
  hide: [$D/work/hidden]
  protect: [$D/work/kept, $D/work/keptdir]
"""
# As before, but nothing that the kernel could not hold alone.
PLAIN = """
filesystem:
  read: [$D/read]
  write: [$D/work]
"""


def tree(directory):
    for folder in ("read", "work", "outside", "both", "work/keptdir", "work/sub"):
        (directory / folder).mkdir()
    for file in ("read/file", "read/denied", "read/.env", "work/file", "work/denied",
                 "work/hidden", "work/kept", "work/keptdir/file", "work/sub/.env",
                 "outside/file"):
        (directory / file).write_text(f"{file}\n")


# The calls, by what they are given: a path P and flags F.
CALLS = {
    "open": "call(2, 56, P, F, 0o644) if X86 else call(1, 56, -100, P, F, 0o644)",
    "openat": "call(257, 56, -100, P, F, 0o644)",
    "openat2": "call(437, 437, -100, P, how(F, 0o644 if F & os.O_CREAT else 0), 24)",
    "dirfd": "call(257, 56, os.open(os.path.dirname(P), os.O_PATH), os.path.basename(P), F, 0o644)",
}
FLAGS = {"read": os.O_RDONLY, "write": os.O_WRONLY, "both": os.O_RDWR, "mode 3": 3,
         "truncate": os.O_RDONLY | os.O_TRUNC, "create": os.O_RDONLY | os.O_CREAT,
         "exclusive": os.O_WRONLY | os.O_CREAT | os.O_EXCL}
CODE = """
call_text, names, flags = json.loads(sys.argv[1])
for path in names:
    row = {}
    for key, F in flags.items():
        P = path.encode()
        row[key] = e(lambda: eval(call_text))
    say(row)
"""


def row(read, write, create, exclusive):
    return {"read": read, "write": write, "both": write, "mode 3": write or read,
            "truncate": write, "create": create, "exclusive": exclusive}


DENIED, HIDDEN = row(*["EACCES"] * 4), row(*["ENOENT"] * 4)
# What only reading is granted for, and a protected file: O_CREAT alone changes nothing that exists.
READABLE = row("", "EACCES", "EACCES", "EEXIST")
MATRIX = {
    "read/file": READABLE, "read/denied": DENIED, "read/.env": DENIED,
    "read/new": row("ENOENT", "ENOENT", "EACCES", "EACCES"),
    "work/file": row("", "", "", "EEXIST"), "work/denied": DENIED, "work/hidden": HIDDEN,
    "work/kept": READABLE, "work/keptdir/file": READABLE,
    "work/keptdir/new": row("ENOENT", "ENOENT", "EACCES", "EACCES"),
    "work/sub/.env": DENIED,
    "work/.env": DENIED,
    "work/new.env": row("ENOENT", "ENOENT", "", "EEXIST"),
    # That a name is taken is told before any right is asked for.
    "outside/file": row("EACCES", "EACCES", "EACCES", "EEXIST"),
}


def untouched(directory):
    """Every file that was not to be written has its text, and nothing new is there."""
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        if path.is_file() and not name.endswith(".yaml") and name not in ("work/file",
                                                                          "work/new.env"):
            equal(path.read_text(), f"{name}\n")
    for name in ("read/new", "work/keptdir/new", "work/.env"):
        true(not (directory / name).exists(), name)


@cases([(call,) for call in CALLS])
def family(directory, call):
    tree(directory)
    argument = json.dumps([CALLS[call], [f"{directory}/{name}" for name in MATRIX], FLAGS])
    got = dict(zip(MATRIX, inside(directory, RULES, CODE, argument)))
    different = [f"{name} {key}: got {got[name][key] or 'success'}, wanted {errno or 'success'}"
                 for name, wanted in MATRIX.items() for key, errno in wanted.items()
                 if got[name][key] != errno]
    equal(different, [], "\n".join(["", *different]))
    untouched(directory)


@case
def creat(directory):
    tree(directory)
    errnos(directory, RULES, {
        "call(85, 56, b'work/file', 0o644) if X86 else None": "",
        **{f"call(85, 56, b'{name}', 0o644) if X86 else write('{name}')": errno
           for name, errno in (("work/denied", "EACCES"), ("work/hidden", "ENOENT"),
                               ("work/kept", "EACCES"), ("work/keptdir/new", "EACCES"),
                               ("read/file", "EACCES"), ("outside/file", "EACCES"))}})
    untouched(directory)


@case
def the_kernel_alone(directory):
    """A policy without guarded rules mediates no open; its grants hold all the same."""
    tree(directory)
    errnos(directory, PLAIN, {
        "read('read/file')": "", "write('work/file')": "", "write('read/file')": "EACCES",
        "read('outside/file')": "EACCES", "os.truncate('read/file', 0)": "EACCES",
        "os.listdir('read')": "", "os.listdir('outside')": "EACCES", "os.stat('outside/file')": "",
        "os.open('read/file', os.O_RDONLY | os.O_TRUNC)": "EACCES",
        "write('outside/new')": "EACCES"})
    untouched(directory)


@case
def content(directory):
    tree(directory)
    equal(inside(directory, RULES, "say(read('read/file').decode()); say(read('work/kept').decode())"),
          ["read/file\n", "work/kept\n"])


@case
def patterns_hold_for_names_that_appear_later(directory):
    tree(directory)
    errnos(directory, RULES, {
        "os.makedirs('work/a/b')": "",
        "write('work/a/b/.env')": "EACCES",
        "write('work/a/b/x')": "",
        "os.rename('work/a/b/x', 'work/a/b/.env')": "EACCES",
        "os.link('work/a/b/x', 'work/a/b/.env')": "EACCES",
        "os.symlink('x', 'work/a/b/.env')": "EACCES",
        "os.mkdir('work/a/b/.env')": "EACCES",
        "os.mkfifo('work/a/b/.env')": "EACCES",
        "os.rename('work/sub/.env', 'work/sub/seen')": "EACCES",
        "os.link('work/sub/.env', 'work/sub/seen')": "EACCES",
        "os.unlink('work/sub/.env')": "EACCES"})
    true(not (directory / "work/a/b/.env").exists())
    true(not (directory / "work/sub/seen").exists())
    equal((directory / "work/sub/.env").read_text(), "work/sub/.env\n")


@case
def a_file_that_appears_during_the_run(directory):
    """Made from outside at a denied name, after the start."""
    tree(directory)
    (directory / "work/denied").unlink()
    code = "input(); say([e(read, 'work/denied'), e(read, 'read/later/.env')])"
    script = ["-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c",
              PRELUDE + "say('up')\n" + code]
    with start("--no-hint", *script, cwd=directory, stdin=subprocess.PIPE,
               stdout=subprocess.PIPE) as process:
        equal(process.stdout.readline(), b'"up"\n')
        (directory / "work/denied").write_text("new\n")
        (directory / "read/later").mkdir()
        (directory / "read/later/.env").write_text("new\n")
        out, _ = process.communicate(b"\n", HANG)
        equal(json.loads(out), ["EACCES", "EACCES"])


@case
def temporary_file_without_a_name(directory):
    tree(directory)
    code = """
def publish(directory, path):
    fd = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"from nowhere")
    call(265, 37, -100, f"/proc/self/fd/{fd}".encode(), -100, path.encode(), 0x400)
for arguments in ("work", "work/published"), ("work", "work/.env"), ("work", "work/keptdir/new"), \\
        ("work/keptdir", "work/x"), ("read", "read/x"):
    say(e(publish, *arguments))
"""
    equal(inside(directory, RULES, code), ["", "EACCES", "EACCES", "EACCES", "EACCES"])
    equal((directory / "work/published").read_text(), "from nowhere")
    untouched_names = [(directory / name).exists() for name in ("work/x", "read/x", "work/.env",
                                                               "work/keptdir/new")]
    equal(untouched_names, [False] * 4)


@case
def modes_and_umask(directory):
    tree(directory)
    code = """
for mask in 0, 0o022, 0o077:
    os.umask(mask)
    for mode in 0o600, 0o755, 0o666, 0o1777, 0o4755:
        path = f"work/m{mask:o}.{mode:o}"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, mode))
        os.mkdir(path + ".d", mode)
        os.mkfifo(path + ".p", mode)
        say([oct(os.lstat(path + end).st_mode) for end in ("", ".d", ".p")])
"""
    within = inside(directory, RULES, code)
    for path in (directory / "work").glob("m*"):
        path.rmdir() if path.is_dir() else path.unlink()
    equal(within, bare(directory, code))


@case
def close_on_exec_and_status_flags(directory):
    tree(directory)
    code = """
for flags in (0, os.O_CLOEXEC, os.O_APPEND | os.O_WRONLY, os.O_NONBLOCK, os.O_RDWR | os.O_SYNC,
              os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, os.O_NOATIME):
    fd = call(257, 56, -100, b"work/file", flags, 0)
    say([fcntl.fcntl(fd, fcntl.F_GETFD), fcntl.fcntl(fd, fcntl.F_GETFL), fd])
    os.close(fd)
"""
    equal(inside(directory, RULES, code), bare(directory, code))


@case
def full_descriptor_table(directory):
    """EMFILE leaves no file behind; what is denied stays so; it recovers."""
    tree(directory)
    code = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
fds = []
while True:
    try:
        fds.append(os.dup(0))
    except OSError:
        break
exclusive = os.O_WRONLY | os.O_CREAT | os.O_EXCL
result = [e(os.open, "work/made", exclusive), e(os.open, "read/file", os.O_RDONLY),
          e(os.open, "work/denied", os.O_RDONLY)]
os.close(fds.pop())
say(result[:2] + [result[2] in ("EMFILE", "EACCES")])
say([e(os.open, "work/denied", os.O_RDONLY), e(os.open, "work/again", exclusive)])
"""
    equal(inside(directory, RULES, code), [["EMFILE", "EMFILE", True], ["EACCES", ""]])
    true(not (directory / "work/made").exists())
    true((directory / "work/again").exists())


if __name__ == "__main__":
    sys.exit(main())
