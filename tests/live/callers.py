#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Callers in the middle of something: signals, stops, kills, executions and children that share."""
import os
import subprocess
import sys

from live import HANG, PRELUDE, PYTHON, case, equal, inside, main, policy, start, true

RULES = """
filesystem:
  read: [$D]
  write: [$D/work]
  deny: [$D/work/denied]
"""


def tree(directory):
    (directory / "work").mkdir()
    (directory / "file").write_text("read\n")
    (directory / "work/denied").write_text("secret\n")
    os.mkfifo(directory / "work/fifo")


# A handler in C terms: the open is made by the C library, so that Python does not repeat it.
WAITING = """
import signal, time
def handler(*_): pass
def wait_for_partner():
    fd = libc.open(b"work/fifo", os.O_RDONLY)
    return "open" if fd >= 0 else errno_name(ctypes.get_errno())
def install(restart):
    signal.signal(signal.SIGUSR1, handler)
    signal.siginterrupt(signal.SIGUSR1, not restart)
def is_waiting(tid):
    "In a system call that it has not come back from, and asleep."
    while True:
        with open(f"/proc/{tid}/stat") as file:
            if file.read().rsplit(")", 1)[1].split()[0] in "SD": return
def child(function):
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return pid
"""


@case
def a_signal_ends_the_wait(directory):
    tree(directory)
    code = WAITING + """
r, w = os.pipe()
def waits():
    install(False)
    os.write(w, b"x")
    say(wait_for_partner())
for turn in range(5):
    pid = child(waits)
    os.read(r, 1)
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        os.kill(pid, signal.SIGUSR1)
        time.sleep(0.001)
say(e(os.open, "work/fifo", os.O_WRONLY | os.O_NONBLOCK))
"""
    equal(inside(directory, RULES, code), ["EINTR"] * 5 + ["ENXIO"])


@case
def a_signal_that_restarts_does_not(directory):
    """As often as it comes; then the partner does."""
    tree(directory)
    code = WAITING + """
install(True)
r, w = os.pipe()
def waits():
    os.write(w, b"x")
    say(wait_for_partner())
pid = child(waits)
os.read(r, 1)
for turn in range(200):
    os.kill(pid, signal.SIGUSR1)
    time.sleep(0.001)
say(os.waitpid(pid, os.WNOHANG)[0])
os.close(os.open("work/fifo", os.O_WRONLY))
say(os.waitpid(pid, 0)[1])
"""
    equal(inside(directory, RULES, code), [0, "open", 0])


@case
def a_signal_for_one_thread(directory):
    """It reaches the thread that waits, and no other; calls of others go on meanwhile."""
    tree(directory)
    code = WAITING + """
install(False)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
answers = []
def waits():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    answers.append(wait_for_partner())
thread = threading.Thread(target=waits)
thread.start()
while thread.is_alive():
    signal.pthread_kill(thread.ident, signal.SIGUSR1)
    read("file")
say(answers)
"""
    equal(inside(directory, RULES, code), [["EINTR"]])


@case
def stopped_while_it_waits(directory):
    """SIGTSTP takes effect during the wait, and the wait goes on behind SIGCONT."""
    tree(directory)
    code = WAITING + """
r, w = os.pipe()
def waits():
    os.setpgid(0, 0)
    os.write(w, b"x")
    say(wait_for_partner())
pid = child(waits)
os.read(r, 1)
for turn in range(3):
    os.kill(pid, signal.SIGTSTP)
    say(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]))
    os.kill(pid, signal.SIGCONT)
    say(os.WIFCONTINUED(os.waitpid(pid, os.WCONTINUED)[1]))
os.close(os.open("work/fifo", os.O_WRONLY))
say(os.waitpid(pid, 0)[1])
"""
    equal(inside(directory, RULES, code), [True, True] * 3 + ["open", 0])


@case
def stopped_and_continued(directory):
    """Thousands of renames of a process that is stopped all the time: each is carried out once."""
    tree(directory)
    code = WAITING + """
write("work/a")
def renames():
    bad = []
    for i in range(2000):
        bad += [x for x in (e(os.rename, "work/a", "work/b"), e(os.rename, "work/b", "work/a")) if x]
        write(f"work/{i}", b"x")
        os.unlink(f"work/{i}")
    say(bad)
pid = child(renames)
count = 0
while True:
    os.kill(pid, signal.SIGSTOP)
    done, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    count += 1
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.0005)
say([status, count > 10, sorted(os.listdir("work"))])
"""
    equal(inside(directory, RULES, code), [[], [0, True, ["a", "denied", "fifo"]]])


@case
def killed_at_every_step(directory):
    """Hundreds of callers killed in the middle of a call: nothing is left of them with cordon."""
    tree(directory)
    code = WAITING + """
def calls():
    while True:
        for function, arguments in ((read, ("file",)), (os.stat, ("work",)), (os.listdir, ("work",)),
                                    (write, (f"work/{os.getpid()}",)), (os.access, ("work", 7)),
                                    (os.unlink, (f"work/{os.getpid()}",)), (read, ("work/denied",)),
                                    (os.rename, ("work/x", "work/y")), (os.mkdir, ("work/made",)),
                                    (os.rmdir, ("work/made",))):
            e(function, *arguments)
def many():
    pids = []
    for turn in range(300):
        pids.append(child(wait_for_partner if turn % 10 == 0 else calls))
        for _ in range(turn % 50 * 200): pass
        if len(pids) == 8:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                if os.waitpid(pid, 0)[1] != signal.SIGKILL: say("not killed")
            pids.clear()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
many()
for line in sys.stdin:
    many()
    while e(lambda: os.close(os.open("work/fifo", os.O_WRONLY | os.O_NONBLOCK))) != "ENXIO":
        time.sleep(0.01)
    say([e(read, "file"), e(read, "work/denied")])
"""
    counts = []
    with start("--no-hint", "-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c", PRELUDE + code,
               cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            process.stdin.write("go\n")
            process.stdin.flush()
            equal(process.stdout.readline(), '["", "EACCES"]\n')
            counts.append(len(os.listdir(f"/proc/{process.pid}/fd")))
        process.stdin.close()
        equal(process.wait(HANG), 0)
    # What a request held is closed behind its answer; a leak for each of them would be hundreds.
    true(max(counts) - min(counts) < 25, counts)


@case
def children_that_share_memory(directory):
    """64 threads start programs at once; each child opens its own output while its parent waits."""
    tree(directory)
    code = """
bad = []
def work(i):
    for turn in range(5):
        name = f"work/{i}.{turn}"
        pid = os.posix_spawn("/bin/cat", ["cat", "file"], {}, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)])
        if os.waitpid(pid, 0)[1] != 0 or read(name) != b"read\\n":
            bad.append(name)
        if e(os.posix_spawn, "/bin/cat", ["cat"], {}, file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "work/denied", os.O_RDONLY, 0)]) != "EACCES":
            bad.append("denied")
        os.unlink(name)
all = [threading.Thread(target=work, args=(i,)) for i in range(64)]
for t in all: t.start()
for t in all: t.join()
say(bad)
"""
    equal(inside(directory, RULES, code), [[]])


@case
def an_execution_while_others_call(directory):
    """One thread executes, others are in calls that wait or that are many: they are gone with it."""
    tree(directory)
    code = WAITING + """
def executes():
    def many():
        while True:
            read("file")
    for function in [wait_for_partner] * 4 + [many] * 4:
        threading.Thread(target=function, daemon=True).start()
    read("file")
    os.execv("/bin/cat", ["cat", "file", "work/denied"])
for turn in range(20):
    r, w = os.pipe()
    def run():
        os.dup2(w, 1)
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        executes()
    pid = child(run)
    os.close(w)
    with open(r, "rb") as file: text = file.read().decode()
    say([text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])])
while e(lambda: os.close(os.open("work/fifo", os.O_WRONLY | os.O_NONBLOCK))) != "ENXIO":
    time.sleep(0.01)
say("alone")
"""
    equal(inside(directory, RULES, code), [["read\n", 1]] * 20 + ["alone"])


@case
def without_its_first_thread(directory):
    """The first thread has ended; another goes on, and /proc/self is still its own."""
    tree(directory)
    code = """
ready = threading.Event()
def rest():
    ready.wait()
    while open(f"/proc/{os.getpid()}/stat").read().rsplit(")", 1)[1].split()[0] != "Z": pass
    os.chdir("work")
    write("made")
    say([e(read, "denied"), read("../file").decode(), os.path.exists("made"), sorted(os.listdir("."))[0],
         read("/proc/thread-self/comm") == read(f"/proc/self/task/{threading.get_native_id()}/comm"),
         os.readlink("/proc/self") == str(os.getpid())])
    os._exit(0)
threading.Thread(target=rest).start()
ready.set()
libc.syscall(60 if X86 else 93, 0)
"""
    equal(inside(directory, RULES, code), [["EACCES", "read\n", True, "denied", True, True]])


if __name__ == "__main__":
    sys.exit(main())
