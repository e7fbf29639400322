#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looking without opening: stat, access, readlink, statfs, chdir, and listings."""
import json
import os

from live import UNDER, bare, case, cases, equal, inside, main, run, policy, true

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/work/denied, $D/work/closed]
  hide: [$D/work/hidden, $D/work/dark, "**/*.ghost"]
"""


def tree(directory):
    for folder in ("read", "work/open", "work/closed/inner", "work/dark/inner", "outside"):
        (directory / folder).mkdir(parents=True)
    for file in ("read/file", "work/file", "work/denied", "work/hidden", "work/closed/file",
                 "work/dark/file", "work/open/a.ghost", "outside/file"):
        (directory / file).write_text(f"{file}\n")
    (directory / "work/link").symlink_to("denied")
    (directory / "work/closed/link").symlink_to("/etc")
    os.link(directory / "work/hidden", directory / "work/open/second name")


# Each looks at P and says something of it, so that a success shows what was seen.
LOOKS = {
    "stat": "os.stat(P).st_ino", "lstat": "os.lstat(P).st_ino",
    "access": "call(21, 48, P) if not X86 else call(21, 48, P, 0)",
    "faccessat": "call(269, 48, -100, P, 0)", "faccessat2": "call(439, 439, -100, P, 0, 0x100)",
    "old stat": "call(4, 79, P, buffer) if X86 else call(4, 79, -100, P, buffer, 0)",
    "statx": "call(332, 291, -100, P, 0, 0xfff, buffer)",
    "statfs": "call(137, 43, P, buffer)", "listxattr": "call(194, 11, P, 0, 0)",
    "getxattr": "attribute(P)", "O_PATH": "os.close(os.open(P, os.O_PATH))",
    "by dirfd": "os.stat(P[len(os.getcwd()) + 1:], dir_fd=here)",
}
CODE = """
looks, names = json.loads(sys.argv[1])
buffer = ctypes.create_string_buffer(1024)
here = os.open(".", os.O_PATH)
def attribute(path):
    if e(os.getxattr, path, "user.none") != "ENODATA":
        os.getxattr(path, "user.none")
for name in names:
    P = (os.getcwd() + "/" + name).encode()
    say({key: e(lambda: eval(text)) for key, text in looks.items()})
"""
WANTED = {"read/file": "", "work/file": "", "work/denied": "EACCES", "work/closed/file": "EACCES",
          "work/closed/missing": "EACCES", "work/closed/inner": "EACCES", "work/closed": "EACCES",
          "work/hidden": "ENOENT", "work/dark/file": "ENOENT", "work/dark/missing": "ENOENT",
          "work/dark": "ENOENT", "work/open/a.ghost": "ENOENT", "work/open/second name": "ENOENT",
          "work/dark/../file": "ENOENT", "work/closed/../file": "EACCES",
          "work/closed/inner/../../file": "EACCES", "work/missing": "ENOENT",
          "work/file/below": "ENOTDIR", "outside/file": ""}


@case
def every_way_to_look(directory):
    tree(directory)
    argument = json.dumps([LOOKS, list(WANTED)])
    got = dict(zip(WANTED, inside(directory, RULES, CODE, argument)))
    different = [f"{name} {key}: got {value or 'success'}, wanted {WANTED[name] or 'success'}"
                 for name, row in got.items() for key, value in row.items()
                 if value != WANTED[name]]
    equal(different, [], "\n".join(["", *different]))
    for row, (name, wanted) in zip(bare(directory, CODE, argument), WANTED.items()):
        natural = "ENOENT" if "missing" in name else wanted if "below" in name else ""
        equal(set(row.values()), {natural}, f"without cordon, {name}")


@case
def metadata_visible(directory):
    """Looking is the kernel's then, and nothing but looking."""
    tree(directory)
    rules = ("filesystem:\n  write: [$D/work]\n  deny: [$D/work/denied, $D/work/closed]\n"
             "  metadata: visible\n")
    code = """
here = os.getcwd()
say([os.stat("work/denied").st_size, os.access("work/denied", os.F_OK), os.readlink("work/closed/link"),
     e(os.chdir, "work/closed")])
os.chdir(here)
say([e(read, "work/denied"), e(os.listdir, "work/closed"), e(write, "work/denied"),
     e(read, "work/closed/file"), e(os.chmod, "work/denied", 0o777), e(os.unlink, "work/denied")])
"""
    equal(inside(directory, rules, code), [[12, True, "/etc", ""], ["EACCES"] * 6])
    equal((directory / "work/denied").read_text(), "work/denied\n")
    equal((directory / "work/denied").stat().st_mode & 0o111, 0)
    argument = json.dumps([LOOKS, ["work/hidden", "work/denied"]])
    got = inside(directory, RULES + "  metadata: visible\n", CODE, argument)
    equal([set(row.values()) for row in got], [{"ENOENT"}, {"EACCES"}])


@case
def what_is_seen_is_the_truth(directory):
    """Every field as without cordon, also through descriptors that have no name."""
    tree(directory)
    code = """
r, w = os.pipe()
pair = socket.socketpair()
handle = os.open("work/file", os.O_PATH)
def fields(st): return [getattr(st, "st_" + n) for n in
                        "mode ino dev nlink uid gid size blksize blocks mtime_ns ctime_ns".split()]
def statx(*arguments):
    call(332, 291, *arguments, buffer)
    return buffer.raw[:0x60].hex()
buffer = ctypes.create_string_buffer(256)
say([fields(os.stat("work/file")), fields(os.lstat("work/link")), fields(os.stat("/dev/null")),
     fields(os.stat("work/")), fields(os.stat("work/..")), fields(os.stat("/")),
     fields(os.fstat(handle)), stat.S_ISFIFO(os.fstat(r).st_mode),
     stat.S_ISSOCK(os.stat(f"/proc/self/fd/{pair[0].fileno()}").st_mode),
     statx(-100, b"work/file", 0x100, 0x7ff), statx(handle, b"", 0x1000, 0x7ff),
     os.readlink("work/link"), call(89, 78, b"work/link", buffer, 3) if X86 else 3,
     os.path.realpath("/proc/self") == f"/proc/{os.getpid()}",
     os.readlink("/proc/thread-self") == f"{os.getpid()}/task/{threading.get_native_id()}",
     e(os.readlink, "work/file"), e(os.stat, ""), e(os.fstat, 99), e(call, 332, 291, 99, b"", 0x1000, 0, buffer),
     e(call, 332, 291, -100, b"work", 0x6000, 0, buffer), e(call, 332, 291, -100, b"work", 0, 0, 8),
     e(call, 332, 291, -100, 8, 0, 0, buffer), os.statvfs("work").f_blocks,
     [os.access("work/file", mode) for mode in (0, 2, 4, 1)], os.access("/usr/bin/env", 1)])
"""
    got, wanted = inside(directory, RULES, code)[0], bare(directory, code)[0]
    equal([pair for pair in zip(got, wanted) if pair[0] != pair[1]], [])


@case
def access_tells_what_an_open_would(directory):
    """Without any deny rule: whether it can be written to is not what the mode bits say."""
    tree(directory)
    plain = "filesystem:\n  read: [$D/read]\n  write: [$D/work]\n  exec: [/usr]\n"
    code = """
for path in sys.argv[1:]:
    can = os.access(path, os.W_OK)
    flags = os.O_RDONLY | os.O_DIRECTORY if os.path.isdir(path) else os.O_WRONLY | os.O_APPEND
    done = not e(os.close, os.open(path, flags)) if not e(os.open, path, flags) else False
    if os.path.isdir(path): done = not e(os.mkdir, path + "/new")
    say([path, can, done])
say([os.access("/usr/bin/env", os.X_OK), os.access("work/tool", os.X_OK), os.access("work", os.X_OK)])
"""
    (directory / "work/tool").write_text("#!/bin/sh\n")
    (directory / "work/tool").chmod(0o755)
    paths = ["read/file", "read", "work/file", "work", "work/open", "outside", "/usr", "/dev/null"]
    got = inside(directory, plain, code, *paths)
    equal(got.pop(), [True, False, True])
    equal([row[0] for row in got if row[1] != row[2]], [], got)
    equal([row[0] for row in got if row[1]], ["work/file", "work", "work/open", "/dev/null"])


LIST = """
def names(raw, at):
    out, position = [], 0
    while position < len(raw):
        length = int.from_bytes(raw[position + 16:position + 18], "little")
        out.append(raw[position + at:position + length].split(b"\\0")[0].decode())
        position += length
    return out
def listing(path, size, x86=217, at=19):
    fd = os.open(path, os.O_RDONLY)
    buffer = ctypes.create_string_buffer(size)
    out = []
    while True:
        n = call(x86, 61, fd, buffer, size)
        if n == 0: break
        out += names(buffer.raw[:n], at)
    os.close(fd)
    return sorted(set(out) - {".", ".."})
"""


@cases([("one entry", 40), ("some", 200), ("all", 65536)])
def hidden_names_are_not_listed(directory, _name, size):
    tree(directory)
    for number in range(30):
        (directory / f"work/open/n{number:02}").write_text("")
        (directory / f"work/open/n{number:02}.ghost").write_text("")
    code = LIST + f"""
say([listing("work", {size}), listing("work/open", {size}),
     listing("work/open", {size}, 78, 18) if X86 else listing("work/open", {size}),
     sorted(os.listdir("work/open"))])
"""
    visible = [f"n{number:02}" for number in range(30)]
    wanted = [["closed", "denied", "file", "link", "open"], *[visible] * 3]
    equal(inside(directory, RULES, code), [wanted])
    equal(len(bare(directory, code)[0][1]), 62)


@case
def the_position_is_everybodys(directory):
    """lseek, rewinding, a duplicate and a child go on where the other one stopped."""
    tree(directory)
    for number in range(200):
        (directory / f"work/open/n{number:03}").write_text("")
        (directory / f"work/open/n{number:03}.ghost").write_text("")
    code = LIST + """
def some(fd):
    n = call(217, 61, fd, buffer, len(buffer))
    return names(buffer.raw[:n], 19), n and int.from_bytes(buffer.raw[8:16], "little", signed=True)
buffer = ctypes.create_string_buffer(400)
fd = os.open("work/open", os.O_RDONLY)
first, offset = some(fd)
rest = []
while (part := some(fd)[0]): rest += part
everything = first + rest
os.lseek(fd, offset, 0)   # behind the very first entry
again = []
while (part := some(fd)[0]): again += part
os.lseek(fd, 0, 0)
say([len(everything) - 2, len(set(everything)) == len(everything), again == everything[1:],
     some(fd)[0] == first, not any("ghost" in name for name in everything)])
"""
    equal(inside(directory, RULES, code), [[200, True, True, True, True]])
    shared = LIST + """
buffer = ctypes.create_string_buffer(400)
fd = os.open("work/open", os.O_RDONLY)
pair = [fd, os.dup(fd)]
seen, turn = [], 0
while True:
    n = call(217, 61, pair[turn % 2], buffer, len(buffer))
    if n == 0: break
    seen += names(buffer.raw[:n], 19); turn += 1
say([len(seen) - 2, len(set(seen)) == len(seen)])
"""
    # Where pidfd_getfd is refused, duplicates do not share the position: see fs_directory.c.
    if not any("pidfd_getfd" in word for word in UNDER):
        equal(inside(directory, RULES, shared), [[200, True]])


@case
def a_working_directory_in_the_dark(directory):
    tree(directory)
    code = """
for place in "work/closed", "work/dark", "work/closed/inner", "work/link", "work/open", "nowhere":
    before = os.getcwd()
    say([e(os.chdir, place), os.getcwd() == before])
    os.chdir(before)
say(e(lambda: os.fchdir(os.open("work/file", os.O_RDONLY))))
"""
    equal(inside(directory, RULES, code),
          [["EACCES", True], ["ENOENT", True], ["EACCES", True], ["EACCES", True], ["", False],
           ["ENOENT", True], "ENOTDIR"])


@case
def without_such_rules_nothing_is_notified(directory):
    tree(directory)
    plain = "filesystem:\n  read: [$D/read]\n  write: [$D/work]\n  protect: [$D/work/file]\n"
    report = directory / "report.json"
    result = run("-p", policy(directory, plain), "--report", report, "sh", "-c",
                 "ls -lR work read >/dev/null 2>&1; find . >/dev/null 2>&1; cat work/file",
                 cwd=directory)
    equal(result.status, 0, result)
    counters = json.loads(report.read_text())["counters"]
    true(counters["notified"] < 20, counters)


main()
