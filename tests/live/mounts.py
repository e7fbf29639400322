#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A mount namespace of the program's own: what is mounted in it, and that nothing of it is seen outside."""
import os
import pathlib
import subprocess
import sys

from live import (CORDON, HANG, PYTHON, UNDER, Skip, case, cases, equal, inside, main, policy, run,
                  true)
from starts import OFF, attempt, check_refused, layers, rules

MODES = [("supervised", ""), ("off", OFF)]
ROOT = os.geteuid() == 0


def mounts(*entries, more=""):
    lines = "".join(f"    - {{{entry}}}\n" for entry in entries)
    return f"isolation:\n{more}  mounts:\n{lines}"


def host_mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text()


@cases(MODES)
def a_namespace_alone(directory, _name, more):
    before = host_mounts()
    got = inside(directory, "isolation: {namespaces: [mount]}\n" + more,
                 "say([os.readlink('/proc/self/ns/mnt'), os.getcwd(), "
                 "b'shared:' in read('/proc/self/mountinfo')])")
    true(got[0][0] != os.readlink("/proc/self/ns/mnt"), got)
    equal(got[0][1:], [str(directory), False])
    equal(host_mounts(), before)


@cases(MODES)
def binds(directory, _name, more):
    """NS-10: what is bound is there, read-only where that is said, and not outside."""
    for name in ("source", "source/deep", "target", "other"):
        (directory / name).mkdir()
    (directory / "source/file").write_text("x")
    (directory / "single").write_text("one")
    (directory / "over").write_text("")
    before = host_mounts()
    text = "filesystem: {write: [$D/source, $D/target, $D/other, $D/over]}\n" + more + mounts(
        f"source: {directory}/source, target: {directory}/target",
        f"source: {directory}/source, target: {directory}/other, read_only: true",
        f"source: {directory}/single, target: {directory}/over, read_only: true",
        f"source: {directory}/none, target: {directory}/other/deep, optional: true")
    got = inside(directory, text, """
say([read("target/file").decode(), read("other/file").decode(), read("over").decode(),
     e(write, "target/new"), e(write, "other/new"), e(write, "over"), e(os.mkdir, "other/deep/x"),
     e(os.unlink, "other/file"), e(os.chmod, "other/file", 0o777)])
""")
    equal(got, [["x", "x", "one", "", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS"]])
    equal((directory / "source/new").read_text(), "inside\n")
    equal(sorted(os.listdir(directory / "target")), [])
    equal(host_mounts(), before)


@case
def what_lies_below_a_source_is_read_only_too(directory):
    """The whole tree, in one call, and the flags that were there stay."""
    if not ROOT:
        raise Skip("needs CAP_SYS_ADMIN for a mount below the source")
    (directory / "source/below").mkdir(parents=True)
    (directory / "target").mkdir()
    (directory / "policy.yaml").touch()
    text = "filesystem: {write: [$D]}\n" + mounts(
        f"source: {directory}/source, target: {directory}/target, read_only: true")
    file = policy(directory, text)
    code = (f"mount -t tmpfs -o nosuid,noexec none {directory}/source/below && "
            f"touch {directory}/source/below/there && "
            f"{CORDON} run -p {file} sh -c 'touch {directory}/target/below/new; "
            f"ls {directory}/target/below; grep {directory}/target/below /proc/self/mountinfo'")
    done = subprocess.run([*UNDER, "unshare", "-m", "sh", "-c", code], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=HANG, check=False)
    lines = done.stdout.decode().splitlines()
    equal(lines[0], "there", done)
    true(len(lines) == 2 and " ro,nosuid,noexec," in lines[1], done)


@cases(MODES)
def a_tmpfs(directory, _name, more):
    """It hides what lies below, has its size, and what is bound into it is from before."""
    (directory / "home/project").mkdir(parents=True)
    (directory / "home/secret").write_text("secret")
    (directory / "home/project/file").write_text("x")
    text = "filesystem: {write: [$D/home]}\n" + more + mounts(
        f"type: tmpfs, target: {directory}/home, size: 1M",
        f"source: {directory}/home/project, target: {directory}/home/project")
    got = inside(directory, text, """
say([os.listdir("home"), read("home/project/file").decode(), e(read, "home/secret"),
     e(write, "home/big", b"x" * (2 << 20)), e(write, "home/project/new")])
""")
    equal(got, [[["project"], "x", "ENOENT", "ENOSPC", ""]])
    equal(sorted(os.listdir(directory / "home")), ["project", "secret"])
    equal((directory / "home/project/new").read_text(), "inside\n")


@cases(MODES)
def a_fresh_proc(directory, _name, more):
    """NS-08: with a pid namespace only the tree is there, by the numbers that it has for itself."""
    got = inside(directory, "isolation: {namespaces: [pid, mount]}\n" + more, """
child = os.fork()
if child == 0: threading.Event().wait()
shown = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
say([shown in ([os.getpid(), child], [1, 2, os.getpid(), child]), len(shown),
     os.readlink("/proc/self") == str(os.getpid()), os.readlink("/proc/thread-self"),
     e(os.readlink, "/proc/1/root") != "", e(os.readlink, "/proc/2/root") != "",
     os.path.realpath("/proc/self/cwd"),
     os.path.samefile("/proc/self/root", "/")])
os.kill(child, 9)
""")
    # Root's can change their ids: to them cordon's two are shown, and closed.
    equal(got, [[True, 4 if ROOT else 2, True, "3/task/3", True, True, str(directory), True]])


@case
def proc_under_rules(directory):
    """Where opens are mediated, `self` is the caller all the same, and what it may not see stays unseen."""
    (directory / "denied").write_text("")
    got = inside(directory, "filesystem: {read: [$D], deny: [$D/denied]}\n"
                            "isolation: {namespaces: [pid, mount]}\n", """
reader, writer = os.pipe()
os.write(writer, b"through")
pid = os.getpid()
say([e(read, "denied"), int(read("/proc/self/stat").split()[0]) == pid,
     int(read(f"/proc/{pid}/status").split(b"Pid:")[1].split()[0]) == pid,
     os.readlink("/proc/self"), os.readlink("/proc/thread-self"),
     os.read(os.open(f"/proc/self/fd/{reader}", os.O_RDONLY), 7).decode(),
     e(read, "/proc/self/root" + os.getcwd() + "/denied"),
     e(read, f"/proc/{pid}/cwd/denied"), e(os.readlink, "/proc/1/root"), e(os.readlink, "/proc/2/cwd"),
     e(read, "/proc/1/environ"), e(read, "/proc/2/environ")])
""")
    true(got[0][8] and got[0][9] and got[0][10] and got[0][11], got)
    equal(got[0][:8], ["EACCES", True, True, "3", "3/task/3", "through", "EACCES", "EACCES"])


@case
def a_kept_descriptor_of_the_hosts_proc(directory):
    """Numbers in it are the host's: it shows nobody, whoever has the same number inside."""
    (directory / "denied").write_text("")
    host = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    text = ("filesystem: {read: [$D], deny: [$D/denied]}\nisolation: {namespaces: [pid, mount]}\n"
            f"process: {{fds: [{host}]}}\n")
    code = "say([e(os.open, name, os.O_RDONLY, dir_fd=int(sys.argv[1])) for name in sys.argv[2:]])"
    numbers = [f"{number}/status" for number in range(1, 30) if os.path.exists(f"/proc/{number}/status")]
    numbers.append(f"{os.getpid()}/status")
    os.set_inheritable(host, True)
    try:
        got = inside(directory, text, code, str(host), *numbers,
                     pass_fds=[host])
    finally:
        os.close(host)
    equal(got, [["EACCES"] * len(numbers)])


@cases(MODES)
def a_minimal_dev(directory, _name, more):
    """NS-11: these and no others, and they are what they are called."""
    text = more + "filesystem: {read: [/dev], write: [/dev/null, /dev/zero, /dev/full, /dev/shm]}\n" + \
        mounts("type: dev, target: /dev")
    got = inside(directory, text, """
say([sorted(os.listdir("/dev")), e(write, "/dev/null"), e(write, "/dev/full"),
     open("/dev/zero", "rb").read(3) == bytes(3), len(open("/dev/urandom", "rb", 0).read(8)),
     e(write, "/dev/shm/x"), os.listdir("/dev/shm"), os.listdir("/dev/pts"), os.readlink("/dev/ptmx")])
""")
    equal(got, [[["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
                  "urandom", "zero"], "", "ENOSPC", True, 8, "", ["x"], ["ptmx"], "pts/ptmx"]])
    true(not os.path.exists("/dev/shm/x"), "the host's /dev/shm")


@case
def a_device_that_is_none(directory):
    """A host whose /dev/null is a file, or another device: nothing runs."""
    if not ROOT:
        raise Skip("needs CAP_SYS_ADMIN to change /dev")
    file = policy(directory, mounts("type: dev, target: /dev"))
    for fake in ("cp /dev/zero-is-no-file /dev/null 2>/dev/null; rm -f /dev/null; : > /dev/null",
                 "rm -f /dev/null; mknod /dev/null c 1 5"):
        code = ("mkdir /tmp/d.$$ && mount -t tmpfs none /tmp/d.$$ && cp -a /dev/null /dev/zero /dev/full "
                "/dev/random /dev/urandom /dev/tty /tmp/d.$$/ && mount --move /tmp/d.$$ /dev && "
                f"rmdir /tmp/d.$$; {fake}; exec {CORDON} run -p {file} touch {directory}/ran 0<&1")
        done = subprocess.run([*UNDER, "unshare", "-m", "sh", "-c", code], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=HANG, check=False)
        equal(done.returncode, 125, done)
        true(b"No such device" in done.stderr and not (directory / "ran").exists(), done)


@case
def a_source_that_is_not_there(directory):
    for entry, word in ((f"source: {directory}/none, target: /mnt", b"No such file"),
                        (f"source: {directory}, target: {directory}/none", b"No such file"),
                        (f"source: {directory}, target: {directory}/file", b"Not a directory")):
        (directory / "file").touch()
        before = host_mounts()
        result = run("-p", policy(directory, mounts(entry)), "touch", "ran", cwd=directory)
        equal(result.status, 125, result)
        true(word in result.err and b"policy.yaml:5:" in result.err and b"isolation.mounts" in result.err,
             result)
        true(not (directory / "ran").exists() and host_mounts() == before, result)
        equal((directory / "none").exists(), False)


@case
def a_target_behind_a_link(directory):
    (directory / "real").mkdir()
    (directory / "link").symlink_to("real")
    result = run("-p", policy(directory, mounts(f"source: /etc, target: {directory}/link")), "true",
                 cwd=directory)
    true(result.status == 125 and b"symbolic links" in result.err, result)


@case
def a_target_that_is_exchanged(directory):
    """While links and directories change places under the target, it is mounted there or nowhere."""
    for name in ("source", "target", "elsewhere"):
        (directory / name).mkdir()
    (directory / "source/mark").touch()
    exchange = ("import ctypes,sys; libc=ctypes.CDLL(None)\n"
                "while True: libc.renameat2(-100, b'target', -100, b'link', 2)\n")
    (directory / "link").symlink_to("elsewhere")
    file = policy(directory, "filesystem: {write: [$D]}\n" + mounts(
        f"source: {directory}/source, target: {directory}/target"))
    seen = set()
    with subprocess.Popen([PYTHON, "-c", exchange], cwd=directory) as racer:
        try:
            for _ in range(40):
                result = run("-p", file, "sh", "-c", "ls elsewhere", cwd=directory)
                seen.add(result.status)
                equal(result.out, b"", result)
        finally:
            racer.kill()
    true(seen <= {0, 125}, seen)


@cases(MODES)
def rules_hold_in_what_is_mounted(directory, _name, more):
    """NS-14: grants mean what is seen afterwards, denials hold by every name."""
    for name in ("outer", "covered"):
        (directory / name).mkdir()
        (directory / name / "file").write_text(name)
    (directory / "outer/denied").write_text("secret")
    deny = "" if more else ", deny: [$D/covered/denied]"
    text = f"filesystem: {{read: [$D/covered]{deny}}}\n" + more + mounts(
        f"source: {directory}/outer, target: {directory}/covered")
    got = inside(directory, text, """
say([read("covered/file").decode(), e(read, "covered/denied"), e(read, "outer/denied"),
     e(write, "covered/file"), e(os.listdir, "outer")])
""")
    # The same directory by its other name is granted too: Landlock knows objects.
    equal(got[0][0], "outer")
    equal(got[0][3], "EACCES")
    if not more:
        equal(got[0][1:3], ["EACCES", "EACCES"])
    equal((directory / "outer/file").read_text(), "outer")


@cases([("once", ["mt"]), ("twice", ["mt", "mu"]), ("by a link", ["over"])])
def the_policy_in_force_behind_a_mount(directory, _name, grants):
    """By whatever name it is shown, and the record of events as well: what lies beside them may be changed."""
    for name in ("m", "mt", "mu"):
        (directory / name).mkdir()
    (directory / "m/link").symlink_to(directory / "m")
    (directory / "over").symlink_to("mt/link")
    (directory / "m/events").touch()
    text = (f"version: 1\nfilesystem: {{read: [/], write: [{', '.join(str(directory / name) for name in grants)}]}}\n"
            f"report: {{events: {directory}/m/events}}\n"
            + mounts(*[f"source: {directory}/m, target: {directory}/{name}" for name in ("mt", "mu")]))
    file = directory / "m/p.yaml"
    file.write_text(text)
    result = run("-p", file, "sh", "-c",
                 "for d in m mt mu; do echo x >>$d/p.yaml; echo x >>$d/events; echo x >>$d/beside; "
                 "mv $d/p.yaml $d/moved; rm -f $d/events; done", cwd=directory)
    equal(file.read_text(), text, result)
    true("x\n" not in (directory / "m/events").read_text(), result)
    true((directory / "m/beside").read_text().startswith("x\n"), result)


@case
def what_is_denied_is_found_through_a_mount(directory):
    """A denied place has another name inside; reads and links by that are refused as well."""
    (directory / "w/inner").mkdir(parents=True)
    (directory / "w/secret").write_text("secret")
    (directory / "mnt").mkdir()
    text = ("filesystem: {write: [$D], deny: [$D/w/secret], hide: [$D/w/inner]}\n"
            + mounts(f"source: {directory}/w, target: {directory}/mnt"))
    got = inside(directory, text, """
say([e(read, "w/secret"), e(read, "mnt/secret"), e(os.rename, "mnt/secret", "mnt/x"),
     e(os.link, "mnt/secret", "mnt/y"), e(os.stat, "mnt/inner"), os.listdir("mnt"),
     e(write, "mnt/inner/x"), e(write, "mnt/new")])
""")
    equal(got, [["EACCES", "EACCES", "EACCES", "EACCES", "ENOENT", ["secret"], "ENOENT", ""]])
    equal((directory / "w/secret").read_text(), "secret")
    equal(os.listdir(directory / "w/inner"), [])


@cases([("unshare@0x20000", "mount_ns"), ("open_tree", "mounts"), ("move_mount", "mounts"),
        ("mount_setattr", "mounts"), ("mount", "mount_ns"), ("fsopen", "mounts"), ("fsmount", "mounts")])
def a_step_that_is_refused(directory, call, layer):
    """In every mode nothing runs, nothing is left, and the layer is named."""
    for mode in ("refuse", "warn", "ignore"):
        text = rules(f"{mode}\n  mounts: [{{source: /etc, target: /mnt, read_only: true}}, "
                     "{type: tmpfs, target: /media}]", OFF)
        before = host_mounts()
        call = call.replace("0x20000", str(0x20000))
        done, report, ran = attempt(directory, "EPERM", call, text)
        check_refused(done, report, ran, call)
        true(f"{layer}: ".encode() in done.stderr, done)
        equal(layers(report)[layer]["state"], "failed", report)
        equal(host_mounts(), before)


@case
def the_private_directory_of_a_run(directory):
    """$TMP is there, also where something was mounted over the place that it lies in."""
    text = "filesystem: {write: [$TMP], keep_tmp: true}\n" + mounts("type: tmpfs, target: /tmp")
    result = run("-p", policy(directory, text), "sh", "-c", 'echo x > "$TMPDIR/x" && echo $TMPDIR', cwd="/",
                 env={key: value for key, value in os.environ.items() if key != "TMPDIR"})
    equal(result.status, 0, result)
    place = pathlib.Path(result.out.decode().strip())
    equal((place / "x").read_text(), "x\n")
    (place / "x").unlink()
    place.rmdir()


@case
def what_is_shown_loads_again(directory):
    """`policy show` gives the entries back, in both spellings."""
    (directory / "a, b").mkdir()
    text = mounts(f"source: '{directory}/a, b', target: /mnt, read_only: true",
                  "type: tmpfs, target: /media, size: 1M")
    file = policy(directory, text)
    for flags in ((), ("--json",)):
        shown = subprocess.run([CORDON, "policy", "show", *flags, "-p", str(file)], stdout=subprocess.PIPE,
                               cwd=directory, check=True).stdout
        (directory / "again.yaml").write_bytes(shown)
        result = run("-p", "again.yaml", "sh", "-c", "touch /mnt/x; df -k /media | tail -1", cwd=directory)
        true(b"Read-only" in result.err and b" 1024 " in result.out, result)


if __name__ == "__main__":
    sys.exit(main())
