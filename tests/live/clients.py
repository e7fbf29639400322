#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs as they are, by host names: each with a resolver of its own, none with a proxy."""
import http.server
import os
import pathlib
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import zipfile

import world
from live import PYTHON, REFUSE, Skip, UNDER, case, cases, equal, policy, run
from world import A, AAAA, NO_NAMESPACES, NameServer

API = "203.0.113.7"
# How lookups are answered (name_service.h), each where the one before it is refused.
MEANS = {"namespace": [], "loopback": [REFUSE, "EPERM", NO_NAMESPACES],
         "stream": [REFUSE, "EPERM", NO_NAMESPACES]}
ZONE = {"api.test.example": [(A, API), (AAAA, "2001:db8:1::7")],
        "api.attacker.example": [(A, API)]}
RULES = 'network:\n  allow: ["api.test.example:$P"]\n'


class Web:
    """A web server outside that says hello; and a git repository, if git is there."""

    def __init__(self, directory):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(directory))

            def log_message(self, *_):
                pass

        # Not http.server's own, which looks its address up.
        self.server = socketserver.ThreadingTCPServer((API, 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


MUSL = r"""
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct addrinfo *found, hints = { .ai_socktype = SOCK_STREAM };
    if (argc < 3 || getaddrinfo(argv[1], argv[2], &hints, &found)) return 6;
    for (; found; found = found->ai_next) {
        int s = socket(found->ai_family, SOCK_STREAM, 0);
        if (connect(s, found->ai_addr, found->ai_addrlen) == 0) { puts("hello"); return 0; }
        close(s);
    }
    return 7;
}
"""
# Not net/http: what Go needs to build that takes a minute, and its resolver is the same.
GO = r"""
package main
import ("fmt"; "io"; "net"; "os"; "strings")
func main() {
    parts := strings.SplitN(strings.TrimPrefix(os.Args[1], "http://"), "/", 2)
    c, err := net.Dial("tcp", parts[0])
    if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(6) }
    fmt.Fprintf(c, "GET /%s HTTP/1.0\r\n\r\n", parts[1])
    text, _ := io.ReadAll(c)
    fmt.Print(string(text[strings.Index(string(text), "\r\n\r\n") + 4:]))
}
"""
NODE = """
const {Resolver} = require('dns').promises;
(async () => {
    const url = process.argv[1];
    const host = new URL(url).hostname;
    await new Resolver().resolve4(host);
    process.stdout.write(await (await fetch(url)).text());
})().catch(error => { console.error(error); process.exit(6); });
"""
JAVA = """
import java.net.*;
import java.net.http.*;
public class Get {
    public static void main(String[] a) throws Exception {
        System.out.print(HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(a[0])).build(),
            HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""


def need(*tools):
    found = [shutil.which(tool, path="/usr/bin:/usr/local/bin:/usr/local/go/bin") for tool in tools]
    for tool, path in zip(tools, found):
        if not path:
            raise Skip(f"no {tool} here")
    return found


def build(directory, name, text, *command):
    (directory / name).write_text(text)
    done = subprocess.run(command, cwd=directory, check=False, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE,
                          env={**os.environ, "CGO_ENABLED": "0", "HOME": str(directory),
                               "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"})
    if done.returncode:
        raise Skip(f"{command[0]} does not build here: {done.stderr[-200:]!r}")


def of_curl(_):
    curl, = need("curl")
    return lambda url: [curl, "-sf", "--max-time", "30", url]


def of_python(_):
    return lambda url: [PYTHON, "-c", "import sys, urllib.request as r;"
                        "sys.stdout.write(r.urlopen(sys.argv[1]).read().decode())", url]


def of_musl(directory):
    compiler, = need("musl-gcc")
    build(directory, "get.c", MUSL, compiler, "-static", "-o", "get", "get.c")
    return lambda url: [directory / "get", url.split("/")[2].split(":")[0], url.split(":")[2][:-6]]


def of_go(directory):
    go, = need("go")
    build(directory, "get.go", GO, go, "build", "-o", "get", "get.go")
    return lambda url: [directory / "get", url]


def of_node(_):
    node, = need("node")
    return lambda url: [node, "-e", NODE, url]


def of_java(directory):
    java, compiler = need("java", "javac")
    build(directory, "Get.java", JAVA, compiler, "Get.java")
    return lambda url: [java, "-cp", directory, "Get", url]


@cases([("curl", of_curl), ("python", of_python), ("musl", of_musl), ("go", of_go), ("node", of_node),
        ("java", of_java)])
def clients(directory, name, make):
    """By an allowed name, with no proxy and no address known before; not by another name."""
    command = make(directory)
    (directory / "hello").write_text("hello\n")
    env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    for means, UNDER[:] in MEANS.items():
        # The others have the resolver of one of these.
        if means != "namespace" and name not in ("python", "musl", "go", "node"):
            continue
        world.open_port_53(means == "loopback")
        # It asks by UDP whatever it is told, as `explain` says.
        reached = (name, means) != ("musl", "stream")
        with NameServer(ZONE) as dns, Web(directory) as web:
            path = policy(directory, RULES.replace("$P", str(web.port)))
            for host, wanted in (("api.test.example", reached), ("api.attacker.example", False)):
                done = run("-p", path, "-r", directory, *command(f"http://{host}:{web.port}/hello"),
                           cwd=directory, env=env)
                equal((done.status == 0, done.out == b"hello\n"), (wanted, wanted), (means, done))
            equal(dns.names(), ["api.test.example"] * reached)


@case
def git_clones_by_name(directory):
    UNDER.clear()
    git, = need("git")
    site, work = directory / "site", directory / "work"
    work.mkdir()
    subprocess.run([git, "init", "-q", site / "repo"], check=True)
    quiet = [git, "-C", site / "repo", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (site / "repo/file").write_text("cloned\n")
    subprocess.run([*quiet, "add", "file"], check=True)
    subprocess.run([*quiet, "commit", "-qm", "file"], check=True)
    subprocess.run([*quiet, "update-server-info"], check=True)
    with NameServer(ZONE) as dns, Web(site) as web:
        text = RULES.replace("$P", str(web.port)) + "filesystem:\n  write: [$D/work]\n"
        for host, wanted in (("api.test.example", True), ("api.attacker.example", False)):
            done = run("-p", policy(directory, text), git, "clone", "-q",
                       f"http://{host}:{web.port}/repo/.git", work / host, cwd=work,
                       env={**os.environ, "HOME": str(work), "GIT_CONFIG_GLOBAL": "/dev/null"})
            equal(done.status == 0, wanted, done)
        equal((work / "api.test.example/file").read_text(), "cloned\n")
        equal(dns.names(), ["api.test.example"])


@case
def pip_downloads_by_name(directory):
    pip, = need("pip3")
    site, work = directory / "site", directory / "work"
    (site / "simple/hello").mkdir(parents=True)
    work.mkdir()
    wheel = "hello-1.0-py3-none-any.whl"
    with zipfile.ZipFile(site / "simple/hello" / wheel, "w") as file:
        file.writestr("hello.py", "print('hello')\n")
        file.writestr("hello-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n")
        file.writestr("hello-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("hello-1.0.dist-info/RECORD", "")
    (site / "simple/hello/index.html").write_text(f"<a href='{wheel}'>{wheel}</a>\n")
    with NameServer(ZONE) as dns, Web(site) as web:
        text = RULES.replace("$P", str(web.port)) + "filesystem:\n  write: [$D/work]\n"
        for host, wanted in (("api.test.example", True), ("api.attacker.example", False)):
            done = run("-p", policy(directory, text), pip, "download", "-q", "--no-deps", "--retries", "0",
                       "--trusted-host", host, "-i", f"http://{host}:{web.port}/simple/", "-d", work / host,
                       "hello", cwd=work,
                       env={"PATH": os.environ["PATH"], "HOME": str(work), "TMPDIR": str(work),
                            "PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
            equal((done.status == 0, (work / host / wheel).exists()), (wanted, wanted), done)
        equal(dns.names(), ["api.test.example"])


@case
def redis_by_name(directory):
    server, client = need("redis-server", "redis-cli")
    with socket.socket() as holder:
        holder.bind((API, 0))
        port = holder.getsockname()[1]
    rules = RULES.replace("$P", str(port))
    with NameServer(ZONE) as dns, subprocess.Popen(
            [server, "--bind", API, "--port", str(port), "--save", "", "--protected-mode", "no"],
            cwd=directory, stdout=subprocess.PIPE) as outside:
        try:
            while b"eady to accept connections" not in outside.stdout.readline():
                equal(outside.poll(), None)
            for host, answer in (("api.test.example", b"PONG\n"), ("api.attacker.example", b"")):
                done = run("-p", policy(directory, rules), client, "-h", host, "-p", str(port), "ping",
                           cwd=directory)
                equal(done.out, answer, done)
            equal(dns.names(), ["api.test.example"])
        finally:
            outside.kill()


@case
def psql_over_a_unix_socket(directory):
    """Of a server outside: where a rule names its socket, and not where none does."""
    if os.getuid() == 0:
        raise Skip("PostgreSQL's server does not run as root")
    client, = need("psql")
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise Skip("no PostgreSQL server here")
    data = directory / "data"
    subprocess.run([programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync"],
                   check=True, stdout=subprocess.DEVNULL, cwd=directory)
    with subprocess.Popen([programs[-1] / "postgres", "-D", data, "-k", directory, "-h", "", "-F"],
                          cwd=directory, stderr=subprocess.PIPE) as outside:
        try:
            while b"ready to accept connections" not in outside.stderr.readline():
                equal(outside.poll(), None)
            for rule, answer in (("network: { unix: { connect: ['$D/.s.PGSQL.*'] } }\n", b"42\n"), ("", b"")):
                done = run("-p", policy(directory, rule), client, "-h", directory, "-U", "tester", "-d",
                           "postgres", "-Atc", "select 6*7", cwd=directory, env={"PGSSLMODE": "disable"})
                equal(done.out, answer, done)
        finally:
            outside.terminate()


if __name__ == "__main__":
    sys.exit(world.main())
