#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits of the tree and of its processes: what is over a limit ends with its reason, what is not runs on.

Each hog ends by itself, so that it can run as a control: without the limit it comes to its end.
"""
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import sys
import time

from live import CORDON, HANG, PROBE, PYTHON, Skip, case, cases, cordon, equal, main, run, start, true

MODES = [("supervised", ()), ("off", ("--no-supervisor", "--unix-connect", "/"))]
LIMIT, HOG = 96, 400  # MiB

# Each takes HOG MiB, in its own way; at a time there is never much more than one step between
# two looks, and in the end it tells that it got away with it.
HOGS = {
    "anonymous": """
kept = []
for _ in range(HOG): kept.append(bytearray(1 << 20))
""",
    "shared": """
import mmap
m = mmap.mmap(-1, HOG << 20)
for i in range(HOG << 8): m[i << 12] = 1
""",
    "memory_file": """
import os
fd, block = os.memfd_create("hog"), bytes(1 << 20)
for _ in range(HOG): os.write(fd, block)
""",
    "private_pages_of_a_file": """
import mmap, os
fd = os.open("file", os.O_RDONLY)
maps = [mmap.mmap(fd, 1 << 20, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        for _ in range(HOG)]
for m in maps:
    for i in range(256): m[i << 12] = 1
""",
    "together": """
import os
r, w = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        kept = [bytearray(1 << 20) for _ in range(HOG // 8)]
        os.write(w, b"x")
        os.pause() if hasattr(os, "pause") else __import__("signal").pause()
for _ in range(8): os.read(r, 1)
""",
    "a_daemon": """
import os
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    kept = [bytearray(1 << 20) for _ in range(HOG)]
    os.write(w, b"x")
    __import__("signal").pause()
os.read(r, 1)
""",
}
# What can be hidden from a look: descriptors of a process that is not dumpable, everything of one whose
# first thread has ended, a table of descriptors that one thread has alone; and what two figures hold.
HOGS |= {
    "not_dumpable": """
import ctypes
if ctypes.CDLL(None).prctl(4, 0, 0, 0, 0): raise SystemExit("still dumpable")
""" + HOGS["memory_file"],
    "first_thread_has_ended": """
import ctypes, os, platform, threading
main = threading.main_thread().native_id
def rest():
    while open(f"/proc/self/task/{main}/stat").read().rsplit(")", 1)[1].split()[0] != "Z": pass
    kept = [bytearray(1 << 20) for _ in range(HOG)]
    select.select([], [], [], WAIT)
    print("done", flush=True)
    os._exit(0)
import select
threading.Thread(target=rest).start()
ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
""",
    "a_table_of_its_own": """
import ctypes, os, threading
def work():
    if ctypes.CDLL(None).unshare(0x400): os._exit(1)
    fd, block = os.memfd_create("hog"), bytes(1 << 20)
    for _ in range(HOG): os.write(fd, block)
    full.set()
    threading.Event().wait()
full = threading.Event()
threading.Thread(target=work, daemon=True).start()
full.wait()
""",
    # Pages of nothing but zeros; the tables that lead to them are memory.
    "page_tables": """
import mmap
m = mmap.mmap(-1, HOG << 29, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)
for at in range(0, HOG << 29, 2 << 20): m[at]
""",
    # Each of the two is within the limit.
    "shared_and_a_file": """
import mmap, os
m = mmap.mmap(-1, 72 << 20)
for i in range(72 << 8): m[i << 12] = 1
fd, block = os.memfd_create("hog"), bytes(1 << 20)
for _ in range(72): os.write(fd, block)
""",
}
# It waits a while with what it holds, since the last look may lie behind: how long does not matter, a
# limit that works ends it before, and one that does not shows.
END = """
import select
select.select([], [], [], WAIT)
print("done", flush=True)
"""


def python(code, wait=30):
    return (PYTHON, "-I", "-S", "-c", (code.replace("HOG", str(HOG)) + END).replace("WAIT", str(wait)))


def reported(directory, *arguments, **more):
    """Runs with a report: the result and the report."""
    file = directory / "report.json"
    result = run("--report", file, *arguments, cwd=directory, **more)
    return result, json.loads(file.read_text())


def limit_of(report, name):
    return next(limit for limit in report["limits"] if limit["name"] == name)


# Under supervision a process only seems to become undumpable: its memory has to be read.
@cases([(f"{hog},supervised", hog, ()) for hog in HOGS if hog != "not_dumpable"] +
       [(f"{hog},off", hog, MODES[1][1]) for hog in ("anonymous", "not_dumpable")])
def memory_of_the_tree(directory, _name, hog, flags):
    with open(directory / "file", "wb") as file:
        file.truncate(1 << 20)
    flags = (*flags, "-r", "/")
    result, report = reported(directory, *flags, "-m", f"{LIMIT}M", *python(HOGS[hog]))
    equal((result.status, result.out, report["exit"]["reason"]), (137, b"", "memory"), result)
    true(limit_of(report, "memory")["hit"], report["limits"])
    true(report["usage"]["tree_peak"] > LIMIT << 20, report["usage"])
    true(f"limit reached: limits.memory {LIMIT}M" in result.err.decode(), result)
    # The control: nobody stops it.
    equal(run(*flags, *python(HOGS[hog], 0), cwd=directory).out, b"done\n")


@case
def huge_pages(directory):
    """They are in no figure of anonymous memory."""
    code = """
import mmap
try:
    m = mmap.mmap(-1, HOG << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
except OSError:
    print("none", flush=True)
    raise SystemExit(0)
for at in range(0, HOG << 20, 4096): m[at] = 1
"""
    if run("-r", "/", *python(code, 0), cwd=directory).out != b"done\n":
        raise Skip("the host has not so many huge pages (vm.nr_hugepages)")
    result, report = reported(directory, "-r", "/", "-m", f"{LIMIT}M", *python(code))
    equal((result.status, result.out, report["exit"]["reason"]), (137, b"", "memory"), result)


@cases(MODES)
def no_pages_kept_by_pipes(directory, _name, flags):
    """A page of a huge one in a pipe keeps all of it, unmapped: no look would see it."""
    code = """
import array, ctypes, errno, fcntl, mmap, os, termios
m = mmap.mmap(-1, 4096)
class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
vector = Vector(ctypes.addressof(ctypes.c_char.from_buffer(m)), 4096)
r, w = os.pipe()
libc = ctypes.CDLL(None, use_errno=True)
n, held = libc.vmsplice(w, ctypes.byref(vector), ctypes.c_ulong(1), 0), array.array("i", [0])
fcntl.ioctl(r, termios.FIONREAD, held)
print(n if n >= 0 else errno.errorcode[ctypes.get_errno()], held[0])
"""
    command = (PYTHON, "-I", "-S", "-c", code)
    flags = (*flags, "-r", "/")
    equal(run(*flags, "-m", "1G", *command, cwd=directory).out, b"ENOSYS 0\n")
    equal(run(*flags, *command, cwd=directory).out, b"4096 4096\n")


@cases(MODES)
def a_program_that_is_not_readable(directory, _name, flags):
    """Its descriptors are nobody's to list, unless root looks: what the host's memory grows by counts."""
    program = directory / "hog"
    shutil.copy(PROBE, program)
    program.chmod(0o111)
    flags = (*flags, "-r", "/")
    result, report = reported(directory, *flags, "-m", f"{LIMIT}M", program, "hog", HOG, 30)
    equal((result.status, result.out, report["exit"]["reason"]), (137, b"", "memory"), result)
    noted = any("cannot be looked into" in note for note in report["notes"])
    equal(noted, os.geteuid() != 0, report["notes"])
    # The controls: without a limit, and with one that is wide enough.
    for more in ((), ("-m", "6G")):
        result = run(*flags, *more, program, "hog", HOG, 1, cwd=directory)
        equal((result.status, result.out), (0, b"done\n"), result)


@case
def a_long_list_of_groups(directory):
    """What procfs says of a process begins with its groups: 65536 of them must not hide the rest."""
    if os.geteuid() != 0:
        raise Skip("only root can have such groups")
    code = "import os\nos.setgroups(range(4000000000, 4000065536))\n" + HOGS["anonymous"]
    result, report = reported(directory, "-r", "/", "-m", f"{LIMIT}M", *python(code))
    equal((result.status, result.out, report["exit"]["reason"]), (137, b"", "memory"), result)
    equal(run("-r", "/", *python(code, 0), cwd=directory).out, b"done\n")


def keeper_of(process):
    children = pathlib.Path(f"/proc/{process.pid}/task").glob("*/children")
    return " ".join(path.read_text() for path in children).split()[0]


def waits(keeper):
    """How often the keeper has gone to sleep: once a look."""
    for line in pathlib.Path(f"/proc/{keeper}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    raise AssertionError("no count of switches")


def looked_at(directory, flags, code):
    """Runs code that says `up` and waits for its input to end; it is looked at many times meanwhile."""
    file = directory / "report.json"
    with start("--report", file, *flags, "-r", "/", PYTHON, "-I", "-S", "-c", code, cwd=directory,
               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        equal(process.stdout.readline(), b"up\n")
        keeper = keeper_of(process)
        before, end = waits(keeper), time.monotonic() + HANG
        while process.poll() is None and waits(keeper) < before + 5:
            true(time.monotonic() < end, "the keeper does not look")
            select.select([], [], [], 0.01)
        out, err = process.communicate(timeout=HANG)
    equal((process.returncode, out), (0, b"down\n"), err)
    return json.loads(file.read_text())


@cases(MODES)
def memory_that_is_shared_or_reserved_is_not_counted_twice(directory, _name, flags):
    code = """
import mmap, os, sys
reserved = [mmap.mmap(-1, 1 << 30, prot=0) for _ in range(8)]
kept = bytearray(b"x" * (60 << 20))
for _ in range(8):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
print("up", flush=True)
sys.stdin.read()
print("down", flush=True)
"""
    report = looked_at(directory, (*flags, "-m", f"{LIMIT + 32}M"), code)
    equal(report["exit"]["reason"], "exited")
    equal(report["usage"]["processes_peak"], 9)


@case
def a_file_that_is_mapped_is_counted_once(directory):
    code = """
import mmap, os, sys
fd = os.memfd_create("one")
os.ftruncate(fd, 60 << 20)
m = mmap.mmap(fd, 60 << 20)
for i in range(60 << 8): m[i << 12] = 1
if os.fork() == 0:
    sum(m[i << 12] for i in range(60 << 8))
    sys.stdin.read()
    os._exit(0)
print("up", flush=True)
sys.stdin.read()
print("down", flush=True)
"""
    report = looked_at(directory, ("-m", f"{LIMIT}M"), code)
    true(60 << 20 <= report["usage"]["tree_peak"] <= LIMIT << 20, report["usage"])


@cases(MODES)
def threads_are_no_processes(directory, _name, flags):
    code = """
import sys, threading
gate = threading.Event()
threads = [threading.Thread(target=gate.wait) for _ in range(50)]
for thread in threads: thread.start()
print("up", flush=True)
sys.stdin.read()
gate.set()
print("down", flush=True)
"""
    report = looked_at(directory, (*flags, "-P", "4"), code)
    equal(report["usage"]["processes_peak"], 1)


@cases(MODES)
def processes_within_the_limit_run_on(directory, _name, flags):
    code = """
import os, sys
for _ in range(255):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
print("up", flush=True)
sys.stdin.read()
print("down", flush=True)
"""
    report = looked_at(directory, (*flags, "-P", "256"), code)
    equal(report["usage"]["processes_peak"], 256)


@cases(MODES)
def children_that_are_reaped_do_not_add_up(directory, _name, flags):
    code = """
import os, signal
for i in range(1500):
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for i in range(500):
    r, w = os.pipe()
    if os.fork() == 0: os._exit(0)
    os.close(w)
    os.read(r, 1)
    os.close(r)
print("done")
"""
    result = run(*flags, "-P", "20", "-r", "/", PYTHON, "-I", "-S", "-c", code, cwd=directory)
    equal((result.status, result.out), (0, b"done\n"), result)


def silent(read_end):
    """The pipe that every process of a tree holds ends when the last of them has."""
    try:
        while True:
            true(select.select([read_end], [], [], HANG)[0], "something of the tree is left")
            if not os.read(read_end, 65536):
                return
    finally:
        os.close(read_end)


def bomb(directory, count, enough, *flags):
    """The probe's bomb, whose processes all hold a pipe and each write a byte into it: status and report.
    It is ended when `enough` bytes have come."""
    file = directory / "report.json"
    read_end, write_end = os.pipe()
    with start("--no-hint", "--report", file, *flags, "-r", "/", "sh", "-c",
               f"exec 9>&1; exec {PROBE} bomb {count}", cwd=directory, stdout=write_end) as process:
        os.close(write_end)
        # It is read all the time, or the bombs would wait for the pipe.
        left, got = enough, b"x"
        while left > 0 and got:
            true(select.select([read_end], [], [], HANG)[0], "the bomb does not go off")
            got = os.read(read_end, min(left, 65536))
            left -= len(got)
        if left == 0:
            process.kill()
        silent(read_end)
        process.wait(HANG)
    return process.returncode, json.loads(file.read_text()) if file.exists() else None


@cases(MODES)
def a_fork_bomb_ends(directory, _name, flags):
    status, report = bomb(directory, 3000, 100000, *flags, "-P", "40")
    equal((status, report["exit"]["reason"]), (137, "processes"))
    true(limit_of(report, "processes")["hit"], report["limits"])
    true(report["usage"]["processes_peak"] > 40, report["usage"])
    # The control: nobody stops a smaller one.
    (directory / "report.json").unlink()
    status, report = bomb(directory, 300, 290, *flags)
    equal((status, report), (-signal.SIGKILL, None))


SPIN = "while True: pass"


@cases(MODES)
def processor_time(directory, _name, flags):
    flags = (*flags, "--cpu", "500ms", "-r", "/")
    result, report = reported(directory, *flags, PYTHON, "-I", "-S", "-c", SPIN)
    equal((result.status, report["exit"]["reason"]), (152, "timeout_cpu"), result)
    limit = limit_of(report, "cpu_s")
    equal((limit["requested"], limit["soft"], limit["hard"], limit["hit"]), (1, 1, 2, True))
    true(report["usage"]["user_ns"] > 500_000_000, report["usage"])
    # Who ignores the signal is killed a second of its time later.
    code = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n" + SPIN
    result, report = reported(directory, *flags, PYTHON, "-I", "-S", "-c", code)
    equal((result.status, report["exit"]["reason"]), (137, "timeout_cpu"), result)


@cases([("XCPU", 152), ("KILL", 137), ("XFSZ", 153)])
def a_signal_alone_is_no_limit(directory, name, status):
    """The same signals, but nobody's limit was reached."""
    result, report = reported(directory, "--cpu", "50s", "-m", "1G", "-P", "50", "-p", "base", "sh",
                              "-c", f"kill -{name} $$")
    equal((result.status, report["exit"]["reason"]), (status, "signaled"), result)
    equal([limit["name"] for limit in report["limits"] if limit["hit"]],
          ["file_size"] if name == "none" else [])


@cases(MODES)
def size_of_files(directory, _name, flags):
    flags = (*flags, "-r", "/", "-w", directory, "--file-size", "64K")
    result, report = reported(directory, *flags, "dd", "if=/dev/zero", "of=big", "bs=1K", "count=100")
    equal((result.status, report["exit"]["reason"]), (153, "signaled"), result)
    equal(limit_of(report, "file_size")["hit"], True)
    equal((directory / "big").stat().st_size, 65536)
    code = """
import errno, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open("other", "wb", buffering=0) as file:
        file.write(bytes(65536)); file.write(b"x")
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    result, _report = reported(directory, *flags, PYTHON, "-I", "-S", "-c", code)
    equal((result.status, result.out), (0, b"EFBIG\n"), result)


@cases(MODES)
def descriptors_and_address_space(directory, _name, flags):
    code = """
import errno, mmap, os
def name(function):
    try:
        while True: function()
    except (OSError, MemoryError) as error:
        return errno.errorcode[error.errno]
print(name(lambda: os.dup(0)), name(lambda: keep.append(mmap.mmap(-1, 1 << 28, prot=0))))
"""
    result, report = reported(directory, *flags, "-r", "/", "--open-files", "40", "-p",
                              write(directory, "limits: { address_space: 1G }"), PYTHON, "-I", "-S", "-c",
                              "keep = []" + code)
    equal((result.status, result.out), (0, b"EMFILE ENOMEM\n"), result)
    equal(limit_of(report, "open_files")["soft"], 40)
    equal(limit_of(report, "address_space")["hard"], 1 << 30)


# Number of the resource, what is asked for, and what that is in the kernel's units.
RLIMITS = {"stack": (3, "2M:4M", (2 << 20, 4 << 20)), "core": (4, "0", (0, 0)),
           "memlock": (8, "64K", (65536, 65536)), "data": (2, "1G:unlimited", (1 << 30, -1)),
           "msgqueue": (12, "4K", (4096, 4096)), "nproc": (6, "5000:6000", (5000, 6000)),
           "sigpending": (11, "100", (100, 100)), "locks": (10, "10", (10, 10)),
           "rtprio": (14, "0", (0, 0)), "nice": (13, "0", (0, 0)),
           "rttime": (15, "500ms:1s", (500000, 1000000))}


@cases(MODES)
def other_limits(directory, _name, flags):
    text = ", ".join(f"{name}: '{value}'" for name, (_, value, _) in RLIMITS.items())
    code = "import json, resource\nprint(json.dumps([resource.getrlimit(i) for i in range(16)]))"
    result, report = reported(directory, *flags, "-r", "/", "-p",
                              write(directory, "limits: { rlimits: {%s} }" % text), PYTHON, "-I", "-S",
                              "-c", code)
    equal(result.status, 0, result)
    got = json.loads(result.out)
    layers = {layer["name"]: layer["state"] for layer in report["layers"]}
    for name, (number, _, wanted) in RLIMITS.items():
        inherited = resource.getrlimit(number)[1]
        clamped = [inherited if value == -1 or -1 < inherited < value else value for value in wanted]
        equal(got[number], clamped, name)
        equal(layers[f"rlimit_{name}"], "applied")
        limit = limit_of(report, f"rlimit_{name}")
        equal([limit["soft"], limit["hard"]], ["unlimited" if value == -1 else value for value in clamped])
    done = cordon("explain", "-p", write(directory, "limits: { rlimits: {nproc: 9} }"), cwd=directory)
    true("counts all processes of the user on this host" in done.out.decode(), done)


@cases(MODES)
def derived_limits(directory, _name, flags):
    result, report = reported(directory, *flags, "-r", "/", "-m", "1G", "-t", "1h", "-p",
                              write(directory, "limits: { derive: harden }"), "sh", "-c",
                              "ulimit -v; ulimit -t; ulimit -n")
    equal((result.status, result.out), (0, b"8388608\n7200\n256\n"), result)
    equal(limit_of(report, "address_space")["hard"], 8 << 30)


def write(directory, text):
    path = directory / "more.yaml"
    path.write_text("version: 1\n" + text + "\n")
    return path


@case
def a_full_table_is_seen_where_cordon_answers(directory):
    """An open that cordon carries out and that finds no free number marks the limit."""
    (directory / "denied").write_text("")
    code = """
import os
try:
    while True: os.open("/etc/passwd", os.O_RDONLY)
except OSError as error:
    os.write(1, str(error.errno).encode())
"""
    result, report = reported(directory, "-r", "/", "-d", directory / "denied", "--open-files", "40",
                              PYTHON, "-I", "-S", "-c", code)
    equal((result.status, result.out), (0, b"24"), result)
    true(limit_of(report, "open_files")["hit"], report["limits"])
    equal(report["exit"]["reason"], "exited")
    true("The run goes on." in result.err.decode(), result)


@cases(MODES)
def an_inherited_hard_limit_is_not_raised(directory, _name, flags):
    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, 5 << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    result, report = reported(directory, *flags, "-p", "base", "--file-size", "1G", "sh", "-c",
                              "ulimit -Hf", preexec_fn=lower)
    equal((result.status, result.out), (0, b"10240\n"), result)
    limit = limit_of(report, "file_size")
    equal((limit["requested"], limit["soft"], limit["hard"]), (1 << 30, 5 << 20, 5 << 20))


@cases(MODES)
def a_limit_is_not_raised_inside(directory, _name, flags):
    """Root needs CAP_SYS_RESOURCE to raise one, and keeps what it has: so it starts without."""
    weak = ["setpriv", "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []
    code = """
import resource
for value in (30, 41):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (value, value))
        print("set", value)
    except (OSError, ValueError) as error:
        print(error)
"""
    done = subprocess.run([*weak, CORDON, "run", "--no-hint", *flags, "-r", "/", "--open-files", "40",
                           PYTHON, "-I", "-S", "-c", code], cwd=directory, timeout=HANG,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    equal(done.stdout, b"set 30\nnot allowed to raise maximum limit\n")


PRESETS = {"standard": {"address_space": 4 << 30},
           "judge": {"wall_ms": 10000, "cpu_s": 5, "memory": 256 << 20, "processes": 16},
           "limits-small": {"memory": 128 << 20, "cpu_percent": 50, "wall_ms": 30000},
           "limits-medium": {"memory": 512 << 20, "cpu_percent": 75, "wall_ms": 300000},
           "limits-large": {"memory": 2 << 30, "cpu_percent": 90, "wall_ms": 3600000}}


@cases([(f"{preset},{name}", preset, flags) for preset in PRESETS for name, flags in MODES])
def presets_of_limits(directory, _name, preset, flags):
    result, report = reported(directory, *flags, "-p", "base", "-p", preset, "true")
    equal(result.status, 0, result)
    equal({limit["name"]: limit["requested"] for limit in report["limits"]}, PRESETS[preset])


@cases(MODES)
def the_strict_preset(directory, _name, flags):
    """Namespaces, root, limits and calls in one word; the program is alone in its directory."""
    shutil.copy(PROBE, directory / "probe")
    result, report = reported(directory, *flags, "-W", directory, "-p", "strict", "-m", "1G", "-t", "1h", "/probe",
                              "status")
    equal((result.status, report["level"]), (0, "full"), result)
    facts = dict(line.split(":", 1) for line in result.out.decode().splitlines() if ":" in line)
    for kind in ("user", "pid", "mnt"):
        true(facts[f"ns_{kind}"] != os.readlink(f"/proc/self/ns/{kind}"), kind)
    equal([facts[f"rlimit_{i}"].split()[0] for i in (0, 7, 9)], ["7200", "256", str(8 << 30)])
    result = run(*flags, "-W", directory, "-p", "strict", "/probe", "try", "read", "/etc/passwd", cwd=directory)
    equal(result.out, b"read:2\n", result)
    # A socket that leads nowhere may be made: only the list of calls refuses it.
    listed = [run(*flags, "-W", directory, "-p", preset, "-r", "/", PROBE if preset == "standard" else "/probe",
                  "try", "socket", "2", "1", "0", cwd=directory).out for preset in ("standard", "strict")]
    equal(listed, [b"socket:0\n", b"socket:1\n"])


# Eight that spin, and eight that have children for a moment, which they wait for.
HUNGRY = {"spinning": "while :; do :; done",
          "by_children": "while :; do sh -c 'i=0; while [ $i -lt 999 ]; do i=$((i+1)); done'; done"}


@cases([(f"{name},{hungry}", flags, HUNGRY[hungry]) for name, flags in MODES for hungry in HUNGRY
        if (name, hungry) != ("off", "by_children")])
def a_share_of_the_processors(directory, _name, flags, code):
    """Of what eight take that want all, a twentieth of one processor is left, however many processors there are."""
    code = "for i in 1 2 3 4 5 6 7 8; do (%s) & done; wait" % code
    limit = write(directory, "limits: { cpu_percent: 5 }")
    flags = (*flags, "-t", "3s", "-r", "/", "--events")
    # Both at the same time: the second one is the control, and what else the machine does meets both.
    running = [start(*flags, f"events{i}", "--report", f"report{i}", *more, "sh", "-c", code, cwd=directory,
                     stderr=subprocess.DEVNULL) for i, more in enumerate((("-p", limit), ()))]
    equal([process.wait(HANG) for process in running], [124, 124])
    shares = []
    for i in range(2):
        usage = json.loads((directory / f"report{i}").read_text())["usage"]
        shares.append((usage["user_ns"] + usage["system_ns"]) / usage["wall_ns"])
    # What was too much before the first look, on a machine that has much else to do, is not paid back in this time.
    true(0 < 1.2 * shares[0] < shares[1], shares)
    # Nobody is told of the stops.
    equal([line for line in (directory / "events0").read_text().splitlines() if '"stopped"' in line], [])


@case
def explain_names_what_holds_a_limit(directory):
    done = cordon("explain", "-p", "base", "-m", "1G", "-P", "10", "-t", "1m", "--cpu", "5s",
                  cwd=directory)
    lines = dict(line.split(None, 1) for line in done.out.decode().splitlines()
                 if line.startswith("  limits."))
    equal({key: text.split("  ")[1] for key, text in lines.items()},
          {"limits.memory": "sampling, every 5 to 100 ms",
           "limits.processes": "sampling, every 5 to 100 ms",
           "limits.wall": "supervisor", "limits.cpu": "rlimit"}, done)
    done = cordon("explain", "-p", write(directory, "limits: { cpu_percent: 50 }"), cwd=directory)
    true("stopping and continuing the tree, which job control sees" in done.out.decode(), done)


@cases(MODES)
def the_wall_limit_ends_who_does_not_listen(directory, _name, flags):
    code = "trap '' TERM; setsid sleep 1000 & while :; do sleep 1000; done"
    read_end, write_end = os.pipe()
    # Time enough for the shell to say that it does not listen, also on a busy machine.
    with start("--report", directory / "report.json", *flags, "-t", "3s", "-r", "/", "sh", "-c", code,
               cwd=directory, stdout=write_end, stderr=subprocess.PIPE) as process:
        os.close(write_end)
        silent(read_end)
        process.communicate(timeout=HANG)
    report = json.loads((directory / "report.json").read_text())
    equal((process.returncode, report["exit"]["reason"]), (124, "timeout_wall"))
    # Not before the limit and the time that was given to end in good order.
    true(report["usage"]["wall_ns"] >= 4_000_000_000, report["usage"])
    equal(report["exit"]["signal"], signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
