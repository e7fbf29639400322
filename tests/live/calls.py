# SPDX-License-Identifier: Apache-2.0
"""Every call that takes a path or changes what a descriptor is of, and the ways to name it.

A row: the call and how it is made, what it needs, what it is made on, and the code that makes it.

    kind    look    tells of the object         deny and hide refuse it
            read    gives its content           needs a grant to read
            ask     whether it can be changed   needs a grant to write
            change  leaves an effect            needs a grant to write
            never   is refused everywhere
    target  file, link (to file), tool (a script), dir (with `inner`), empty (a directory);
            new: nothing has the name

The code has the name as P, for calls with a directory as D and R; F is a file that may be changed,
in another directory. Its value is what it found, the same with cordon and without.
"""
import platform
import re

X86 = platform.machine() == "x86_64"

# The code that carries out cells: what it is given is in the directory `plan`.
INSIDE = r'''
buffer = ctypes.create_string_buffer(4096)
times = (ctypes.c_long * 4)(1, 0, 1, 0)
W, T, C, HANDLE, EMPTY = os.O_WRONLY, os.O_TRUNC, os.O_CREAT, os.O_PATH, 0x1000
ID = 65534 if os.getuid() == 0 else os.getuid()
def number(at, length): return int.from_bytes(buffer.raw[at:at + length], "little")
def size(_): return number(48, 8)
def content(fd):
    with os.fdopen(fd, "rb") as file: return file.read().decode()
def change(fd):
    with os.fdopen(fd, "wb") as file: file.write(b"changed")
def on(flags, function):
    fd = os.open(P, flags)
    try: return function(fd)
    finally: os.close(fd)
def again(flags): return on(os.O_RDONLY, lambda fd: os.open(f"/proc/self/fd/{fd}", flags))
def entries(x86, arm):
    def read(fd):
        n = call(x86, arm, fd, buffer, len(buffer))
        return [name.decode() for name in (b"inner",) if name in buffer.raw[:n]]
    return on(os.O_RDONLY | os.O_DIRECTORY, read)
def go(chdir):
    chdir()
    found = os.path.basename(os.getcwd())
    os.chdir(TOP)
    return found
def execute(*arguments):
    pid = os.fork()
    if pid == 0:
        try: call(*arguments)
        except OSError as error: os._exit(error.errno)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status != 42: raise OSError(status, "")
    return "ran"
def words(*texts): return (ctypes.c_char_p * 2)(*texts)
def publish():
    fd = os.open(P, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"changed")
    call(265, 37, -100, b"/proc/self/fd/%d" % fd, -100, P + b"/new", 0x400)
    os.close(fd)
def handle(): return (ctypes.c_char * 136)(*(128).to_bytes(4, "little"))
def value(text):
    buffer.value = text
    return (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), len(text))
def watch():
    fd = libc.inotify_init()
    try: return call(254, 27, fd, P, 2)
    finally: os.close(fd)
def on_directory(function):
    fd = os.open(os.path.dirname(P), HANDLE)
    try: return function(fd, os.path.basename(P))
    finally: os.close(fd)

TOP = os.getcwd()
top = os.open(TOP, HANDLE)
os.set_inheritable(top, True)  # an interpreter opens the script once more
def name(way, cell, target):
    """Sets what the call is made with."""
    global P, D, R
    if way == "renamed parent" and not e(os.rename, cell, cell + ".new"):
        cell += ".new"
    path = f"{cell}/{target}".encode()
    start = {"link": f"{TOP}/way", "root": f"/proc/self/root{TOP}", "dirfd": f"/proc/self/fd/{top}"}
    P = start.get(way, TOP).encode() + b"/" + path
    D, R = (top, path) if way == "dirfd" else (-100, P)
def carry_out(way, cells, codes):
    global F
    for number, call_name, cell, target in cells:
        found = []
        name(way, cell, target)
        F = f"{TOP}/w/free/{number}".encode()
        error = e(lambda: found.append(eval(codes[call_name])))
        say([number, error, found])
with open("plan/cells", "rb") as file: codes, ways = json.load(file)
for way, cells in ways.items():
    if way == "second thread":
        thread = threading.Thread(target=carry_out, args=(way, cells, codes))
        thread.start()
        thread.join()
    elif way == "grandchild":
        if (child := os.fork()) == 0:
            if (child := os.fork()) == 0:
                carry_out(way, cells, codes)
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        if os.waitpid(child, 0)[1] != 0: raise SystemExit("the grandchild failed")
    else:
        carry_out(way, cells, codes)
'''

LOOKS = [
    ("stat", "look", "file", "size(call(4, 0, P, buffer))"),
    ("lstat", "look", "link", "size(call(6, 0, P, buffer))"),
    ("newfstatat", "look", "file", "size(call(262, 79, D, R, buffer, 0))"),
    ("newfstatat of a handle", "look", "file",
     "on(HANDLE, lambda fd: size(call(262, 79, fd, b'', buffer, EMPTY)))"),
    ("statx", "look", "file", "call(332, 291, D, R, 0, 0xfff, buffer) or number(40, 8)"),
    ("statx of a handle", "look", "file",
     "on(HANDLE, lambda fd: call(332, 291, fd, b'', EMPTY, 0xfff, buffer) or number(40, 8))"),
    ("access", "look", "file", "call(21, 0, P, 0)"),
    ("faccessat", "look", "file", "call(269, 48, D, R, 0)"),
    ("faccessat2", "look", "file", "call(439, 439, D, R, 0, 0x200)"),
    ("faccessat2 of a handle", "look", "file",
     "on(HANDLE, lambda fd: call(439, 439, fd, b'', 0, EMPTY))"),
    ("access to write", "ask", "file", "call(21, 0, P, 2)"),
    ("faccessat to write", "ask", "file", "call(269, 48, D, R, 2)"),
    ("faccessat2 to write", "ask", "file", "call(439, 439, D, R, 2, 0)"),
    ("readlink", "look", "link", "call(89, 0, P, buffer, 99)"),
    ("readlinkat", "look", "link", "call(267, 78, D, R, buffer, 99)"),
    ("readlinkat of a handle", "look", "link",
     "on(HANDLE | os.O_NOFOLLOW, lambda fd: call(267, 78, fd, b'', buffer, 99))"),
    ("statfs", "look", "file", "call(137, 43, P, buffer)"),
    ("chdir", "look", "dir", "go(lambda: call(80, 49, P))"),
    ("fchdir", "look", "dir", "on(HANDLE, lambda fd: go(lambda: call(81, 50, fd)))"),
    ("inotify_add_watch", "look", "file", "watch()"),
    ("open of a handle", "look", "file", "os.close(call(2, 0, P, HANDLE))"),
    ("openat of a handle", "look", "file", "os.close(call(257, 56, D, R, HANDLE))"),
]
READS = [
    ("open", "read", "file", "content(call(2, 0, P, 0))"),
    ("openat", "read", "file", "content(call(257, 56, D, R, 0))"),
    ("openat2", "read", "file", "content(call(437, 437, D, R, how(0), 24))"),
    ("openat2 beneath", "read", "file",
     "on_directory(lambda d, name: content(call(437, 437, d, name, how(0, 0, 8), 24)))"),
    ("open of a handle again", "read", "file",
     "on(HANDLE, lambda fd: content(os.open(f'/proc/self/fd/{fd}', 0)))"),
    ("getdents", "read", "dir", "entries(78, 0)"),
    ("getdents64", "read", "dir", "entries(217, 61)"),
    ("execve", "read", "tool", "execute(59, 221, P, words(b'tool'), words())"),
    ("execveat", "read", "tool", "execute(322, 281, D, R, words(b'tool'), words(), 0)"),
]
CONTENT = [
    ("open to write", "change", "file", "change(call(2, 0, P, W))"),
    ("openat to write", "change", "file", "change(call(257, 56, D, R, W))"),
    ("openat2 to write", "change", "file", "change(call(437, 437, D, R, how(W), 24))"),
    ("open to read and truncate", "change", "file", "os.close(call(2, 0, P, T))"),
    ("openat to read and truncate", "change", "file", "os.close(call(257, 56, D, R, T))"),
    ("openat2 to read and truncate", "change", "file",
     "os.close(call(437, 437, D, R, how(T), 24))"),
    ("openat to append", "change", "file", "change(call(257, 56, D, R, W | os.O_APPEND))"),
    ("openat with access mode 3", "ask", "file", "os.close(call(257, 56, D, R, 3))"),
    ("open again to write", "change", "file", "change(again(W))"),
    ("open again to truncate", "change", "file", "os.close(again(T))"),
    ("creat", "change", "file", "os.close(call(85, 0, P, 0o644))"),
    ("truncate", "change", "file", "call(76, 45, P, 1)"),
    ("truncate of a descriptor's name", "change", "file",
     "on(os.O_RDONLY, lambda fd: os.truncate(f'/proc/self/fd/{fd}', 1))"),
]
NEW = [
    ("open to create", "change", "new", "os.close(call(2, 0, P, W | C, 0o600))"),
    ("openat to create", "change", "new", "os.close(call(257, 56, D, R, W | C, 0o600))"),
    ("openat to create and read", "change", "new", "os.close(call(257, 56, D, R, C, 0o600))"),
    ("openat2 to create", "change", "new", "os.close(call(437, 437, D, R, how(W | C, 0o600), 24))"),
    ("creat of a new file", "change", "new", "os.close(call(85, 0, P, 0o600))"),
    ("open of a file without a name", "change", "dir", "publish()"),
    ("mkdir", "change", "new", "call(83, 0, P, 0o700)"),
    ("mkdirat", "change", "new", "call(258, 34, D, R, 0o700)"),
    ("mknod", "change", "new", "call(133, 0, P, 0o10600, 0)"),
    ("mknodat", "change", "new", "call(259, 33, D, R, 0o100600, 0)"),
    ("symlink", "change", "new", "call(88, 0, b'text', P)"),
    ("symlinkat", "change", "new", "call(266, 36, b'text', D, R)"),
    ("link to", "change", "new", "call(86, 0, F, P)"),
    ("linkat to", "change", "new", "call(265, 37, -100, F, D, R, 0)"),
    ("rename to", "change", "new", "call(82, 0, F, P)"),
    ("renameat to", "change", "new", "call(264, 38, -100, F, D, R)"),
    ("renameat2 to", "change", "new", "call(316, 276, -100, F, D, R, 1)"),
    ("bind", "change", "new", "socket.socket(socket.AF_UNIX).bind(P)"),
]
NAMES = [
    ("link", "change", "file", "call(86, 0, P, F + b'.new')"),
    ("linkat", "change", "file", "call(265, 37, D, R, -100, F + b'.new', 0)"),
    ("linkat of a descriptor's name", "change", "file",
     "on(HANDLE, lambda fd: call(265, 37, -100, b'/proc/self/fd/%d' % fd, -100, F + b'.new', "
     "0x400))"),
    ("rename", "change", "file", "call(82, 0, P, F + b'.new')"),
    ("renameat", "change", "file", "call(264, 38, D, R, -100, F + b'.new')"),
    ("renameat2", "change", "file", "call(316, 276, D, R, -100, F + b'.new', 0)"),
    ("rename over", "change", "file", "call(82, 0, F, P)"),
    ("renameat over", "change", "file", "call(264, 38, -100, F, D, R)"),
    ("renameat2 to exchange", "change", "file", "call(316, 276, D, R, -100, F, 2)"),
    ("renameat2 to exchange with", "change", "file", "call(316, 276, -100, F, D, R, 2)"),
    ("unlink", "change", "file", "call(87, 0, P)"),
    ("unlink of a link", "change", "link", "call(87, 0, P)"),
    ("unlinkat", "change", "file", "call(263, 35, D, R, 0)"),
    ("unlinkat of a directory", "change", "empty", "call(263, 35, D, R, 0x200)"),
    ("rmdir", "change", "empty", "call(84, 0, P)"),
    ("rename of a directory", "change", "dir", "call(82, 0, P, F + b'.new')"),
    ("renameat2 of a directory", "change", "dir", "call(316, 276, D, R, -100, F + b'.new', 0)"),
]
METADATA = [
    ("chmod", "change", "file", "call(90, 0, P, 0o604)"),
    ("fchmodat", "change", "file", "call(268, 53, D, R, 0o604)"),
    ("fchmodat2", "change", "file", "call(452, 452, D, R, 0o604, 0)"),
    ("fchmodat2 of a handle", "change", "file",
     "on(HANDLE, lambda fd: call(452, 452, fd, b'', 0o604, EMPTY))"),
    ("chmod of a handle's name", "change", "file",
     "on(HANDLE, lambda fd: os.chmod(f'/proc/self/fd/{fd}', 0o604))"),
    ("chmod of a directory", "change", "dir", "call(90, 0, P, 0o701)"),
    ("fchmod", "change", "file", "on(os.O_RDONLY, lambda fd: call(91, 52, fd, 0o604))"),
    ("chown", "change", "file", "call(92, 0, P, ID, -1)"),
    ("lchown", "change", "link", "call(94, 0, P, ID, -1)"),
    ("fchownat", "change", "file", "call(260, 54, D, R, ID, -1, 0)"),
    ("fchownat of a link", "change", "link", "call(260, 54, D, R, ID, -1, 0x100)"),
    ("fchownat of a handle", "change", "file",
     "on(HANDLE, lambda fd: call(260, 54, fd, b'', ID, -1, EMPTY))"),
    ("fchown", "change", "file", "on(os.O_RDONLY, lambda fd: call(93, 55, fd, ID, -1))"),
    ("utime", "change", "file", "call(132, 0, P, times)"),
    ("utimes", "change", "file", "call(235, 0, P, times)"),
    ("futimesat", "change", "file", "call(261, 0, D, R, times)"),
    ("utimensat", "change", "file", "call(280, 88, D, R, times, 0)"),
    ("utimensat of a link", "change", "link", "call(280, 88, D, R, times, 0x100)"),
    ("utimensat of a descriptor", "change", "file",
     "on(os.O_RDONLY, lambda fd: call(280, 88, fd, 0, times, 0))"),
    ("utimensat of a handle", "change", "file",
     "on(HANDLE, lambda fd: call(280, 88, fd, b'', times, EMPTY))"),
]
ATTRIBUTES = [
    ("getxattr", "look", "file", "call(191, 8, P, b'user.there', buffer, 9)"),
    ("lgetxattr", "look", "file", "call(192, 9, P, b'user.there', buffer, 9)"),
    ("listxattr", "look", "file", "call(194, 11, P, buffer, 99)"),
    ("llistxattr", "look", "file", "call(195, 12, P, buffer, 99)"),
    ("setxattr", "change", "file", "call(188, 5, P, b'user.x', b'1', 1, 0)"),
    ("lsetxattr", "change", "file", "call(189, 6, P, b'user.x', b'1', 1, 0)"),
    ("fsetxattr", "change", "file",
     "on(os.O_RDONLY, lambda fd: call(190, 7, fd, b'user.x', b'1', 1, 0))"),
    ("removexattr", "change", "file", "call(197, 14, P, b'user.there')"),
    ("lremovexattr", "change", "file", "call(198, 15, P, b'user.there')"),
    ("fremovexattr", "change", "file",
     "on(os.O_RDONLY, lambda fd: call(199, 16, fd, b'user.there'))"),
    ("setxattrat", "never", "file", "call(463, 463, D, R, 0, b'user.x', value(b'1'), 16)"),
    ("getxattrat", "never", "file", "call(464, 464, D, R, 0, b'user.there', value(b'1234'), 16)"),
    ("listxattrat", "never", "file", "call(465, 465, D, R, 0, buffer, 99)"),
    ("removexattrat", "never", "file", "call(466, 466, D, R, 0, b'user.there')"),
]
OTHERS = [
    ("name_to_handle_at", "never", "file",
     "call(303, 264, D, R, handle(), ctypes.byref(ctypes.c_int()), 0)"),
    ("open_tree", "never", "file", "os.close(call(428, 428, D, R, 0))"),
    ("file_getattr", "never", "file", "call(468, 468, D, R, buffer, 24, 0)"),
    ("file_setattr", "never", "file",
     "call(469, 469, D, R, (ctypes.c_uint64 * 3)(0x80), 24, 0)"),
]
GROUPS = {"looks": LOOKS, "reads": READS, "content": CONTENT, "new names": NEW, "names": NAMES,
          "metadata": METADATA, "attributes": ATTRIBUTES, "others": OTHERS}
if not X86:  # it has none of the old calls: their number is 0
    GROUPS = {name: [row for row in rows if not re.search(r"call\(\d+, 0, ", row[3])]
              for name, rows in GROUPS.items()}
