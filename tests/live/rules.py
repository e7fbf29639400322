#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which rule decides where several cover an object, what a path may lead through, and what grants
mean when the run starts."""
import json
import os
import shutil
import stat
import subprocess
import sys

from live import (CORDON, HANG, PRELUDE, PYTHON, UNDER, Skip, bare, case, cases, cordon, equal, errnos,
                  main, policy, run, start, true)

NESTED = """
filesystem:
  read: [$D/home, $D/home/.ssh/known_hosts, $D/home/.ssh/keys.d/public]
  write: [$D/home/.ssh/keys.d/agent]
  deny: [$D/home/.ssh, $D/home/.ssh/keys.d/agent/old]
"""


def home(directory):
    for folder in ("home/.ssh/keys.d/public", "home/.ssh/keys.d/agent/old", "home/docs"):
        (directory / folder).mkdir(parents=True)
    for file in ("home/.ssh/id", "home/.ssh/known_hosts", "home/.ssh/keys.d/public/a.pub",
                 "home/.ssh/keys.d/private", "home/.ssh/keys.d/agent/socket",
                 "home/.ssh/keys.d/agent/old/key", "home/docs/note"):
        (directory / file).write_text(f"{file}\n")


@cases([("mediated", ""), ("expanded", "  expand: true\n")])
def the_longest_rule_decides(directory, _name, expand):
    """Grants inside what is denied, and denied again inside these; between them nothing is listed."""
    home(directory)
    errnos(directory, NESTED + expand, {
        "read('home/docs/note')": "", "read('home/.ssh/id')": "EACCES",
        "read('home/.ssh/known_hosts')": "", "write('home/.ssh/known_hosts')": "EACCES",
        "os.listdir('home/.ssh')": "EACCES", "os.listdir('home/.ssh/keys.d')": "EACCES",
        "read('home/.ssh/keys.d/private')": "EACCES", "os.listdir('home/.ssh/keys.d/public')": "",
        "read('home/.ssh/keys.d/public/a.pub')": "", "write('home/.ssh/keys.d/public/x')": "EACCES",
        "read('home/.ssh/keys.d/agent/socket')": "", "read('home/.ssh/keys.d/agent/old/key')": "EACCES",
        "os.mkdir('home/.ssh/keys.d/other')": "EACCES",
        # Through the directories between, also upwards.
        "os.chdir('home/.ssh/keys.d/public')": "", "read('a.pub')": "",
        "read('../../../docs/note')": "", "read('../private')": "EACCES", "read('../../id')": "EACCES",
        "os.listdir('..')": "EACCES"})


@case
def at_equal_length_the_refusal_wins(directory):
    (directory / "x").mkdir()
    for kinds, read, write in ((("read", "write"), "", ""), (("write", "read"), "", ""),
                               (("write", "protect"), "", "EACCES"), (("write", "deny"), "EACCES", "EACCES"),
                               (("write", "hide", "protect"), "ENOENT", "ENOENT"),
                               (("read", "write", "protect", "hide", "deny"), "EACCES", "EACCES")):
        (directory / "x/file").write_text("x\n")
        rules = "filesystem:\n" + "".join(f"  {kind}: [$D/x/file]\n" for kind in kinds)
        errnos(directory, rules, {"read('x/file')": read, "write('x/file')": write})


WAYS = """
filesystem:
  write: [$D]
  deny: [$D/denied]
  hide: [$D/hidden]
"""


@case
def a_way_through_tells_nothing(directory):
    """Whether something lies in a denied or hidden directory does not show in a path through it."""
    for folder in ("denied/there", "hidden/there"):
        (directory / folder).mkdir(parents=True)
    (directory / "plain").write_text("plain\n")
    for folder in ("denied", "hidden"):
        (directory / f"{folder}link").symlink_to(f"{folder}/there/../../plain")
        (directory / f"{folder}none").symlink_to(f"{folder}/none/../../plain")
    wanted, control = {}, {}
    for folder, errno in (("denied", "EACCES"), ("hidden", "ENOENT")):
        for middle in ("there", "none"):
            for call in ("read({!r})", "os.stat({!r})", "os.access({!r}, 0) or os.stat({!r})",
                         "os.truncate({!r}, 9)", "os.listdir(os.path.dirname({!r}))", "os.chdir({!r} + '/..')"):
                text = call.format(*[f"{folder}/{middle}/../../plain"] * call.count("{"))
                wanted[text] = errno
                control[text] = "ENOENT" if middle == "none" else ""
            text = f"os.read(call(437, 437, -100, b'{folder}/{middle}/../../plain', how(0, 0, 1), 24), 9)"
            wanted[text] = errno
            wanted[text.replace("/../../plain", "")] = errno
        wanted[f"read('{folder}link')"] = wanted[f"read('{folder}none')"] = errno
    errnos(directory, WAYS, wanted)
    # Without cordon the two differ.
    reads = [text for text in control if text.startswith("read")]
    got = bare(directory, f"for text in {reads!r}: say(e(lambda: eval(text)))")
    equal(got, [control[text] for text in reads])


@case
def limits_of_a_path(directory):
    """Forty links, the longest name, the longest path: as without cordon."""
    (directory / "file").write_text("x\n")
    for i in range(45):
        (directory / f"l{i}").symlink_to(f"l{i - 1}" if i else "file")
    texts = ["read('l39')", "read('l40')", "read('l44')", "read('n' * 255)", "read('n' * 256)",
             "read('./' * 2045 + 'file')", "read('./' * 2046 + 'file')", "read('')", "os.stat('l40')",
             "os.mkdir('m' * 256)", "os.rename('l40/x', 'y')", "read('file/')", "read('file/x')"]
    wanted = dict(zip(texts, bare(directory, f"for text in {texts!r}: say(e(lambda: eval(text)))")))
    equal({wanted["read('l39')"], wanted["read('l40')"]}, {"", "ELOOP"})
    errnos(directory, WAYS, wanted)


@case
def a_missing_grant_is_a_note(directory):
    (directory / "later").mkdir()
    rules = "filesystem:\n  read: [$D/nope]\n  write: [$D/no/such, $D/later/w]\n"
    code = PRELUDE + "say('ready'); sys.stdin.readline(); say([e(read, 'nope'), e(write, 'later/w')])"
    with start("--report", "report", "-p", policy(directory, rules), PYTHON, "-I", "-S", "-c", code,
               cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        equal(json.loads(child.stdout.readline()), "ready")
        (directory / "nope").write_text("late\n")
        (directory / "later/w").write_text("late\n")
        out, _ = child.communicate(b"\n", timeout=HANG)
    equal((child.returncode, json.loads(out)), (0, ["EACCES", "EACCES"]))
    notes = json.loads((directory / "report").read_text())["notes"]
    shown = cordon("explain", "-p", policy(directory, rules.replace("later/w", "later/x")),
                   cwd=directory).out.decode()
    for name in ("nope", "no/such"):
        true(any(f'"{directory}/{name}"' in line and "not granted" in line for line in notes), notes)
    true(f'"{directory}/no/such" ({directory}/policy.yaml:5): does not exist; not granted' in shown, shown)


@cases([("absolute", "/etc"), ("out of it", "../elsewhere"), ("inside", "inner"), ("chain", "hop")])
def a_link_in_the_workspace_widens_nothing(directory, name, target):
    """What an earlier run may have planted is not followed by a grant."""
    work = directory / "work"
    for folder in (work / "inner", directory / "elsewhere"):
        folder.mkdir(parents=True)
    (work / "hop").symlink_to(directory / "elsewhere")
    (work / "out").symlink_to(target)
    for key in ("read", "write", "exec"):
        rules = f"workspace: {work}\nfilesystem:\n  {key}: [$WORKSPACE/out]\n"
        for more in ("", "/sub"):
            if more and not (work / "out" / "sub").exists():
                (directory / "elsewhere/sub").mkdir(exist_ok=True)
                (work / "inner/sub").mkdir(exist_ok=True)
            file = policy(directory, rules.replace("/out]", f"/out{more}]"))
            result = run("-p", file, "touch", work / "ran", cwd=work)
            if more and not (work / "out/sub").exists():
                continue  # nothing there: nothing is granted
            equal(result.status, 125, result)
            true("policy.yaml:5:" in result.lines[0] and "symbolic link" in result.lines[0], result)
    true(not (work / "ran").exists())


@case
def a_link_of_the_user_is_followed_and_shown(directory):
    (directory / "real").mkdir()
    (directory / "real/file").write_text("real\n")
    (directory / "link").symlink_to("real")
    rules = "filesystem:\n  read: [$D/link]\n"
    errnos(directory, rules, {"read('real/file')": "", "read('link/file')": ""})
    shown = cordon("explain", "-p", policy(directory, rules), cwd=directory).out.decode()
    true(f'"{directory}/link" -> "{directory}/real"' in shown, shown)


@case
def a_link_that_changes_is_refused_itself(directory):
    """The rule's own path leads nowhere, whatever the link in it leads to by now."""
    for folder in ("old", "new"):
        (directory / folder).mkdir()
        (directory / folder / "key").write_text(f"{folder}\n")
    (directory / "secret").symlink_to("old")
    code = PRELUDE + "say('ready'); sys.stdin.readline(); say([e(read, 'secret/key'), e(read, 'old/key')])"
    rules = "filesystem:\n  read: [$D]\n  deny: [$D/secret]\n"
    with start("--no-hint", "-p", policy(directory, rules), PYTHON, "-I", "-S", "-c", code, cwd=directory,
               stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        equal(json.loads(child.stdout.readline()), "ready")
        (directory / "secret").unlink()
        (directory / "secret").symlink_to("new")
        out, _ = child.communicate(b"\n", timeout=HANG)
    equal(json.loads(out), ["EACCES", "EACCES"])


OWN = {"policy": "work/policy.yaml", "second policy": "work/more.yaml", "events": "work/events",
       "executable": "work/bin/cordon"}
CHANGES = {
    "append": "open({0!r}, 'ab').write(b'evil')", "replace": "write({1!r}); os.rename({1!r}, {0!r})",
    "exchange": "write({1!r}); call(316, 276, -100, {1!r}.encode(), -100, {0!r}.encode(), 2)",
    "remove": "os.unlink({0!r})", "directory": "os.rmdir({0!r}) if os.path.isdir({0!r}) else os.mkdir({0!r})",
    "truncate": "os.truncate({0!r}, 0)", "chmod": "os.chmod({0!r}, 0o666)",
    "move away": "os.rename('work', 'elsewhere'); os.rename('elsewhere', 'work')",
}


@case
def files_of_our_own_are_protected(directory):
    """Policies in force, events and executable, inside a write grant; the report is replaced."""
    (directory / "work/bin").mkdir(parents=True)
    shutil.copy2(CORDON, directory / "work/bin/cordon")
    (directory / "work/more.yaml").write_text("version: 1\nfilesystem:\n  read: [/usr]\n")
    (directory / "work/plain").write_text("plain\n")
    file = policy(directory / "work", f"extends: [base, {directory}/work/more.yaml]\n"
                  f"filesystem:\n  write: [{directory}]\n")
    file.write_text(file.read_text().replace("extends: [base]\n", "", 1))
    texts = {path: path.read_bytes() for path in (file, directory / "work/more.yaml",
                                                  directory / "work/bin/cordon")}
    code = PRELUDE + """
write("work/report", b"evil")
for name, path in json.loads(sys.argv[1]).items():
    for way, text in json.loads(sys.argv[2]).items():
        say([name, way, e(lambda: exec(text.format(path, path + ".new")))])
"""
    done = subprocess.run([*UNDER, str(directory / "work/bin/cordon"), "run", "--no-hint", "-p", str(file),
                           "--events", "work/events", "--report", "work/report", PYTHON, "-I", "-S", "-c",
                           code, json.dumps({**OWN, "control": "work/plain"}), json.dumps(CHANGES)],
                          cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=HANG, check=False)
    equal(done.returncode, 0, done)
    got = [json.loads(line) for line in done.stdout.splitlines()]
    equal(len(got), 5 * len(CHANGES))
    bad = [row for row in got if row[0] != "control" and row[2] not in ("EACCES", "ENOENT", "EEXIST", "EXDEV")]
    equal(bad, [])
    control = {way: error for name, way, error in got if name == "control"}
    equal([way for way in ("append", "replace", "exchange", "remove") if control[way]], [])
    for path, text in texts.items():
        equal(path.read_bytes(), text)
    events = [json.loads(line) for line in (directory / "work/events").read_text().splitlines()]
    equal((events[0]["kind"], events[-1]["kind"]), ("start", "end"))
    equal(json.loads((directory / "work/report").read_text())["exit"]["status"], 0)


@cases([("base", "", set()), ("pty", "pty", {"ptmx"})])
def devices_of_the_presets(directory, _name, preset, more):
    """Every node of /dev is tried; only these open."""
    nodes = [str(path) for path in sorted(os.scandir("/dev"), key=lambda entry: entry.name)
             for path in [path.path] if stat.S_ISCHR(os.stat(path).st_mode) or
             stat.S_ISBLK(os.stat(path).st_mode)] if os.path.isdir("/dev") else []
    code = """
say([path for path in json.loads(sys.argv[1]) if e(lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))) == ""])
say([path for path in json.loads(sys.argv[1]) if e(lambda: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))) == ""])
"""
    file = policy(directory, f"extends: [base, {preset}]\n" if preset else "")
    if preset:
        file.write_text(f"extends: [base, {preset}]\n")
    result = run("-p", file, PYTHON, "-I", "-S", "-c", PRELUDE + code, json.dumps(nodes), cwd=directory)
    reads, writes = (json.loads(line) for line in result.out.splitlines())
    allowed = {"null", "zero", "full", "random", "urandom", "tty"} | more
    std = {"stdin", "stdout", "stderr"}
    true({os.path.basename(path) for path in reads} - std <= allowed, (reads, result))
    true({os.path.basename(path) for path in writes} - std <= allowed - {"random", "urandom"}, writes)
    for name in {"null", "zero", "full"} | more:
        true(f"/dev/{name}" in reads and f"/dev/{name}" in writes, (name, reads, writes))
    for name in ("random", "urandom"):
        true(f"/dev/{name}" in reads, reads)


@cases([("kernel", ""), ("mediated", "  deny: [$D/tree/never]\n")])
def mounts_beneath_a_grant(directory, _name, deny):
    """A grant covers what is mounted beneath it, before and after the start."""
    for folder in ("tree/before", "tree/after", "source"):
        (directory / folder).mkdir(parents=True)
    (directory / "source/file").write_text("mounted\n")
    file = policy(directory, f"filesystem:\n  read: [$D/tree]\n{deny}")
    inner = "cat tree/before/file; echo ready; read line; cat tree/after/file"
    script = ("mount --bind source tree/before || exit 77; mkfifo to from; "
              "\"$@\" <to >from & exec 3>to 4<from; read a <&4; echo $a; read a <&4; "
              "mount --bind source tree/after; echo go >&3; read a <&4; echo $a; wait")
    done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", *UNDER, CORDON,
                           "run", "-p", str(file), "sh", "-c", inner], cwd=directory, timeout=HANG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == 77 or b"unshare:" in done.stderr:
        raise Skip("no mount namespace for this user")
    equal(done.stdout, b"mounted\nmounted\n", done)


if __name__ == "__main__":
    sys.exit(main())
