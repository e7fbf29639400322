#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""filesystem.expand: what is denied is held by the kernel alone, with and without a supervisor."""
import json
import os
import subprocess
import sys

from live import (ABLATE, CORDON, HANG, PRELUDE, PYTHON, UNDER, Skip, case, cases, cordon, equal,
                  errnos, inside, main, policy, run, start, true)

RULES = """
filesystem:
  read: [$D/home, $D/home/.ssh/known]
  write: [$D/work]
  deny: [$D/home/.ssh, $D/home/token, $D/work/top/secret, $D/work/absent/later, $D/home/run]
  expand: true
"""
MODES = [("supervised", ()), ("off", ("--no-supervisor",))]


def tree(directory):
    for folder in ("home/.ssh/sub", "home/docs", "work/top/secret", "work/top/other", "work/a",
                   "work/b"):
        (directory / folder).mkdir(parents=True)
    for file in ("home/.ssh/key", "home/.ssh/known", "home/.ssh/sub/deep", "home/docs/note",
                 "home/token", "home/plain", "work/top/secret/key", "work/top/other/file",
                 "work/a/file", "work/plain"):
        (directory / file).write_text(f"{file}\n")
    script = directory / "home/run"
    script.write_text("#!/bin/sh\necho leaked\n")
    script.chmod(0o755)
    for link, target in (("home/link", ".ssh/key"), ("work/jump", directory / "home/.ssh"),
                         ("work/own", "top/secret")):
        (directory / link).symlink_to(target)


# Each gives the bytes behind a denied name, or raises.
READS = ["read('home/.ssh/key')", "read('home/token')", "read('home/.ssh/sub/deep')",
         "read('work/top/secret/key')", "read('home/link')", "read('work/jump/key')",
         "read('work/own/key')", "read('home//docs/../.ssh/./key')",
         "read('/proc/self/root' + os.getcwd() + '/home/token')",
         "read('/proc/thread-self/cwd/home/token')",
         "os.read(os.open('key', 0, dir_fd=os.open('home/.ssh', os.O_PATH)), 99)",
         "read('/proc/self/fd/%d' % os.open('home/token', os.O_PATH))",
         "os.read(call(437, 437, -100, b'home/token', how(0), 24), 99)",
         "os.listdir('home/.ssh')", "os.listdir('work/top/secret')",
         "os.getxattr('/proc/self/fd/%d' % os.open('home/token', 0), 'user.x')",
         "subprocess.run(['home/run'], stdout=-1, check=True).stdout"]
CHANGES = ["write('work/top/secret/key')", "write('work/top/secret/new')",
           "os.truncate('work/top/secret/key', 0)", "os.unlink('work/top/secret/key')",
           "os.rename('work/top/secret/key', 'work/a/key')",
           "os.rename('work/top/secret', 'work/a/secret')", "os.rename('work/top', 'work/a/top')",
           "os.link('work/top/secret/key', 'work/a/key')",
           "os.link('/proc/self/fd/%d' % os.open('work/top/secret/key', os.O_PATH), 'work/a/key')",
           "call(316, 276, -100, b'work/top/secret', -100, b'work/a', 2)",
           "call(316, 276, -100, b'work/top', -100, b'work/a', 2)",
           "os.mkdir('work/absent')", "os.symlink('a', 'work/absent')",
           "os.rename('work/a', 'work/absent')",
           "socket.socket(socket.AF_UNIX).bind('work/top/secret/s')",
           "os.mkfifo('work/top/secret/f')", "os.rmdir('work/top/secret')"]
ATTACK = """
import subprocess
for text in json.loads(sys.argv[1]):
    say(e(lambda: eval(text)))
"""


def snapshot(top):
    return {str(path.relative_to(top)): (path.lstat().st_ino, path.lstat().st_size)
            for path in sorted(top.rglob("*"))}


def controlled(directory, rules, flags, code, *arguments):
    """The same without the kernel's wall: what the program says."""
    done = subprocess.run([*UNDER, ABLATE, "run", *flags, "-p", str(policy(directory, rules)), PYTHON,
                           "-I", "-S", "-c", PRELUDE + code, *arguments], cwd=directory, timeout=HANG,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True,
                          env={**os.environ, "CORDON_ABLATE": "landlock,supervisor-landlock"})
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@cases(MODES)
def what_is_denied_is_not_read(directory, _name, flags):
    tree(directory)
    got = dict(zip(READS, inside(directory, RULES, ATTACK, json.dumps(READS), flags=flags)))
    equal({text: errno for text, errno in got.items() if errno != "EACCES"}, {})
    got = dict(zip(READS, controlled(directory, RULES, flags, ATTACK, json.dumps(READS))))
    equal({text: errno for text, errno in got.items() if errno not in ("", "ENODATA", "ENOTSUP")}, {})


@cases(MODES)
def what_is_denied_is_not_changed(directory, _name, flags):
    tree(directory)
    before = snapshot(directory / "work")
    got = dict(zip(CHANGES, inside(directory, RULES, ATTACK, json.dumps(CHANGES), flags=flags)))
    true(all(errno in ("EACCES", "EXDEV", "EPERM") for errno in got.values()), got)
    equal(snapshot(directory / "work"), before)
    if flags:  # the supervisor decides changes as well; alone, the kernel is the only wall
        got = controlled(directory, RULES, flags, ATTACK, json.dumps(CHANGES[:1]))
        equal(got, [""])
        equal((directory / "work/top/secret/key").read_text(), "inside\n")


@cases(MODES)
def the_rest_is_as_granted(directory, _name, flags):
    tree(directory)
    errnos(directory, RULES, {
        "read('home/docs/note')": "", "read('home/plain')": "", "os.listdir('home/docs')": "",
        "read('home/.ssh/known')": "", "read('work/a/file')": "", "write('work/plain')": "",
        "write('work/a/new')": "", "os.mkdir('work/a/dir')": "",
        "os.rename('work/a/file', 'work/b/file')": "", "os.link('work/b/file', 'work/a/again')": "",
        "write('work/top/other/file')": "", "os.symlink('x', 'work/a/link')": "",
        "write('home/plain')": "EACCES", "write('home/.ssh/known')": "EACCES",
        # What the split takes away.
        "os.listdir('home')": "EACCES", "os.listdir('work')": "EACCES", "write('work/new')": "EACCES",
        "os.unlink('work/plain')": "EACCES", "os.rename('work/a', 'work/c')": "EACCES",
        # What it never held.
        "os.stat('home/.ssh/key')": "" if flags else "", "os.readlink('home/link')": ""}, flags=flags)
    equal((directory / "work/b/file").read_text(), "work/a/file\n")
    true(not (directory / "work/new").exists())


@cases(MODES)
def a_name_that_appears_later(directory, _name, flags):
    """Beside what is denied it is not granted; deeper it is."""
    tree(directory)
    code = PRELUDE + """
say("ready"); sys.stdin.readline()
say([e(read, "home/late"), e(read, "work/absent/later"), e(read, "home/docs/late")])
"""
    with start(*flags, "-p", policy(directory, RULES), PYTHON, "-I", "-S", "-c", code, cwd=directory,
               stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        equal(json.loads(child.stdout.readline()), "ready")
        (directory / "work/absent").mkdir()
        for name in ("home/late", "work/absent/later", "home/docs/late"):
            (directory / name).write_text("late\n")
        out, _ = child.communicate(b"\n", timeout=HANG)
    equal(json.loads(out), ["EACCES", "EACCES", ""])


@case
def no_read_is_notified(directory):
    """The supervisor sees as many calls for two opens as for two hundred."""
    tree(directory)

    def notified(rules, count):
        code = "for i in range(int(sys.argv[1])): read('home/plain'); os.stat('home/plain')"
        inside(directory, rules, code, str(count), flags=("--report", "report"))
        report = json.loads((directory / "report").read_text())
        equal(report["mode"], "supervised")
        return report["counters"]["notified"]
    equal(notified(RULES, 200), notified(RULES, 2))
    control = RULES.replace("  expand: true\n", "")
    true(notified(control, 200) >= notified(control, 2) + 198)


LINKS = """
filesystem:
  write: [$D/w]
  read: [$D/r, $D/targets]
  deny: [$D/w/pointer, $D/w/way/x, $D/r/pointer]
  expand: true
"""


@cases(MODES)
def links_to_what_is_denied(directory, _name, flags):
    """A rule holds for a link and its target; in a write grant the link stays where it is."""
    for folder in ("w", "r", "targets/one", "targets/two"):
        (directory / folder).mkdir(parents=True)
    for file in ("targets/one/real", "targets/two/x", "targets/two/real", "w/file", "r/file"):
        (directory / file).write_text(f"{file}\n")
    for link, target in (("w/pointer", "one/real"), ("w/way", "two"), ("r/pointer", "two/real")):
        (directory / link).symlink_to(f"../targets/{target}")
    errnos(directory, LINKS, {
        "read('w/pointer')": "EACCES", "read('targets/one/real')": "EACCES",
        "read('w/way/x')": "EACCES", "read('targets/two/x')": "EACCES", "read('r/pointer')": "EACCES",
        "read('targets/two/real')": "EACCES", "os.listdir('targets/one')": "EACCES",
        # Names beside the link cannot change; nothing else is taken away, and nothing where
        # nothing can be changed anyway.
        "os.unlink('w/pointer')": "EACCES", "os.rename('w/way', 'w/gone')": "EACCES",
        "os.symlink('file', 'w/new')": "EACCES", "os.listdir('w')": "", "write('w/file')": "",
        "os.listdir('r')": "", "read('r/file')": ""}, flags=flags)


@cases(MODES)
def behind_a_bind_mount(directory, _name, flags):
    tree(directory)
    (directory / "other/alias").mkdir(parents=True)
    (directory / "other/inner").mkdir()
    rules = policy(directory, RULES.replace("read: [", "read: [$D/other, "))
    script = (f"mount --bind {directory}/home {directory}/other/alias && "
              f"mount --bind {directory}/home/.ssh/sub {directory}/other/inner || exit 77; "
              f"for f in other/alias/token other/alias/.ssh/key other/inner/deep "
              "other/alias/plain other/alias/docs/note; do cat $f; done; exit 0")
    # The mounts are made first, then cordon reads them.
    mounts, reads = script.split("|| exit 77; ")
    command = f"{mounts}|| exit 77; exec \"$@\" sh -c '{reads}'"
    done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", command, "sh", *UNDER,
                           CORDON, "run", *flags, "--no-hint", "-p", str(rules)], cwd=directory,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG, check=False)
    if done.returncode in (1, 77) and b"cordon" not in done.stderr:
        raise Skip("no mount namespace for this user")
    equal(done.stdout, b"home/plain\nhome/docs/note\n", done)


@case
def protect_and_expand(directory):
    """The supervisor guards changes of what is protected; reads stay with the kernel."""
    tree(directory)
    rules = RULES + "  protect: [$D/work/a/file]\n"
    errnos(directory, rules, {
        "read('work/a/file')": "", "write('work/a/file')": "EACCES", "write('work/a/new')": "",
        "os.rename('work/a/file', 'work/b/x')": "EACCES", "read('work/top/secret/key')": "EACCES",
        "write('work/top/secret/key')": "EACCES", "write('work/new')": "EACCES"})
    equal((directory / "work/a/file").read_text(), "work/a/file\n")
    shown = cordon("explain", "-p", policy(directory, rules), cwd=directory).out.decode()
    true("openat               a guarded rule inside a write grant, only when it writes" in shown, shown)


REFUSED = [
    ("glob", "  deny: ['$D/home/*.key', $D/home/token]\n", "is about names that do not exist yet"),
    ("hide", "  deny: [$D/home/token]\n  hide: [$D/home/plain]\n", "cannot hide a name"),
    ("hard link", "  deny: [$D/home/.ssh/key, $D/home/token]\n", "has further names"),
    ("many", "  deny: [$D/many/x, $D/home/token]\n", "too many names"),
    ("proc", "  deny: [/proc/version, $D/home/token]\n", "come and go with the processes"),
]


@cases(REFUSED)
def what_cannot_be_expanded(directory, name, deny, why):
    """The rules stay with the supervisor, and explain says why; without one nothing runs."""
    tree(directory)
    if name == "hard link":
        os.link(directory / "home/.ssh/key", directory / "home/docs/copy")
    if name == "many":
        (directory / "many").mkdir()
        for i in range(500):
            (directory / f"many/{i}").touch()
    rules = "filesystem:\n  read: [$D/home, $D/many]\n" + deny + "  expand: true\n"
    file = policy(directory, rules)
    shown = cordon("explain", "-p", file, cwd=directory).out.decode()
    true("filesystem.expand: not done" in shown and why in shown, shown)
    wanted = {"read('home/token')": "EACCES", "read('home/docs/note')": "", "os.listdir('home')": ""}
    if name == "hard link":
        wanted["read('home/docs/copy')"] = "EACCES"
    errnos(directory, rules, wanted)
    result = run("--no-supervisor", "-p", file, "touch", "ran", cwd=directory)
    equal(result.status, 125, result)
    true(b"filesystem." in result.err and not (directory / "ran").exists(), result)


@case
def what_is_said(directory):
    tree(directory)
    file = policy(directory, RULES)
    shown = cordon("explain", "-p", file, cwd=directory).out.decode()
    for wanted in ("Landlock: the names beside it are granted one by one",
                   f"'{directory}/home' is split: 2 names", "it cannot be listed",
                   f"'{directory}/work' is split: 4 names", "cannot be made, renamed or removed",
                   "what appears in it later is not granted", "metadata of what is denied"):
        true(wanted in shown, (wanted, shown))
    true("openat" not in shown and "newfstatat" not in shown, shown)
    for words, status in ((("read", "home/plain"), 0), (("read", "home"), 1), (("read", "home/token"), 1),
                          (("create", "work/new"), 1), (("create", "work/a/new"), 0),
                          (("mkdir", "work/new"), 1), (("write", "work/plain"), 0)):
        equal(cordon("why", "-p", file, words[0], directory / words[1], cwd=directory).status, status,
              words)
    result = run("--report", "report", "-p", file, "true", cwd=directory)
    notes = json.loads((directory / "report").read_text())["notes"]
    true(any("is split" in line for line in notes), result)


@case
def the_flag(directory):
    tree(directory)
    result = run("--no-supervisor", "--expand", "-p", "base", "-r", directory / "home", "-d",
                 directory / "home/token", "sh", "-c", "cat home/plain home/token home/docs/note",
                 cwd=directory)
    equal(result.out, b"home/plain\nhome/docs/note\n", result)


if __name__ == "__main__":
    sys.exit(main())
