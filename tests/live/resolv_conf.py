#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lookups where the host makes no user namespaces: the program reads another /etc/resolv.conf.

To be run under a filter that refuses them (CORDON_UNDER). Whether port 53 may be bound decides which means
is left: `loopback` or, over TCP alone, `stream`.
"""
import json
import os
import pathlib
import select
import subprocess
import sys

import world
from live import (ABLATE, CORDON, HANG, PYTHON, REFUSE, SANITIZED, Server, Skip, UNDER, bare, case, cases, cordon,
                  equal, inside, policy, start, true)
from world import A, AAAA, LOOK, NOERROR, NXDOMAIN, NameServer, SERVER, resolver_of

API, V6 = "203.0.113.7", "2001:db8:1::7"
ZONE = {"api.test.example": [(A, API), (AAAA, V6)]}
RULES = """
network:
  allow: ["api.test.example:$P"]
"""
MEANS = cases([("loopback",), ("stream",)])
HOST_FILE = pathlib.Path(world.RESOLV_CONF)
# OWN: the server that the program is told.
FILE = LOOK + r"""
TEXT = read("/etc/resolv.conf").decode()
OWN, = [line.split()[1] for line in TEXT.splitlines() if line.startswith("nameserver")]
"""


def look(directory, server, means, code, more="", **options):
    world.open_port_53(means == "loopback")
    return inside(directory, RULES.replace("$P", str(server.port)) + more, FILE + code, str(server.port),
                  **options)


@MEANS
def allowed_and_forbidden(directory, means):
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, means, f"""
say(connect("{API}", P))
say([look("api.test.example"), look("API.Test.Example.")])
say([connect("{API}", P), connect("{API}", P + 1)])
say([look(name) for name in ("secret.attacker.example", "x.api.test.example")])
""")
        equal(got, ["EACCES", [[V6, API]] * 2, ["", "EACCES"], [-2] * 2])
        equal(dns.names(), ["api.test.example"])
        equal((server.heard(), server.heard()), (True, False))


@MEANS
def every_way_to_ask(directory, means):
    """What is answered comes from where it was asked; what could not is not sent anywhere."""
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, means, f"""
datagrams = (by_connect, by_sendto, by_bound, by_sendmsg)
def asked(*arguments):
    found = []
    return e(lambda: found.extend(ask(*arguments))) or found
say([asked(b"api.test.example", 1, how, OWN) for how in datagrams])
say([asked(b"api.test.example", 1, by_tcp, to)[:2] for to in (OWN, "{SERVER}", "2001:db8:9::53")])
say([asked(b"api.attacker.example", 1, by_tcp, to)[:2] for to in (OWN, "{SERVER}")])
say([asked(b"api.attacker.example", 1, how, to) for how in datagrams
     for to in ("{SERVER}", "127.0.0.53", "2001:db8:9::53")])
""")
        equal(dns.names(), ["api.test.example"])
        equal(bare(directory, LOOK + f"say(ask(b'api.attacker.example', 1, by_sendto, '{SERVER}')[0])"),
              [NXDOMAIN])
        equal(dns.names(), ["api.attacker.example", "api.test.example"])
        answered = [[NOERROR, [API], True]] * 4
        equal(got, [answered if means == "loopback" else ["EACCES"] * 4, [[NOERROR, [API]]] * 3,
                    [[NXDOMAIN, []]] * 2, ["EACCES"] * 12])


@MEANS
def what_the_file_says(directory, means):
    """Read by whatever way it is opened; only read; and the host's is as it was."""
    before = HOST_FILE.read_bytes()
    (directory / "link").symlink_to(HOST_FILE)
    with NameServer(ZONE), Server((API, 0)) as server:
        got = look(directory, server, means, r"""
say([OWN.startswith("127."), "timeout:1" in TEXT, "use-vc" in TEXT])
etc = os.open("/etc", os.O_PATH)
def by(fd):
    with open(fd, "rb") as file: return file.read().decode()
say([by(fd) == TEXT for fd in (
    os.open("link", os.O_RDONLY | os.O_CLOEXEC), os.open("resolv.conf", os.O_RDONLY, dir_fd=etc),
    call(437, 437, etc, b"resolv.conf", how(os.O_RDONLY), 24), os.open("/proc/self/root/etc/resolv.conf", 0),
    os.open(f"/proc/self/fd/{os.open('/etc/resolv.conf', os.O_PATH)}", 0))])
fd = os.open("/etc/resolv.conf", os.O_RDONLY)
say([e(write, "/etc/resolv.conf") != "", e(os.write, fd, b"x"), e(write, f"/proc/self/fd/{fd}") != "",
     e(os.execv, f"/proc/self/fd/{fd}", ["x"])])
say(by(fd) == TEXT)
""", "filesystem:\n  read: [$D]\n")
        equal(got, [[True, True, means == "stream"], [True] * 5, [True, "EBADF", True, "EACCES"], True])
        equal(HOST_FILE.read_bytes(), before)


@case
def a_rule_on_the_file_holds(directory):
    world.open_port_53(True)
    with NameServer(ZONE), Server((API, 0)) as server:
        rules = RULES.replace("$P", str(server.port)) + "filesystem:\n  deny: [/etc/resolv.conf]\n"
        equal(inside(directory, rules, 'say(e(read, "/etc/resolv.conf"))'), ["EACCES"])


@case
def where_every_file_system_may_hang(directory):
    """A process aside opens the program's file as well."""
    world.open_port_53(True)
    with NameServer(ZONE), Server((API, 0)) as server:
        path = policy(directory, RULES.replace("$P", str(server.port)))
        done = subprocess.run([*UNDER, ABLATE, "run", "--no-hint", "-p", path, "cat", "/etc/resolv.conf"], cwd=directory,
                              env={**os.environ, "CORDON_ABLATE": "all-slow"}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=HANG, check=False)
        true(b"nameserver 127." in done.stdout, done)


@case
def the_file_is_replaced_meanwhile(directory):
    """Network managers do so: the place counts as well as the object."""
    world.open_port_53(True)
    with NameServer(ZONE), Server((API, 0)) as server:
        path = policy(directory, RULES.replace("$P", str(server.port)))
        code = 'first = open("/etc/resolv.conf").read(); print("up", flush=True); input();' \
               'print(first == open("/etc/resolv.conf").read())'
        with start("-p", path, PYTHON, "-c", code, cwd=directory, stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE) as command:
            command.stdout.readline()
            world.configure(f"nameserver {SERVER}\noptions timeout:1 attempts:2\n# new\n")
            out, _ = command.communicate(b"\n", HANG)
            equal(out, b"True\n")


@MEANS
def what_the_resolver_may_do(directory, means):
    """Also if root has started it; and it is gone when the run has ended."""
    if SANITIZED:
        raise Skip("the run time of a sanitizer makes calls that the resolver's filter refuses")
    world.open_port_53(means == "loopback")
    with NameServer(ZONE), Server((API, 0)) as server:
        path = policy(directory, RULES.replace("$P", str(server.port)))
        with start("-p", path, PYTHON, "-c", "print('up', flush=True); input()", cwd=directory,
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
            command.stdout.readline()
            helpers = resolver_of(command)
            with open(f"/proc/{helpers[0]}/status", encoding="ascii") as file:
                status = dict(line.split(":", 1) for line in file)
            equal([status[key].strip() for key in ("Seccomp", "NoNewPrivs")], ["2", "1"])
            equal({int(status[key], 16) for key in ("CapEff", "CapPrm", "CapInh", "CapAmb")}, {0})
            kinds = {os.readlink(f"/proc/{helpers[0]}/fd/{fd}").split(":")[0]
                     for fd in os.listdir(f"/proc/{helpers[0]}/fd")}
            equal(kinds, {"socket"})
            handles = [os.pidfd_open(pid) for pid in helpers]
            command.communicate(b"\n", HANG)
        for handle in handles:
            equal(len(select.select([handle], [], [], 0)[0]), 1)
            os.close(handle)


@MEANS
def nothing_outlives_the_command(directory, means):
    """Also if it is killed: without a namespace nobody ends the two but themselves."""
    world.open_port_53(means == "loopback")
    with NameServer(ZONE), Server((API, 0)) as server:
        path = policy(directory, RULES.replace("$P", str(server.port)))
        with start("-p", path, PYTHON, "-c", "print('up', flush=True); input()", cwd=directory,
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
            command.stdout.readline()
            handles = [os.pidfd_open(pid) for pid in resolver_of(command)]
            command.kill()
            command.wait(HANG)
        for handle in handles:
            equal(len(select.select([handle], [], [], HANG)[0]), 1)
            os.close(handle)


@MEANS
def explain_says_so(directory, means):
    world.open_port_53(means == "loopback")
    with NameServer(ZONE), Server((API, 0)) as server:
        path = policy(directory, RULES.replace("$P", str(server.port)))
        text = cordon("explain", "-p", path, cwd=directory).out.decode()
        true(f"names are looked up at {SERVER}" in text and "Left out: programs that" in text, text)
        true(("musl" in text) == (means == "stream"), text)
        plan = json.loads(cordon("explain", "--json", "-p", path, cwd=directory).out)
        true("another /etc/resolv.conf" in json.dumps(plan), plan)


@case
def no_means_is_left(directory):
    """Nor a socket of the own host: such a policy is refused, and nothing runs."""
    world.open_port_53(False)
    path = policy(directory, RULES.replace("$P", "443"))
    done = subprocess.run([*UNDER, REFUSE, "EACCES", "bind", CORDON, "run", "-p", path, "touch",
                           directory / "ran"], cwd=directory, check=False, stderr=subprocess.PIPE)
    equal(done.returncode, 125)
    true(b"names need a user and network namespace" in done.stderr, done.stderr)
    true(not (directory / "ran").exists())


if __name__ == "__main__":
    sys.exit(world.main(drop=[world.CAP_NET_BIND_SERVICE]))
