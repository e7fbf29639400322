#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The calls that the kernel may carry out after we have looked (I3) are those of the documents.

From the sources: each use of verdict_continue() with its reason, the handlers that lead to it and
the calls of these in the mediation table. From docs/architecture.md: the table of reasons.
"""
import pathlib
import re
import sys

USE = re.compile(r"verdict_continue\((CONTINUE_\w+)\)")
FUNCTION = re.compile(r"^(?:static )?[\w *]+?\b(\w+)\([^;]*?\)\n\{\n(.*?)^\}", re.M | re.S)
ROW = re.compile(r'^\{ "(\w+)",.*?\b(handle_\w+),', re.M)
# Opens are continued in the test build only, where a control takes this wall away.
WANTED = {
    "CONTINUE_BOUNDED": {"execve", "execveat", "open", "openat", "openat2", "creat"},
    "CONTINUE_VERIFIED": {"execve", "execveat"},
    "CONTINUE_METADATA": {"chdir", "fchdir", "open", "openat"},
    "CONTINUE_REGISTERS": {
        "ioprio_set", "kill", "pidfd_send_signal", "prlimit64", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
        "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "setpriority",
        "tgkill", "tkill", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid",
        "setresuid", "setreuid", "setuid", "capset"},
}


def handlers_of(bodies, name):
    """Handlers in the same file that reach the function."""
    found, todo = set(), [name]
    while todo:
        at = todo.pop()
        if at in found:
            continue
        found.add(at)
        todo += [other for other, body in bodies.items() if re.search(rf"\b{at}\(", body)]
    return {one for one in found if one.startswith("handle_")}


def the_list_is_closed():
    root = pathlib.Path(sys.argv[1])
    rows = ROW.findall((root / "src/supervisor/mediated.c").read_text())
    got, places = {}, []
    for file in sorted((root / "src").rglob("*.c")):
        text = file.read_text()
        bodies = dict(FUNCTION.findall(text))
        for name, body in bodies.items():
            for reason in USE.findall(body):
                calls = {call for call, handler in rows if handler in handlers_of(bodies, name)}
                got.setdefault(reason, set()).update(calls)
                places.append(f"{file.relative_to(root)}: {name}: {reason}: {' '.join(sorted(calls))}")
        if len(USE.findall(text)) != sum(len(USE.findall(body)) for body in bodies.values()):
            places.append(f"{file.relative_to(root)}: a use outside of a function that can be read")
            got["?"] = {"?"}
    print("\n".join(places))
    bad = [f"{reason}: {sorted(got.get(reason, set()) ^ calls)} differ" for reason, calls in WANTED.items()
           if got.get(reason, set()) - calls]
    bad += [f"{reason}: not in the list" for reason in got if reason not in WANTED]
    known = set(re.findall(r"^\t(CONTINUE_\w+)", (root / "src/supervisor/reply.h").read_text(), re.M))
    told = set(re.findall(r"^\| `(CONTINUE_\w+)`", (root / "docs/architecture.md").read_text(), re.M))
    if known != told:
        bad.append(f"docs/architecture.md and reply.h differ: {sorted(known ^ told)}")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(the_list_is_closed())
