#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Descriptors that were opened for the program: what it does with them is what it does natively,
and nothing of them stays with the supervisor."""
import os
import subprocess
import sys

from live import (HANG, PRELUDE, PYTHON, bare, case, equal, errnos, inside, main, policy, run, start,
                  true)

RULES = """
filesystem:
  read: [$D]
  write: [$D/work]
  deny: [$D/work/denied]
  hide: [$D/work/hidden]
"""

EVERYTHING = """
filesystem:
  read: [$D]
  write: [$D/place]
  hide: ["**/*.no-such-suffix"]
"""


def tree(directory):
    (directory / "work/sub").mkdir(parents=True)
    (directory / "file").write_text("read\n")
    (directory / "work/file").write_text("some text\n")
    for name in "denied", "hidden":
        (directory / "work" / name).write_text("secret\n")
    os.mkfifo(directory / "work/fifo")


def as_native(directory, code, count, *arguments):
    """The code says the same inside and outside, and as many lines as it should."""
    tree(directory / "native")
    native = bare(directory / "native", code, *arguments)
    tree(directory / "place")
    got = inside(directory, EVERYTHING, "os.chdir('place')\n" + code, *arguments)
    equal(got, native)
    equal(len(native), count)


@case
def locks(directory):
    """Of both kinds and of whole files: held against others, seen by them, gone at the close."""
    code = """
import struct
def other(function):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(w, e(function).encode() or b"-")
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(w)
    answer = os.read(r, 100).decode()
    os.close(r)
    return answer
def fresh(): return os.open("work/file", os.O_RDWR)
def ofd(fd, kind):
    fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", kind, 0, 0, 0, 0))
def now(function):
    return lambda fd, kind: function(fd, kind if kind == fcntl.LOCK_UN else kind | fcntl.LOCK_NB)
for lock in now(fcntl.lockf), now(fcntl.flock):
    fd = fresh()
    lock(fd, fcntl.LOCK_EX)
    say([other(lambda: lock(fresh(), fcntl.LOCK_EX)), other(lambda: lock(fresh(), fcntl.LOCK_SH))])
    lock(fd, fcntl.LOCK_UN)
    say(other(lambda: lock(fresh(), fcntl.LOCK_EX)))
    lock(fd, fcntl.LOCK_SH)
    say([other(lambda: lock(fresh(), fcntl.LOCK_EX)), other(lambda: lock(fresh(), fcntl.LOCK_SH))])
    os.close(fd)
    say(other(lambda: lock(fresh(), fcntl.LOCK_EX)))
fd = fresh()
ofd(fd, fcntl.F_WRLCK)
say([other(lambda: ofd(fresh(), fcntl.F_WRLCK)), e(ofd, fresh(), fcntl.F_RDLCK)])
os.close(fd)
say(other(lambda: ofd(fresh(), fcntl.F_WRLCK)))
"""
    as_native(directory, code, 10)


@case
def copying_and_mapping(directory):
    code = """
import mmap
a, b = os.open("work/file", os.O_RDWR), os.open("work/copy", os.O_RDWR | os.O_CREAT, 0o600)
say([os.copy_file_range(a, b, 4), os.sendfile(b, a, 4, 3), os.pread(b, 100, 0).decode()])
r, w = os.pipe()
say([os.splice(a, w, 5, offset_src=0), os.splice(r, b, 5), os.pread(b, 100, 0).decode()])
os.posix_fallocate(b, 0, 8192)
with mmap.mmap(b, 8192) as map:
    map[4096:4100] = b"here"
    map.flush()
say([os.pread(b, 4, 4096).decode(), os.fstat(b).st_size, os.lseek(b, 0, os.SEEK_DATA)])
private = mmap.mmap(a, 4, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
private[0:4] = b"XXXX"
say(os.pread(a, 4, 0).decode())
only = os.open("work/file", os.O_RDONLY)
say([e(os.write, only, b"x"), e(lambda: mmap.mmap(only, 4)), e(os.ftruncate, only, 0),
     e(os.read, os.open("work/file", os.O_WRONLY), 1)])
append = os.open("work/file", os.O_WRONLY | os.O_APPEND)
os.write(append, b"end")
say([os.lseek(append, 0, os.SEEK_CUR), os.pread(a, 100, 0).decode()])
say([os.pread(os.dup(a), 2, 1).decode(), os.lseek(a, 5, os.SEEK_SET), os.lseek(os.dup(a), 0, 1)])
"""
    as_native(directory, code, 7)


@case
def a_program_runs_as_soon_as_it_is_written(directory):
    """Whoever has just written and closed a program executes it: nobody else has it open."""
    tree(directory)
    code = """
import shutil, subprocess
def work(i):
    for turn in range(50):
        path = f"work/{i}.{turn}"
        shutil.copy("/bin/true", path)
        pid = os.posix_spawn(path, [path], {})
        say(os.waitpid(pid, 0)[1])
        os.unlink(path)
pids = []
for i in range(4):
    pids.append(os.fork())
    if pids[-1] == 0:
        try:
            work(i)
        finally:
            os._exit(0)
for pid in pids: os.waitpid(pid, 0)
"""
    equal(inside(directory, RULES + "  exec: [/usr, /bin, /lib, /lib64, $D/work]\n", code), [0] * 200)


@case
def ends_of_pipes(directory):
    """The reader of a FIFO sees the end as soon as its writer has closed it, and a writer that its
    reader has gone."""
    code = """
import signal
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
for turn in range(50):
    pid = os.fork()
    if pid == 0:
        write("work/fifo", b"x" * turn)
        os._exit(0)
    say(len(read("work/fifo")))
    os.waitpid(pid, 0)
fd = os.open("work/fifo", os.O_RDONLY | os.O_NONBLOCK)
other = os.open("work/fifo", os.O_WRONLY)
os.close(fd)
say(e(os.write, other, b"x"))
"""
    as_native(directory, code, 51)


@case
def size_limit(directory):
    """RLIMIT_FSIZE is the program's: EFBIG and SIGXFSZ, for what would grow and for nothing else."""
    code = """
import resource, signal
got = []
signal.signal(signal.SIGXFSZ, lambda *_: got.append("SIGXFSZ"))
write("work/long", b"x" * 2000)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
def attempt(function, *arguments):
    error = e(function, *arguments)
    for i in range(10): pass
    say([error, got[:]])
    got.clear()
attempt(os.truncate, "work/file", 1000)
attempt(os.truncate, "work/file", 1001)
attempt(os.truncate, "work/long", 1500)
attempt(os.truncate, "work/long", 1600)
attempt(os.truncate, "work/missing", 5000)
attempt(os.truncate, "work/sub", 5000)
attempt(os.truncate, "work/fifo", 5000)
fd = os.open("work/new", os.O_RDWR | os.O_CREAT)
attempt(os.ftruncate, fd, 1001)
attempt(os.pwrite, fd, b"x", 1000)
say([os.stat("work/" + name).st_size for name in ("file", "long", "new")])
"""
    as_native(directory, code, 10)


@case
def default_acl(directory):
    """The umask counts unless the directory has a default ACL: that is the kernel's to say."""
    code = """
import struct
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in (
    (1, 7, 0xffffffff), (4, 6, 0xffffffff), (0x20, 5, 0xffffffff)))
say(e(os.setxattr, "work/sub", "system.posix_acl_default", ACL))
os.chmod("work/sub", 0o2775)
for mask in 0o077, 0o022, 0:
    os.umask(mask)
    for where in "work", "work/sub":
        name = f"{where}/{mask:o}"
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o666))
        os.mkdir(name + "d", 0o777)
        os.mkfifo(name + "f", 0o666)
        os.close(os.open(where, os.O_TMPFILE | os.O_RDWR, 0o666))
        say([oct(os.stat(name + end).st_mode) for end in ("", "d", "f")])
"""
    as_native(directory, code, 7)


@case
def bad_addresses(directory):
    """EFAULT where the kernel gives it, for paths, for structures and for results."""
    code = """
import mmap
page = mmap.mmap(-1, 3 * 4096)
base = ctypes.addressof(ctypes.c_char.from_buffer(page))
libc.munmap(ctypes.c_void_p(base + 4096), 4096)
read_only = base + 8192
libc.mprotect(ctypes.c_void_p(read_only), 4096, 1)
page[4096 - 10:4096] = b"work/file\\0"
edge, cut, nothing = base + 4096 - 10, base + 4096 - 4, base + 4096
for path in edge, cut, nothing, 0, 1, -4096:
    say([e(lambda: os.close(call(257, 56, -100, path, 0))), e(call, 262, 79, -100, path, bytes(256), 0),
         e(call, 258, 34, -100, path, 0o700), e(call, 263, 35, -100, path, 0),
         e(call, 316, 276, -100, path, -100, b"work/x", 0), e(call, 316, 276, -100, b"work/y", -100, path, 0),
         e(call, 266, 36, path, -100, b"file/x"), e(call, 439, 439, -100, path, 0, 0),
         e(call, 76, 45, path, 0)])
    write("work/file", b"again")
for result in nothing, read_only, nothing - 10, 0:
    say([e(call, 262, 79, -100, b"work/file", result, 0), e(call, 332, 291, -100, b"work/file", 0, 0xfff, result),
         e(call, 137, 43, b"work/file", result), e(call, 267, 78, -100, b"/proc/self/cwd", result, 200)])
    fd = os.open("work", os.O_RDONLY)
    say(e(call, 217, 61, fd, result, 4096))
    os.close(fd)
say(e(call, 437, 437, -100, b"work/file", nothing, 24))
say(e(call, 280, 88, -100, b"work/file", nothing, 0))
say(e(call, 188, 5, b"work/file", b"user.x", nothing, 10, 0))
say(e(call, 191, 8, b"work/file", nothing, 0, 0))
"""
    as_native(directory, code, 6 + 8 + 4)


@case
def standard_streams(directory):
    """/dev/stdin, /dev/stdout, /dev/fd and what a shell makes of them are the program's own."""
    tree(directory)
    file = policy(directory, RULES)
    code = ("cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr; echo three 3>&1 >/dev/fd/3; "
            "cat <(echo one) <(cat file); exec 5<file; cat /proc/self/fd/5; cat </dev/fd/5; "
            "cat work/denied; cat work/hidden")
    result = run("--no-hint", "-p", file, "bash", "-c", code, cwd=directory, stdin=b"in\n")
    equal(result.out, b"in\nout\nthree\none\nread\nread\nread\n", result)
    true(b"err\n" in result.err and b"secret" not in result.out + result.err, result)
    # Without a terminal of its own there is none, whatever cordon's is.
    errnos(directory, RULES, {"os.setsid() if os.getpgrp() != os.getpid() else 0": "",
                              "os.open('/dev/tty', os.O_RDWR)": "ENXIO"}, start_new_session=True)


@case
def terminals(directory):
    """A session leader opens a terminal: it becomes nobody's, above all not cordon's, until the
    program asks for it."""
    tree(directory)
    code = """
import termios
os.setsid()
master, slave = os.openpty()
name = os.ttyname(slave)
os.close(slave)
slave = os.open(name, os.O_RDWR)
def own(): return open("/proc/self/stat").read().rsplit(")", 1)[1].split()[4] != "0"
before = own()
say([os.isatty(slave), before, e(fcntl.ioctl, slave, termios.TIOCSCTTY, 0), own()])
sys.stdin.readline()
"""
    with start("--no-hint", "-p", policy(directory, RULES), "-p", "pty", PYTHON, "-I", "-S", "-c",
               PRELUDE + "pid = os.fork()\nif pid: os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n" + code,
               cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
               start_new_session=True) as process:
        answer = process.stdout.readline()
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            equal(file.read().rsplit(")", 1)[1].split()[4], "0")
        process.stdin.write("\n")
        process.stdin.close()
        equal(process.wait(HANG), 0)
    equal(answer, "[true, false, \"\", true]\n")


def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@case
def nothing_stays_open(directory):
    """Hundreds of each call, refused ones among them: cordon has as many descriptors as before."""
    tree(directory)
    code = """
def attempt(function, *arguments):
    try:
        result = function(*arguments)
    except OSError:
        return
    if isinstance(result, int) and result > 2:
        os.close(result)
def everything():
    for name in ("work/file", "work/denied", "work/hidden", "work/missing", "work/sub", "file", "work/sub/"):
        for flags in (os.O_RDONLY, os.O_RDWR, os.O_RDONLY | os.O_NOFOLLOW, os.O_PATH, os.O_RDONLY | os.O_DIRECTORY,
                      os.O_CREAT | os.O_EXCL | os.O_WRONLY, os.O_TMPFILE | os.O_RDWR):
            attempt(os.open, name, flags)
        for function in (os.stat, os.lstat, os.listdir, os.readlink, os.listxattr, os.statvfs, os.unlink, os.rmdir,
                         os.chdir):
            if not (name == "file" or function == os.chdir):
                attempt(function, name)
        for function, more in ((os.access, 6), (os.truncate, 3), (os.chmod, 0o600), (os.mkdir, 0o700),
                               (os.rename, "work/other"), (os.link, "work/link"), (os.getxattr, "user.x"),
                               (os.chown, -1)):
            attempt(function, name, *([-1, -1] if function == os.chown else [more]))
        attempt(os.symlink, "x", name)
        attempt(os.rename, "work/other", name)
        attempt(os.unlink, "work/link")
        attempt(os.rename, name, name + "/x")
    attempt(os.open, "work/fifo", os.O_RDONLY | os.O_NONBLOCK)
everything()
for line in sys.stdin:
    for i in range(50):
        everything()
    say("done")
"""
    with start("--no-hint", "-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c", PRELUDE + code,
               cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        counts = []
        for _ in range(3):
            process.stdin.write("go\n")
            process.stdin.flush()
            equal(process.stdout.readline(), '"done"\n')
            counts.append(descriptors_of(process.pid))
        process.stdin.close()
        equal(process.wait(HANG), 0)
    # What a request held is closed behind its answer; a leak would be fifty or more.
    true(max(counts) - min(counts) < 25, counts)
    equal((directory / "work/denied").read_text(), "secret\n")


if __name__ == "__main__":
    sys.exit(main())
