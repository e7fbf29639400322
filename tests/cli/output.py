#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What comes out: streams that belong to the program, hints, events, report."""
import errno
import hashlib
import json
import os
import subprocess
import sys

from blackbox import (CORDON, HANG, PYTHON, case, cases, cordon, equal, guarded, is_ours, main, run, true)


@case
def bytes_pass_unchanged(directory):
    sent = os.urandom(10 << 20)
    result = run("cat", cwd=directory, stdin=sent)
    equal(hashlib.sha256(result.out).digest(), hashlib.sha256(sent).digest())
    equal(result.err, b"", result)


@case
def pipelines_do_not_hang(directory):
    for _ in range(20):
        equal(run("sh", "-c", "echo a | cat | cat", cwd=directory).out, b"a\n")


@case
def standard_output_is_the_programs_own_on_failure(directory):
    policy, secret = guarded(directory)
    result = run("-p", policy, "sh", "-c", f"echo out; cat {secret}", cwd=directory)
    equal(result.out, b"out\n", result)
    equal(result.status, 1, result)


@cases([("0",), ("1",), ("2",), ("0 1",), ("0 1 2",)])
def closed_descriptors(directory, closed):
    numbers = [int(n) for n in closed.split()]
    report, events = directory / "report.json", directory / "events"

    def close():
        for number in numbers:
            os.close(number)
    with subprocess.Popen([CORDON, "run", "--report", report, "--events", events, "sh", "-c",
                           "cat; echo out; echo err >&2; ls -l /proc/self/fd >listing; exit 5"],
                          cwd=directory, preexec_fn=close, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=HANG)
    equal(process.returncode, 5, err)
    if 1 not in numbers:
        equal(out, b"out\n")
    if 2 not in numbers:
        true(b"err\n" in err, err)
    for text in (report.read_text(), events.read_text()):
        true("out\n" not in text and "err\n" not in text, text)
    equal(json.loads(report.read_text())["exit"]["code"], 5)
    listing = (directory / "listing").read_text()
    true("events" not in listing and "report" not in listing, listing)


@case
def one_hint_for_equal_denials(directory):
    policy, secret = guarded(directory)
    script = f"i=0; while [ $i -lt 1000 ]; do i=$((i+1)); : <{secret}; done 2>/dev/null; exit 0"
    result = run("-p", policy, "sh", "-c", f"{script}", cwd=directory)
    equal(len([line for line in result.lines if "denied read" in line]), 1, result)
    equal(result.lines[0], f'cordon: denied read {secret}: filesystem.deny '
          f'"{directory}/secret" ({policy}:5). Retrying will not help; to allow it, change that '
          'rule.', result)


@case
def no_hint(directory):
    policy, secret = guarded(directory)
    result = run("-p", policy, "--no-hint", "cat", secret, cwd=directory)
    equal([line for line in result.lines if line.startswith("cordon: ")], [], result)
    equal(result.status, 1, result)


@case
def a_hidden_file_has_no_hint(directory):
    (directory / "hidden").write_text("x")
    result = run("-p", "base", "-r", directory, "--hide", directory / "hidden", "--events",
                 directory / "events", "cat", "hidden", cwd=directory)
    equal([line for line in result.lines if "hidden" in line and line.startswith("cordon: ")], [],
          result)
    true("No such file" in result.err.decode(), result)
    kinds = [event["kind"] for event in events_of(directory / "events")]
    true("denied" in kinds, kinds)


@case
def line_at_the_end_for_refusals_of_the_kernel(directory):
    expected = ("cordon: the program failed (status 3); refusals made by the kernel are not "
                "listed, --trace shows them.")
    equal(run("sh", "-c", "exit 3", cwd=directory).lines, [expected])
    equal(run("sh", "-c", "exit 0", cwd=directory).lines, [])
    equal(run("--no-hint", "sh", "-c", "exit 3", cwd=directory).lines, [])
    equal(run("--trace", "sh", "-c", "exit 3", cwd=directory).lines, [])
    for status in (124, 125, 126, 127):
        equal(run("sh", "-c", f"exit {status}", cwd=directory).lines, [])


@case
def a_name_cannot_forge_a_line(directory):
    policy, secret = guarded(directory)
    name = "a\ncordon: denied everything\033[2J\r\u202e"
    (secret.parent / name).write_text("x")
    events = directory / "events"
    code = f"import os\ntry: open({str(secret.parent / name)!r})\nexcept OSError: pass\n"
    result = run("-p", policy, "--events", events, PYTHON, "-c", code, cwd=directory)
    equal(result.status, 0, result)
    is_ours(result)
    equal(len(result.lines), 1, result)
    denied = [event for event in events_of(events) if event["kind"] == "denied"]
    equal(denied[0]["target"], str(secret.parent / name))
    true(all(32 <= byte < 127 or byte == 10 for byte in events.read_bytes()))


def events_of(path):
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for number, event in enumerate(events, 1):
        equal(event["schema_version"], 1)
        equal(event["seq"], number, events)
        for field in ("at", "mono_ns", "name", "kind"):
            true(field in event, event)
    return events


@case
def events_file(directory):
    policy, secret = guarded(directory)
    events = directory / "events"
    result = run("-p", policy, "--name", "agent-7", "--events", events, "sh", "-c",
                 f"cat {secret}; cat {secret}; exit 4", cwd=directory)
    equal(result.status, 4, result)
    all_events = events_of(events)
    equal([event["kind"] for event in all_events], ["start", "denied", "denied", "end"])
    equal({event["name"] for event in all_events}, {"agent-7"})
    equal(all_events[-1]["status"], 4)
    denied = all_events[1]
    for field, value in (("op", "read"), ("target", str(secret)), ("given", str(secret)),
                         ("section", "filesystem"), ("file", str(policy)), ("line", 5),
                         ("cause", "rule"), ("errno", "EACCES"), ("retry", False)):
        equal(denied[field], value, denied)
    true(denied["call"].startswith("open"), denied)
    true(denied["exe"].endswith("cat"), denied)
    equal(denied["rule"]["key"], "filesystem.deny")
    true(denied["pid"] > 0 and denied["tid"] > 0, denied)


@case
def events_append(directory):
    events = directory / "events"
    for _ in range(2):
        run("--events", events, "true", cwd=directory)
    kinds = [json.loads(line)["kind"] for line in events.read_text().splitlines()]
    equal(kinds, ["start", "end", "start", "end"])


@case
def events_on_a_descriptor(directory):
    reader, writer = os.pipe()
    result = run("--events", f"fd:{writer}", "sh", "-c", f"echo x >&{writer}", cwd=directory,
                 pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader) as stream:
        kinds = [json.loads(line)["kind"] for line in stream]
    equal(kinds, ["start", "end"], "the program does not have the descriptor")
    true(result.status != 0, result)


@case
def events_reader_that_is_gone(directory):
    reader, writer = os.pipe()
    os.close(reader)
    result = run("--events", f"fd:{writer}", "echo", "ok", cwd=directory, pass_fds=(writer,))
    os.close(writer)
    equal((result.status, result.out), (0, b"ok\n"), result)


@case
def standard_error_reader_that_is_gone(directory):
    policy, secret = guarded(directory)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([CORDON, "run", "-p", policy, "sh", "-c",
                           f"(: <{secret}) 2>/dev/null; exit 9"], cwd=directory, stderr=writer,
                          check=False, timeout=HANG)
    os.close(writer)
    equal(done.returncode, 9)


@case
def the_program_cannot_change_its_events(directory):
    events = directory / "events"
    result = run("--events", events, "sh", "-c", "echo forged >>events", cwd=directory)
    true(result.status != 0, result)
    true("forged" not in events.read_text())


def report_of(directory, *arguments, wanted):
    path = directory / "report.json"
    result = run("--report", path, *arguments, cwd=directory)
    equal(result.status, wanted, result)
    report = json.loads(path.read_text())
    equal(report["schema_version"], 1)
    equal(report["exit"]["status"], wanted, report)
    true(report["cordon"] and report["kernel"], report)
    equal([name for name in os.listdir(directory) if name.startswith(".report")], [])
    path.unlink()
    return report


RUN_FIELDS = ("name", "mode", "landlock_abi", "started_at", "ended_at", "command", "usage", "level",
              "layers", "limits", "not_held", "denials", "counters", "kernel_denials")


@cases([
    ("exited", ["sh", "-c", "exit 3"], 3), ("signaled", ["sh", "-c", "kill -9 $$"], 137),
    ("timeout_wall", ["-t", "200ms", "sleep", "1000"], 124), ("exec_failed", ["no-such-tool"], 127),
])
def report_tells_endings_apart(directory, reason, arguments, status):
    report = report_of(directory, *arguments, wanted=status)
    equal(report["exit"]["reason"], reason)
    for field in RUN_FIELDS:
        true(field in report, f"{field} is missing: {report}")


@case
def report_of_a_program_that_returns_124(directory):
    report = report_of(directory, "sh", "-c", "exit 124", wanted=124)
    equal((report["exit"]["reason"], report["exit"]["code"]), ("exited", 124))


@case
def report_when_nothing_was_run(directory):
    (directory / "bad.yaml").write_text("version: 1\nfilesystem:\n  redd: [/usr]\n")
    report = report_of(directory, "-p", "bad.yaml", "true", wanted=125)
    equal(report["exit"]["reason"], "setup_failed")
    error = report["setup_error"]
    equal((error["file"], error["line"], error["column"]), ("bad.yaml", 3, 3))
    true("redd" in error["text"], error)


@case
def report_counts_denials(directory):
    policy, secret = guarded(directory)
    report = report_of(directory, "-p", policy, "sh", "-c",
                       f"(: <{secret}; : <{secret}) 2>/dev/null; (: <{secret}) 2>/dev/null; exit 0",
                       wanted=0)
    equal(len(report["denials"]), 1, report)
    denial = report["denials"][0]
    equal((denial["op"], denial["target"], denial["rule"]), ("read", str(secret),
                                                            "filesystem.deny"))
    true(denial["count"] >= 2, denial)
    layers = {layer["name"]: layer["state"] for layer in report["layers"]}
    for name in ("no_new_privs", "landlock_fs", "seccomp"):
        equal(layers[name], "applied", layers)
    equal(report["mode"], "supervised")


@case
def report_stays_in_its_directory(directory):
    (directory / "out").mkdir()
    (directory / "elsewhere").mkdir()
    result = run("-p", "base", "-w", directory, "--report", "out/r.json", "sh", "-c",
                 "mv out was && ln -s elsewhere out && ln -s ../elsewhere/x was/r.json",
                 cwd=directory)
    equal(result.status, 0, result)
    equal(os.listdir(directory / "elsewhere"), [])
    true(not (directory / "was" / "r.json").is_symlink())
    json.loads((directory / "was" / "r.json").read_text())


@case
def report_to_what_is_no_regular_file(directory):
    fifo, link, target = directory / "fifo", directory / "link", directory / "target"
    os.mkfifo(fifo)
    target.write_text("old")
    link.symlink_to("target")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    equal(run("--report", fifo, "true", cwd=directory).status, 0)
    equal(json.loads(os.read(reader, 1 << 16))["exit"]["status"], 0)
    os.close(reader)
    true(fifo.is_fifo())
    equal(run("--report", link, "true", cwd=directory).status, 0)
    true(link.is_symlink())
    equal(json.loads(target.read_text())["exit"]["status"], 0)
    equal(run("--report", directory, "true", cwd=directory).status, 125)


@case
def answers_in_json(directory):
    result = cordon("why", "--json", "-r", "/usr", "-d", "/usr/bin", "read", "/usr/bin/env",
                    cwd=directory)
    answer = json.loads(result.out)
    equal((answer["allowed"], answer["errno"], answer["rule"]["key"]),
          (False, errno.errorcode[errno.EACCES], "filesystem.deny"))
    for arguments in (("explain", "--json"), ("check", "--json"), ("policy", "show", "--json"),
                      ("policy", "list", "--json"), ("policy", "schema")):
        json.loads(cordon(*arguments, cwd=directory).out)


if __name__ == "__main__":
    sys.exit(main())
