#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Executions where a deny rule reaches into what may be executed: held with ptrace, and nobody notices."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

from live import (ABLATE, CORDON, HANG, PRELUDE, PYTHON, RACE, REFUSE, UNDER, Skip, bare, case, cases,
                  cordon, equal, inside, main, policy, run, true)

TOOLS = pathlib.Path(RACE).parent
RULES = """
filesystem:
  write: [$D/work]
  deny: [$D/work/bad]
"""


def tree(directory):
    work = directory / "work"
    work.mkdir()
    shutil.copy(TOOLS / "quiet", work / "fit")
    shutil.copy(TOOLS / "mark", work / "bad")
    return work


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def has(program):
    if not shutil.which(program):
        raise Skip(f"no {program} here")
    return program


@cases([("program", ["./bad"]),
        ("by a link", ["./link"]),
        ("interpreter", ["./interpreted"]),
        ("loader", ["./loaded"])])
def denied(directory, _name, command):
    """An honest caller gets an errno, and nothing is ended."""
    work = tree(directory)
    (work / "link").symlink_to("bad")
    script(work / "interpreted", f"#!{work}/bad\n")
    path = f"{work}/bad"
    holder = b"/" + b"x123456789" * 8
    data = (TOOLS / "linked").read_bytes()
    (work / "loaded").write_bytes(data.replace(holder, path.encode().ljust(len(holder), b"\0")))
    (work / "loaded").chmod(0o755)
    result = run("-p", policy(directory, RULES), "sh", "-c", f"{command[0]}; echo $?", cwd=work)
    equal((result.status, result.out), (0, b"126\n"))
    true(f"denied exec {work}/bad".encode() in result.err, result)
    true(not (work / "ran").exists())


@case
def hidden(directory):
    work = tree(directory)
    rules = RULES.replace("deny", "hide")
    result = run("-p", policy(directory, rules), "sh", "-c", "./bad; echo $?", cwd=work)
    equal((result.status, result.out), (0, b"127\n"))
    true(not (work / "ran").exists())


def elf32(loader):
    """A program of 32 bits with a loader."""
    name = loader.encode() + b"\0"
    at = 52 + 32 * 2
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, 0x10000 + at, 52, 0, 0,
                         52, 32, 2, 40, 0, 0)
    interp = struct.pack("<IIIIIIII", 3, at, 0x10000 + at, 0, len(name), len(name), 4, 1)
    load = struct.pack("<IIIIIIII", 1, 0, 0x10000, 0, 4096, 4096, 5, 4096)
    return (header + interp + load + name).ljust(4096, b"\xcc")


@case
def loader_of_another_width(directory):
    """Only what was mapped tells it: the headers are not read for it."""
    work = tree(directory)
    script(work / "bad", "")
    (work / "bad").write_bytes(elf32("/nowhere").replace(b"\x03\0\0\0", b"\0\0\0\0", 1))
    (work / "narrow").write_bytes(elf32(f"{work}/bad"))
    (work / "narrow").chmod(0o755)
    outside = subprocess.run([work / "narrow"], check=False)
    if outside.returncode not in (-5, -11):
        raise Skip(f"this kernel does not run programs of 32 bits ({outside.returncode})")
    result = run("-p", policy(directory, RULES), "./narrow", cwd=work)
    equal(result.status, 137, result)
    true(f"denied exec {work}/bad".encode() in result.err, result)


def under_binfmt(directory, handler, flags, command):
    """Runs cordon where files that begin with MAGIC are given to a handler."""
    script_text = (f"mount -t binfmt_misc none {directory}/binfmt && "
                   f"echo ':cordon:M::MAGIC::{handler}:{flags}' > {directory}/binfmt/register "
                   "|| exit 99; exec \"$@\"")
    (directory / "binfmt").mkdir(exist_ok=True)
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script_text, "sh", *UNDER, CORDON, "run", "-p",
                           policy(directory, RULES), *command], cwd=directory / "work",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG, check=False)
    if done.returncode == 99 or b"unshare failed" in done.stderr:
        raise Skip("no binfmt_misc of our own here (Linux 6.7, user namespaces)")
    return done


@cases([("denied", "bad", 137), ("allowed", "fit", 0)])
def handler_of_binfmt_misc(directory, _name, handler, status):
    """What runs is not what was asked for, and no header names it."""
    work = tree(directory)
    script(work / "strange", "MAGIC\n")
    done = under_binfmt(directory, work / handler, "", ["./strange"])
    equal(done.returncode, status, done)
    true(not (work / "ran").exists())


@case
def unreadable(directory):
    """What the supervisor cannot read for its user it cannot judge."""
    work = tree(directory)
    (work / "fit").chmod(0o111)
    result = run("-p", policy(directory, RULES), "sh", "-c", "./fit; echo $?", cwd=work)
    equal(result.out, b"0\n" if os.geteuid() == 0 else b"126\n", result)


@case
def many_threads(directory):
    """SV-24: 64 threads start programs all the time; none is refused, none hangs."""
    tree(directory)
    code = """
wrong = []
def work():
    for _ in range(10):
        try:
            if os.waitpid(os.posix_spawn("work/fit", ["fit"], {}), 0)[1]:
                wrong.append("status")
        except OSError as error:
            wrong.append(errno_name(error.errno))
threads = [threading.Thread(target=work) for _ in range(64)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say(wrong)
"""
    equal(inside(directory, RULES, code), [[]])


TOO_LONG = """
long = ["fit", "a" * 3000000]
def fail(): return e(os.execv, "work/fit", long)
def gone():
    while b") Z" not in read("/proc/self/stat"): os.sched_yield()
def succeed(): os.execv("/bin/echo", ["echo", '"executed"'])
"""


@cases([("again by the same thread", "say([fail() for _ in range(3)]); succeed()"),
        ("by another thread", "say([fail()]); threading.Thread(target=succeed).start(); threading.Event().wait()"),
        ("of another thread",
         "t = threading.Thread(target=fail); t.start(); t.join(); say([]); succeed()"),
        ("and that thread is gone",
         "threading.Thread(target=lambda: (gone(), succeed())).start(); say([fail()]); "
         "libc.syscall(ctypes.c_long(60 if X86 else 93), ctypes.c_long(0))")])
def after_an_execution_that_failed(directory, _name, code):
    """A thread whose execution failed behind the decision stays as it was, and disturbs no other."""
    tree(directory)
    said = inside(directory, RULES, TOO_LONG + code)
    true(said[-1] == "executed" and set(said[0]) <= {"E2BIG"}, said)


@case
def threads_at_once(directory):
    """Of many threads that execute at once one wins, whoever is held."""
    tree(directory)
    code = """
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        for _ in range(8):
            threading.Thread(target=os.execv, args=("work/fit", ["fit"])).start()
        while True: signal.pause()
    say(os.waitpid(pid, 0)[1])
"""
    equal(inside(directory, RULES, "import signal\n" + code), [0] * 20)


@case
def signals_and_job_control(directory):
    """A thread that is still held stops, goes on and gets its signals as any other."""
    tree(directory)
    code = """
import signal
def held():
    ends = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGUSR1, lambda *_: os.write(ends[1], b"u"))
        fail()
        os.write(ends[1], b"f")
        while True: signal.pause()
    os.read(ends[0], 1)
    return pid, ends[0]
pid, end = held()
os.kill(pid, signal.SIGUSR1)
say(os.read(end, 1).decode())
pid, end = held()
os.kill(pid, signal.SIGSTOP)
say(os.WSTOPSIG(os.waitpid(pid, os.WUNTRACED)[1]))
os.kill(pid, signal.SIGCONT)
say(os.WIFCONTINUED(os.waitpid(pid, os.WCONTINUED)[1]))
os.kill(pid, signal.SIGUSR1)
say(os.read(end, 1).decode())
os.kill(pid, signal.SIGTERM)
say(os.waitpid(pid, 0)[1])
pid, end = held()
os.kill(pid, signal.SIGKILL)
say(os.waitpid(pid, 0)[1])
"""
    equal(inside(directory, RULES, TOO_LONG + code), ["u", 19, True, "u", 15, 9])


MANY = """
import signal
said = os.pipe()
def state(pid): return read(f"/proc/{pid}/stat").rsplit(b")", 1)[1].split()[0]
def many(count, then):
    pids = []
    for _ in range(count):
        pids.append(os.fork())
        if pids[-1] == 0:
            os.write(said[1], (fail() + " ").encode())
            then()
    text = b""
    while text.count(b" ") < count: text += os.read(said[0], 4096)
    say(sorted(set(text.decode().split())))
    return pids
def pause():
    while True: signal.pause()
def stick():
    "The parent of a child that does not get as far as its program cannot be made to stop."
    os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, "work/fifo", os.O_RDONLY, 0)])
"""


@cases([("wait", "many(200, pause)"),
        ("cannot stop", "os.mkfifo('work/fifo')\nfor pid in many(150, stick):\n"
                        "    while state(pid) != b'D': os.sched_yield()")])
def many_that_failed(directory, _name, code):
    """Threads whose execution failed and that live on keep no other from executing."""
    tree(directory)
    code = TOO_LONG + MANY + code + """
say([os.waitpid(os.posix_spawn("work/fit", ["fit"], {}), 0)[1] for _ in range(10)])
"""
    equal(inside(directory, RULES, code), [["E2BIG"], [0] * 10])


@cases([("verified", RULES, "EACCES"), ("not verified", RULES + "  exec: [/usr, /bin, /lib, /lib64]\n", "")])
def memory_of_others(directory, _name, rules, other):
    """It may be that of a program which has not been looked at yet."""
    tree(directory)
    code = """
import signal
text = ctypes.create_string_buffer(b"text")
def peek(way):
    with open(f"/proc/{way}/mem", "rb", buffering=0) as file:
        file.seek(ctypes.addressof(text))
        if file.read(4) != b"text": raise OSError(errno.EIO, "")
pid = os.fork()
if pid == 0:
    while True: signal.pause()
say([e(peek, way) for way in ("self", os.getpid(), pid, f"{pid}/task/{pid}")])
"""
    equal(inside(directory, rules, code), [["", "", other, other]])


@case
def killed_meanwhile(directory):
    """Children that are killed on their way into a program leave nothing behind."""
    tree(directory)
    code = """
import signal
ends = []
for _ in range(200):
    pid = os.fork()
    if pid == 0:
        try: os.execv("work/fit", ["fit"])
        finally: os._exit(99)
    if len(ends) % 4: os.sched_yield()
    os.kill(pid, signal.SIGKILL)
    ends.append(os.waitpid(pid, 0)[1])
say(sorted(set(ends) - {0, 9}))
say(os.waitpid(os.posix_spawn("work/fit", ["fit"], {}), 0)[1])
"""
    equal(inside(directory, RULES, code), [[], 0])


@case
def daemons_execute(directory):
    """One that has lost its parent is held by who adopted it."""
    tree(directory)
    code = """
ends = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        os.dup2(ends[1], 1)
        os.execv("/bin/echo", ["echo", "daemon"])
    os._exit(0)
os.wait()
say(os.read(ends[0], 99).decode())
"""
    equal(inside(directory, RULES, code), ["daemon\n"])


@case
def shell_make_and_git(directory):
    for program in ("make", "git", "cc"):
        has(program)
    work = tree(directory)
    (work / "Makefile").write_text("all: a b\n%: %.c\n\tcc -o $@ $<\n\t./$@\n")
    for name in "ab":
        (work / f"{name}.c").write_text("int main(void) { return 0; }\n")
    script(work / "nested", "#!./outer\n")
    script(work / "outer", "#!/bin/sh\necho nested\n")
    text = ("set -e; make -s -j2; git init -q .; git add -A .; ./nested; "
            "git -c user.name=n -c user.email=e@x commit -qm m; git clone -q . copy; ls copy/a.c; "
            "echo done | cat; (exit 3) || echo $?; xargs -n1 echo < /dev/null")
    result = run("-p", policy(directory, RULES.replace("work/bad]", "work/none]")), "--env",
                 f"HOME={work}", "sh", "-c", text, cwd=work)
    equal((result.status, result.out.split()),
          (0, [b"nested", b"copy/a.c", b"done", b"3"]), result)


DEBUG = RULES + 'syscalls:\n  allow: ["@debug"]\n'
TRACED = """
pid = os.fork()
if pid == 0:
    libc.ptrace(0, 0, 0, 0)
    os._exit(100 if e(os.execv, "work/fit", ["fit"]) == "EACCES" else 99)
say(os.WIFSTOPPED(status := os.waitpid(pid, 0)[1]))
if os.WIFSTOPPED(status): os.kill(pid, 9)
else: say(os.WEXITSTATUS(status))
"""


@case
def traced_by_the_program_itself(directory):
    """What cannot be held is refused. Where no rule needs it, a debugger inside works."""
    tree(directory)
    equal(inside(directory, DEBUG, TRACED), [False, 100])
    equal(inside(directory, DEBUG.replace("  deny: [$D/work/bad]\n", ""), TRACED), [True])
    result = cordon("explain", "-p", policy(directory, DEBUG), cwd=directory)
    true(b"cannot execute anything" in result.out, result)


@case
def debugger_inside(directory):
    work = tree(directory)
    command = [has("strace"), "-o", "/dev/null", "./fit"]
    result = run("-p", policy(directory, DEBUG), *command, cwd=work)
    true(result.status != 0 and b"another process traces the caller" in result.err, result)
    result = run("-p", policy(directory, DEBUG.replace("  deny: [$D/work/bad]\n", "")), *command,
                 cwd=work)
    equal(result.status, 0, result)


@cases([("EPERM",), ("ENOSYS",)])
def without_ptrace(directory, error):
    """The rule cannot be held, so nothing runs; a policy without such a rule does."""
    work = tree(directory)

    def refused(*arguments):
        return subprocess.run([REFUSE, error, "ptrace", *UNDER, CORDON, *map(str, arguments)], cwd=work,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG,
                              check=False,
                              # The leak check of a build with sanitizers uses ptrace itself.
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})

    file = policy(directory, RULES)
    done = refused("run", "-p", file, "./fit")
    equal(done.returncode, 125)
    true(b"filesystem.deny" in done.stderr and b"ptrace" in done.stderr and b":6)" in done.stderr, done)
    done = refused("explain", "-p", file)
    true(b"held with ptrace, which this host refuses" in done.stdout, done)
    checked = json.loads(refused("check", "--json").stdout)
    equal(checked["ptrace"], False)
    narrowed = policy(directory, RULES + "  exec: [/usr, /bin, /lib, /lib64]\n", "narrowed.yaml")
    equal(refused("run", "-p", narrowed, "true").returncode, 0)


LISTED = """
filesystem:
  read: [$D/tools]
  write: [$D/work]
  exec: [/usr, /bin, /lib, /lib64]
"""


def listed_tree(directory):
    work = tree(directory)
    tools = directory / "tools"
    tools.mkdir()
    shutil.copy(TOOLS / "mark", tools / "tool")
    shutil.copy("/bin/true", tools / "true")
    script(tools / "interpreted", f"#!{tools}/tool\n")
    script(tools / "script", "#!/bin/sh\necho ran\n")
    return work


@case
def only_what_is_listed(directory):
    """FS-03: the kernel holds the list, for programs, scripts and what these name."""
    work = listed_tree(directory)
    text = ("for file in ../tools/tool ../tools/interpreted ../tools/script ./bad; do "
            "$file; echo $?; done; /bin/echo listed")
    result = run("-p", policy(directory, LISTED), "sh", "-c", text, cwd=work)
    equal(result.out, b"126\n" * 4 + b"listed\n", result)
    true(not (work / "ran").exists())
    # The control: without the list all of them run.
    free = LISTED.replace("  exec: [/usr, /bin, /lib, /lib64]\n", "")
    result = run("-p", policy(directory, free), "sh", "-c", text, cwd=work)
    equal(result.out, b"77\n77\nran\n0\n77\nlisted\n", result)


@case
def what_a_list_does_not_hold(directory):
    """The loader runs what it can read: it does, and `explain` says so."""
    work = listed_tree(directory)
    loader = next((path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
                   if os.path.exists(path)), None)
    if not loader:
        raise Skip("no loader of glibc at its usual place")
    file = policy(directory, LISTED)
    equal(run("-p", file, loader, directory / "tools/true", cwd=work).status, 0)
    equal(run("-p", file, "sh", directory / "tools/script", cwd=work).out, b"ran\n")
    result = cordon("explain", "-p", file, cwd=directory)
    true(b"an interpreter runs any script" in result.out, result)


MEMORY = """
def attempt(flags, by_path):
    fd = os.memfd_create("tool", flags)
    os.write(fd, read("../tools/tool"))
    e(os.fchmod, fd, 0o755)
    pid = os.fork()
    if pid == 0:
        error = e(os.execve, f"/proc/self/fd/{fd}" if by_path else fd, ["tool"], {})
        os._exit(getattr(errno, error))
    return errno_name(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
for flags in (0, os.MFD_CLOEXEC, os.MFD_ALLOW_SEALING):
    for by_path in (False, True):
        say(attempt(flags, by_path))
"""


def memory(directory, rules, ablate):
    """What executing a memory file comes to, on a host that lacks what `ablate` names."""
    return subprocess.run([*UNDER, ABLATE, "run", "--no-hint", "-p", policy(directory, rules), PYTHON,
                           "-I", "-S", "-c", PRELUDE + MEMORY], cwd=directory / "work", check=False,
                          env={**os.environ, "CORDON_ABLATE": ablate}, timeout=HANG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@cases([("sealed", "none"), ("judged", "noexec-memory")])
def memory_files(directory, _name, ablate):
    """FS-04: memory is on no list, whether the kernel can seal it or not."""
    work = listed_tree(directory)
    done = memory(directory, LISTED, ablate)
    equal(done.stdout.split(), [b'"EACCES"'] * 6, done)
    true(not (work / "ran").exists())
    done = memory(directory, LISTED.replace("  exec: [/usr, /bin, /lib, /lib64]\n", ""), ablate)
    equal(done.stdout.split(), [b'"EBADFD"'] * 6, done)  # errno 77, as mark.c ends
    true((work / "ran").exists())


@case
def memory_files_where_nothing_holds_them(directory):
    """Neither a seal nor ptrace: there are none."""
    listed_tree(directory)
    done = memory(directory, LISTED, "noexec-memory,ptrace")
    true(done.returncode != 0 and b"PermissionError" in done.stderr, done)


@case
def memory_files_look_as_asked_for(directory):
    listed_tree(directory)
    code = """
F_GET_SEALS, SEAL, WRITE = 1034, 1, 8
for flags in (0, os.MFD_CLOEXEC, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING):
    fd = os.memfd_create("name", flags)
    os.ftruncate(fd, 5)
    say([os.get_inheritable(fd), bool(fcntl.fcntl(fd, F_GET_SEALS) & SEAL),
         e(fcntl.fcntl, fd, 1033, WRITE), os.readlink(f"/proc/self/fd/{fd}"), os.fstat(fd).st_size])
say(e(os.memfd_create, "n" * 250))
say(e(os.memfd_create, "n", 0x4000))
"""
    bare_said = bare(directory, code)
    equal(inside(directory, LISTED, code), bare_said)


@cases([("supervised", [], "126"), ("without a supervisor", ["--no-supervisor"], "0")])
def an_empty_list(directory, _name, flags, again):
    """Nothing after the program itself, be it a script; the kernel alone cannot tell it from itself."""
    work = listed_tree(directory)
    rules = LISTED.replace("[/usr, /bin, /lib, /lib64]", "[]")
    script(directory / "tools/script", "#!/bin/sh\necho ran\n/bin/true; echo $?\n"
                                       "../tools/tool; echo $?\n../tools/script >/dev/null; echo $?\n")
    if flags:
        rules += "network: {allow: []}\n"
        (directory / "tools/script").write_text("#!/bin/sh\necho ran\n/bin/true; echo $?\n"
                                                "../tools/tool; echo $?\n/bin/sh -c :; echo $?\n")
    result = run("-p", policy(directory, rules), *flags, directory / "tools/script", cwd=work)
    equal(result.out.split(), [b"ran", b"126", b"126", again.encode()], result)
    true(not (work / "ran").exists())


@case
def an_empty_list_and_a_denied_program(directory):
    work = listed_tree(directory)
    rules = LISTED.replace("[/usr, /bin, /lib, /lib64]", "[]") + "  deny: [$D/tools/tool]\n"
    result = run("-p", policy(directory, rules), "../tools/tool", cwd=work)
    equal(result.status, 126, result)
    result = run("-p", policy(directory, rules), "../tools/interpreted", cwd=work)
    equal(result.status, 126, result)
    true(not (work / "ran").exists())


@case
def explained(directory):
    tree(directory)
    result = cordon("explain", "-p", policy(directory, RULES), cwd=directory)
    true(b"verified by ptrace before the new program runs" in result.out, result)
    for rules in ("filesystem:\n  write: [$D/work]\n", LISTED):
        result = cordon("explain", "-p", policy(directory, rules), cwd=directory)
        true(b"execve" not in result.out, result)


if __name__ == "__main__":
    sys.exit(main())
