#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Terminal hand-over, seen by a small shell on a pseudo terminal of its own."""
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import sys
import termios
import time

from blackbox import CORDON, HANG, PYTHON, case, equal, guarded, main, true


class Shell:
    """
    The leader of a new session, as a login shell is: it starts jobs in groups of their own, gives
    them the foreground and takes it back when they stop or end. Commands come over a socket: the
    terminal is what is tested. An answer ends with whether the job's own group had the foreground.
    """

    def __init__(self, directory):
        self.commands, commands = socket.socketpair()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            self.serve(commands, directory)
        commands.close()
        self.answers = self.commands.makefile()
        self.output = b""

    @staticmethod
    def serve(commands, directory):
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.chdir(directory)
        job = 0
        for line in commands.makefile():
            word, _, rest = line.strip().partition(" ")
            if word == "start":
                job = os.fork()
                if job == 0:
                    os.setpgid(0, 0)
                    os.tcsetpgrp(0, os.getpid())
                    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                    commands.close()
                    os.execv(CORDON, [CORDON, *eval(rest)])  # the argument list of start()
                answer = Shell.follow(job)
            elif word == "fg":
                os.tcsetpgrp(0, job)
                os.killpg(job, signal.SIGCONT)
                answer = Shell.follow(job)
            elif word == "bg":
                os.killpg(job, signal.SIGCONT)
                answer = Shell.follow(job)
            else:
                answer = f"{os.tcgetpgrp(0) == os.getpgrp()} {Shell.modes()}"
            commands.sendall(answer.encode() + b"\n")
        os._exit(0)

    @staticmethod
    def modes():
        return termios.tcgetattr(0)[3] & (termios.ECHO | termios.ICANON)

    @staticmethod
    def follow(job):
        _, status = os.waitpid(job, os.WUNTRACED)
        ours = os.tcgetpgrp(0) == job
        os.tcsetpgrp(0, os.getpgrp())
        if os.WIFSTOPPED(status):
            return f"stopped {ours}"
        return f"ended {os.waitstatus_to_exitcode(status)} {ours}"

    def ask(self, command):
        self.commands.sendall(command.encode() + b"\n")

    def answer(self):
        return self.answers.readline().strip()

    def start(self, *arguments):
        self.ask(f"start {list(map(str, arguments))!r}")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def expect(self, text):
        deadline = time.monotonic() + HANG
        while text.encode() not in self.output:
            ready, _, _ = select.select([self.terminal], [], [], deadline - time.monotonic())
            if not ready:
                raise AssertionError(f"{text!r} did not come: {self.output!r}")
            self.output += os.read(self.terminal, 4096)
        before, _, self.output = self.output.partition(text.encode())
        return before

    def close(self):
        self.answers.close()
        self.commands.close()
        os.close(self.terminal)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def with_shell(function):
    def one(directory):
        shell = Shell(directory)
        try:
            function(shell, directory)
        finally:
            shell.close()
    one.__name__ = function.__name__
    return case(one)


COUNTING = """
import os, signal, sys
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
signal.signal(signal.SIGINT, lambda *_: say("got INT"))
signal.signal(signal.SIGCONT, lambda *_: say("got CONT"))
signal.signal(signal.SIGWINCH, lambda *_: say("got WINCH", os.get_terminal_size(0)))
say("foreground", os.tcgetpgrp(0) == os.getpgrp() == os.getpid())
for line in sys.stdin:
    say("read", line.strip())
    if line.strip() == "end":
        sys.exit(6)
"""


@with_shell
def program_has_the_foreground_and_reads(shell, _):
    shell.start("run", PYTHON, "-c", COUNTING)
    shell.expect("foreground True")
    shell.type("hello\n")
    shell.expect("read hello")
    shell.type("end\n")
    equal(shell.answer(), "ended 6 True")


@with_shell
def first_read_is_in_the_foreground(shell, _):
    for _ in range(5):
        shell.start("run", "sh", "-c", "read line; echo \"line=$line\"; exit 4")
        shell.type("typed\n")
        shell.expect("line=typed")
        equal(shell.answer(), "ended 4 True")


@with_shell
def ctrl_c_reaches_the_program_once(shell, _):
    shell.start("run", PYTHON, "-c", COUNTING)
    shell.expect("foreground True")
    shell.type("\x03")
    shell.expect("got INT")
    shell.type("end\n")
    true(b"got INT" not in shell.expect("read end"))
    equal(shell.answer(), "ended 6 True")


@with_shell
def ctrl_c_ends_a_program_that_does_not_mind(shell, _):
    shell.start("run", "sh", "-c", "echo up; exec sleep 1000")
    shell.expect("up")
    shell.type("\x03")
    equal(shell.answer(), "ended 130 True")


@with_shell
def ctrl_z_and_fg(shell, _):
    shell.start("run", PYTHON, "-c", COUNTING)
    shell.expect("foreground True")
    for _ in range(3):
        shell.type("\x1a")
        equal(shell.answer(), "stopped True")
        shell.ask("fg")
        shell.expect("got CONT")
        shell.type("again\n")
        shell.expect("read again")
    shell.type("end\n")
    equal(shell.answer(), "ended 6 True")


@with_shell
def bg_does_not_take_the_terminal(shell, _):
    shell.start("run", "sh", "-c", "echo up; read a; echo \"a=$a\"; exit 3")
    shell.expect("up")
    shell.type("\x1a")
    equal(shell.answer(), "stopped True")
    shell.ask("bg")
    # The program reads the terminal and is stopped again: the shell still has it.
    equal(shell.answer(), "stopped False")
    shell.ask("fg")
    shell.type("x\n")
    shell.expect("a=x")
    equal(shell.answer(), "ended 3 True")


@with_shell
def window_changes_reach_the_program(shell, _):
    shell.start("run", PYTHON, "-c", COUNTING)
    shell.expect("foreground True")
    fcntl.ioctl(shell.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    shell.expect("got WINCH os.terminal_size(columns=77, lines=33)")
    shell.type("end\n")
    equal(shell.answer(), "ended 6 True")


@with_shell
def modes_are_restored_after_a_crash(shell, _):
    shell.ask("state")
    before = shell.answer()
    code = "import os, tty; tty.setraw(0); os.kill(os.getpid(), 9)"
    shell.start("run", PYTHON, "-c", code)
    equal(shell.answer(), "ended 137 True")
    shell.ask("state")
    equal(shell.answer(), before)


@with_shell
def terminal_is_back_after_every_end(shell, directory):
    policy, _ = guarded(directory)
    for arguments, status in ((("-t", "200ms", "sleep", "1000"), 124), (("./none",), 127),
                              (("-p", "./none.yaml", "true"), 125),
                              (("-p", str(policy), "sh", "-c", "exit 9"), 9)):
        shell.start("run", *arguments)
        equal(shell.answer(), f"ended {status} True", arguments)


@with_shell
def denials_are_shown_under_tostop(shell, directory):
    policy, secret = guarded(directory)
    shell.start("run", "-p", policy, "sh", "-c", f"stty tostop; cat {secret}; exit 5")
    shell.expect("cordon: denied read")
    equal(shell.answer(), "ended 5 True")


@case
def a_session_leader_that_nobody_can_continue(directory):
    """cordon leads the session: Ctrl-Z must not stop what nobody could start again."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execv(CORDON, [CORDON, "run", PYTHON, "-c", COUNTING])
    output = b""

    def expect(text):
        nonlocal output
        deadline = time.monotonic() + HANG
        while text not in output:
            true(select.select([terminal], [], [], deadline - time.monotonic())[0], output)
            output += os.read(terminal, 4096)
        output = output.partition(text)[2]
    expect(b"foreground True")
    os.write(terminal, b"\x1a")
    expect(b"got CONT")
    os.write(terminal, b"end\n")
    expect(b"read end")
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 6)
    os.close(terminal)


if __name__ == "__main__":
    sys.exit(main())
