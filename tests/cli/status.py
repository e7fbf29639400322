#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exit statuses: every row of the table in cordon(1)."""
import os
import resource
import signal
import subprocess
import sys

from blackbox import (CORDON, HANG, PYTHON, Skip, case, cases, cordon, equal, is_ours, main,
                      processes_with, run, true)


@cases([(n,) for n in (0, 1, 2, 42, 122, 123, 124, 125, 126, 127, 128, 200, 254, 255)])
def own_status(directory, status):
    result = run("sh", "-c", f"exit {status}", cwd=directory)
    equal(result.status, status, result)
    is_ours(result)


@cases([(name,) for name in ("HUP", "INT", "QUIT", "ILL", "ABRT", "FPE", "KILL", "SEGV", "PIPE",
                             "ALRM", "TERM", "USR1")])
def died_of_signal(directory, name):
    result = run("sh", "-c", f"ulimit -c 0; kill -{name} $$", cwd=directory)
    equal(result.status, 128 + getattr(signal, "SIG" + name), result)
    is_ours(result)


@case
def wall_limit(directory):
    word = f"6{os.getpid()}0"
    result = run("-t", "200ms", "sh", "-c", f"sleep {word} & (setsid sleep {word} &) ; wait",
                 cwd=directory)
    equal(result.status, 124, result)
    equal(processes_with(word), [], "processes that were left")
    is_ours(result)


@case
def wall_limit_not_reached(directory):
    equal(run("-t", "1h", "true", cwd=directory).status, 0)


@cases([("no-such-tool",), ("/nonexistent",), ("./nonexistent",), ("/etc/passwd/x",)])
def not_found(directory, name):
    result = run("--", name, cwd=directory)
    equal(result.status, 127, result)
    equal(len(result.lines), 1, result)
    true(name in result.lines[0], result)
    is_ours(result)


@case
def not_executable(directory):
    plain = directory / "plain"
    plain.write_text("#!/bin/sh\n")
    noexec = directory / "format"
    noexec.write_text("no format at all\n")
    noexec.chmod(0o755)
    (directory / "folder").mkdir()
    loop = directory / "loop"
    loop.symlink_to("loop")
    for name in ("plain", "format", "folder", "loop"):
        result = run(f"./{name}", cwd=directory)
        equal(result.status, 126, result)
        equal(len(result.lines), 1, result)
        is_ours(result)


@case
def too_many_arguments_is_not_executable(directory):
    result = run("true", *["x" * 100000] * 19, cwd=directory, env={**os.environ, "A": "y" * 100000})
    true(result.status in (0, 126), result)


USAGE = [
    ("no command", []),
    ("unknown command", ["rum"]),
    ("no program", ["run"]),
    ("no program behind dashes", ["run", "--"]),
    ("unknown long option", ["run", "--reed", "/usr", "true"]),
    ("abbreviated option", ["run", "--rea", "/usr", "true"]),
    ("unknown letter", ["run", "-Z", "true"]),
    ("missing argument", ["run", "--read"]),
    ("argument for a switch", ["run", "--trace=yes", "true"]),
    ("missing policy file", ["run", "-p", "./none.yaml", "true"]),
    ("unknown preset", ["run", "-p", "no-such-preset", "true"]),
    ("empty program", ["run", ""]),
    ("relative path in a flag", ["run", "-r", "usr", "true"]),
    ("bad duration", ["run", "-t", "10", "true"]),
    ("bad size", ["run", "--file-size", "1X", "true"]),
    ("report in no directory", ["run", "--report", "/nonexistent/r.json", "true"]),
    ("events on no descriptor", ["run", "--events", "fd:999", "true"]),
    ("learn", ["learn", "-o", "x", "--", "true"]),
    ("policy without action", ["policy"]),
    ("policy validate without file", ["policy", "validate"]),
    ("why with one argument", ["why", "read"]),
    ("why with an unknown operation", ["why", "fly", "/"]),
]


@cases(USAGE)
def cordon_failed(directory, _name, arguments):
    result = cordon(*arguments, cwd=directory)
    equal(result.status, 125, result)
    equal(result.out, b"", result)
    equal(len(result.lines), 1, result)
    is_ours(result)


@cases([("--reed", "--read"), ("--net-alow", "--net-allow"), ("--timout", "--timeout")])
def nearest_option(directory, typed, meant):
    result = run(typed, "x", "true", cwd=directory)
    true(f"did you mean '{meant}'?" in result.lines[0], result)


@case
def nearest_command(directory):
    result = cordon("explian", cwd=directory)
    true("did you mean 'explain'?" in result.lines[0], result)


@case
def nothing_runs_when_cordon_fails(directory):
    result = run("-p", "./none.yaml", "touch", "made", cwd=directory)
    equal(result.status, 125, result)
    true(not (directory / "made").exists())


@case
def bad_policy_is_named_by_place(directory):
    (directory / "bad.yaml").write_text("version: 1\nfilesystem:\n  redd: [/usr]\n")
    result = run("-p", "bad.yaml", "true", cwd=directory)
    equal(result.status, 125, result)
    equal(len(result.lines), 1, result)
    true(result.lines[0].startswith("cordon: bad.yaml:3:3: filesystem.redd: unknown key"), result)
    true("did you mean 'read'?" in result.lines[0], result)


@case
def validate_lists_every_problem(directory):
    (directory / "bad.yaml").write_text("version: 1\nfilesystem:\n  redd: [/usr]\n  exek: [/x]\n")
    (directory / "good.yaml").write_text("version: 1\nfilesystem:\n  read: [/usr]\n")
    result = cordon("policy", "validate", "good.yaml", "bad.yaml", cwd=directory)
    equal(result.status, 125, result)
    equal([line.split(": ")[1] for line in result.lines], ["bad.yaml:3:3", "bad.yaml:4:3"], result)
    equal(cordon("policy", "validate", "good.yaml", cwd=directory).status, 0)


@case
def why_answers_by_status(directory):
    allowed = cordon("why", "-r", "/usr", "read", "/usr/bin/env", cwd=directory)
    equal(allowed.status, 0, allowed)
    denied = cordon("why", "-r", "/usr", "-d", "/usr/bin", "read", "/usr/bin/env", cwd=directory)
    equal(denied.status, 1, denied)
    true(b"filesystem.deny" in denied.out, denied)
    equal(cordon("why", "-r", "/usr", "read", "/etc/passwd", cwd=directory).status, 1)


@cases([("explain",), ("bpf",), ("policy", "show"), ("policy", "list"), ("policy", "schema"),
        ("--help",), ("--version",)])
def answers(directory, *arguments):
    result = cordon(*arguments, cwd=directory)
    equal(result.status, 0, result)
    true(len(result.out) > 10, result)
    equal(result.err, b"", result)


@case
def check_answers(directory):
    result = cordon("check", cwd=directory)
    true(result.status in (0, 1), result)
    true(len(result.out) > 10, result)


@case
def forwards_signals(directory):
    for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2"):
        script = f"trap 'echo got; exit 7' {name}; echo up; while :; do sleep 0.05; done"
        with subprocess.Popen([CORDON, "run", "sh", "-c", script], cwd=directory,
                              stdout=subprocess.PIPE) as process:
            equal(process.stdout.readline(), b"up\n")
            process.send_signal(getattr(signal, "SIG" + name))
            equal(process.stdout.read(), b"got\n", name)
            equal(process.wait(HANG), 7, name)


@case
def second_stop_ends_the_tree(directory):
    script = "trap '' INT TERM; echo up; while :; do sleep 0.05; done"
    with subprocess.Popen([CORDON, "run", "sh", "-c", script], cwd=directory,
                          stdout=subprocess.PIPE) as process:
        equal(process.stdout.readline(), b"up\n")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        equal(process.wait(HANG), 137)
        equal(process.stdout.read(), b"")


@case
def ignored_and_blocked_signals_are_not_inherited(directory):
    def spoil():
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    result = run("grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status", cwd=directory,
                 preexec_fn=spoil)
    equal(result.status, 0, result)
    for line in result.out.decode().splitlines():
        equal(int(line.split()[1], 16), 0, result)


def _deaf():
    """Every signal ignored and blocked, as a careless parent leaves it."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass  # SIGKILL, SIGSTOP
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


def _full():
    """No descriptor is left to give away but the few that a start takes with itself."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    try:
        while True:
            os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
    except OSError:
        pass


@cases([("deaf", _deaf, 0), ("full", _full, 125)])
def hostile_start(directory, _name, before, status):
    """The program runs, with clean signals; or nothing runs, and it is said why."""
    code = "import signal, sys; " \
           "print(signal.pthread_sigmask(0, []), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"
    result = run("--no-hint", "-p", "base", PYTHON, "-I", "-S", "-c", code, cwd=directory,
                 preexec_fn=before, close_fds=False)
    equal(result.status, status, result)
    if status == 0:
        equal(result.out, b"set() True\n", result)
    else:
        equal(result.out, b"", result)
        true(result.err.startswith(b"cordon: "), result)


@case
def a_user_without_a_name(directory):
    """No entry in the passwd file, no HOME, no USER."""
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    os.chmod(directory, 0o755)
    result = run("--no-hint", "-p", "base", "id", "-u", cwd=directory, user=4242, group=4242,
                 extra_groups=[], env={"PATH": "/usr/bin:/bin"})
    equal((result.status, result.out), (0, b"4242\n"), result)


if __name__ == "__main__":
    sys.exit(main())
