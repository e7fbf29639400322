#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every call that takes a path, named in every way, under every kind of rule.

A cell is one call on an object of its own. What must not happen is looked for from outside, and
happens in the control, the same cells without cordon. What may happen has the same result in both.
"""
import contextlib
import json
import os
import pathlib
import re
import stat
import sys
import tempfile

from calls import GROUPS, INSIDE
from live import SOURCE, UNDER, Skip, bare, case, cases, cordon, equal, inside, main, policy, true

WAYS = ["direct", "dirfd", "link", "root", "hard link", "renamed parent", "second thread",
        "grandchild"]
AREAS = {"read": "read", "write": "w/write", "deny": "w/deny", "protect": "w/protect",
         "hide": "w/hide", "outside": "outside"}
GUARDS = ["deny", "protect", "hide"]
ALLOWED = {"look": ["read", "write", "protect", "outside"], "read": ["read", "write", "protect"],
           "ask": ["write"], "change": ["write"], "never": []}
ATTRIBUTE = "user.there"


class Cell:
    def __init__(self, number, row, way, rule):
        self.number, self.way, self.rule = number, way, rule
        self.call, self.kind, self.target, code = row
        self.free = f"w/free/{number}" if re.search(r"\bF\b", code) else None
        self.place = f"{AREAS[rule]}/{number}"
        self.linked = way == "hard link"
        if self.linked and rule in GUARDS:
            self.place = f"w/kept/{rule}/{number}"
        self.used = f"w/alias/{number}" if self.linked else self.place

    def __str__(self):
        return f"{self.call}, {self.way}, {self.rule}"

    def allowed(self):
        # A grant is one of names: another name of the file lies where it may be written.
        rule = "write" if self.linked and self.rule not in GUARDS else self.rule
        return rule in ALLOWED[self.kind]

    def make(self, top):
        folder = top / self.place
        folder.mkdir(parents=True)
        if self.free:
            (top / self.free).write_text("free")
        path = folder / self.target
        if self.target in ("dir", "empty"):
            path.mkdir()
            if self.target == "dir":
                (path / "inner").write_text("inner")
        elif self.target == "tool":
            path.write_text("#!/bin/sh\nexit 42\n")
            path.chmod(0o755)
        elif self.target != "new":
            (folder / "file").write_text("some text")
            os.utime(folder / "file", (1000, 1000))
            if "xattr" in self.call:
                os.setxattr(folder / "file", ATTRIBUTE, b"1")
        if self.target == "link":
            path.symlink_to("file")
        if self.linked:
            (top / self.used).mkdir()
            (top / self.used / self.target).hardlink_to(path)

    def look(self, top):
        """All that there is of it: {name: [what may be compared with another tree, ctime]}."""
        found = {}
        for folder in {self.place, self.used, self.free} - {None}:
            add(found, top / folder, folder)
            add(found, top / f"{folder}.new", folder + ".new" if folder == self.free else folder)
        if self.way == "renamed parent":
            found.get(self.place, [0, 0])[1] = 0
        return found


def add(found, path, name):
    if not os.path.lexists(path):
        return
    st = path.lstat()
    mtime = st.st_mtime if st.st_mtime < 5000 else "later"
    content, attributes = "", []
    if stat.S_ISREG(st.st_mode):
        content = path.read_text()
        attributes = [n for n in os.listxattr(path) if n.startswith("user.")]
    elif stat.S_ISLNK(st.st_mode):
        content = os.readlink(path)
    found[name] = [[oct(st.st_mode), st.st_uid, mtime, content, attributes], st.st_ctime_ns]
    if stat.S_ISDIR(st.st_mode):
        for entry in os.listdir(path):
            add(found, path / entry, f"{name}/{entry}")


def without_ctime(found):
    return {name: value[0] for name, value in found.items()}


def build(top, rows, cells):
    for folder in ("plan", "read", "outside", "w/free", "w/alias", "w/write"):
        (top / folder).mkdir(parents=True)
    (top / "way").symlink_to(".")
    for cell in cells:
        cell.make(top)
    ways = {way: [[cell.number, cell.call, cell.used, cell.target] for cell in cells
                  if cell.way == way] for way in WAYS}
    (top / "plan/cells").write_text(json.dumps([{row[0]: row[3] for row in rows}, ways]))


def rules_of(cells):
    text = "filesystem:\n  read: [$D/plan, $D/read]\n  write: [$D/w]\n"
    for guard in GUARDS:
        entries = [f"$D/w/{guard}"] + [f"$D/{cell.place}/{cell.target}" for cell in cells
                                      if cell.linked and cell.rule == guard]
        text += f"  {guard}: [{', '.join(entries)}]\n"
    return text


@contextlib.contextmanager
def room(directory):
    """Where thousands of files are made soonest: memory, where it has attributes too."""
    if not has_attributes("/dev/shm"):
        if not has_attributes(directory):
            raise Skip("no file system with user attributes")
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="cordon-test-", dir="/dev/shm") as shm:
        yield pathlib.Path(os.path.realpath(shm))


def has_attributes(directory):
    try:
        with tempfile.NamedTemporaryFile(dir=directory) as file:
            os.setxattr(file.name, ATTRIBUTE, b"1")
        return True
    except OSError:
        return False


def play(top, rows, cells, runner):
    """[cell's outcome, what there was before, what there is after]"""
    build(top, rows, cells)
    before = [cell.look(top) for cell in cells]
    outcome = {number: rest for number, *rest in runner(top)}
    equal(sorted(outcome), [cell.number for cell in cells], "cells that were not carried out")
    return [(outcome[cell.number], earlier, cell.look(top))
            for cell, earlier in zip(cells, before)]


def judge(cell, within, control):
    """Return: what is wrong, or None."""
    (error, _), before, after = within
    (natural, _), was, has = control
    if natural:
        return None if cell.kind == "never" and natural in ("ENOSYS", "EOPNOTSUPP", "ENOTTY") \
            else f"impossible without cordon: {natural}"
    if cell.kind == "change" and was == has:
        return "has no effect without cordon"
    if cell.allowed():
        if within[0] != control[0]:
            return f"{within[0]}, and without cordon {control[0]}"
        if without_ctime(after) != without_ctime(has):
            return f"left {without_ctime(after)}, and without cordon {without_ctime(has)}"
        return None
    if not error:
        return "succeeded"
    if before != after:
        return f"{error}, but it left {after} for {before}"
    if cell.rule == "hide" and error != "ENOENT" and cell.kind != "never":
        return f"shows itself by {error}"
    return None


def without_getfd(row):
    """Where descriptors cannot be taken, nothing can be added to a watch."""
    if row[0] == "inotify_add_watch" and any("pidfd_getfd" in word for word in UNDER):
        return (row[0], "never", *row[2:])
    return row


@cases([(name,) for name in GROUPS])
def table(directory, name):
    rows = [without_getfd(row) for row in GROUPS[name]]
    shapes = [(row, way, rule) for row in rows for way in WAYS for rule in AREAS
              # Directories and links have one name, and what is missing has none.
              if way != "hard link" or row[2] in ("file", "tool")]
    cells = [Cell(number, *shape) for number, shape in enumerate(shapes)]
    with room(directory) as top:
        within = play(top / "in", rows, cells,
                      lambda top: inside(top, rules_of(cells), INSIDE, flags=("--no-hint",)))
        control = play(top / "out", rows, cells, lambda top: bare(top, INSIDE))
    wrong = [f"{cell}: {problem}" for cell, *pair in zip(cells, within, control)
             if (problem := judge(cell, *pair))]
    equal(wrong[:40], [], "\n".join(["", f"{len(wrong)} of {len(cells)} cells:", *wrong[:40]]))


# Calls that list no object by a path, or are tried elsewhere as root (tests/escape/surface.py).
NOT_HERE = {"statmount", "listmount", "listns", "open_by_handle_at"}


@case
def no_call_is_forgotten(directory):
    """Against what is mediated for files, and against the groups of the table of known calls."""
    calls = {row[0].split()[0] for rows in GROUPS.values() for row in rows}
    path = policy(directory, "filesystem:\n  write: [$D]\n  hide: [$D/x]\n  protect: [$D/y]\n")
    explained = json.loads(cordon("explain", "--json", "-p", path, cwd=directory).out)
    mediated = {row["call"] for row in explained["mediated"]
                if re.match("filesystem|a guarded rule", row["why"])}
    true(len(mediated) > 30, mediated)
    equal(mediated - calls, set())
    known = re.findall(r'\{ "(\w+)", "@(?:file|file-change|new-paths|handle)"',
                       (SOURCE / "src/supervisor/known.c").read_text())
    true(len(known) > 60, known)
    old = set() if "stat" in calls else set(known) - mediated
    equal(set(known) - calls - NOT_HERE - old, set())


if __name__ == "__main__":
    sys.exit(main())
