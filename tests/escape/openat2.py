#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openat2 lets the kernel walk, on the supervisor's behalf: where the program has mounts or a root of its
own, that walk must not see the host's. Each RESOLVE flag, from each beginning of a path."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import bare, case, cases, equal, inside, main, true  # noqa: E402

# A rule inside the grant has every open mediated.
RULES = """
filesystem:
  write: [$D/work]
  deny: [$D/work/none]
isolation:
"""
MOUNTS = {
    "read-only": "  mounts: [{source: $D/work/part, target: $D/work/part, read_only: true}]\n",
    "covered": "  mounts: [{type: tmpfs, target: $D/work/part}]\n",
}
# What of the host was read or written, by the flags and the path with which it was.
TRY = r"""
import itertools
FLAGS = {"NO_XDEV": 1, "NO_MAGICLINKS": 2, "NO_SYMLINKS": 4, "BENEATH": 8, "IN_ROOT": 16}
top = sys.argv[1]
here = os.open(top, os.O_PATH | os.O_DIRECTORY)
work = os.open(top + "/work", os.O_PATH | os.O_DIRECTORY)
PATHS = {"absolute": (-100, top + "/work/part/file"), "up": (work, "../work/part/file"),
         "relative": (work, "part/file"), "link": (work, "link/file"), "long": (here, "work/link/file"),
         "absolute link": (-100, top + "/work/link/file")}
found = []
for count in range(1, 4):
    for names in itertools.combinations(FLAGS, count):
        for kind, (at, path) in PATHS.items():
            for mode in (os.O_RDONLY, os.O_RDWR):
                try:
                    fd = call(437, 437, at, path.encode(), how(mode, 0, sum(FLAGS[n] for n in names)), 24)
                except OSError:
                    continue
                text = os.read(fd, 10).decode()
                if mode == os.O_RDWR:
                    os.pwrite(fd, b"changed", 0)
                    os.pwrite(fd, b"secret!", 0)
                found.append([kind, mode, text])
                os.close(fd)
say(sorted(map(list, set(map(tuple, found)))))
"""
KINDS = ["absolute", "absolute link", "link", "long", "relative", "up"]


def tree(directory):
    (directory / "work/part").mkdir(parents=True)
    (directory / "work/part/file").write_text("secret!")
    (directory / "work/link").symlink_to(directory / "work/part")


@cases([(name,) for name in MOUNTS])
def mounts_hold(directory, name):
    tree(directory)
    every = [[kind, mode, "secret!"] for kind in KINDS for mode in (0, 2)]
    equal(bare(directory, TRY, directory)[0], every)
    equal(inside(directory, RULES.replace("isolation:\n", ""), TRY, directory)[0], every)
    got = inside(directory, RULES + MOUNTS[name], TRY, directory)[0]
    # Reading what is mounted read-only is right; of the rest nothing may be there.
    equal([found for found in got if found[1] == 2 or name == "covered"], [], got)
    if name == "read-only":
        true({found[0] for found in got} >= {"absolute", "relative", "up", "absolute link"}, got)


# A directory of the host as a way up and out.
OUT = r"""
got = []
for resolve in range(1, 32):
    try:
        fd = call(437, 437, -100, sys.argv[1].encode(), how(os.O_RDONLY | os.O_DIRECTORY, 0, resolve), 24)
    except OSError:
        continue
    got.append(resolve)
say(got)
"""


@case
def a_root_holds(directory):
    root = directory / "work/root"
    for part in ("usr", "proc", "dev"):
        (root / part).mkdir(parents=True)
    rules = f"filesystem:\n  read: [/]\n  write: [/tmp]\n  deny: [/tmp/none]\nisolation:\n  root: {root}\n" \
            "  host_libs: true\n"
    (root / "tmp").mkdir()
    # The one directory of the host that the outer wall grants: the root, seen from outside.
    true(bare(directory, OUT, root)[0])
    true(inside(directory, "filesystem:\n  read: [$D]\n  deny: [$D/none]\n", OUT, root)[0])
    equal(inside(directory, rules, OUT, root)[0], [])


if __name__ == "__main__":
    sys.exit(main())
