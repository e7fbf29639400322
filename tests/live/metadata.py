#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Modes, owners, times and extended attributes, by path and by descriptor."""
import os
import sys

from live import Skip, case, cases, equal, errnos, inside, main

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/work/denied]
  hide: [$D/work/hidden]
  protect: [$D/work/kept]
"""
PLAIN = """
filesystem:
  read: [$D/read]
  write: [$D/work]
"""
FILES = {"read/file": "EACCES", "work/denied": "EACCES", "work/hidden": "ENOENT",
         "work/kept": "EACCES", "outside/file": "EACCES", "work/link": "EACCES", "work/file": ""}
CALLS = {
    "chmod": "call(90, 53, P, 0o777) if X86 else call(53, 53, -100, P, 0o777)",
    "fchmodat": "call(268, 53, -100, P, 0o777)",
    "fchmodat2": "call(452, 452, -100, P, 0o777, 0)",
    "chown": "call(92, 54, P, ID, -1) if X86 else call(54, 54, -100, P, ID, -1, 0)",
    "fchownat": "call(260, 54, -100, P, ID, -1, 0)",
    "utimensat": "os.utime(P, (1, 1))",
    "utime": "call(132, 88, P, (ctypes.c_long * 2)(1, 1)) if X86 else os.utime(P, (1, 1))",
    "utimes": "call(235, 88, P, (ctypes.c_long * 4)(1, 0, 1, 0)) if X86 else os.utime(P, (1, 1))",
    "futimesat": "call(261, 88, -100, P, (ctypes.c_long * 4)(1, 0, 1, 0)) if X86 "
                 "else os.utime(P, (1, 1))",
    "setxattr": "os.setxattr(P, 'user.x', b'1')",
    "removexattr": "os.removexattr(P, 'user.there')",
}


def tree(directory):
    for folder in ("read", "work", "outside"):
        (directory / folder).mkdir()
    for file in FILES:
        if file != "work/link":
            (directory / file).write_text(f"{file}\n")
            (directory / file).chmod(0o640)
            os.utime(directory / file, (1000, 1000))
    (directory / "work/link").symlink_to("../outside/file")
    try:
        for file in FILES:
            os.setxattr(directory / file, "user.there", b"1")
    except OSError:
        return False
    return True


def untouched(directory, attributes):
    for file, errno in FILES.items():
        if not errno:
            continue
        st = (directory / file).stat()
        equal((file, oct(st.st_mode & 0o7777), st.st_mtime), (file, "0o640", 1000.0))
        if attributes:
            equal(os.listxattr(directory / file), ["user.there"])


@cases([(call,) for call in CALLS])
def by_path(directory, call):
    """Without a guarded rule as well: Landlock does not hold metadata."""
    attributes = tree(directory)
    if "xattr" in call and not attributes:
        raise Skip("the file system of the test has no user attributes")
    for rules in (RULES, PLAIN):
        code = f"""
ID = os.getuid()
for path in {[f for f in FILES if rules is RULES or f.split("/")[1] in ("file", "link")]!r}:
    P = path.encode()
    say([path, e(lambda: {CALLS[call]})])
"""
        got = inside(directory, rules, code)
        for name, errno in got:
            second = call == "removexattr" and rules is PLAIN and errno == "ENODATA"
            equal((name, errno), (name, errno if second else FILES[name]))
    untouched(directory, attributes)


@case
def by_descriptor(directory):
    """A descriptor that only reads does not change what may only be read."""
    attributes = tree(directory)
    code = f"""
for path in "read/file", "work/kept", "work/file":
    fd = os.open(path, os.O_RDONLY)
    handle = os.open(path, os.O_PATH)
    say([e(os.fchmod, fd, 0o777), e(os.fchown, fd, os.getuid(), -1), e(os.utime, fd, (1, 1)),
         e(os.setxattr, fd, "user.x", b"1") if {attributes} else "",
         e(os.chmod, f"/proc/self/fd/{{fd}}", 0o777), e(os.chmod, f"/proc/self/fd/{{handle}}", 0o777),
         e(call, 260, 54, handle, b"", os.getuid(), -1, 0x1000),
         e(call, 452, 452, handle, b"", 0o777, 0x1000)])
"""
    got = inside(directory, RULES, code)
    for row in got[:2]:
        equal([errno for errno in row if errno not in ("EACCES",)], [] if attributes else [""])
    equal(set(got[2]), {""}, got)
    untouched(directory, attributes)


@case
def links_themselves(directory):
    attributes = tree(directory)
    errnos(directory, RULES, {
        "os.lchown('work/link', os.getuid(), -1)": "",
        "os.utime('work/link', (5, 5), follow_symlinks=False)": "",
        "os.utime('work/link', (5, 5))": "EACCES",
        "os.chown('work/link', os.getuid(), -1)": "EACCES"})
    equal((directory / "work/link").lstat().st_mtime, 5.0)
    untouched(directory, attributes)


@case
def inode_flags(directory):
    tree(directory)
    errnos(directory, RULES, {
        "fcntl.ioctl(os.open('work/kept', os.O_RDONLY), 0x40086602, b'\\x40' + bytes(7))": "EACCES",
        "fcntl.ioctl(os.open('read/file', os.O_RDONLY), 0x401c5820, bytes(28))": "EACCES"})


@case
def what_is_written_keeps_its_bits(directory):
    tree(directory)
    code = """
os.chmod("work/file", 0o4755)
os.utime("work/file", ns=(1, 999999999))
os.utime("work/file", ns=(7, 8))
say([oct(os.stat("work/file").st_mode & 0o7777), os.stat("work/file").st_mtime_ns])
os.utime("work/file")
say(os.stat("work/file").st_mtime_ns > 10)
"""
    equal(inside(directory, RULES, code), [["0o4755", 8], True])


if __name__ == "__main__":
    sys.exit(main())
