#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What changes between a check and a use; each with a control that wins without the wall."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import (ABLATE, CORDON, HANG, RACE, REFUSE, UNDER, case, cases, equal, main, policy,  # noqa: E402
                  true)

RULES = f"""
filesystem:
  read: [{os.path.dirname(RACE)}]
  write: [$D/work]
  deny: [$D/work/bad, $D/work/vault]
  hide: [$D/work/never]
  protect: ["$D/work/hooks/**", $D/work/kept]
network:
  allow: ["loopback:PORT"]
process:
  fds: [HANDLE]
"""
# What is asked for is 200,000 of each; so many fit into a run of the suite.
ROUNDS = int(os.environ.get("CORDON_ROUNDS", "5000"))
# A handle on the denied directory, which a program inside cannot open itself.
HANDLE = 40
HANG_RACE = 8 * HANG + ROUNDS // 1000
SECRET = "SECRET that is longer than the other\n"


def tree(directory):
    for folder in ("work/room/vault", "work/vault", "work/hooks", "work/hookz"):
        (directory / folder).mkdir(parents=True)
    for file in ("work/mad", "work/room/file", "work/source", "work/room/vault/file"):
        (directory / file).write_text("public\n")
    for file in ("work/bad", "work/vault/file", "work/vault/SECRET", "work/kept", "outside"):
        (directory / file).write_text(SECRET)
    (directory / "work/way").symlink_to("vault")
    vault = os.open(directory / "work/vault", os.O_PATH)
    os.dup2(vault, HANDLE)
    os.close(vault)


def race(directory, arguments, ablate=None, port=1, under=()):
    """(successes, leaks) of the payload, under the policy; ablate: walls that are taken away."""
    rules = RULES.replace("PORT", str(port)).replace("HANDLE", str(HANDLE))
    command = [*UNDER, *under, ABLATE if ablate else CORDON, "run", "--no-hint", "-p",
               policy(directory, rules), RACE, *arguments]
    done = subprocess.run([str(word) for word in command], cwd=directory, timeout=HANG_RACE,
                          pass_fds=[HANDLE],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={**os.environ, "CORDON_ABLATE": ablate or ""})
    match = re.fullmatch(rb"rounds \d+ good (\d+) leaked (\d+)\n", done.stdout)
    true(done.returncode == 0 and match, done)
    return int(match[1]), int(match[2])


# What is done, the allowed and the forbidden side, one more argument; the wall whose absence lets
# the attack succeed. Without that wall the payload goes on until it has.
RACES = [("open", "work/mad", "work/bad", "", "continue"),
         ("openat2", "work/mad", "work/bad", "", "continue"),
         ("handle", "work/mad", "work/bad", "", "decide"),
         ("stat", "work/mad", "work/bad", "", "decide"),
         ("creat", "work/mad", "work/bad", "", "decide"),
         ("protection", "work/mad", "work/bad", "", "continue"),
         ("mapping", "work/mad", "work/bad", "", "continue"),
         ("truncate", "work/mad", "work/bad", "", "decide"),
         ("chmod", "work/mad", "work/bad", "", "decide"),
         ("unlink", "work/mad", "work/bad", "", "decide"),
         ("rename", "work/hookz/x", "work/hooks/x", "work/source", "decide"),
         ("link", "work/hookz/x", "work/hooks/x", "work/source", "decide"),
         ("mkdir", "work/hookz/x", "work/hooks/x", "", "decide"),
         ("symlink", "mad", "bad", "work/link", "continue"),
         ("exchange", "work/room", "work/way", "work/room/file", "continue"),
         ("directory", "$D/work/room", "$D/work", "vault/file", "continue"),
         ("dirfd", "work/room", str(HANDLE), "file", "continue"),
         ("listing", "work/room", str(HANDLE), "", "decide")]
# Only where descriptors cannot be taken does the supervisor open a listing again.
REFUSED = {"listing": [REFUSE, "ENOSYS", "pidfd_getfd"]}


def play(directory, row, rounds, ablate=None):
    name, *arguments, _ = row
    arguments = [word.replace("$D", str(directory)) for word in arguments]
    return race(directory, [name, rounds, *arguments], ablate, under=REFUSED.get(name, ()))


@cases(RACES)
def nothing_leaks(directory, *row):
    tree(directory)
    before = (directory / "work/bad").stat()
    successes, leaks = play(directory, row, ROUNDS)
    equal(leaks, 0)
    true(successes > 0, "the allowed side never succeeded: the race proves nothing")
    after = (directory / "work/bad").stat()
    equal((after.st_mode, after.st_size), (before.st_mode, before.st_size))
    equal((directory / "work/bad").read_text(), SECRET)
    equal(list((directory / "work/hooks").iterdir()), [])


@cases(RACES)
def control(directory, *row):
    """With the one wall gone the same attack succeeds: it is the wall that stopped it."""
    tree(directory)
    equal(play(directory, row, 0, row[-1])[1], 1)


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
    (directory / "work/link").symlink_to("bad")
    for ablate, rounds in ((None, ROUNDS), ("continue", 0)):
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
        successes, leaks = race(directory, ["connect", ROUNDS, *arguments], port=allowed)
        equal((leaks, canary.heard()), (0, False))
        true(successes > 0)
        _, leaks = race(directory, ["connect", 0, *arguments], "decide,landlock,supervisor-landlock",
                        port=allowed)
        equal(leaks, 1)
        true(canary.heard())


class Ear:
    """A UDP socket that counts what arrives, however fast."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.heard = []
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self):
        while (text := self.socket.recv(100)) != b"end":
            if len(self.heard) < 1000:
                self.heard.append(text)

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def stop(self):
        """What it has heard: everything that was sent before."""
        if self.thread.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", ("127.0.0.1", self.port))
            self.thread.join()
        return self.heard

    def __exit__(self, *_):
        self.stop()
        self.socket.close()


@cases([("sendto", "send"), ("sendmsg", "send"), ("sendmmsg", "send"), ("header", "header")])
def address_of_a_send(directory, call, name):
    """Nothing arrives at the forbidden port; with `header` nothing but the one text at the other."""
    tree(directory)
    with Ear() as good, Ear() as bad:
        arguments = [good.port, bad.port, call]
        successes, _ = race(directory, [name, 100000, *arguments], port=good.port)
        true(successes > 0)
        equal(bad.stop(), [])
        texts = set(good.stop())
        # Header and parts were read once: a text may be the other's, never a mixture.
        true(texts <= {b"payload\0", b"good", b"bad"} and texts, texts)
    with Ear() as good, Ear() as bad:
        arguments = [good.port, bad.port, call]
        race(directory, [name, 20000, *arguments], "decide", port=good.port)
        true(bad.stop())


@case
def path_of_a_connect(directory):
    tree(directory)
    with Canary(f"{directory}/work/socket") as canary:
        arguments = [f"{directory}/work/nobody", f"{directory}/work/socket", "u"]
        _, leaks = race(directory, ["connect", ROUNDS, *arguments])
        equal((leaks, canary.heard()), (0, False))
        _, leaks = race(directory, ["connect", 0, *arguments], "decide")
        equal(leaks, 1)
        true(canary.heard())


@case
def socket_behind_a_number(directory):
    """Another socket is put over the number between the check and the use."""
    tree(directory)
    with Canary(("127.0.0.1", 0)) as canary:
        _, leaks = race(directory, ["number", ROUNDS, "1", canary.port()])
        equal((leaks, canary.heard()), (0, False))
        _, leaks = race(directory, ["number", 0, "1", canary.port()],
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
