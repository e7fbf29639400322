#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The start, step by step: what happens when the kernel refuses one, and what is reported."""
import json
import os
import subprocess
import sys

from live import (CORDON, HANG, PROBE, REFUSE, UNDER, case, cases, equal, main, policy, run, true)
from starts import (MODES, SUPERVISION, attempt, check_ran, check_refused, layers, refused_step,
                    rules)

# The calls that only the program's own process makes at its start, the layer that each belongs to,
# and whether a refusal is fatal in every mode. fork-like calls and those of the host are below.
STEPS = [
    ("setsid", "session", True), ("umask", "umask", True), ("chdir", "cwd", True),
    ("sched_setaffinity", "affinity", False), ("sched_getaffinity", "affinity", False),
    ("prctl@41", "huge_pages", False), ("prctl@42", "huge_pages", False),
    ("personality", "aslr", False), ("prctl@1", "pdeathsig", True), ("prctl@2", "pdeathsig", True),
    ("prctl@39", "no_new_privs", True), ("landlock_restrict_self", "landlock_fs", False),
]
# Where no error is to be seen, only the look back at the kernel finds that nothing happened.
FAKED = ["setsid", "sched_setaffinity", "prctl@41", "personality", "prctl@1",
         "landlock_restrict_self", "seccomp", "prlimit64", "umask"]
# Calls of the host, the keeper and the start itself: no layer can do without them.
MACHINERY = ["clone", "pidfd_open", "pipe2", "socketpair", "prctl@36", "prctl@38", "rt_sigprocmask",
             "signalfd4", "seccomp", "unshare"]


@cases(SUPERVISION)
def every_layer_is_reported(directory, _name, more):
    done, report, ran = attempt(directory, "EPERM", "swapon", rules("refuse", more))
    true(ran and done.returncode == 0, done)
    got = layers(report)
    equal(len(got), 54)
    wanted = {"keeper", "session", "umask", "affinity", "huge_pages", "aslr", "rlimit_core",
              "rlimit_nofile", "cwd", "pdeathsig", "no_new_privs", "landlock_fs", "seccomp",
              "descriptors", "exec"}
    for name, layer in got.items():
        if layer["requested"]:
            equal(layer["state"], "applied", layer)
        else:
            equal(layer["state"], "skipped", layer)
    true(wanted <= {name for name, layer in got.items() if layer["requested"]}, got)
    equal(report["level"], "full")


@cases([(f"{name}-{call}", more, call, layer, fatal) for name, more in SUPERVISION
        for call, layer, fatal in STEPS])
def a_refused_step(directory, _name, more, call, layer, fatal):
    refused_step(directory, rules("{mode}", more), call, layer, fatal)


@cases([(f"{name}-{call}", more, call) for name, more in SUPERVISION for call in FAKED])
def a_step_that_only_seems_to_succeed(directory, _name, more, call):
    done, report, ran = attempt(directory, "fake", call, rules("refuse", more))
    check_refused(done, report, ran, call)


@cases([(f"{name}-{call}", more, call) for name, more in SUPERVISION for call in MACHINERY])
def refused_machinery(directory, _name, more, call):
    """Either it is not needed, or nothing runs, in every mode."""
    for error in ("EPERM", "ENOSYS", "ENOMEM"):
        for mode in MODES:
            done, report, ran = attempt(directory, error, call, rules(mode, more))
            if ran:
                equal(done.returncode, 0, (call, error, mode, done))
                check_ran(report, error, (call, error, mode))
            else:
                check_refused(done, report, ran, (call, error, mode))


@case
def no_new_privs_is_fatal_in_every_mode(directory):
    for mode in MODES:
        done, report, ran = attempt(directory, "EPERM", "prctl@38", rules(mode))
        check_refused(done, report, ran, mode)


@case
def the_map_says_it_for_each_layer(directory):
    mode = "{default: refuse, affinity: warn, aslr: ignore}"
    done, report, ran = attempt(directory, "EPERM", "sched_setaffinity,personality", rules(mode))
    true(ran, done)
    equal([line for line in done.stderr.decode().splitlines() if "layer" in line],
          ["cordon: layer affinity is not in force: Operation not permitted. The run goes on "
           "without it, as isolation.on_failure says."])
    equal(report["level"], "partial")
    equal([layers(report)[name]["errno"] for name in ("affinity", "aslr")], ["EPERM", "EPERM"])
    done, report, ran = attempt(directory, "EPERM", "sched_setaffinity,prctl@41", rules(mode))
    check_refused(done, report, ran, "another layer")


@case
def a_tolerated_failure_is_an_event(directory):
    events = directory / "events.json"
    file = policy(directory, rules("ignore"))
    (directory / "work").mkdir()
    subprocess.run([*UNDER, REFUSE, "ENOMEM", "personality", CORDON, "run", "--events", str(events),
                    "-p", str(file), "true"], cwd=directory, timeout=HANG, check=True)
    found = [event for event in map(json.loads, events.read_text().splitlines())
             if event["kind"] == "layer"]
    equal([(e["layer"], e["state"], e["errno"], e["on_failure"]) for e in found],
          [("aslr", "failed", "ENOMEM", "ignore")])


@case
def the_report_is_complete_while_it_runs(directory):
    """CH-04: the end of the status stream is the exec, long before the end of the program."""
    reader, writer = os.pipe()
    with subprocess.Popen([*UNDER, CORDON, "run", "--events", f"fd:{writer}", "--report",
                           str(directory / "r"), "-p", "base", "cat"], cwd=directory,
                          stdin=subprocess.PIPE, pass_fds=[writer]) as running, \
            open(reader, "rb") as events:
        os.close(writer)
        equal(json.loads(events.readline())["kind"], "start")
        equal(running.poll(), None)
        running.stdin.close()
        equal(running.wait(HANG), 0)
    equal(json.loads((directory / "r").read_text())["level"], "full")


@cases([(where, where) for where in ("/nonexistent", "/etc/passwd")])
def a_bad_directory(directory, _name, where):
    result = run("-p", "base", "-C", where, "true", cwd=directory)
    equal(result.status, 125, result)
    true(b"cwd: " in result.err, result)


@case
def its_own_name(directory):
    """CH-35: as the caller gave it, never the path that was found."""
    def names(*flags, program=PROBE):
        result = run("-r", os.path.dirname(PROBE), *flags, program, "status", "two", cwd=directory,
                     env={**os.environ, "PATH": os.path.dirname(PROBE) + ":" + os.environ["PATH"]})
        true(result.status == 0, result)
        return [line[5:] for line in result.out.decode().splitlines() if line.startswith("argv:")]

    equal(names("-p", "base"), [PROBE, "status", "two"])
    equal(names("-p", "base", program="probe"), ["probe", "status", "two"])
    file = policy(directory, "process: {argv0: '-other name'}\n")
    equal(names("-p", file, program="probe"), ["-other name", "status", "two"])


@case
def many_arguments(directory):
    result = run("-p", "base", "sh", "-c", "echo $#", *map(str, range(20000)), cwd=directory)
    equal((result.status, result.out), (0, b"19999\n"), result.err)


@cases(SUPERVISION)
def a_session_and_its_terminal(directory, _name, more):
    """CH-23, CH-24: the terminal on standard input becomes that of the new session."""
    facts = {}
    main_end, program_end = os.openpty()
    text = f"filesystem: {{read: [{os.path.dirname(PROBE)}]}}\nprocess: {{new_session: true%s}}\n{more}"
    for terminal in (", terminal: true", ""):
        done = subprocess.run([*UNDER, CORDON, "run", "-p", str(policy(directory, text % terminal)),
                               PROBE, "status"], cwd=directory, timeout=HANG, stdin=program_end,
                              stdout=subprocess.PIPE, check=True)
        facts[terminal] = dict(line.split(":", 1) for line in done.stdout.decode().splitlines()
                               if ":" in line)
    for got in facts.values():
        equal(got["sid"], got["pid"])
        equal(got["pgid"], got["pid"])
    equal([facts[key]["terminal"] for key in facts], ["1", "0"])
    os.close(main_end)
    os.close(program_end)
    result = run("-p", policy(directory, text % ", terminal: true"), PROBE, "status", cwd=directory)
    equal(result.status, 125, result)
    true(b"terminal: " in result.err and result.out == b"", result)


if __name__ == "__main__":
    sys.exit(main())
