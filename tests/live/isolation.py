#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Namespaces of the program's own: which it is in, who it is there, and what is left of the host's."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from live import (ABLATE, CORDON, HANG, PRELUDE, PROBE, PYTHON, UNDER, Skip, case, cases, equal, inside, main, policy,
                  run, true)
from starts import OFF, attempt, check_refused, layers, refused_step, rules

ROOT = os.geteuid() == 0
ALL = ("user", "pid", "mount", "net", "ipc", "uts", "cgroup", "time")
FLAGS = {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000,
         "uts": 0x04000000, "cgroup": 0x02000000, "mount": 0x00020000, "time": 0x80}
FILES = {"mount": "mnt"}  # in /proc/PID/ns
# Sockets are made by the supervisor where it cannot take them, so there is no network namespace.
NO_GETFD = any("pidfd_getfd" in word for word in UNDER)


def modes(which):
    """The ways to run these: supervised, unless that is refused, and without."""
    return ([] if NO_GETFD and "net" in which else [""]) + [OFF]


def status(directory, which, more="", process=""):
    text = (f"filesystem: {{read: [{os.path.dirname(PROBE)}]}}\n{process}"
            f"isolation: {{namespaces: [{', '.join(which)}]}}\n{more}")
    result = run("-p", policy(directory, text), PROBE, "status", cwd="/")
    true(result.status == 0 and result.out.endswith(b"__DONE__\n"), result)
    return dict(line.split(":", 1) for line in result.out.decode().splitlines() if ":" in line)


@cases([("+".join(which), which) for which in [(name,) for name in ALL] + [ALL]])
def each_and_no_other(directory, _name, which):
    kinds = [FILES.get(name, name) for name in ALL]
    host = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}
    own = {FILES.get(name, name) for name in which} | (set() if ROOT else {"user"})
    for more in modes(which):
        facts = status(directory, which, more)
        for kind in kinds:
            true((facts[f"ns_{kind}"] != host[kind]) == (kind in own), (kind, facts))


@case
def the_user_namespace_is_added_and_that_is_said(directory):
    _, report, ran = attempt(directory, "EPERM", "swapon",
                             rules("refuse\n  namespaces: [ipc]", OFF))
    true(ran)
    got = layers(report)
    equal(got["user_ns"].get("detail"), None if ROOT else "added: the others need it without privilege")
    equal(got["user_ns"]["requested"], not ROOT)
    equal(got["id_map"]["state"], "skipped" if ROOT else "applied")


@cases([("supervised", ""), ("off", OFF)])
def who_one_is_inside(directory, _name, more):
    """The caller is himself, or whom the policy names; and has no capability at the end."""
    uid, gid = os.geteuid(), os.getegid()
    facts = status(directory, ("user",), more)
    equal((facts["Uid"].split(), facts["Gid"].split()), ([str(uid)] * 4, [str(gid)] * 4))
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        equal(int(facts[name], 16), 0)
    code = "say([os.getuid(), os.getgid(), read('/proc/self/uid_map').split()])"
    rule = "process: {user: 1234, group: 567}\nisolation: {namespaces: [user]}\n" + more
    equal(inside(directory, rule, "say([os.getuid(), os.getgid(), "
                                  "read('/proc/self/uid_map').decode().split()])"),
          [[1234, 567, ["1234", str(uid), "1"]]], code)


@cases([("user", "[user]"), ("pid", "[user, pid]")])
def a_map_that_cannot_be_written(directory, _name, which):
    """NS-04: in its own user namespace a process without maps is nobody: nothing runs, in any mode."""
    for mode in ("refuse", "warn"):
        file = policy(directory, f"isolation: {{namespaces: {which}, on_failure: {mode}}}\n{OFF}")
        done = subprocess.run(["unshare", "-rm", "sh", "-c", "mount -o remount,bind,ro /proc && exec \"$@\"",
                               "sh", *UNDER, CORDON, "run", "-p", str(file), "touch",
                               str(directory / "ran")], cwd="/", timeout=HANG, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        equal(done.returncode, 125, done)
        true(b"id_map: " in done.stderr and not (directory / "ran").exists(), done)


@case
def capabilities_inside_are_none_outside(directory):
    """What is done for a program that is mighty in its own namespace is done without that might."""
    if not ROOT:
        raise Skip("needs another user's file")
    (directory / "others").write_text("x")
    os.chown(directory / "others", 1, 1)
    (directory / "others").chmod(0o600)
    text = ("filesystem: {read: [$D], deny: [$D/denied]}\n"
            "process: {capabilities: {keep: [DAC_OVERRIDE]}}\nisolation: {namespaces: [%s]}\n")
    look = "say(e(read, 'others'))"
    equal(inside(directory, text % "user", look), ["EACCES"])
    equal(inside(directory, text % "", look), [""])  # the control


@case
def rules_hold_inside(directory):
    (directory / "w").mkdir()
    (directory / "w/denied").write_text("secret\n")
    got = inside(directory, "filesystem: {write: [$D/w], deny: [$D/w/denied]}\n"
                            "isolation: {namespaces: [user, ipc, uts, cgroup]}\n",
                 "say([e(read, 'w/denied'), e(write, 'w/new'), e(read, 'w/new'), "
                 "e(os.rename, 'w/denied', 'w/other'), e(call, 272, 97, 0x10000000)])")
    equal(got, [["EACCES", "", "", "EACCES", "EPERM"]])
    equal((directory / "w/denied").read_text(), "secret\n")
    equal((directory / "w/new").stat().st_uid, os.geteuid())


@cases([("none", 0, ["0", "ENOSPC"]), ("some", 7, ["7", ""])])
def inner_user_namespaces(directory, _name, count, wanted):
    """NS-21: a second wall behind the filter, so the filter is taken away."""
    host = pathlib.Path("/proc/sys/user/max_user_namespaces").read_text()
    text = f"filesystem: {{read: [/proc]}}\nisolation: {{max_user_namespaces: {count}}}\n" + OFF
    look = ("say([read('/proc/sys/user/max_user_namespaces').decode().strip(), "
            "e(call, 272, 97, 0x10000000)])")
    result = subprocess.run([*UNDER, ABLATE, "run", "-p", policy(directory, text), PYTHON, "-I", "-S", "-c",
                             PRELUDE + look], cwd=directory, timeout=HANG, stdout=subprocess.PIPE, check=True,
                            env={**os.environ, "CORDON_ABLATE": "seccomp"})
    equal(json.loads(result.stdout), wanted)
    equal(inside(directory, text, look), [[wanted[0], "EPERM"]])
    equal(pathlib.Path("/proc/sys/user/max_user_namespaces").read_text(), host)


# In namespaces of its own: a loopback device that is up, and somebody who answers there.
ELSEWHERE = r"""
import fcntl, socket, struct, sys
server = socket.socket()
fcntl.ioctl(server, 0x8914, struct.pack("16sh14x", b"lo", 1))
server.bind(("127.0.0.1", 0)); server.listen()
print(server.getsockname()[1], flush=True)
while True:
    client = server.accept()[0]; client.send(b"elsewhere"); client.close()
"""


def check_joined(directory, more, other):
    port = int(other.stdout.readline())
    files = ", ".join(f"{kind}: /proc/{other.pid}/ns/{kind}" for kind in ("net", "uts"))
    # Without a supervisor the kernel holds ports only.
    network = (f"network: {{allow: ['*:{port}'], unix: {{connect: [/]}}}}\nsupervisor: off\n" if more == OFF else
               f"network: {{allow: ['127.0.0.1:{port}']}}\n")
    text = network + "filesystem: {read: [/proc]}\n"
    look = ("say([os.readlink('/proc/self/ns/' + kind) for kind in ('net', 'uts', 'ipc')]); "
            f"say(e(socket.create_connection, ('127.0.0.1', {port}), 5))")
    spaces = {pid: [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "uts", "ipc")]
              for pid in ("self", other.pid)}
    equal(inside(directory, text + f"isolation: {{join: {{{files}}}}}\n", look),
          [spaces[other.pid][:2] + spaces["self"][2:], ""])
    equal(inside(directory, text, look), [spaces["self"], "ECONNREFUSED"])


@cases([("off" if more else "supervised", more) for more in modes(("net",))])
def joined(directory, _name, more):
    """NS-20: namespaces of another process, by their files; what the other ones of that process are stays the host's."""
    if not ROOT:
        raise Skip("joining needs CAP_SYS_ADMIN")
    with subprocess.Popen(["unshare", "-n", "-u", "-i", PYTHON, "-c", ELSEWHERE], stdout=subprocess.PIPE) as other:
        try:
            check_joined(directory, more, other)
        finally:
            other.kill()


@cases([("another kind", "net: /proc/self/ns/uts", b"not a namespace of that kind"),
        ("no namespace", "uts: /etc/passwd", b"not a namespace of that kind"),
        ("missing", "net: $D/none", b"No such file"),
        ("no privilege", "net: /proc/self/ns/net", b"net_ns: " if not ROOT else None)])
def what_cannot_be_joined(directory, _name, what, text):
    if text is None:
        raise Skip("root may join")
    file = policy(directory, f"isolation: {{join: {{{what}}}}}\n" + OFF)
    result = run("-p", file, "touch", directory / "ran", cwd=directory)
    equal(result.status, 125, result)
    true(text in result.err and not (directory / "ran").exists(), result)


@case
def no_objects_of_the_host(directory):
    """NS-18: SysV objects of the host are not there, also where opens are mediated."""
    made = subprocess.run(["ipcmk", "-M", "4096"], stdout=subprocess.PIPE, check=True)
    number = made.stdout.split()[-1].decode()
    try:
        look = f"say([line.split()[1] for line in open('/proc/sysvipc/shm')].count('{number}'))"
        for space, wanted in (("ipc", [0]), ("", [1])):
            equal(inside(directory, f"isolation: {{namespaces: [{space}]}}\n", look), wanted)
        denied = "filesystem: {deny: [$D/none]}\nisolation: {namespaces: [ipc]}\n"
        equal(inside(directory, denied, "say(e(read, '/proc/sysvipc/shm'))"), ["EACCES"])
    finally:
        subprocess.run(["ipcrm", "-m", number], check=True)


@cases([("supervised", ""), ("off", OFF)])
def clocks_of_its_own(directory, _name, more):
    """NS-19: the offsets hold from the program's first instruction on, for what procfs shows as well."""
    text = "isolation: {time_offset: {monotonic: 24h, boottime: '%s'}}\n" + more
    look = "import time\nsay([time.clock_gettime(time.CLOCK_MONOTONIC), " \
           "time.clock_gettime(time.CLOCK_BOOTTIME), float(read('/proc/uptime').split()[0])])"
    before = time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME)
    for sign, seconds in (("", 3600), ("-", -int(before[1] / 2))):
        got = inside(directory, text % f"{sign}{abs(seconds)}", look)[0]
        after = time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME)
        true(before[0] <= got[0] - 86400 <= after[0], (before, got, after))
        true(before[1] <= got[1] - seconds <= after[1], (before, got, after))
        true(before[1] - 1 <= got[2] - seconds <= after[1] + 1, (before, got, after))
    result = run("-p", policy(directory, text % "-20000h"), "touch", "ran", cwd=directory)
    equal(result.status, 125, result)
    true(b"time_ns: " in result.err and not (directory / "ran").exists(), result)


NETWORK = "network: {allow: ['loopback'], listen: ['*']}\nisolation: {namespaces: [%s]}\n"
TALK = """
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
server.accept()[0].send(b"x")
say([client.recv(1).decode(), e(socket.create_connection, ("127.0.0.1", int(sys.argv[1])))])
"""


@case
def the_network_is_loopback_alone(directory):
    """The program reaches itself, and not what listens on the host's loopback; the control does."""
    if NO_GETFD:
        result = run("-p", policy(directory, NETWORK % "net"), "touch", "made", cwd=directory)
        equal(result.status, 125, result)
        true(b"pidfd_getfd" in result.err and not (directory / "made").exists(), result)
        return
    with socket.create_server(("127.0.0.1", 0)) as host:
        port = str(host.getsockname()[1])
        equal(inside(directory, NETWORK % "net", TALK, port), [["x", "ECONNREFUSED"]])
        host.setblocking(False)
        try:
            host.accept()
            raise AssertionError("somebody came through")
        except BlockingIOError:
            pass
        equal(inside(directory, NETWORK % "", TALK, port), [["x", ""]])


@cases([("supervised", ""), ("off", OFF)])
def a_host_name(directory, _name, more):
    before = os.uname().nodename
    text = "isolation: {hostname: inside.Example-1}\n" + more
    equal(inside(directory, text, "say(os.uname().nodename)"), ["inside.Example-1"])
    equal(os.uname().nodename, before)
    for bad in ("a_b", "x" * 65, "a b"):
        result = run("-p", policy(directory, f"isolation: {{hostname: '{bad}'}}\n"), "true",
                     cwd=directory)
        true(result.status == 125 and b"isolation.hostname" in result.err, result)


@cases([(name, name) for name in ALL])
def a_refused_namespace(directory, _name, name):
    """Each has an outcome of its own: the refusal of one does not lose the others."""
    others = [other for other in ALL if other not in (name, "user")]
    text = rules("{mode}\n  namespaces: [%s]" % ", ".join([name, *others]), OFF)
    if name == "user" and not ROOT:
        done, report, ran = attempt(directory, "EPERM", f"unshare@{FLAGS[name]}",
                                    text.replace("{mode}", "refuse"))
        check_refused(done, report, ran, name)
        true(b"user_ns: " in done.stderr and b"unprivileged_userns_clone" in done.stderr, done)
        return
    refused_step(directory, text, f"unshare@{FLAGS[name]}", f"{name}_ns", False)
    done, report, ran = attempt(directory, "EPERM", f"unshare@{FLAGS[name]}",
                                text.replace("{mode}", "warn"))
    true(ran, done)
    for other in others:
        equal(layers(report)[f"{other}_ns"]["state"], "applied", (name, other))


@cases([(name, name) for name in ALL])
def a_namespace_that_only_seems_to_be_new(directory, _name, name):
    text = rules(f"refuse\n  namespaces: [{name}]", OFF)
    done, report, ran = attempt(directory, "fake", f"unshare@{FLAGS[name]}", text)
    check_refused(done, report, ran, name)
    true(f"{name}_ns: ".encode() in done.stderr, done)


@case
def the_host_is_never_renamed(directory):
    """Without its namespace the name is not set, whatever may fail."""
    before = os.uname().nodename
    for mode in ("warn", "ignore"):
        done, report, ran = attempt(directory, "EPERM", f"unshare@{FLAGS['uts']}",
                                    rules(f"{mode}\n  hostname: other", OFF))
        true(ran, done)
        equal(layers(report)["hostname"]["state"], "failed")
        equal(os.uname().nodename, before)


if __name__ == "__main__":
    sys.exit(main())
