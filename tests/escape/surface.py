#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What reaches beyond the program: each attack fails inside, in both modes, and works outside.

The controls run the same program without cordon, with the capabilities that a user namespace gives
where it takes any; a control that the host refuses by itself is skipped.
"""
import errno
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tty

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import CORDON, HANG, PROBE, Skip, cases, equal, main, policy, true  # noqa: E402

GUARDED = f"""
filesystem:
  read: [{os.path.dirname(PROBE)}, $D/granted]
  deny: [$D/denied]
"""
OFF = f"""
supervisor: off
filesystem:
  read: [{os.path.dirname(PROBE)}, $D/granted]
network:
  unix:
    connect: [/]
"""
ADMIN = ["unshare", "-mu"] if os.getuid() == 0 else ["unshare", "-Urmu"]
KILLED = 128 + signal.SIGSYS
REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS)
NAMESPACES = {"cgroup": 0x2000000, "ipc": 0x8000000, "mount": 0x20000, "network": 0x40000000,
              "pid": 0x20000000, "user": 0x10000000, "uts": 0x4000000}
PERSONALITY = "135" if os.uname().machine == "x86_64" else "92"

# Name of the attack: its arguments and what the control is started by.
ATTACKS = {
    "io_uring": (("io_uring",), []),
    "int 0x80": (("int80",), []),
    "x32": (("x32",), []),
    "keyctl": (("keyring",), []),
    "add_key": (("add_key",), []),
    "bpf": (("bpf",), []),
    "perf_event_open": (("perf",), []),
    "userfaultfd": (("userfaultfd",), []),
    "open_by_handle_at": (("by_handle", "denied", "granted"), []),
    "setns": (("setns",), ADMIN),
    "chroot": (("chroot", "/"), ADMIN),
    "mount": (("mount", "granted"), ADMIN),
    **{f"unshare {name}": (("unshare", hex(flag)), ADMIN) for name, flag in NAMESPACES.items()},
    "unshare time": (("unshare", "0x80"), ADMIN),
    **{f"clone {name}": (("clone", hex(flag)), ADMIN) for name, flag in NAMESPACES.items()},
    "clone3 user": (("clone3", "0x10000000"), []),
    # A layout of memory that can be guessed, for everything that is executed from here on.
    "personality": (("syscall", PERSONALITY, "0x40000", "0"), []),
}
# The same on another process of the user; in the control the last field comes true.
ON_OTHERS = {
    "kill": (("kill", "$", "9"), lambda status, _text, _limit: status == -9),
    "pidfd_send_signal": (("pidfd_signal", "$"), lambda status, _text, _limit: status == -9),
    "ptrace": (("ptrace", "$"), lambda *_: True),
    "process_vm_writev": (("vm_writev", "$"), lambda _status, text, _limit: text == b"changed\n"),
    "process_vm_readv": (("vm_readv", "$"), lambda *_: True),
    "/proc/PID/mem": (("mem_file", "$"), lambda _status, text, _limit: text == b"changed\n"),
    "pidfd_getfd": (("pidfd_getfd", "$"), lambda *_: True),
    "prlimit": (("prlimit", "$"), lambda _status, _text, limit: limit == (1, 1)),
}
TYPING = {"TIOCSTI": ("tiocsti", "0"), "with high bits": ("ioctl", "0", "0xdeadbeef00005412")}
MODES = {"supervised": GUARDED, "off": OFF}


def sandbox(directory, mode):
    return [CORDON, "run", "--no-hint", "-p", str(policy(directory, MODES[mode]))]


def errno_of(done):
    """What the probe says, or a negative exit status where it could not."""
    return int(done.stdout.rsplit(b":", 1)[1]) if b":" in done.stdout else -done.returncode


def attempt(directory, started_by, arguments):
    (directory / "granted").mkdir(exist_ok=True)
    (directory / "denied").write_text("secret\n")
    return errno_of(subprocess.run([*started_by, PROBE, "try", *arguments], cwd=directory,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, timeout=HANG, check=False))


def type_ahead(directory, started_by, arguments):
    """On a terminal of its own: the errno, and how many bytes are in its input queue afterwards."""
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise Skip(f"the host gives this user no terminal: {error.strerror}") from error
    try:
        tty.setraw(slave)
        os.set_blocking(slave, False)
        done = subprocess.run(["setsid", "-c", *started_by, PROBE, "try", *arguments],
                              cwd=directory, stdin=slave, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=HANG, check=False)
        try:
            typed = len(os.read(slave, 100))
        except BlockingIOError:
            typed = 0
    finally:
        os.close(master)
        os.close(slave)
    return errno_of(done), typed


def works(error):
    """The control; a host that refuses by itself makes it impossible."""
    if error in REFUSED:
        raise Skip(f"the host itself refuses: {errno.errorcode[error]}")
    equal(error, 0)


@cases([(f"{name}, {mode}", name, mode) for mode in MODES for name in ATTACKS])
def refused(directory, _name, name, mode):
    error = attempt(directory, sandbox(directory, mode), ATTACKS[name][0])
    true(error in REFUSED or error == -KILLED, error)


@cases([(name,) for name in ATTACKS])
def control(directory, name):
    arguments, started_by = ATTACKS[name]
    if name in ("int 0x80", "x32") and os.uname().machine != "x86_64":
        raise Skip("no such entry on this architecture")
    error = attempt(directory, started_by, arguments)
    if error < 0:
        raise Skip(f"the host ends the program: status {-error}")
    works(error)


@cases([(f"{name}, {mode}", name, mode) for mode in MODES for name in TYPING])
def typing_refused(directory, _name, name, mode):
    equal(type_ahead(directory, sandbox(directory, mode), TYPING[name]), (errno.EPERM, 0))


@cases([(name,) for name in TYPING])
def typing_control(directory, name):
    error, typed = type_ahead(directory, [], TYPING[name])
    works(error)
    equal(typed, 1)


@cases([(mode,) for mode in MODES])
def personality_can_be_asked(directory, mode):
    """As debuggers do; and the plain one can be set."""
    for value in ("0xffffffff", "0"):
        equal(attempt(directory, sandbox(directory, mode), ["syscall", PERSONALITY, value, "0"]), 0, value)


def attempt_on_other(directory, started_by, arguments):
    """The errno, and how the victim ended: status, what it says of its memory, its limit."""
    with subprocess.Popen([PROBE, "victim"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as victim:
        try:
            pid = victim.stdout.readline().decode().strip()
            error = attempt(directory, started_by, [a.replace("$", pid) for a in arguments])
            limit = resource.prlimit(victim.pid, resource.RLIMIT_CPU)
            # The signal of an attachment may have stopped it.
            victim.send_signal(signal.SIGCONT)
            text, _ = victim.communicate(timeout=HANG)
        finally:
            victim.kill()
    return error, victim.returncode, text, limit


@cases([(f"{name}, {mode}", name, mode) for mode in MODES for name in ON_OTHERS])
def refused_on_others(directory, _name, name, mode):
    untouched = resource.getrlimit(resource.RLIMIT_CPU)
    error, *fate = attempt_on_other(directory, sandbox(directory, mode), ON_OTHERS[name][0])
    true(error in REFUSED or error == errno.ESRCH, error)
    equal(fate, [0, b"whole\n", untouched])


@cases([(name,) for name in ON_OTHERS])
def control_on_others(directory, name):
    arguments, hit = ON_OTHERS[name]
    error, *fate = attempt_on_other(directory, [], arguments)
    works(error)
    true(hit(*fate), fate)


@cases([(f"{name}, {mode}", name, mode) for mode in MODES for name in ON_OTHERS])
def refused_on_the_supervisor(directory, _name, name, mode):
    """The shell becomes cordon, so that its own pid is known; that the run ends well says the rest."""
    words = " ".join(word.replace("$", "$$") for word in ON_OTHERS[name][0])
    command = ["sh", "-c", f'exec "$@" {words}', "sh", *sandbox(directory, mode), PROBE, "try"]
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, timeout=HANG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    equal(done.returncode, 1, done)
    true(errno_of(done) in (*REFUSED, errno.ESRCH), done)


if __name__ == "__main__":
    sys.exit(main())
