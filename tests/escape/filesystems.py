#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways around path rules that one kind of file system, or a mount, has."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import bare, case, equal, inside, main  # noqa: E402
from images import command, image, mounted  # noqa: E402


BTRFS = """
def subvolume(request, where, name, source=0):
    argument = bytearray(source.to_bytes(8, "little") + name.encode().ljust(4088, b"\\0"))
    fcntl.ioctl(os.open(where, os.O_RDONLY | os.O_DIRECTORY), request, argument)
CREATE, SNAPSHOT, DESTROY = 0x5000940e, 0x50009401, 0x5000940f
say([e(subvolume, CREATE, "read", "planted"), e(subvolume, DESTROY, "read", "victim"),
     e(subvolume, SNAPSHOT, "work", "copy", os.open("work", os.O_RDONLY)),
     e(lambda: say(read("work/copy/secret").decode()))])
"""


@case
def trees_of_btrfs(directory):
    """Subvolumes are made, copied with all that is in them, and removed by descriptor alone."""
    top = directory / "top"
    with image(directory, top, 128, "mkfs.btrfs", "-q"):
        for name in ("work", "read", "read/victim"):
            command("btrfs", "subvolume", "create", top / name)
        (top / "work/secret").write_text("secret")
        rules = "filesystem:\n  read: [$D/read]\n  write: [$D/work]\n  deny: [$D/work/secret]\n"
        got = inside(top, rules, BTRFS)
        equal(got, [["EPERM", "EPERM", "EPERM", "ENOENT"]])
        equal((os.listdir(top / "read"), os.listdir(top / "work")), (["victim"], ["secret"]))
        equal(bare(top, BTRFS), ["secret", [""] * 4])
        equal(os.listdir(top / "read"), ["planted"])


LOOK = """
for path in sys.argv[1:]:
    say([e(read, path), e(write, path), e(os.stat, path), e(os.rename, path, "work/moved")])
"""


@case
def mounts_made_before(directory):
    """A second path of a denied directory, and of one file, by a mount."""
    for folder in ("work/vault", "work/alias", "work/sub"):
        (directory / folder).mkdir(parents=True)
    (directory / "work/vault/key").write_text("secret")
    (directory / "work/secret").write_text("secret")
    (directory / "work/over").write_text("")
    rules = "filesystem:\n  write: [$D/work]\n  deny: [$D/work/vault, $D/work/secret]\n"
    with mounted("--bind", directory / "work/vault", directory / "work/alias"), \
            mounted("--bind", directory / "work/secret", directory / "work/over"), \
            mounted("--bind", directory / "work", directory / "work/sub"):
        names = ["work/alias/key", "work/over", "work/sub/vault/key", "work/sub/secret"]
        equal(inside(directory, rules, LOOK, *names), [["EACCES"] * 4] * 4)
        control = bare(directory, LOOK, *names[:1])
        equal([row[:3] for row in control], [[""] * 3])
    equal((directory / "work/secret").read_text(), "secret")


if __name__ == "__main__":
    sys.exit(main())
