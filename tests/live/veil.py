#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is hidden, and what lies in a denied directory, shows by no answer whether it is there."""
import json
import sys

from live import bare, cases, equal, inside, main, true

RULES = """
filesystem:
  write: [$D/work]
  deny: [$D/work/closed]
  hide: [$D/work/hidden, $D/work/dark]
"""
SECRETS = ["hidden", "dark", "dark/file", "dark/inner", "dark/link", "closed/inner", "closed/file",
           "closed/link"]
TAILS = ["", "/", "/.", "/..", "/x", "//x", "/./x", "/x/", "/x/y", "/../file", "/LONG",
         "/inner/../../file"]
BEFORE = ["work/", "work//", "work/open/../", "/proc/self/cwd/work/"]
# Every way to ask for a name, as the source and as the destination.
ASK = """
long = "a" * 256
created, exclusive = os.O_CREAT | os.O_WRONLY, os.O_CREAT | os.O_EXCL | os.O_WRONLY
ask = {
    "stat": os.stat, "lstat": os.lstat, "readlink": os.readlink, "chdir": os.chdir,
    "access": lambda p: call(439, 439, -100, p.encode(), 0, 0), "statfs": os.statvfs,
    "read": lambda p: os.open(p, 0), "handle": lambda p: os.open(p, os.O_PATH),
    "nofollow": lambda p: os.open(p, os.O_NOFOLLOW), "create": lambda p: os.open(p, created),
    "exclusive": lambda p: os.open(p, exclusive), "truncate": lambda p: os.truncate(p, 0),
    "chmod": lambda p: os.chmod(p, 0o700), "utime": os.utime, "listxattr": os.listxattr,
    "setxattr": lambda p: os.setxattr(p, "user.x", b""), "execute": lambda p: os.execv(p, [p]),
    "mkdir": os.mkdir, "mkfifo": os.mkfifo, "symlink": lambda p: os.symlink("x", p),
    "rmdir": os.rmdir, "unlink": os.unlink, "link from": lambda p: os.link(p, "work/new"),
    "link over": lambda p: os.link(p, "work/file"), "link to": lambda p: os.link("work/file", p),
    "rename from": lambda p: os.rename(p, "work/new"),
    "rename to": lambda p: os.rename("work/file", p),
    "exchange": lambda p: call(316, 276, -100, p.encode(), -100, b"work/file", 2),
}
if sys.argv[2:]:
    ask = {"stat": os.stat, "read": ask["read"]}
for path in json.loads(sys.argv[1]):
    for name, function in ask.items():
        say([name, path, e(function, path.replace("LONG", long))])
"""


def tree(top, full):
    (top / "work/open").mkdir(parents=True)
    (top / "work/closed").mkdir()
    (top / "work/file").write_text("open\n")
    if not full:
        return
    for folder in ("closed/inner", "dark/inner"):
        (top / "work" / folder).mkdir(parents=True)
    for file in ("hidden", "dark/file", "closed/file"):
        (top / "work" / file).write_text("secret\n")
    for folder in ("closed", "dark"):
        (top / "work" / folder / "link").symlink_to("file")


def different(one, two):
    return [f"{name} {path}: {there or 'success'}, and if it is missing {missing or 'success'}"
            for (name, path, there), (_, _, missing) in zip(one, two) if there != missing]


@cases([(secret,) for secret in SECRETS])
def no_answer_tells(directory, secret):
    """The same questions where the secret is and where it is not: not one answer differs."""
    full, empty = directory / "full", directory / "empty"
    tree(full, True)
    tree(empty, False)
    paths = json.dumps([f"{before}{secret}{tail}" for before in BEFORE for tail in TAILS])
    wrong = different(*[inside(top, RULES, ASK, paths, flags=("--no-hint",))
                        for top in (full, empty)])
    equal(wrong, [], "\n".join(["", *wrong]))
    for top in (full, empty):
        equal((top / "work/file").read_text(), "open\n")
    # Without cordon these questions do tell.
    one = json.dumps([f"work/{secret}"])
    true(different(bare(full, ASK, one, "some"), bare(empty, ASK, one, "some")))


if __name__ == "__main__":
    sys.exit(main())
