#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FS-56: file systems that take names in upper and lower case for the same."""
import os
import subprocess
import sys

import fuse
from images import image
from live import Skip, bare, case, cordon, equal, inside, main, policy, true

RULES = """
filesystem:
  write: [$D/mount]
  deny: [$D/mount/secret]
"""
SPELLINGS = """
names = ["secret", "SECRET", "Secret"]
say([e(read, f"mount/{name}") for name in names])
say([e(os.stat, f"mount/{name}") for name in names] + [e(os.chmod, f"mount/{name}", 0o600) for name in names])
say([e(read, "mount/PUBLIC"), e(read, f"/proc/self/cwd/mount/SECRET")])
"""


def check(directory):
    equal(inside(directory, RULES, SPELLINGS), [["EACCES"] * 3, ["EACCES"] * 6, ["", "EACCES"]])
    equal(bare(directory, SPELLINGS), [[""] * 3, [""] * 6, ["", ""]])


@case
def a_file_by_every_spelling(directory):
    """On a file system of the test's own."""
    (directory / "mount").mkdir()
    fuse.needed()
    with fuse.FileSystem(directory / "mount", folds=True):
        check(directory)


@case
def a_directory_of_ext4(directory):
    """The same with the kernel's own folding, and `explain` says what does not hold."""
    mount = directory / "mount"
    if not os.path.exists("/sys/fs/ext4/features/casefold"):
        raise Skip("this kernel's ext4 does not fold case (CONFIG_UNICODE)")
    with image(directory, directory / "top", 64, "mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8"):
        (directory / "top/mount").mkdir()
        subprocess.run(["chattr", "+F", directory / "top/mount"], check=True)
        mount.symlink_to("top/mount")
        for name in ("secret", "public"):
            (mount / name).write_text(name)
        check(directory)
        explained = cordon("explain", "-p", policy(directory, RULES), cwd=directory).out
        true(b"upper and lower case are the same name" in explained, explained)


@case
def nothing_is_said_of_others(directory):
    (directory / "mount").mkdir()
    (directory / "mount/secret").write_text("secret")
    explained = cordon("explain", "-p", policy(directory, RULES), cwd=directory).out
    true(b"upper and lower case" not in explained, explained)


if __name__ == "__main__":
    try:
        fuse.enter()
    except Skip as reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)
    sys.exit(main())
