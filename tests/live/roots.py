#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Another root for the program: what it finds there, and how policy, paths and program follow."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from live import (CORDON, PROBE, case, cases, equal, main, policy, run, true)
from images import image
from starts import OFF, attempt, check_refused, layers, rules

MODES = [("supervised", ""), ("off", OFF)]


def make_root(directory):
    """Holds the probe and nothing else."""
    root = directory / "root"
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    shutil.copy(PROBE, root / "bin/tool")
    return root


def in_root(directory, more="", isolation="", files="read: [/]", program=("tool", "status"), cwd="/",
            env=None, flags=()):
    text = (f"version: 1\nfilesystem: {{{files}}}\n{more}isolation:\n  root: {directory}/root\n{isolation}")
    file = directory / "policy.yaml"
    file.write_text(text.replace("$D", str(directory)))
    return run("-p", file, *flags, *program, cwd=cwd, env={"PATH": "/bin:/usr/bin", **(env or {})})


def facts(result):
    true(result.status == 0 and result.out.endswith(b"__DONE__\n"), result)
    return dict(line.split(":", 1) for line in result.out.decode().splitlines() if ":" in line)


@cases(MODES)
def only_what_is_in_it(directory, _name, more):
    """SP-30, NS-12, NS-15: the program is found inside, and the root is that directory."""
    root = make_root(directory)
    for program in (("tool", "status"), ("/bin/tool", "status"), ("bin/tool", "status")):
        result = in_root(directory, more, "  host_libs: true\n", program=program)
        facts(result)
    result = in_root(directory, more, "  host_libs: true\n", program=("tool", "try", "read", "/etc/passwd"))
    true(result.out.rstrip().endswith(b":2"), result)
    missing = in_root(directory, more, "  host_libs: true\n", program=("python3.none", "x"))
    equal(missing.status, 127, missing)
    outside = in_root(directory, more, "  host_libs: true\n", program=(str(root / "bin/tool"), "status"))
    equal(outside.status, 127, outside)


@cases(MODES)
def what_the_program_sees(directory, _name, more):
    root = make_root(directory)
    (root / "file").write_text("inside")
    (root / "link").symlink_to("/file")
    (root / "up").symlink_to("../../../../file")
    script = ("cat /file /link /up; ls -id /; cd /../..; pwd; ls -d /root /home 2>/dev/null; "
              "[ -e /proc/self ] || echo none")
    result = in_root(directory, more, "  host_libs: true\n", program=("sh", "-c", script))
    inode = str(root.stat().st_ino)
    equal(result.out.decode().split(), ["insideinsideinside" + inode, "/", "/", "none"], result)


@cases(MODES)
def paths_of_the_policy_are_inside(directory, _name, more):
    """A grant and a denial by the path that the program uses; the host's path is nothing."""
    root = make_root(directory)
    for name in ("open", "shut"):
        (root / name).mkdir()
        (root / name / "file").write_text(name)
    (root / "open/denied").write_text("secret")
    deny = "" if more else ", deny: [/open/denied]"
    files = "read: [/usr, /lib, /lib64, /bin, /open], write: [/tmp]" + deny
    script = ("cat /open/file; cat /shut/file; cat /open/denied; echo x > /open/new; echo x > /tmp/new; "
              "cd /open && cat ./file ../open/denied")
    result = in_root(directory, more, "  host_libs: true\n", files, program=("sh", "-c", script))
    want = b"open" + (b"secretopensecret" if more else b"open")
    equal(result.out, want, result)
    true(not (root / "open/new").exists() and (root / "tmp/new").exists(), result)


@cases(MODES)
def the_workspace_follows(directory, _name, more):
    """$WORKSPACE is where the program finds it: below the root, or where it is mounted."""
    root = make_root(directory)
    (root / "srv/work").mkdir(parents=True)
    (directory / "project").mkdir()
    libs = "  host_libs: true\n"
    files = "read: [/], write: [$WORKSPACE]"
    script = ("sh", "-c", "pwd; echo x > made; echo x > /made")
    below = in_root(directory, more, libs, files, script, flags=("-W", root / "srv/work"))
    equal(below.out.split(), [b"/srv/work"], below)
    bound = libs + f"  mounts: [{{source: $WORKSPACE, target: /work}}]\n"
    mounted = in_root(directory, more, bound, files, script, flags=("-W", directory / "project"))
    equal(mounted.out.split(), [b"/work"], mounted)
    true((root / "srv/work/made").exists() and (directory / "project/made").exists(), (below, mounted))
    true(not (root / "made").exists(), (below, mounted))
    unseen = in_root(directory, more, libs, files, script, flags=("-W", directory / "project"))
    equal(unseen.status, 125, unseen)
    true(b"cannot be seen under isolation.root" in unseen.err, unseen)


@case
def the_policy_in_force_behind_two_mounts(directory):
    """The same source by two names: neither leads to it."""
    make_root(directory)
    (directory / "m").mkdir()
    text = (f"version: 1\nfilesystem: {{read: [/], write: [/a]}}\nisolation:\n  root: {directory}/root\n"
            f"  host_libs: true\n  mounts: [{{source: {directory}/m, target: /a}}, "
            f"{{source: {directory}/m, target: /b}}]\n")
    file = directory / "m/p.yaml"
    file.write_text(text)
    result = run("-p", file, "sh", "-c", "for d in a b; do echo x >>/$d/p.yaml; echo x >>/$d/beside; done",
                 cwd="/", env={"PATH": "/bin:/usr/bin"})
    equal(file.read_text(), text, result)
    equal((directory / "m/beside").read_text()[:2], "x\n", result)


@case
def where_it_starts(directory):
    """CH-25: the directory is one of the inside; what is not there ends the start."""
    root = make_root(directory)
    (root / "there").mkdir()
    (root / "away").symlink_to("/there")
    libs = "  host_libs: true\n"
    for where, found in (("/there", b"/there\n"), ("/away", b"/there\n")):
        result = in_root(directory, f"process: {{cwd: {where}}}\n", libs, program=("sh", "-c", "pwd -P"))
        equal((result.status, result.out), (0, found), result)
    for where in (str(root / "there"), str(directory), "/none"):
        result = in_root(directory, f"process: {{cwd: {where}}}\n", libs, program=("sh", "-c", "pwd"))
        equal((result.status, result.out), (125, b""), result)
        true(b"cwd: " in result.err and b"No such file" in result.err, result)


@case
def libraries_of_the_host(directory):
    """NS-27: bound read-only, in the program's namespace alone; without them nothing can be loaded."""
    root = make_root(directory)
    shutil.copy("/bin/true", root / "bin/dynamic")
    equal(in_root(directory, program=("dynamic",)).status, 127)
    equal(in_root(directory, "", "  host_libs: true\n", program=("dynamic",)).status, 0)
    with_them = in_root(directory, "", "  host_libs: true\n", "read: [/], write: [/]",
                        ("sh", "-c", "touch /usr/lib/cordon-test; exit 0"))
    true(b"Read-only" in with_them.err, with_them)
    true(not os.path.exists("/usr/lib/cordon-test"), "on the host")
    equal(os.listdir(root / "usr/lib"), [])


@cases(MODES)
def the_private_directory_of_a_run(directory, _name, more):
    """$TMP is /tmp under another root, and not the directory of that name in it."""
    root = make_root(directory)
    script = ("sh", "-c", "echo $TMPDIR; echo x > $TMPDIR/x; ls /tmp")
    result = in_root(directory, more, "  host_libs: true\n", "read: [/], write: [$TMP]", script)
    equal(result.out.split(), [b"/tmp", b"x"], result)
    equal(os.listdir(root / "tmp"), [])


@case
def a_root_that_is_none(directory):
    (directory / "file").touch()
    make_root(directory)
    for where, word in ((directory / "none", b"No such file"), (directory / "file", b"Not a directory")):
        file = policy(directory, f"isolation: {{root: {where}}}\n")
        result = run("-p", file, "true", cwd="/")
        equal(result.status, 125, result)
        true(word in result.err and b"isolation.root" in result.err and b"policy.yaml:3:" in result.err,
             result)


@cases([(call,) for call in ("pivot_root", "umount2", "open_tree", "move_mount")])
def a_root_change_that_fails(directory, call):
    """A root that is half changed is no root: nothing runs, in any mode."""
    make_root(directory)
    for mode in ("refuse", "warn", "ignore"):
        before = pathlib.Path("/proc/self/mountinfo").read_text()
        text = rules(f"{mode}\n  root: $D/root\n  host_libs: true", OFF).replace("cwd: $D", "cwd: /")
        done, report, ran = attempt(directory, "EPERM", call, text)
        check_refused(done, report, ran, call)
        true(any(layers(report)[name]["state"] == "failed" for name in ("root", "mounts")), report)
        equal(pathlib.Path("/proc/self/mountinfo").read_text(), before)


@case
def a_root_change_that_only_seems_to_succeed(directory):
    make_root(directory)
    text = rules("refuse\n  root: $D/root\n  host_libs: true", OFF).replace("cwd: $D", "cwd: /")
    done, report, ran = attempt(directory, "fake", "pivot_root", text)
    check_refused(done, report, ran, "pivot_root")


@case
def explain_says_it(directory):
    make_root(directory)
    file = directory / "policy.yaml"
    file.write_text(f"version: 1\nfilesystem: {{read: [/bin, /none]}}\nisolation:\n  root: {directory}/root\n"
                    "  mounts: [{type: dev, target: /dev}]\n")
    shown = subprocess.run([CORDON, "explain", "-p", str(file)], stdout=subprocess.PIPE, check=True,
                           cwd="/").stdout.decode()
    for line in (f'isolation.root       "{directory}/root"  mount namespace',
                 'isolation.mounts     "{type: dev, target: /dev}"  mount namespace',
                 "what they show is looked at when it runs",
                 'filesystem.read "/none" (policy.yaml:2): does not exist'):
        true(line.replace("policy.yaml", str(file)) in shown or line in shown, (line, shown))
    true("/bin\" -> " not in shown and '"/bin" (' not in shown, shown)


@cases([("wide", 0o22), ("narrow", 0o77)])
def what_is_made_for_a_mount(directory, _name, mask):
    """Targets are made below the root, however narrow the caller's umask is."""
    root = make_root(directory)
    before = os.umask(mask)
    try:
        result = in_root(directory, "", "  host_libs: true\n  mounts: [{type: tmpfs, target: /a/b/c}, "
                         "{source: /etc/hostname, target: /a/file}]\n", program=("sh", "-c", "ls /a"))
    finally:
        os.umask(before)
    equal((result.status, result.out), (0, b"b\nfile\n"), result)
    equal([(root / name).stat().st_mode & 0o777 for name in ("a", "a/b", "a/file")], [0o755, 0o755, 0o644])


@case
def executions_where_maps_show_other_numbers(directory):
    """On btrfs what was executed is found by its path, which is one of the inside."""
    with image(directory, directory / "root", 128, "mkfs.btrfs", "-q"):
        root = make_root(directory)
        shutil.copy(PROBE, root / "bin/denied")
        root.chmod(0o755)
        files = "read: [/], deny: [/bin/denied]"
        facts(in_root(directory, "", "  host_libs: true\n", files, ("tool", "status")))
        refused = in_root(directory, "", "  host_libs: true\n", files, ("denied", "status"))
        equal(refused.out, b"", refused)


@case
def nothing_is_made_in_a_source(directory):
    """A source lies below the root, but what would be made there would stay on the host."""
    make_root(directory)
    for name in ("source", "source/there", "other"):
        (directory / name).mkdir()
    entries = f"  host_libs: true\n  mounts: [{{source: {directory}/source, target: /s}}, {{source: {directory}/other, "
    result = in_root(directory, "", entries + "target: /s/made/by}]\n", program=("true",))
    equal((result.status, os.listdir(directory / "source")), (125, ["there"]), result)
    true(b"isolation.mounts" in result.err and b"No such file" in result.err, result)
    result = in_root(directory, "", entries + "target: /s/there}]\n", program=("true",))
    equal(result.status, 0, result)


@case
def it_is_in_the_report(directory):
    make_root(directory)
    report = directory / "report.json"
    result = in_root(directory, "", "  namespaces: [pid]\n  host_libs: true\n",
                     flags=("--report", report))
    facts(result)
    got = layers(json.loads(report.read_text()))
    for name in ("pid_ns", "mount_ns", "mounts", "root"):
        equal((got[name]["state"], got[name]["requested"]), ("applied", True), name)


if __name__ == "__main__":
    sys.exit(main())
