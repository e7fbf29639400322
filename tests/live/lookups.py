#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules with host names: what is looked up, what its answers open, and what leaves meanwhile."""
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

import world
from live import (HANG, PRELUDE, PYTHON, SANITIZED, Server, Skip, bare, case, cases, cordon, equal,
                  inside, policy, start, true)
from world import (A, AAAA, ANY, CNAME, LOOK, NOERROR, NXDOMAIN, NameServer, PTR, REFUSED, SERVER, TXT,
                   resolver_of)

API, OTHER, V6 = "203.0.113.7", "203.0.113.8", "2001:db8:1::7"
INNER = ["10.1.2.3", "127.0.0.1", "169.254.169.254", "0.0.0.0", "192.168.0.1", "224.0.0.1"]
ZONE = {
    "api.test.example": [(A, API), (AAAA, V6)],
    "alias.test.example": [(CNAME, "a.cdn.example"), (CNAME, "b.cdn.example", 5, "a.cdn.example"),
                           (A, OTHER, 5, "b.cdn.example"), (A, "203.0.113.66", 5, "c.cdn.example")],
    "big.test.example": [(A, f"203.0.113.{i}") for i in range(100, 130)],
    "inner.test.example": [(A, address) for address in [*INNER, API]] +
                          [(AAAA, address) for address in
                           ("::1", "fd00:ec2::254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", V6)],
    "broken.test.example": world.SERVFAIL,
    "*.wild.example": [(A, OTHER)],
    "*.y.wild.example": [(A, OTHER)],
}
RULES = """
network:
  allow: ["api.test.example:$P", "Alias.Test.Example.:$P", "big.test.example:$P", "*.wild.example:$P",
          "inner.test.example:$P", "broken.test.example:$P"]
"""

def rules(server, more=""):
    return RULES.replace("$P", str(server.port)) + more


def look(directory, server, code, more="", **options):
    return inside(directory, rules(server, more), LOOK + code, str(server.port), **options)


@case
def allowed_and_forbidden(directory):
    with NameServer(ZONE) as dns, Server((API, 0)) as server, Server((OTHER, server.port)) as other:
        got = look(directory, server, f"""
say(connect("{API}", P))
say([look("api.test.example"), look("API.Test.Example.")])
say([connect(address, P) for address in ("{API}", "{OTHER}")] + [connect("{API}", P + 1)])
say([look(name) for name in ("secret.attacker.example", "test.example", "x.api.test.example",
                             "api.test.example.attacker.example")])
say(connect("{OTHER}", P))
""")
        equal(got, ["EACCES", [[V6, API]] * 2, ["", "EACCES", "EACCES"], [-2] * 4, "EACCES"])
        equal(dns.names(), ["api.test.example"])
        equal((server.heard(), server.heard(), other.heard()), (True, False, False))


@cases([(how, to) for how in ("by_connect", "by_sendto", "by_bound", "by_sendmsg", "by_tcp")
        for to in (SERVER, "192.0.2.99", "2001:db8:9::53")])
def every_way_to_ask(directory, how, to):
    """The answer comes from the server that was asked, whichever that is."""
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, f"""
say(ask(b"api.test.example", how={how}, to="{to}"))
say(ask(b"api.attacker.example", how={how}, to="{to}"))
""")
        equal(got, [[NOERROR, [API], True], [NXDOMAIN, [], True]])
        equal(dns.names(), ["api.test.example"])


@case
def wildcards(directory):
    with NameServer(ZONE) as dns, Server((OTHER, 0)) as server:
        got = look(directory, server, """
say([ask(name)[0] for name in (b"a.wild.example", b"X.Y.wild.example", b"wild.example",
                               b"awild.example", b"a.wild.example.attacker.example")])
""")
        equal(got, [[NOERROR, NOERROR, NXDOMAIN, NXDOMAIN, NXDOMAIN]])
        equal(dns.names(), ["a.wild.example", "x.y.wild.example"])


@case
def aliases_large_answers_and_failures(directory):
    with NameServer(ZONE) as dns, Server((OTHER, 0)) as server:
        got = look(directory, server, f"""
say(ask(b"alias.test.example"))
say([connect("{OTHER}", P), connect("203.0.113.66", P)])
say(len(look("big.test.example")))
say(ask(b"broken.test.example")[0])
say(look("gone.wild.example", socket.AF_INET6))
""")
        equal(got, [[NOERROR, [OTHER], True], ["", "EACCES"], 30, 2, -5])
        true(server.heard())
        equal([name for name, _, _ in dns.asked].count("broken.test.example"), 2)


@case
def inner_addresses_of_a_public_name(directory):
    """A name that leads inwards opens nothing; an address that is allowed as one is shown."""
    with NameServer(ZONE), Server((API, 0)) as server, Server(("127.0.0.1", server.port)) as inner:
        code = """
say([look("inner.test.example", family) for family in (socket.AF_INET, socket.AF_INET6)])
say([connect(address, P) for address in ("127.0.0.1", "::1", "0.0.0.0", "169.254.169.254")])
"""
        equal(look(directory, server, code), [[[API], [V6]], ["EACCES"] * 4])
        equal(inner.heard(), False)
        more = "  deny: [metadata]\n"
        shown = RULES.replace('["api', '["loopback:$P", "api')
        got = inside(directory, shown.replace("$P", str(server.port)) + more, LOOK + code,
                     str(server.port))
        equal(got[0], [sorted([API, "127.0.0.1"]), sorted([V6, "::1"])])
        equal(got[1][0], "")
        equal(got[1][3], "EACCES")


@case
def names_of_the_hosts_file(directory):
    """Nobody asks for them, and the administrator's file may name inner addresses."""
    code = """
say([look(name) for name in ("inner.test.example", "not.listed.example")])
say([connect(address, P) for address in ("127.0.0.7", "127.0.0.8", "127.0.0.1", "127.0.0.9")])
say(connect("127.0.0.7", P + 1))
"""
    world.configure("127.0.0.1 localhost\n# 127.0.0.9 inner.test.example\n"
                    "127.0.0.7\tInner.Test.Example more # and more\n127.0.0.8 not.listed.example\n",
                    world.HOSTS)
    try:
        with NameServer(ZONE) as dns, Server(("127.0.0.7", 0)) as server, \
                Server(("127.0.0.8", server.port)) as other, Server(("127.0.0.1", server.port)) as own:
            found = [["127.0.0.7"], ["127.0.0.8"]]
            equal(look(directory, server, code), [found, ["", "EACCES", "EACCES", "EACCES"], "EACCES"])
            equal((server.heard(), other.heard(), own.heard(), dns.names()), (True, False, False, []))
            equal(look(directory, server, code, "  deny: [127.0.0.7]\n")[1][0], "EACCES")
            text = f"network:\n  allow: ['localhost:{server.port}']\n"
            equal(inside(directory, text, LOOK + code, str(server.port))[1],
                  ["EACCES", "EACCES", "", "EACCES"])
            equal((server.heard(), other.heard(), own.heard()), (False, False, True))
    finally:
        world.configure("127.0.0.1 localhost\n", world.HOSTS)


@case
def a_long_hosts_file_leaves_room_for_answers(directory):
    """Its names never end; those that were answered first must not give way to the next ones for that."""
    names = "".join(f"127.0.{i >> 8}.{i & 255} n{i}.wild.example\n" for i in range(1, 1200))
    world.configure(names, world.HOSTS)
    try:
        with NameServer(ZONE), Server((API, 0)) as server, Server(("127.0.0.7", server.port)) as own:
            code = 'say([look(name) for name in ("api.test.example", "alias.test.example", "big.test.example")])'
            code += f'\nsay([connect(address, P) for address in ("{API}", "127.0.0.7")])'
            found = look(directory, server, code)
            equal((found[0][:2], found[1]), ([[V6, API], [OTHER]], ["", ""]))
            equal((server.heard(), own.heard()), (True, True))
    finally:
        world.configure("127.0.0.1 localhost\n", world.HOSTS)


@case
def denied_wins_over_a_name(directory):
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        code = f'say([ask(b"api.test.example")[0], connect("{API}", P), ask(b"no.wild.example")[0]])'
        equal(look(directory, server, code), [[NOERROR, "", NOERROR]])
        true(server.heard())
        got = look(directory, server, code, f'  deny: ["{API}", "no.wild.example"]\n')
        equal(got, [[NOERROR, "EACCES", NXDOMAIN]])
        equal(server.heard(), False)
        got = look(directory, server, code, f'  deny: ["api.test.example:{server.port}"]\n')
        equal(got[0][:2], [NOERROR, "EACCES"])
        equal(server.heard(), False)


@case
def denied_behind_an_alias(directory):
    """Whoever runs an allowed domain decides where its names lead, but not to what is denied."""
    code = f"""
say([ask(b"alias.test.example")[:2], ask(b"api.test.example")[:2], connect("{OTHER}", P)])
"""
    allowed = [NOERROR, [API]]
    with NameServer(ZONE), Server((OTHER, 0)) as server:
        for denied in ("a.cdn.example", "b.cdn.example", "'*.CDN.example'"):
            got = look(directory, server, code, f"  deny: [{denied}]\n")
            equal(got, [[[NXDOMAIN, []], allowed, "EACCES"]])
            equal(server.heard(), False)
        for other in ("cdn.example", "c.cdn.example", f"b.cdn.example:{server.port + 1}"):
            equal(look(directory, server, code, f"  deny: ['{other}']\n"),
                  [[[NOERROR, [OTHER]], allowed, ""]])
            equal(server.heard(), True)


@case
def a_vector_of_lookups_and_others(directory):
    """What comes before a lookup is sent on the socket as it was; the rest by another call."""
    with NameServer(ZONE), Server((API, 0), kind=socket.SOCK_DGRAM) as server:
        got = look(directory, server, f"""
look("api.test.example")
def vector(s, *rows):
    keep, headers = [], b""
    for data, (address, port) in rows:
        name = struct.pack("=H", 2) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8)
        name, data = ctypes.create_string_buffer(name, 16), ctypes.create_string_buffer(data, len(data))
        part = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(data))
        keep += [name, data, part]
        headers += struct.pack("=QIxxxxQQQQIxxxxIxxxx", ctypes.addressof(name), 16, ctypes.addressof(part), 1,
                               0, 0, 0, 0)
    return call(307, 269, s.fileno(), ctypes.create_string_buffer(headers, len(headers)), len(rows), 0)
rows = [(b"1", ("{API}", P)), (b"2", ("{API}", P)), (query(b"api.test.example"), ("{SERVER}", 53)),
        (query(b"api.test.example"), ("{SERVER}", 53)), (b"3", ("{API}", P))]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(30)
    say(vector(s, *rows))
    say(vector(s, *rows[2:]))
    say([read_answer(s.recv(4096)) for _ in range(2)])
    say(e(vector, s, *rows[4:]))
""")
        equal(got, [2, 2, [[NOERROR, [API]]] * 2, "EACCES"])
        equal([server.heard() for _ in range(3)], [True, True, False])


@case
def labels_that_no_name_has(directory):
    """Spellings that a filter and a server could read differently."""
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, r"""
say([ask(b"".join(bytes([len(l)]) + l for l in row) + b"\0")[0] for row in (
    (b"api.test", b"example"), (b"api", b"test\0.attacker", b"example"), (b"x\0", b"wild", b"example"),
    (b"x y", b"wild", b"example"), (b"\xc3\xbc", b"wild", b"example"), (b"x/", b"wild", b"example"))])
""")
        equal(got, [[NXDOMAIN] * 6])
        equal(dns.asked, [])


@case
def only_the_name_leaves(directory):
    """The question goes out written anew: no case, no option, no other bit of the program's."""
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, r"""
option = struct.pack(">HH", 65001, 6) + b"secret"
say(ask(b"aPi.TEST.example", more=b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, len(option)) + option))
""")
        equal(got, [[NOERROR, [API], True]])
        (_, _, data), = dns.asked
        true(b"secret" not in data and b"\3api\4test\7example\0" in data, data)
        equal(len(data), 12 + 18 + 4 + 11)


@case
def types_of_records(directory):
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, f"""
say([ask(b"api.test.example", kind)[:2] for kind in ({TXT}, {ANY}, 10, 65, 15, 33)])
say(ask(b"7.113.0.203.in-addr.arpa", {PTR})[0])
look("api.test.example")
say(ask(b"7.113.0.203.in-addr.arpa", {PTR})[:2])
""")
        equal(got, [[[REFUSED, []]] * 3 + [[NOERROR, []]] * 3, NXDOMAIN,
                    [NOERROR, ["\3api\4test\7example\0"]]])
        equal({kind for _, kind, _ in dns.asked}, {A, AAAA})


@case
def other_ports_and_other_uses(directory):
    """A server at another port is a destination like any other; a socket for lookups is for nothing else."""
    with NameServer(ZONE) as dns, Server((API, 0)) as server, \
            Server((SERVER, 5353), kind=socket.SOCK_DGRAM) as another:
        got = look(directory, server, f"""
say(e(ask, b"api.test.example", 1, by_sendto, port=5353))
look("api.test.example")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(("{SERVER}", 53))
    say([e(s.connect, ("{API}", P)), e(s.sendto, b"x", ("{API}", P)), e(s.connect, ("{SERVER}", 53))])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(30)
    say([e(s.connect, ("{API}", P)), e(s.send, b"x")])
with socket.socket() as s:
    os.set_inheritable(s.fileno(), True)
    s.setblocking(False)
    say([e(s.connect, ("{SERVER}", 53)) in ("", "EINPROGRESS"), os.get_inheritable(s.fileno()),
         os.get_blocking(s.fileno())])
    say(e(s.connect, ("{API}", P)) != "")
""")
        equal(got[0], "EACCES")
        equal(got[1], ["EACCES", "EACCES", ""])
        equal(got[2], ["", ""])
        equal(got[3], [True, True, False])
        equal((got[4], another.heard(), server.heard()), (True, False, False))


@case
def addresses_that_change(directory):
    """Each answer counts; what was answered before still does."""
    addresses = [API, OTHER, "203.0.113.9"]
    zone = {"api.test.example": lambda kind: [(A, addresses.pop(0), 0)]}
    with NameServer(zone), Server(("203.0.113.9", 0)) as server:
        got = look(directory, server, f"""
say(connect("203.0.113.9", P))
say([ask(b"api.test.example")[1] for _ in range(3)])
say([connect(address, P) for address in ("203.0.113.9", "{API}", "203.0.113.10")])
""")
        equal(got, ["EACCES", [[API], [OTHER], ["203.0.113.9"]], ["", "ECONNREFUSED", "EACCES"]])


FLIP = r"""
good, bad = query(b"api.test.example"), query(b"api.evil.example")
buffer = ctypes.create_string_buffer(good)
stop = False
def flip():
    while not stop:
        for one in bad, good:
            buffer.raw = one + b"\0"; os.sched_yield()
thread = threading.Thread(target=flip); thread.start()
address = struct.pack("=H", 2) + struct.pack(">H", 53) + socket.inet_aton("198.51.100.53") + bytes(8)
sys.setswitchinterval(1e-6)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(30)
    seen, rounds = set(), 0
    while (rounds < 300 or len(seen) < 2) and rounds < 20000:
        call(44, 206, s.fileno(), ctypes.addressof(buffer), len(good), 0, address, len(address))
        seen.add(b"evil" in s.recv(4096))
        rounds += 1
stop = True; thread.join()
say("done" if len(seen) == 2 else f"one name only in {rounds} rounds")
"""


@case
def name_that_changes_while_it_is_sent(directory):
    """What was judged is what is sent: the kernel copies a message once."""
    with NameServer({**ZONE, "api.evil.example": [(A, OTHER)]}) as dns, Server((API, 0)) as server:
        equal(bare(directory, LOOK + FLIP), ["done"])
        equal(dns.names(), ["api.evil.example", "api.test.example"])
        dns.asked.clear()
        equal(look(directory, server, FLIP), ["done"])
        equal(dns.names(), ["api.test.example"])


@case
def random_names_under_a_wildcard(directory):
    """Each is a message to whoever runs the domain, so there are not many."""
    code = """
say([ask(b"%d.wild.example" % i)[0] for i in range(1000)].count(0))
say(ask(b"api.test.example")[0])
"""
    with NameServer(ZONE) as dns, Server((API, 0)) as server:
        got = look(directory, server, code)
        true(200 <= got[0] < 900, got)
        equal(got[1], NOERROR)
        equal(len(dns.names()), got[0] + 1)


@case
def events_name_names(directory):
    events = directory / "events"
    with NameServer(ZONE), Server((API, 0)) as server:
        look(directory, server, f"""
look("secret.attacker.example")
look("api.test.example")
connect("{API}", P + 1)
""", flags=("--events", events))
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        denied = [(line["op"], line["target"]) for line in lines if line["kind"] == "denied"]
        equal(denied, [("dns", "secret.attacker.example"),
                       ("connect", f"tcp {API}:{server.port + 1} (api.test.example)")], lines)


def running(directory, server):
    """The command, with a program that waits for the end of its input."""
    return start("-p", policy(directory, rules(server)), PYTHON, "-c",
                 "print('up', flush=True); input()", cwd=directory, stdin=subprocess.PIPE,
                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@cases([("ended", False), ("killed", True)])
def nothing_is_left(directory, _name, killed):
    """The helpers end with the run, and with the command if that is killed."""
    with NameServer(ZONE), Server((API, 0)) as server, running(directory, server) as command:
        command.stdout.readline()
        helpers = [os.pidfd_open(pid) for pid in resolver_of(command)]
        if killed:
            command.kill()
        else:
            command.stdin.write(b"\n")
            command.stdin.close()
        command.wait(HANG)
        for helper in helpers:
            # When the command has ended by itself they are gone already.
            ready, _, _ = select.select([helper], [], [], HANG if killed else 0)
            equal(len(ready), 1)
            os.close(helper)


@case
def what_the_resolver_may_do(directory):
    """It has no capability, no file but its sockets, a filter, and another network."""
    if SANITIZED:
        raise Skip("the run time of a sanitizer makes calls that the resolver's filter refuses")
    with NameServer(ZONE), Server((API, 0)) as server, running(directory, server) as command:
        command.stdout.readline()
        resolver, _ = resolver_of(command)
        with open(f"/proc/{resolver}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        equal([status[key].strip() for key in ("Seccomp", "NoNewPrivs")], ["2", "1"])
        equal({int(status[key], 16) for key in ("CapEff", "CapPrm", "CapInh", "CapAmb")}, {0})
        kinds = {os.readlink(f"/proc/{resolver}/fd/{fd}").split(":")[0]
                 for fd in os.listdir(f"/proc/{resolver}/fd")}
        equal(kinds, {"socket"})
        true(os.readlink(f"/proc/{resolver}/ns/net") != os.readlink("/proc/self/ns/net"))
        command.stdin.close()
        command.wait(HANG)


@case
def without_the_resolver(directory):
    """If it dies, lookups are not answered, an event says so, and nothing is opened."""
    events = directory / "events"
    code = LOOK + f"""
print("up", flush=True); input()
say(connect("{API}", P))
"""
    with NameServer(ZONE) as dns, Server((API, 0)) as server, \
            start("-p", policy(directory, rules(server)), "--events", events, PYTHON, "-c",
                  PRELUDE + code, str(server.port), cwd=directory, stdin=subprocess.PIPE,
                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
        command.stdout.readline()
        os.kill(resolver_of(command)[0], signal.SIGKILL)
        out, _ = command.communicate(b"\n", HANG)
        equal([json.loads(line) for line in out.splitlines()], ["EACCES"])
        equal((command.returncode, dns.asked, server.heard()), (0, [], False))
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        equal([(line["op"], line["reason"]) for line in lines if line["kind"] == "failed"],
              [("dns", "the resolver is gone")])


@case
def explain_names_the_servers(directory):
    with NameServer(ZONE), Server((API, 0)) as server:
        path = policy(directory, rules(server))
        text = cordon("explain", "-p", path, cwd=directory).out.decode()
        true(f"names are looked up at {SERVER}" in text, text)


if __name__ == "__main__":
    sys.exit(world.main())
