#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mediate everything, allow everything: the same answers as without cordon."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from live import HANG, PYTHON, Skip, bare, cases, equal, inside, main, policy, run, true

ALL = """
filesystem:
  read: [/]
  write: [$D]
"""
# The same, where a rule that is never met makes the calls mediated instead of `--trace`.
GUARDED = ALL + "  deny: [$D/never/met]\n  protect: ['$D/never/kept/**']\n"

OPERATIONS = r"""
"read('file')"; "read('missing')"; "read('')"; "read('file/')"; "read('file/x')"; "read('dir')"
"read('loop')"; "read('dangling')"; "read('link')"; "read('dirlink/inner')"; "read('x' * 256)"
"read('x/' * 2048 + 'x')"; "os.listdir('dir')"; "os.listdir('file')"; "read('dir/../file')"
"read('missing/../file')"; "read('file/../file')"; "os.open('dir', os.O_WRONLY)"
"os.open('dir', os.O_RDONLY | os.O_CREAT)"; "os.open('dir/', os.O_RDONLY | os.O_CREAT)"
"os.open('new/', os.O_WRONLY | os.O_CREAT)"; "os.open('file', os.O_RDONLY | os.O_DIRECTORY)"
"os.open('link', os.O_RDONLY | os.O_NOFOLLOW)"; "os.open('file', os.O_CREAT | os.O_EXCL)"
"os.open('dangling', os.O_CREAT | os.O_EXCL)"; "os.open('loop', os.O_CREAT | os.O_WRONLY)"
"os.open('fifo', os.O_WRONLY | os.O_NONBLOCK)"; "os.open('file', 3)"
"os.open('dir', os.O_TMPFILE)"; "os.open('file', os.O_TMPFILE | os.O_RDWR)"
"os.open('x', os.O_RDONLY, dir_fd=999)"
"os.open('noread', os.O_RDONLY)"; "os.open('dir', os.O_CREAT | os.O_DIRECTORY)"
"call(257, 56, -100, 0, 0)"; "call(257, 56, -100, 8, 0)"; "call(257, 56, -100, b'file', -1)"
"call(257, 56, 0xffffff9c, b'file', 0)"; "call(257, 56, -100, b'file', 1 << 40)"
"call(437, 437, -100, b'file', how(0), 24)"; "call(437, 437, -100, b'file', how(0), 23)"
"call(437, 437, -100, b'file', how(0, 0o644), 24)"; "call(437, 437, -100, b'file', how(1 << 40), 24)"
"call(437, 437, -100, b'/etc', how(0, 0, 8), 24)"; "call(437, 437, -100, b'link', how(0, 0, 4), 24)"
"call(437, 437, -100, b'../x', how(0, 0, 8), 24)"; "call(437, 437, -100, b'file', how(0, 0, 1 << 20), 24)"
"call(437, 437, -100, b'file', how(0, 0, 24), 24)"; "call(437, 437, -100, b'new', how(0o101, 0o10644), 24)"
"call(437, 437, -100, b'file', 0, 24)"; "call(437, 437, -100, b'file', how(0), 5000)"
"os.mkdir('dir')"; "os.mkdir('file')"; "os.mkdir('dangling')"; "os.mkdir('missing/x')"; "os.mkdir('.')"
"os.mkdir('file/x')"; "os.mkdir('made/')"; "os.mkdir('/')"; "os.mkdir('')"; "os.mkdir('dir/..')"
"os.rmdir('dir')"; "os.rmdir('file')"; "os.rmdir('made')"; "os.rmdir('.')"; "os.rmdir('dir/.')"
"os.rmdir('dir/..')"; "os.rmdir('dirlink')"; "os.rmdir('/')"; "os.rmdir('missing')"
"os.unlink('dir')"; "os.unlink('missing')"; "os.unlink('file/')"; "os.unlink('.')"
"call(263, 35, -100, b'file', 1)"; "os.unlink('dangling2')"; "os.unlink('')"
"os.rename('file', 'file')"; "os.rename('file', 'dir')"; "os.rename('dir', 'file')"; "os.rename('dir', 'dir/x')"
"os.rename('missing', 'x')"; "os.rename('file', 'missing/x')"; "os.rename('.', 'x')"; "os.rename('dir/..', 'x')"
"os.rename('file', 'x/')"; "os.rename('dir', 'moved/')"; "os.rename('moved', 'dir')"; "os.rename('', 'x')"
"os.rename('dir/inner', 'dir')"; "os.rename('hard', 'file')"; "os.rename('file', 'dirlink/inner2')"
"os.rename('dir/inner2', 'file')"; "call(316, 276, -100, b'file', -100, b'link', 1)"
"call(316, 276, -100, b'file', -100, b'missing', 2)"; "call(316, 276, -100, b'file', -100, b'dir', 2)"
"call(316, 276, -100, b'file', -100, b'dir', 2) "; "call(316, 276, -100, b'file', -100, b'x', 3)"
"call(316, 276, -100, b'file', -100, b'x', 64)"
"os.link('file', 'link')"; "os.link('dir', 'x')"; "os.link('missing', 'x')"; "os.link('file', 'missing/x')"
"os.link('file', 'x/')"; "os.link('link', 'linked')"; "call(265, 37, -100, b'link', -100, b'followed', 0x400)"
"call(265, 37, -100, b'dangling', -100, b'f2', 0x400)"; "call(265, 37, -100, b'file', -100, b'f3', 2)"
"os.symlink('', 'x')"; "os.symlink('x', 'file')"; "os.symlink('x', 'missing/x')"; "os.symlink('x', 'sym/')"
"os.symlink('x' * 5000, 'x')"; "os.symlink('x', '')"; "os.symlink('anything', 'sym')"; "os.readlink('sym')"
"os.mknod('file')"; "os.mknod('node', 0o100600)"; "os.mknod('d', 0o40755)"; "os.mkfifo('fifo')"; "os.mkfifo('')"
"os.truncate('file', 2)"; "os.truncate('file', -1)"; "os.truncate('dir', 0)"; "os.truncate('missing', 0)"
"os.truncate('fifo', 0)"; "os.truncate('dangling', 0)"; "os.truncate('link', 1)"
"os.chmod('missing', 0o600)"; "os.chmod('file', 0o644)"; "os.chmod('dangling', 0)"; "os.fchmod(999, 0)"
"call(452, 452, -100, b'link', 0o600, 0x100)"
"call(452, 452, -100, b'file', 0o600, 1)"; "os.chown('missing', -1, -1)"; "os.chown('file', -1, -1)"
"os.fchown(999, -1, -1)"; "os.lchown('dangling', -1, -1)"; "os.utime('missing')"; "os.utime('file', (1, 2))"
"os.utime('dangling')"; "os.utime(os.open('file', os.O_RDONLY), (3, 4))"; "os.utime('dir')"
"call(280, 88, -100, 0, 0, 0)"; "call(280, 88, -100, b'file', (ctypes.c_long * 4)(0, 2000000000, 0, 0), 0)"
"call(280, 88, -100, b'file', (ctypes.c_long * 4)(0, 0x3fffffff, 0, 0x3ffffffe), 0)"
"os.setxattr('missing', 'user.x', b'1')"; "os.setxattr('file', 'x', b'1')"; "os.removexattr('file', 'user.none')"
"os.setxattr('fifo', 'user.x', b'1')"; "os.getxattr('file', 'user.none')"; "os.listxattr('missing')"
"""
CODE = """
import json
import os
import shutil
def show(text):
    error = ""
    before = len(os.listdir("/proc/self/fd"))
    try:
        value = eval(text)
    except OSError as caught:
        error = errno_name(caught.errno)
        value = None
    if isinstance(value, int) and not isinstance(value, bool) and value > 2:
        flags = fcntl.fcntl(value, fcntl.F_GETFL)
        os.close(value)
        value = ["fd", flags]
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, list) and value and value[0] != "fd":
        value = sorted(value)
    say([text, error, value])
for text in json.loads(sys.argv[1]):
    show(text)
import stat as s
def walk(top):
    for name in sorted(os.listdir(top)):
        path = top + "/" + name
        st = os.lstat(path)
        say([path, oct(st.st_mode), st.st_nlink, st.st_size if not s.S_ISDIR(st.st_mode) else 0,
             st.st_uid, st.st_gid, os.readlink(path) if s.S_ISLNK(st.st_mode) else ""])
        if s.S_ISDIR(st.st_mode):
            walk(path)
walk(".")
"""


def tree(directory):
    if directory.exists():
        shutil.rmtree(directory)
    (directory / "dir").mkdir(parents=True)
    (directory / "file").write_text("some text\n")
    (directory / "dir/inner").write_text("inner\n")
    (directory / "noread").write_text("")
    (directory / "noread").chmod(0o200)
    (directory / "hard").hardlink_to(directory / "file")
    for name, target in (("link", "file"), ("dirlink", "dir"), ("dangling", "nowhere"),
                         ("dangling2", "nowhere"), ("loop", "loop")):
        (directory / name).symlink_to(target)
    os.mkfifo(directory / "fifo")


@cases([("trace", ALL, ("--trace",)), ("guarded", GUARDED, ()),
        ("guarded, traced", GUARDED, ("--trace",))])
def same_as_native(directory, _name, rules, flags):
    operations = json.dumps([part.strip()[1:-1] for line in OPERATIONS.strip().splitlines()
                             for part in line.split("; ")])
    place = directory / "place"
    tree(place)
    native = bare(place, CODE, operations)
    tree(place)
    within = inside(directory, rules, "os.chdir('place')\n" + CODE, operations, flags=flags)
    different = [f"{got[0]}: got {got[1:]}, native {wanted[1:]}"
                 for got, wanted in zip(within, native) if got != wanted]
    equal(different, [], "\n".join(["", *different]))
    equal(len(within), len(native))
    true(len(native) > 150, len(native))


RANDOM = pathlib.Path(__file__).resolve().with_name("random_calls.py")
# A pattern that no name matches: every call is judged by the path that it leads to.
PATTERN = ALL + "  hide: ['**/*.no-such-suffix']\n"
NOBODY = 65534


def random_calls(directory, words, seed, prefix):
    """Runs the calls in a new directory: what was seen."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    if words:
        os.chown(directory, NOBODY, NOBODY)
    command = [*words, PYTHON, "-I", "-S", RANDOM, str(seed), "1500"]
    result = prefix(directory, command)
    for top, names, _ in os.walk(directory):
        for name in names:
            path = os.path.join(top, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755)
    return result


def run_bare(directory, command):
    return subprocess.run(command, cwd=directory, timeout=HANG, stdout=subprocess.PIPE, check=True,
                          stdin=subprocess.DEVNULL).stdout.decode().splitlines()


@cases([("own", (), 1), ("own again", (), 2),
        ("others", ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"), 3),
        ("real", ("setpriv", f"--ruid={NOBODY}", f"--rgid={NOBODY}", "--clear-groups"), 4),
        ("effective", ("setpriv", f"--euid={NOBODY}", f"--egid={NOBODY}", "--clear-groups"), 5)])
def random_calls_as_native(directory, _name, words, seed):
    """With the ids of the one who started it, and with ids that the program took later."""
    if words and os.geteuid() != 0:
        raise Skip("other ids need CAP_SETUID")
    directory.chmod(0o755)
    file = policy(directory, PATTERN)

    def within(place, command):
        result = run("--no-hint", "-p", file, *command, cwd=place)
        true(result.status == 0, result)
        return result.out.decode().splitlines()

    native = random_calls(directory / "work", words, seed, run_bare)
    got = random_calls(directory / "work", words, seed, within)
    equal(len(native), 1500)
    different = [f"got {a}\nnative {b}" for a, b in zip(got, native) if a != b]
    equal(different, [], "\n".join(["", *different]))


if __name__ == "__main__":
    sys.exit(main())
