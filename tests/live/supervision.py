#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whose calls the supervisor carries out, as whom, and how often."""
import json
import os
import pathlib
import signal
import subprocess
import sys

from live import CORDON, HANG, PRELUDE, PYTHON, REFUSE, case, cases, equal, inside, main, policy, run, start, true

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/read/secret]
  protect: [$D/work/kept]
"""


def tree(directory):
    for folder in ("read", "work/sub"):
        (directory / folder).mkdir(parents=True)
    for file in ("read/secret", "read/file", "work/kept", "work/file"):
        (directory / file).write_text(f"{file}\n")


STRICTEST = RULES + "  hide: [$D/read/nothing, '**/*.never']\n  exec: [/usr, /bin, /lib, /lib64]\n"


@cases([("taken", ()), ("shared", ("pidfd_getfd",))])
def hand_over_under_the_strictest_policy(directory, _name, refuse):
    """Everything that can be mediated is, also between the filter and the execution."""
    tree(directory)
    under = [REFUSE, "EPERM", ",".join(refuse)] if refuse else []
    done = subprocess.run([*under, CORDON, "run", "--no-hint", "--trace", "-p",
                           str(policy(directory, STRICTEST)), "cat", "read/file", "read/secret"],
                          cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=HANG, check=False)
    equal((done.returncode, done.stdout), (1, b"read/file\n"), done)


LEADERLESS = """
import mmap, time
leader = os.getpid()
def second():
    while open(f"/proc/{leader}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
        time.sleep(0)
    os.chdir("work/sub")
    directory = os.open("..", os.O_RDONLY)
    for text in json.loads(sys.argv[1]):
        say(e(lambda: eval(text)))
    say(open("/proc/thread-self/status").read().split("Pid:")[1].split()[0] == str(threading.get_native_id()))
    os._exit(0)
threading.Thread(target=second).start()
libc.syscall(60 if X86 else 93, 0)
"""


@case
def a_second_thread_whose_leader_is_gone(directory):
    """Working directory, descriptors and identity are the thread's."""
    tree(directory)
    wanted = {"read('../../read/file')": "", "read('../../read/secret')": "EACCES", "write('new')": "",
              "write('../kept')": "EACCES", "os.rename('new', '../newer')": "",
              "os.stat('../../read/secret')": "EACCES", "os.stat('../file')": "",
              "os.close(os.open('file', 0, dir_fd=directory))" : "", "os.chmod('../file', 0o600)": "",
              "os.mkdir('made')": "", "os.listdir('.')": "", "os.readlink('/proc/thread-self/cwd')": "",
              "os.chdir('made')": "", "socket.socket().connect(('127.0.0.1', 9))": "EACCES"}
    code = LEADERLESS.replace("say(e(lambda: eval(text)))",
                              "say(e(lambda: eval(text, {**globals(), 'directory': directory})))")
    got = inside(directory, RULES, code, json.dumps(list(wanted)))
    equal(dict(zip(wanted, got)), wanted)
    equal(got[len(wanted)], True)
    true((directory / "work/newer").exists() and (directory / "work/sub/made").is_dir())


@case
def a_path_at_the_end_of_the_memory(directory):
    """Read up to its end and no further; what cannot be read is EFAULT, as without cordon."""
    tree(directory)
    code = """
import mmap
page = mmap.PAGESIZE
libc.mmap.restype = ctypes.c_void_p
area = libc.mmap(None, ctypes.c_size_t(2 * page), 3, 0x22, -1, 0)
libc.munmap(ctypes.c_void_p(area + page), ctypes.c_size_t(page))
def at_end(text):
    ctypes.memmove(area + page - len(text), text, len(text))
    return ctypes.c_void_p(area + page - len(text))
for text in (b"read/file\\0", b"read/secret\\0", b"read/file", b"\\0"):
    say(e(lambda: os.close(call(257, 56, -100, at_end(text), 0))))
say(e(lambda: call(257, 56, -100, 0, 0)))
say(e(lambda: call(257, 56, -100, ctypes.c_void_p(area + page), 0)))
"""
    equal(inside(directory, RULES, code), ["", "EACCES", "EFAULT", "ENOENT", "EFAULT", "EFAULT"])


@case
def nothing_of_the_supervisors_own_shows(directory):
    """Directory, umask, procfs, environment and terminal are the caller's."""
    tree(directory)
    (directory / "file").write_text("cordon's directory\n")
    code = """
os.chdir("work"); os.umask(0o077)
say(read("file").decode())
os.mkdir("private"); say(oct(os.stat("private").st_mode & 0o777))
write("owned"); say(oct(os.stat("owned").st_mode & 0o777))
os.umask(0o002); write("shared"); say(oct(os.stat("shared").st_mode & 0o777))
say(read("/proc/self/stat").split()[0] == str(os.getpid()).encode())
say(b"OF_CORDON" in read("/proc/self/environ"))
say(os.readlink("/proc/self/cwd") == os.getcwd())
"""
    values = inside(directory, RULES, code, env={**os.environ, "OF_CORDON": "1"})
    equal(values, ["work/file\n", "0o700", "0o600", "0o664", True, False, True])
    result = run("-p", policy(directory, RULES + "process:\n  new_session: true\n"), "sh", "-c",
                 "echo x >/dev/tty", cwd=directory)
    true(result.status != 0, result)


@case
def stopped_and_continued(directory):
    """Each change is made once, however often its caller is stopped in the middle."""
    tree(directory)
    code = PRELUDE + """
say(os.getpid())
os.mkdir("work/0")
for i in range(1500):
    os.rename(f"work/{i}", f"work/{i + 1}")
say("done")
"""
    # Not the program itself: that its stops are followed by cordon is job control.
    with start("--no-hint", "-p", policy(directory, RULES), "sh", "-c", "\"$@\"; exit $?", "sh", PYTHON,
               "-I", "-S", "-c", code, cwd=directory, stdout=subprocess.PIPE) as child:
        pid = int(json.loads(child.stdout.readline()))
        stops = 0
        while not (directory / "work/1500").exists():
            try:
                os.kill(pid, signal.SIGSTOP)
                os.kill(pid, signal.SIGCONT)
                stops += 1
            except ProcessLookupError:
                break
        out, _ = child.communicate(timeout=HANG)
    equal((child.returncode, out), (0, b'"done"\n'))
    true(stops > 20, stops)
    equal(sorted(path.name for path in (directory / "work").iterdir()), ["1500", "file", "kept", "sub"])


@case
def processes_that_appear(directory):
    """Every process is known by its first call, however many there are."""
    tree(directory)
    code = """
def task(depth):
    good = e(read, "read/file") == "" and e(read, "read/secret") == "EACCES" and \\
        e(write, "work/kept") == "EACCES"
    children = []
    for _ in range(3 if depth else 0):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if task(depth - 1) else 1)
        children.append(pid)
    return all(os.waitpid(pid, 0)[1] == 0 for pid in children) and good
say(task(4))
"""
    equal(inside(directory, RULES, code, flags=("--no-hint",)), [True])
    equal((directory / "work/kept").read_text(), "work/kept\n")


@case
def ends_in_the_middle_of_a_call(directory):
    """A process whose call is still pending does not keep the run from ending."""
    tree(directory)
    os.mkfifo(directory / "work/fifo")
    code = """
ends = os.pipe()
if os.fork() == 0:
    os.write(ends[1], b"x")
    read("work/fifo")
os.read(ends[0], 1)
say("end")
os._exit(3)
"""
    result = run("-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c", PRELUDE + code, cwd=directory)
    equal((result.status, result.out), (3, b'"end"\n'), result)


@case
def descriptors_of_the_supervisor(directory):
    """None outlives an execution, and there is no process but the keeper and the program."""
    tree(directory)
    with start("--events", directory / "events", "-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c",
               PRELUDE + "read('read/file'); say('ready'); sys.stdin.readline()", cwd=directory,
               stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        equal(child.stdout.readline(), b'"ready"\n')
        # Under the wrapper of the refused suite the command is still this process.
        proc = pathlib.Path(f"/proc/{child.pid}")
        infos = {path.name: path.read_text() for path in (proc / "fdinfo").iterdir()}
        true(len(infos) > 8, infos)
        kept = [name for name, text in infos.items()
                if int(name) > 2 and not int(text.split("flags:")[1].split()[0], 8) & 0o2000000]
        children = [pid for task in (proc / "task").iterdir()
                    for pid in (task / "children").read_text().split()]
        links = {name: os.readlink(proc / "fd" / name) for name in kept}
        child.communicate(b"\n", timeout=HANG)
    equal(links, {})
    equal(len(children), 1)


if __name__ == "__main__":
    sys.exit(main())
