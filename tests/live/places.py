#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One object, many spellings: the rule holds for all of them, and /proc means the caller's."""
import contextlib
import json
import os
import sys

from live import PRELUDE, bare, case, cases, equal, errnos, inside, main, policy, run, true

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/work/secret, $D/work/vault]
"""


def tree(directory):
    for folder in ("read", "work/sub", "work/vault/inner", "outside"):
        (directory / folder).mkdir(parents=True)
    for file in ("read/file", "work/file", "work/secret", "work/vault/inner/key", "outside/file"):
        (directory / file).write_text(f"{file}\n")
    (directory / "work/link").symlink_to("secret")
    (directory / "work/absolute").symlink_to(directory / "work/secret")
    (directory / "work/up").symlink_to("../work/sub/../secret")
    (directory / "work/dirlink").symlink_to("vault")
    (directory / "work/out").symlink_to("../outside")


@contextlib.contextmanager
def handed_over(directory, *paths):
    """Handles that a program inside could not open itself: (rules that keep them, numbers)."""
    numbers = [os.open(directory / path, os.O_PATH) for path in paths]
    try:
        yield f"{RULES}process:\n  fds: {numbers}\n", numbers
    finally:
        for number in numbers:
            os.close(number)


SPELLINGS = ["work/secret", "work//secret", "work/./secret", "./work/secret", "$D/work/secret",
             "//$D//work/secret", "work/sub/../secret", "read/../work/secret", "work/link",
             "work/absolute", "work/up", "/proc/self/cwd/work/secret",
             "/proc/self/root$D/work/secret", "/proc/thread-self/root$D/work/secret",
             "/proc/$PID/root$D/work/secret", "/proc/$PID/task/$PID/cwd/work/secret",
             "/proc/./self/../self/cwd/work/secret", "/dev/fd/$W/secret",
             "/proc/self/fd/$W/secret", "/proc/self/fd/$P", "/dev/fd/$P", "work/vault/inner/key",
             "work/dirlink/inner/key", "work/vault/../vault/inner/key", "/proc/self/fd/$V/inner/key",
             "work/out/file", "outside/file", "/proc/self/cwd/outside/file"]
CODE = """
w = os.open("work", os.O_PATH)
p, v = json.loads(sys.argv[2])
names = [name.replace("$D", os.getcwd()).replace("$PID", str(os.getpid())).replace("$W", str(w))
         .replace("$P", str(p)).replace("$V", str(v)) for name in json.loads(sys.argv[1])]
"""


@case
def every_spelling(directory):
    tree(directory)
    code = CODE + """
for name in names:
    say([e(read, name), e(write, name), e(os.truncate, name, 0), e(os.chmod, name, 0o777),
         e(call, 257, 56, w, b"../" + name.encode(), 0) if name[0] != "/" else "EACCES"])
"""
    with handed_over(directory, "work/secret", "work/vault") as (rules, numbers):
        got = inside(directory, rules, code, json.dumps(SPELLINGS), json.dumps(numbers),
                     pass_fds=numbers)
    wrong = [(name, row) for name, row in zip(SPELLINGS, got) if set(row) != {"EACCES"}]
    equal(wrong, [])
    for file in ("work/secret", "work/vault/inner/key", "outside/file"):
        equal((directory / file).read_text(), f"{file}\n")
        equal((directory / file).stat().st_mode & 0o777, 0o666 & ~UMASK)


UMASK = os.umask(0o022)
os.umask(UMASK)
HOLDERS = {
    "main thread": "work()",
    "second thread": "t = threading.Thread(target=work); t.start(); t.join()",
    "child": "pid = os.fork()\nif pid == 0:\n    work(); os._exit(0)\nos.waitpid(pid, 0)",
    "grandchild": "pid = os.fork()\nif pid == 0:\n    q = os.fork()\n    if q == 0:\n"
                  "        work(); os._exit(0)\n    os.waitpid(q, 0); os._exit(0)\n"
                  "os.waitpid(pid, 0)",
}


@cases([(holder,) for holder in HOLDERS])
def proc_is_the_callers(directory, holder):
    """Who asks is who is shown, though somebody else opens."""
    tree(directory)
    code = f"""
def field(path, key):
    for line in read(path).decode().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
def work():
    proc = os.open("/proc", os.O_PATH)
    relative = os.fdopen(os.open("self/status", os.O_RDONLY, dir_fd=proc)).read()
    say([field("/proc/self/status", "Pid") == os.getpid(),
         field("/proc/thread-self/status", "Pid") == threading.get_native_id(),
         field("/proc/./self/../self/status", "Tgid") == os.getpid(),
         field("/proc/self/task/../status", "Pid") == os.getpid(),
         f"\\nPid:\\t{{os.getpid()}}\\n" in relative,
         b"marker-of-the-caller" in read("/proc/self/cmdline"),
         b"SECRET" not in read("/proc/self/environ"),
         os.readlink("/proc/self/exe") == os.path.realpath({sys.executable!r})
         or "python" in os.readlink("/proc/self/exe")])
{HOLDERS[holder]}
"""
    got = inside(directory, RULES, code, "marker-of-the-caller",
                 env={**os.environ, "SECRET": "of the supervisor"})
    equal(got, [[True] * 8])


@case
def other_processes_stay_closed(directory):
    """The supervisor, the keeper and the test: nothing of them can be read."""
    tree(directory)
    code = """
outside = json.loads(sys.argv[1])
for pid in [os.getppid(), outside]:
    say([e(read, f"/proc/{pid}/environ") != "", e(read, f"/proc/{pid}/mem") != "",
         e(read, f"/proc/{pid}/maps") != "", e(os.listdir, f"/proc/{pid}/fd") != "",
         e(read, f"/proc/{pid}/root/etc/shadow") != "", e(read, f"/proc/{pid}/cwd/secret") != "",
         e(read, f"/proc/{pid}/fd/0") != ""])
"""
    got = inside(directory, RULES, code, str(os.getpid()))
    equal(got, [[True] * 7] * 2)


@case
def own_descriptors_by_name(directory):
    tree(directory)
    code = """
pair = socket.socketpair()
r, w = os.pipe()
os.write(w, b"through the pipe")
fd = os.open("work/file", os.O_RDONLY)
os.lseek(fd, 3, 0)
again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
handle = os.open("work/file", os.O_PATH)
say([os.read(os.open(f"/dev/fd/{r}", os.O_RDONLY), 100).decode(),
     os.read(again, 100).decode(), read(f"/proc/self/fd/{handle}").decode(),
     read("/dev/stdin").decode(),
     e(os.open, f"/dev/fd/{pair[0].fileno()}", os.O_RDONLY),
     e(os.open, "/dev/fd/999", os.O_RDONLY), os.fstat(handle).st_size])
write("/dev/stdout", b'"said"\\n')
"""
    got = inside(directory, RULES, code, stdin=b"typed")
    equal(got, [["through the pipe", "work/file\n", "work/file\n", "typed", "ENXIO", "ENOENT", 10],
                "said"])


@case
def bash_process_substitution(directory):
    tree(directory)
    script = "cat <(echo x) <(cat work/file); echo y | tee /dev/stderr > /dev/stdout"
    result = run("-p", policy(directory, RULES), "bash", "-c", script, cwd=directory)
    equal((result.status, result.out, result.err), (0, b"x\nwork/file\ny\n", b"y\n"), result)


@case
def handles_and_working_directories(directory):
    """A handle, or a working directory, in a denied place yields nothing."""
    tree(directory)
    code = """
vault, handle = json.loads(sys.argv[1])
result = [e(os.open, "key", os.O_RDONLY, dir_fd=vault), e(os.open, f"/proc/self/fd/{handle}", 0),
          e(os.open, "new", os.O_CREAT | os.O_WRONLY, dir_fd=vault),
          e(os.listdir, f"/proc/self/fd/{vault}"), e(os.unlink, "key", dir_fd=vault),
          e(call, 322, 281, handle, b"", 0, 0, 0x1000)]
result += [e(os.open, "work/vault", os.O_PATH), e(os.chdir, "work/vault"), e(os.fchdir, vault)]
os.chdir("work/sub")
result.append(e(read, "../secret"))
say(result)
"""
    there = """
say([e(read, "key"), e(write, "new"), e(os.listdir, "."), e(os.rename, "key", "../../x"),
     e(os.stat, "key"), e(os.stat, "..")])
"""
    with handed_over(directory, "work/vault/inner", "work/vault/inner/key") as (rules, numbers):
        got = inside(directory, rules, code, json.dumps(numbers), pass_fds=numbers)
    equal(got, [["EACCES"] * 10])
    got = inside(directory, RULES + "process:\n  cwd: $D/work/vault/inner\n", there)
    equal(got, [["EACCES"] * 6])
    equal(os.listdir(directory / "work/vault/inner"), ["key"])


@case
def threads_with_working_directories_of_their_own(directory):
    tree(directory)
    code = """
out = []
def work(place):
    libc.unshare(0x200)  # CLONE_FS
    os.chdir(place)
    out.append([place, e(read, "file"), e(read, "secret")])
for place in "work", "read":
    t = threading.Thread(target=work, args=(os.getcwd() + "/" + place,))
    t.start(); t.join()
say([row[1:] for row in out])
"""
    equal(inside(directory, RULES, code), [[["", "EACCES"], ["", "ENOENT"]]])


@case
def directories_that_are_gone(directory):
    tree(directory)
    code = """
os.mkdir("work/gone")
fd = os.open("work/gone", os.O_RDONLY)
kept = os.open("work/gone", os.O_PATH)
os.rmdir("work/gone")
say([e(os.open, "x", os.O_CREAT | os.O_WRONLY, dir_fd=fd), e(os.open, "x", 0, dir_fd=kept),
     e(os.mkdir, "x", dir_fd=fd), e(os.rename, "work/file", "x", dst_dir_fd=fd)])
os.mkdir("work/gone"); os.chdir("work/gone"); os.rmdir("../gone")
say([e(write, "x"), e(os.mkdir, "x"), e(read, "../file")])
"""
    within = inside(directory, RULES, code)
    equal(within, bare(directory, code))


@case
def dangling_links(directory):
    """Creating through a link is judged where the file would be."""
    tree(directory)
    (directory / "work/to-outside").symlink_to(directory / "outside/made")
    (directory / "work/to-vault").symlink_to("vault/made")
    (directory / "work/to-work").symlink_to("sub/made")
    errnos(directory, RULES, {
        "write('work/to-outside')": "EACCES", "write('work/to-vault')": "EACCES",
        "write('work/to-work')": "",
        "os.open('work/to-outside', os.O_CREAT | os.O_EXCL | os.O_WRONLY)": "EEXIST",
        "os.mkdir('work/to-outside')": "EEXIST", "os.mkfifo('work/to-vault')": "EEXIST"})
    equal((directory / "work/sub/made").read_text(), "inside\n")
    true(not (directory / "outside/made").exists() and not (directory / "work/vault/made").exists())


@case
def odd_names(directory):
    tree(directory)
    names = [b"new\nline", b"esc\x1b[2J", b"\xff\xfe", b"a" * 255, b" ", b"-x", b"*", b"\\"]
    code = f"""
for name in {names!r}:
    say([e(write, b"work/" + name), read(b"work/" + name).decode(), e(write, b"work/vault/" + name)])
say([e(write, b"work/" + b"a" * 256), e(write, b"work/" + b"x/" * 2100), e(read, b"")])
say(e(read, b"work" + b"/." * 2040 + b"/secret"))
"""
    result = run("-p", policy(directory, RULES), "/usr/bin/python3", "-I", "-S", "-c",
                 PRELUDE + code, cwd=directory)
    lines = [json.loads(line) for line in result.out.decode().splitlines()]
    equal(lines[:-2], [["", "inside\n", "EACCES"]] * len(names), result)
    equal(lines[-2:], [["ENAMETOOLONG", "ENAMETOOLONG", "ENOENT"], "EACCES"], result)
    for line in result.err.splitlines():
        true(line.startswith(b"cordon: ") and line.decode().isprintable(), line)


if __name__ == "__main__":
    sys.exit(main())
