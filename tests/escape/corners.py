#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Odd ways to a denied file: each reaches it without cordon, none does inside."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import (HANG, PRELUDE, PYTHON, Skip, bare, case, cases, equal, inside, main,  # noqa: E402
                  policy, start, true)

RULES = """
filesystem:
  write: [$D/work]
  deny: [$D/work/secret, $D/work/vault]
  hide: [$D/work/ghost]
"""


def tree(directory):
    for folder in ("work/vault/inner", "work/room"):
        (directory / folder).mkdir(parents=True)
    for file in ("work/secret", "work/ghost", "work/vault/key", "work/room/file"):
        (directory / file).write_text("text")
    (directory / "work/up").symlink_to("vault/inner/..")
    (directory / "work/toself").symlink_to("/proc/self/cwd/work")


# What yields "text" when it succeeds. `at` opens below a directory of the caller.
WAYS = {
    "4095 bytes": "read(('./' * 2048 + 'work/secret')[-4095:])",
    "behind slashes": "read('work' + '/' * 4084 + 'secret')",
    "a link into the caller's own procfs": "read('work/toself/secret')",
    "a link through a denied directory and back": "read('work/up/../room/file')",
    "out of the directory of another thread": "thread_in('work/room', '../secret')",
    "the root of a namespace of the caller": "read(f'/proc/{os.getpid()}/root{TOP}/work/secret')",
    "a relative path from a directory that moved": "moved('work/room', 'work/elsewhere')",
    "a relative path from a directory that is gone": "gone('work/empty')",
    "a descriptor that was opened to write": "again('work/room/file')",
    "beneath": "openat2('work', 'secret', 0x08)",
    "as below a root": "openat2('work', '/secret', 0x10)",
    "below a root, and up": "openat2('work/room', '/../../../secret', 0x10, 'work/secret')",
    "without links": "openat2('.', 'work/secret', 0x04)",
    "on one file system": "openat2('.', 'work/vault/../secret', 0x01)",
    "a second name": "beside('work/secret')",
    "two threads that share nothing": "unshared('work/secret')",
    "exchanged with an open file": "exchanged('work/room/file', 'work/secret')",
    "its directory exchanged": "exchanged('work/room', 'work/vault', '/key')",
    "memory that ends behind the name": "at_the_end(b'work/secret')",
}
CODE = r"""
TOP = os.getcwd()
def text(fd):
    with os.fdopen(fd, "rb") as file: return file.read()
def openat2(start, path, resolve, other=None):
    fd = os.open(start, os.O_PATH)
    if other and e(call, 437, 437, fd, path.encode(), how(0, 0, resolve), 24) == "ENOENT":
        return read(other)  # the root held: nothing above it was reached
    return text(call(437, 437, fd, path.encode(), how(0, 0, resolve), 24))
def in_thread(function):
    out = []
    def work():
        try: out.append(function())
        except OSError as error: out.append(error)
    thread = threading.Thread(target=work); thread.start(); thread.join()
    if isinstance(out[0], OSError): raise out[0]
    return out[0]
def thread_in(place, path):
    def work():
        libc.unshare(0x200)  # CLONE_FS
        os.chdir(place)
        return read(path)
    return in_thread(work)
def unshared(path):
    def work():
        libc.unshare(0x600)  # CLONE_FS, CLONE_FILES: other directories, other numbers
        fd = os.open(os.path.dirname(path), os.O_PATH)
        return text(os.open(os.path.basename(path), os.O_RDONLY, dir_fd=fd))
    return in_thread(work)
def moved(old, new):
    fd = os.open(old, os.O_PATH)
    os.rename(old, new)
    try: return text(os.open("../secret", os.O_RDONLY, dir_fd=fd))
    finally: os.rename(new, old)
def gone(path):
    os.mkdir(path)
    fd = os.open(path, os.O_PATH)
    os.rmdir(path)
    return text(os.open("../secret", os.O_RDONLY, dir_fd=fd))
def again(path):
    fd = os.open(path, os.O_WRONLY)
    call(316, 276, -100, path.encode(), -100, b"work/secret", 2)
    try: return text(os.open("work/room/file", os.O_RDONLY))
    finally: call(316, 276, -100, path.encode(), -100, b"work/secret", 2)
def exchanged(one, two, behind=""):
    call(316, 276, -100, one.encode(), -100, two.encode(), 2)
    try: return read(one + behind)
    finally: call(316, 276, -100, one.encode(), -100, two.encode(), 2)
def beside(path):
    os.link(path, path + ".beside")
    try: return read(path + ".beside")
    finally: os.unlink(path + ".beside")
def at_the_end(path):
    libc.mmap.restype = ctypes.c_void_p
    page = libc.mmap(None, ctypes.c_size_t(8192), 3, 0x22, -1, ctypes.c_size_t(0))
    libc.mprotect(ctypes.c_void_p(page + 4096), ctypes.c_size_t(4096), 0)
    place = page + 4096 - len(path) - 1
    ctypes.memmove(place, path + b"\0", len(path) + 1)
    return text(call(257, 56, -100, ctypes.c_void_p(place), 0))
for way in json.loads(sys.argv[1]):
    found = []
    say([e(lambda: found.append(eval(way).decode())), found])
"""
SLOTS = json.dumps(list(WAYS.values()))


@case
def odd_ways(directory):
    tree(directory)
    got = inside(directory, RULES, CODE, SLOTS, flags=("--no-hint",))
    reached = [name for name, (_, found) in zip(WAYS, got) if found]
    equal(reached, [], "reached the file")
    wrong = [(name, errno) for name, (errno, _) in zip(WAYS, got) if errno != "EACCES"]
    equal(wrong, [])
    equal(sorted(os.listdir(directory / "work")),
          ["ghost", "room", "secret", "toself", "up", "vault"])
    without = [name for name, (_, found) in zip(WAYS, bare(directory, CODE, SLOTS))
               if found != ["text"]]
    equal(without, [], "these reach nothing without cordon either")


PROC = """
pid = json.loads(input())
found = []
for name in "environ", "mem", "maps", "fd/0", "cwd/work/room/file", "root/etc/passwd", "exe":
    path = f"/proc/{pid}/{name}"
    found.append([name, e(lambda: os.read(os.open(path, os.O_RDONLY), 1)) == ""])
for name in "fd/0", "cwd", "root", "exe":
    path = f"/proc/{pid}/{name}"
    found.append(["readlink " + name, e(os.readlink, path) == ""])
    found.append(["stat " + name, e(os.stat, path) == ""])
for name in "fd", "fdinfo", "map_files", "task":
    found.append(["list " + name, e(os.listdir, f"/proc/{pid}/{name}") == ""])
say([name for name, succeeded in found if succeeded])
"""


PLAIN = "filesystem:\n  write: [$D/work]\n"


@cases([("guarded", RULES), ("kernel", PLAIN)])
def procfs_of_the_supervisor(directory, _name, rules):
    tree(directory)
    code = PRELUDE + PROC
    arguments = ["-p", policy(directory, rules), PYTHON, "-I", "-S", "-c", code]
    with start("--no-hint", *arguments, cwd=directory, stdin=subprocess.PIPE,
               stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(f"{process.pid}\n".encode(), HANG)
    names = json.loads(out)
    # KERNEL(6.17): CAP_PERFMON, which root keeps, is enough to see these of every process.
    known = ["environ", "maps", "list map_files"] if os.getuid() == 0 else []
    # That there are threads and descriptors, by number, is told by the kernel.
    known += ["list fd", "list task"]
    equal([name for name in names if name not in (known if rules is PLAIN else ["list task"])], [])
    # Without cordon a process of the same user shows all of this.
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, cwd=directory) as sleeper:
        try:
            done = subprocess.run([PYTHON, "-I", "-S", "-c", code], stdout=subprocess.PIPE,
                                  input=f"{sleeper.pid}\n".encode(), check=True, timeout=HANG)
        finally:
            sleeper.kill()
    shown = set(json.loads(done.stdout))
    for name in ("environ", "maps", "fd/0", "readlink cwd", "stat exe", "list fd"):
        true(name in shown, (name, shown))


CHROOT = """
say(e(os.chroot, "work"))
os.chdir("/")
for path in "/secret", "secret", "../secret", "/../../secret", "vault/key", "/up/../secret", "/ghost":
    say(e(read, path))
say(e(call, 437, 437, -100, b"/secret", how(0, 0, 4), 24))
say(e(read, "room/file"))
"""


@case
def below_another_root(directory):
    """chroot can be re-admitted: the same objects lie at other paths then."""
    if os.getuid() != 0:
        raise Skip("chroot needs root")
    tree(directory)
    got = inside(directory, RULES + "syscalls:\n  allow: [chroot]\n", CHROOT, flags=("--no-hint",))
    equal(got[0], "")
    equal([errno for errno in got[1:-1] if errno not in ("EACCES", "ENOENT")], [])
    equal(got[-1], "")
    control = bare(directory, CHROOT)
    equal(set(control), {""})


if __name__ == "__main__":
    sys.exit(main())
