#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What changes between a check and a use; each with a control that wins without the wall."""
import os
import pathlib
import re
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import (ABLATE, CORDON, HANG, RACE, UNDER, case, cases, equal, main, policy,  # noqa: E402
                  true)

RULES = f"""
filesystem:
  read: [{os.path.dirname(RACE)}]
  write: [$D/work]
  deny: [$D/work/bad, $D/work/vault]
  protect: ["$D/work/hooks/**", $D/work/kept]
network:
  allow: ["loopback:PORT"]
"""
SECRET = "SECRET that is longer than the other\n"


def tree(directory):
    for folder in ("work/room", "work/vault", "work/hooks"):
        (directory / folder).mkdir(parents=True)
    for file in ("work/mad", "work/room/file", "work/source"):
        (directory / file).write_text("public\n")
    for file in ("work/bad", "work/vault/file", "work/kept", "outside"):
        (directory / file).write_text(SECRET)


def race(directory, arguments, ablate=None, port=1):
    """(successes, leaks) of the payload, under the policy; ablate: walls that are taken away."""
    rules = RULES.replace("PORT", str(port))
    command = [*UNDER, ABLATE if ablate else CORDON, "run", "--no-hint", "-p",
               policy(directory, rules), RACE, *arguments]
    done = subprocess.run([str(word) for word in command], cwd=directory, timeout=4 * HANG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={**os.environ, "CORDON_ABLATE": ablate or ""})
    match = re.fullmatch(rb"rounds \d+ good (\d+) leaked (\d+)\n", done.stdout)
    true(done.returncode == 0 and match, done)
    return int(match[1]), int(match[2])


FLIPS = [("open", 200000, "work/mad", "work/bad", ""),
         ("openat2", 20000, "work/mad", "work/bad", ""),
         ("handle", 10000, "work/mad", "work/bad", ""),
         ("protection", 10000, "work/mad", "work/bad", ""),
         ("truncate", 10000, "work/mad", "work/bad", ""),
         ("chmod", 10000, "work/mad", "work/bad", ""),
         ("rename", 10000, "work/target", "work/hooks/x", "work/source"),
         ("link", 10000, "work/target", "work/hooks/x", "work/source"),
         ("symlink", 10000, "mad", "bad", "work/link"),
         ("dirfd", 10000, "work/room", "work/vault", "file")]


@cases(FLIPS)
def nothing_leaks(directory, name, rounds, good, bad, extra):
    tree(directory)
    before = (directory / "work/bad").stat()
    successes, leaks = race(directory, [name, rounds, good, bad, extra])
    equal(leaks, 0)
    true(successes > 0, "the allowed side never succeeded: the race proves nothing")
    after = (directory / "work/bad").stat()
    equal((after.st_mode, after.st_size), (before.st_mode, before.st_size))
    equal(list((directory / "work/hooks").iterdir()), [])


# With the one wall gone the same attack succeeds: it is the wall that stopped it.
@cases([("open", "continue"), ("protection", "continue"), ("symlink", "continue"),
        ("dirfd", "continue"), ("openat2", "decide"), ("handle", "decide"), ("truncate", "decide"),
        ("chmod", "decide"), ("rename", "decide"), ("link", "decide")])
def control(directory, name, ablate):
    tree(directory)
    _, rounds, good, bad, extra = next(row for row in FLIPS if row[0] == name)
    _, leaks = race(directory, [name, -max(rounds, 200000), good, bad, extra], ablate)
    equal(leaks, 1)


def swapping(directory, one, two):
    """Exchanges two names from outside the sandbox until the context ends."""
    process = subprocess.Popen([RACE, "swap", "0", one, two], cwd=directory,
                               stdout=subprocess.PIPE)
    equal(process.stdout.readline(), b"swapping\n")
    return process


@cases([("directory and link to a denied one", "work/room", "work/way", "work/room/file"),
        ("file and link to a denied one", "work/mad", "work/link", "work/mad")])
def exchange_from_outside(directory, _name, one, two, path):
    """A helper outside swaps what is allowed with a link into what is denied."""
    tree(directory)
    (directory / "work/way").symlink_to("vault")
    (directory / "work/link").symlink_to("bad")
    for ablate, rounds in ((None, 20000), ("continue", -200000)):
        with swapping(directory, one, two) as helper:
            try:
                successes, leaks = race(directory, ["fixed", rounds, "-", "-", path], ablate)
            finally:
                helper.kill()
        equal(leaks, 1 if ablate else 0)
        true(ablate or successes > 0)


class Canary:
    """A server that must not be reached."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.bind(address)
        self.socket.listen(64)
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def port(self):
        return self.socket.getsockname()[1]

    def heard(self):
        try:
            self.socket.accept()[0].close()
            return True
        except BlockingIOError:
            return False


def closed_port():
    """A port of which nobody listens, kept by a socket that is bound only."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder


@cases([("blocking", "i"), ("non-blocking", "in")])
def address_of_a_connect(directory, _name, kind):
    tree(directory)
    with closed_port() as quiet, Canary(("127.0.0.1", 0)) as canary:
        allowed = quiet.getsockname()[1]
        arguments = [allowed, canary.port(), kind]
        successes, leaks = race(directory, ["connect", 20000, *arguments], port=allowed)
        equal((leaks, canary.heard()), (0, False))
        true(successes > 0)
        _, leaks = race(directory, ["connect", -20000, *arguments], "decide,landlock,supervisor-landlock",
                        port=allowed)
        equal(leaks, 1)
        true(canary.heard())


@case
def path_of_a_connect(directory):
    tree(directory)
    with Canary(f"{directory}/work/socket") as canary:
        arguments = [f"{directory}/work/nobody", f"{directory}/work/socket", "u"]
        _, leaks = race(directory, ["connect", 10000, *arguments])
        equal((leaks, canary.heard()), (0, False))
        _, leaks = race(directory, ["connect", -10000, *arguments], "decide")
        equal(leaks, 1)
        true(canary.heard())


@case
def socket_behind_a_number(directory):
    """Another socket is put over the number between the check and the use."""
    tree(directory)
    with Canary(("127.0.0.1", 0)) as canary:
        _, leaks = race(directory, ["number", 20000, "1", canary.port()])
        equal((leaks, canary.heard()), (0, False))
        _, leaks = race(directory, ["number", -20000, "1", canary.port()],
                        "decide,landlock,supervisor-landlock")
        equal(leaks, 1)
        true(canary.heard())


@case
def no_confused_deputy(directory):
    """I5: with every decision "yes" the supervisor still cannot open what was not granted."""
    tree(directory)
    outside = ["fixed", 1, "-", "-", f"{directory}/outside"]
    denied = ["fixed", 1, "-", "-", "work/bad"]
    equal(race(directory, denied), (0, 0))
    equal(race(directory, outside), (0, 0))
    equal(race(directory, denied, "decide"), (0, 1))
    equal(race(directory, outside, "decide"), (0, 0))
    equal(race(directory, outside, "decide,supervisor-landlock"), (0, 1))


if __name__ == "__main__":
    sys.exit(main())
