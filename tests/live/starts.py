# SPDX-License-Identifier: Apache-2.0
"""What the tests of starts share: one start under an outer filter, and what must be true of it."""
import errno
import json
import os
import subprocess

from live import (CORDON, HANG, NO_LEAK_CHECK, PROBE, REFUSE, SANITIZED, UNDER, Skip, equal, policy,
                  processes_with, true)

# Every option of a process; mode and map are filled in.
RULES = """
filesystem:
  read: [$D, {probe}]
  write: [$D/work]
process:
  cwd: $D
  umask: "027"
  aslr: false
  huge_pages: false
  core_dumps: false
  new_session: true
  cpu_affinity: [{cpu}]
limits:
  open_files: 100
isolation:
  on_failure: {mode}
"""
OFF = "supervisor: off\nnetwork: {unix: {connect: [/]}}\n"
# For the bounds of a thread's stack.
OF_SANITIZERS = ("sched_getaffinity", "prlimit64")
SUPERVISION = [("supervised", ""), ("off", OFF)]
MODES = ("refuse", "warn", "ignore")


def rules(mode, more=""):
    return RULES.format(probe=os.path.dirname(PROBE), mode=mode,
                        cpu=min(os.sched_getaffinity(0))) + more


def attempt(directory, error, call, text):
    """One start under an outer filter: result, report (None if there is none), did it run?"""
    if SANITIZED and call in OF_SANITIZERS:
        raise Skip(f"the run time of a sanitizer needs {call} itself")
    (directory / "work").mkdir(exist_ok=True)
    made, report = directory / "work/made", directory / "report.json"
    for path in (made, report):
        path.unlink(missing_ok=True)
    file = policy(directory, text)
    done = subprocess.run([*UNDER, REFUSE, error, call, CORDON, "run", "--report", str(report), "-p",
                           str(file), PROBE, "try", "create", str(made)], cwd=directory,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG,
                          stdin=subprocess.DEVNULL, check=False, env=NO_LEAK_CHECK)
    ran = made.exists()
    equal(processes_with(str(directory)), [], (call, error))
    true(ran or done.returncode != 0, done)
    return done, json.loads(report.read_text()) if report.exists() else None, ran


def layers(report):
    return {layer["name"]: layer for layer in report["layers"]}


def check_refused(done, report, ran, about):
    """Nothing ran, one line says why, and the report is there."""
    true(not ran and done.returncode in (125, 126), (about, done))
    lines = done.stderr.decode().splitlines()
    true(lines and all(line.startswith("cordon: ") for line in lines), (about, done))
    true(report is None or report["exit"]["status"] == done.returncode, (about, report))


def check_ran(report, injected, about):
    """The level and each row say what is in force."""
    wanted = [layer for layer in report["layers"] if layer["requested"]]
    applied = [layer for layer in wanted if layer["state"] == "applied"]
    equal(report["level"], "full" if len(applied) == len(wanted) else "partial", about)
    for layer in wanted:
        if layer["state"] == "failed":
            true(layer["errno"] in (injected, "EPERM"), (about, layer))
        else:
            true(layer["state"] in ("applied", "unavailable"), (about, layer))
            equal(layer["errno"], None, about)


def refused_step(directory, text, call, layer, fatal):
    """Refuses one call in every way and mode; {mode} in the text stands for the mode."""
    for error in ("EPERM", "ENOSYS", "ENOMEM"):
        for mode in MODES:
            about = (call, error, mode)
            done, report, ran = attempt(directory, error, call, text.replace("{mode}", mode))
            if mode == "refuse" or fatal:
                check_refused(done, report, ran, about)
                true(f"{layer}: ".encode() in done.stderr, (about, done))
                true(os.strerror(getattr(errno, error)).encode() in done.stderr, (about, done))
                equal(layers(report)[layer]["state"], "failed", about)
                equal(layers(report)[layer]["errno"], error, about)
                equal(layers(report)["exec"]["state"], "no_record", about)
                continue
            true(ran and done.returncode == 0, (about, done))
            check_ran(report, error, about)
            state = "unavailable" if error == "ENOSYS" else "failed"
            equal(layers(report)[layer]["state"], state, about)
            said = f"cordon: layer {layer} is not in force".encode() in done.stderr
            equal(said, mode == "warn", (about, done))
