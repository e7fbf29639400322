# SPDX-License-Identifier: Apache-2.0
"""Random calls on a small tree, one line of JSON each: what was called, and all that can be seen of
the result. The same seed gives the same calls, so that two runs can be compared.

Whatever the calls do stays below the working directory: nothing that changes something is given an
absolute path, links lead down only, and no path climbs higher than two directories.

    random_calls.py SEED COUNT
"""
import ctypes
import errno
import fcntl
import json
import os
import platform
import random
import stat
import struct
import sys

RANDOM = random.Random(int(sys.argv[1]))
TOP = os.getcwd()
X86 = platform.machine() == "x86_64"
LIBC = ctypes.CDLL(None, use_errno=True)
BUFFER = ctypes.create_string_buffer(4096)
ROUND = 50  # calls on one tree
AT_FDCWD = -100

NAMES = ("file dir link dirlink dangling loop l2 sl up dl2 fifo hard empty new new2 missing dir/inner "
         "dir/sub dirlink/inner dirlink/new file/x missing/x dir/../file .. . dir/. dir/.. up/file "
         "sl/inner dir//inner dir/sub/deep empty/a ./file link/x dangling/x dir/sub/../inner").split()
LINKS = {"link": "file", "dirlink": "dir", "dangling": "nowhere", "loop": "loop", "l2": "link",
         "sl": "dir/", "up": "dir/..", "dl2": "dir/../dirlink/inner"}
OPEN_FLAGS = {os.O_CREAT: .35, os.O_EXCL: .2, os.O_TRUNC: .15, os.O_APPEND: .1, os.O_NONBLOCK: .2,
              os.O_DIRECTORY: .2, os.O_NOFOLLOW: .25, os.O_CLOEXEC: .3, os.O_SYNC: .03,
              os.O_DSYNC: .03, os.O_NOATIME: .03, os.O_PATH: .06, os.O_TMPFILE: .04,
              os.O_NOCTTY: .1, os.O_DIRECT: .03, os.O_ASYNC: .03, 1 << 30: .02}
MODES = 0o644, 0o600, 0o777, 0o4755, 0o2755, 0o1777, 0, 0o7777, 0o17777, 0o100644
NOFOLLOW, REMOVEDIR, FOLLOW, EMPTY, EACCESS = 0x100, 0x200, 0x400, 0x1000, 0x200
fds = {}


def tree(number):
    os.chdir(TOP)
    os.makedirs(f"{number}/a/b")
    os.chdir(f"{number}/a/b")
    os.makedirs("dir/sub")
    os.mkdir("empty")
    for name in "file", "dir/inner":
        with open(name, "w", encoding="utf-8") as file:
            file.write(name)
    os.link("file", "hard")
    for name, text in LINKS.items():
        os.symlink(text, name)
    os.mkfifo("fifo")
    for fd in fds.values():
        os.close(fd)
    for number, (name, flags) in enumerate((("dir", os.O_RDONLY), ("file", os.O_RDONLY),
                                            ("dir", os.O_PATH))):
        fd = os.open(name, flags)
        fds[number] = fcntl.fcntl(fd, fcntl.F_DUPFD, 50)
        os.close(fd)


def path():
    name = RANDOM.choice(NAMES)
    if RANDOM.random() < .03:
        return RANDOM.choice(["", "x" * 255])
    if RANDOM.random() < .2:
        name += RANDOM.choice(["/", "//", "/.", "/.."])
    return name


def at():
    """A directory descriptor, and how it is shown."""
    which = RANDOM.choice([AT_FDCWD] * 8 + [-1, 999, "dir", "file", "handle"])
    if isinstance(which, int):
        return which, which
    return fds[("dir", "file", "handle").index(which)], which


def call(x86, arm, *arguments):
    number = x86 if X86 else arm
    result = LIBC.syscall(ctypes.c_long(number), *[
        ctypes.c_char_p(os.fsencode(a)) if isinstance(a, str) else
        ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def opened(fd):
    if isinstance(fd, str):
        return fd
    st, flags = os.fstat(fd), fcntl.fcntl(fd, fcntl.F_GETFL)
    closing = fcntl.fcntl(fd, fcntl.F_GETFD)
    os.close(fd)
    if stat.S_ISFIFO(st.st_mode):
        flags &= ~os.O_NOFOLLOW
    return [oct(flags), closing, oct(st.st_mode), st.st_nlink,
            st.st_size if stat.S_ISREG(st.st_mode) else 0]


def open_flags():
    flags = RANDOM.choice([0, 0, 1, 2, 3]) | os.O_NONBLOCK
    for bit, chance in OPEN_FLAGS.items():
        if RANDOM.random() < chance:
            flags |= bit
    return flags


def looked(result):
    """Links, mode and owner of a struct stat; on arm64 the mode stands before the links."""
    if isinstance(result, str):
        return result
    if X86:
        _, _, links, mode, uid, gid = struct.unpack_from("QQQIII", BUFFER.raw)
    else:
        _, _, mode, links, uid, gid = struct.unpack_from("QQIIII", BUFFER.raw)
    return [links, oct(mode), uid, gid]


def one():
    """Return: the call in words, its result."""
    (d, shown), (other, other_shown) = at(), at()
    name, second, flags, mode = path(), path(), open_flags(), RANDOM.choice(MODES)
    kind = RANDOM.randrange(28)
    if kind < 8:
        return ["openat", shown, name, oct(flags), oct(mode)], opened(call(257, 56, d, name, flags, mode))
    if kind == 8:
        flags &= ~os.O_NOFOLLOW & ~os.O_CREAT
        resolve = RANDOM.choice([0, 1, 2, 4, 8, 16, 24, 64])
        how = (ctypes.c_uint64 * 3)(flags, RANDOM.choice([0, 0, mode]), resolve)
        return ["openat2", shown, name, oct(flags), resolve], opened(call(437, 437, d, name, how, 24))
    if kind == 9:
        return ["mkdirat", shown, name, oct(mode)], call(258, 34, d, name, mode)
    if kind in (10, 11):
        flags = RANDOM.choice([0, REMOVEDIR])
        return ["unlinkat", shown, name, flags], call(263, 35, d, name, flags)
    if kind in (12, 13):
        flags = RANDOM.choice([0, 0, 0, 1, 2, 2, 3, 8])
        return (["renameat2", shown, name, other_shown, second, flags],
                call(316, 276, d, name, other, second, flags))
    if kind in (14, 15):
        flags = RANDOM.choice([0, 0, FOLLOW, EMPTY, 2])
        return (["linkat", shown, name, other_shown, second, flags],
                call(265, 37, d, name, other, second, flags))
    if kind == 16:
        text = RANDOM.choice(["file", "dir", "missing", "dir/inner", "loop", "."])
        return ["symlinkat", text, shown, name], call(266, 36, text, d, name)
    if kind == 17:
        mode = RANDOM.choice([0o100644, 0o10600, 0o140700, 0o644, 0o40755, 0o120777, 0o150000])
        return ["mknodat", shown, name, oct(mode)], call(259, 33, d, name, mode, 0)
    if kind == 18:
        length = RANDOM.choice([0, 1, 10, -1])
        return ["truncate", name, length], call(76, 45, name, length)
    if kind == 19:
        flags = RANDOM.choice([0, NOFOLLOW, EMPTY, 1])
        return ["fchmodat2", shown, name, flags, oct(mode)], call(452, 452, d, name, mode, flags)
    if kind == 20:
        flags = RANDOM.choice([0, NOFOLLOW, EMPTY, 1])
        return (["fchownat", shown, name, flags],
                call(260, 54, d, name, -1, RANDOM.choice([-1, os.getegid()]), flags))
    if kind == 21:
        flags = RANDOM.choice([0, NOFOLLOW, EMPTY, 1])
        times = RANDOM.choice([(1, 2, 3, 4), (0, 0x3fffffff, 0, 0x3ffffffe),
                               (0, 0x3ffffffe, 0, 0x3ffffffe), (1, 10**9, 0, 0)])
        return (["utimensat", shown, name, flags, times],
                call(280, 88, d, name, (ctypes.c_long * 4)(*times), flags))
    if kind == 22:
        flags = RANDOM.choice([0, 0, NOFOLLOW, EMPTY, 1])
        return ["newfstatat", shown, name, flags], looked(call(262, 79, d, name, BUFFER, flags))
    if kind == 23:
        flags = RANDOM.choice([0, NOFOLLOW, EMPTY, 1, 0x6000])
        result = call(332, 291, d, name, flags, RANDOM.choice([0x7ff, 0xfff, 0, 1 << 31]), BUFFER)
        return ["statx", shown, name, flags], result or oct(struct.unpack_from("H", BUFFER.raw, 28)[0])
    if kind == 24:
        flags = RANDOM.choice([0, NOFOLLOW, EACCESS, EMPTY, 1])
        wanted = RANDOM.choice([0, 1, 2, 4, 7, 8])
        return ["faccessat2", shown, name, wanted, flags], call(439, 439, d, name, wanted, flags)
    if kind == 25:
        size = RANDOM.choice([0, 1, 3, 100, -1])
        result = call(267, 78, d, name, BUFFER, size)
        if isinstance(result, int):
            result = BUFFER.raw[:result].decode()
        return ["readlinkat", shown, name, size], result
    if kind == 26:
        return one_attribute(name)
    result = call(80, 49, name)
    where = os.readlink("/proc/self/cwd").replace(TOP, "")
    os.fchmod(here, 0o755)
    os.fchdir(here)
    return ["chdir", name], [result, where]


def one_attribute(name):
    size = RANDOM.choice([0, 1, 100])
    which = RANDOM.randrange(4)
    itself = RANDOM.randrange(2)
    attribute = RANDOM.choice(["user.x", "trusted.y", "x", ""])
    if which == 0:
        flags = RANDOM.choice([0, 1, 2, 4])
        return (["setxattr", itself, name, flags],
                call(188 + itself, 5 + itself, name, "user.x", "v", 1, flags))
    if which == 1:
        return (["getxattr", itself, name, attribute, size],
                call(191 + itself, 8 + itself, name, attribute, BUFFER, size))
    if which == 2:
        return ["listxattr", itself, name, size], call(194 + itself, 11 + itself, name, BUFFER, size)
    return (["removexattr", itself, name, attribute],
            call(197 + itself, 14 + itself, name, attribute))


os.umask(RANDOM.choice([0o22, 0o77, 0]))
here = -1
for turn in range(int(sys.argv[2])):
    if turn % ROUND == 0:
        tree(turn // ROUND)
        if here >= 0:
            os.close(here)
        fd = os.open(".", os.O_RDONLY)
        here = fcntl.fcntl(fd, fcntl.F_DUPFD, 60)
        os.close(fd)
    print(json.dumps(one()), flush=True)
