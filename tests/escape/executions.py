#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is exchanged between the decision on an execution and the execution.

What must not run leaves a file behind: mark.c. A violation ends the whole run, so the many rounds of
a race are run where it ends its process only (`tree-kill`); what is looked at, and when, is the same.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import (ABLATE, CORDON, HANG, RACE, UNDER, case, cases, equal, main, policy,  # noqa: E402
                  true)
from images import command, image  # noqa: E402

TOOLS = pathlib.Path(RACE).parent
RULES = f"""
filesystem:
  read: [{TOOLS}]
  write: [$D/work]
  deny: [$D/work/bad]
"""
SUBVOLUMES = RULES.replace("work/bad", "work/b/loader")
PLACEHOLDER = b"/" + b"x123456789" * 8


def patched(target, loader):
    """The program `linked` with another loader, whose path has the length of the placeholder."""
    data = (TOOLS / "linked").read_bytes()
    equal((data.count(PLACEHOLDER), len(loader)), (1, len(PLACEHOLDER)))
    target.write_bytes(data.replace(PLACEHOLDER, loader.encode()))
    target.chmod(0o755)


def padded(directory, name):
    """An absolute path of the placeholder's length that means directory/work/name."""
    path = f"{directory}/work/"
    return path + "/" * (len(PLACEHOLDER) - len(path) - len(name)) + name


def tree(directory):
    work = directory / "work"
    work.mkdir(parents=True)
    shutil.copy(TOOLS / "quiet", work / "fit")
    shutil.copy(TOOLS / "mark", work / "bad")
    (work / "link").symlink_to("fit")
    patched(work / "rewritten", padded(directory, "fit"))
    patched(work / "linked", padded(directory, "link"))


def race(directory, arguments, ablate=None, binary=None, rules=RULES):
    """Runs the payload; (status, counts of its rounds)."""
    rules = policy(directory, rules)
    command = [*UNDER, binary or (ABLATE if ablate else CORDON), "run", "--no-hint", "-p", rules,
               TOOLS / "exec-race", *arguments]
    done = subprocess.run([str(word) for word in command], cwd=directory / "work", timeout=8 * HANG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={**os.environ, "CORDON_ABLATE": ablate or ""})
    match = re.fullmatch(rb"rounds (\d+) good (\d+) refused (\d+) killed (\d+) leaked (\d+)\n",
                         done.stdout)
    return done.returncode, [int(number) for number in match.groups()] if match else done


def arguments_of(directory, name, rounds):
    names = {"interp": [padded(directory, "fit"), padded(directory, "bad"), "rewritten"],
             "loader": ["fit", "bad", "link", "linked"]}
    return [name, rounds, "progress", *names.get(name, ["fit", "bad", "link"])]


RACES = [("pointer", 20000), ("symlink", 5000), ("interp", 5000), ("loader", 5000)]


@cases(RACES)
def nothing_denied_runs(directory, name, rounds):
    tree(directory)
    status, counts = race(directory, arguments_of(directory, name, rounds), "tree-kill")
    equal(status, 0, counts)
    done, good, _refused, killed, leaked = counts
    equal((done, leaked, (directory / "work/ran").exists()), (rounds, 0, False))
    true(good > 0, "the allowed side never succeeded: the race proves nothing")
    true(killed > 0, "the race was never won: it proves nothing")


# Without the second look the denied program runs: the race can be won.
@cases([(name,) for name, _ in RACES])
def control(directory, name):
    tree(directory)
    status, counts = race(directory, arguments_of(directory, name, -200000), "exec-stop")
    equal((status, counts[4]), (0, 1))
    true((directory / "work/ran").exists())


@case
def loaders_on_subvolumes(directory):
    """Two files of btrfs that only stat() tells apart: maps show the same device and inode for both."""
    work = directory / "work"
    with image(directory, work, 128, "mkfs.btrfs", "-q"):
        for name, program in (("a", "quiet"), ("b", "mark")):
            command("btrfs", "subvolume", "create", work / name)
            shutil.copy(TOOLS / program, work / name / "loader")
        work.chmod(0o777)
        equal(os.stat(work / "a/loader").st_ino, os.stat(work / "b/loader").st_ino)
        patched(work / "linked", padded(directory, "link"))
        arguments = ["loader", 2000, "progress", "a/loader", "b/loader", "link", "linked"]
        status, counts = race(directory, arguments, "tree-kill", rules=SUBVOLUMES)
        equal((status, counts[0], counts[4], (work / "ran").exists()), (0, 2000, 0, False))
        true(counts[1] > 0 and counts[3] > 0, counts)
        arguments[1] = -200000
        status, counts = race(directory, arguments, "exec-stop", rules=SUBVOLUMES)
        equal((status, counts[4]), (0, 1))


@cases([("pointer",), ("loader",)])
def a_violation_ends_the_run(directory, name):
    tree(directory)
    status, _ = race(directory, arguments_of(directory, name, -200000))
    equal((status, (directory / "work/ran").exists()), (137, False))


if __name__ == "__main__":
    sys.exit(main())
