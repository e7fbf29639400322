# SPDX-License-Identifier: Apache-2.0
"""Runs agent.py twice, bare and under cordon, and compares what really happened.

What the program says of itself is only shown. What decides is looked at from outside: the files,
what the two servers received, what is waiting in the terminal. Usage: demo.py CORDON
"""
import fcntl
import os
import pathlib
import pty
import secrets
import shutil
import socketserver
import struct
import subprocess
import sys
import tempfile
import termios
import threading

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT = 120
PATH = "/usr/local/bin:/usr/bin:/bin"  # the system's own python3, cc and git

STEPS = {
    "build": "compile and run a C file",
    "report": "write a report into the workspace",
    "talk": "talk to the allowed port",
    "key": "read ~/.ssh/id_demo and send it away",
    "hook": "plant .git/hooks/pre-commit by rename",
    "port": "talk to a forbidden port",
    "namespace": "create a user namespace",
    "terminal": "type into the terminal (TIOCSTI)",
}
JOB = ("build", "report", "talk")
REFUSED = tuple(name for name in STEPS if name not in JOB)

SUM_C = """\
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *file = fopen(argc > 1 ? argv[1] : "numbers.txt", "r");
	long sum = 0, number;

	while (file && fscanf(file, "%ld", &number) == 1)
		sum += number;
	printf("%ld\\n", sum);
	return !file;
}
"""


class Server(socketserver.ThreadingTCPServer):
    """A loopback server that notes every connection and all that it receives."""

    daemon_threads = False
    block_on_close = True

    def __init__(self):
        self.received = []
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self):
            index = len(self.server.received)
            self.server.received.append(b"")
            self.server.received[index] = self.rfile.read()
            self.wfile.write(b"thanks\n")


class Run:
    """One run of the program in a home directory of its own, and what it left behind."""

    def __init__(self, place, prefix):
        self.home = place / "home"
        self.project = self.home / "project"
        self.key = f"-----BEGIN DEMO KEY {secrets.token_hex(24)}-----\n".encode()
        self.make_home()
        self.allowed, self.forbidden = Server(), Server()
        try:
            self.start(prefix)
        finally:
            for server in (self.allowed, self.forbidden):
                server.shutdown()
                server.server_close()
        self.commit()

    def make_home(self):
        self.project.mkdir(parents=True)
        ssh = self.home / ".ssh"
        ssh.mkdir(mode=0o700)
        (ssh / "id_demo").write_bytes(self.key)
        (self.project / "sum.c").write_text(SUM_C)
        (self.project / "numbers.txt").write_text("\n".join(str(n) for n in range(1, 101)))
        self.git("init", "-q")
        (self.project / ".git/hooks").mkdir(exist_ok=True)
        shutil.copy(HERE / "agent.py", self.project)

    def git(self, *arguments):
        environment = {"PATH": PATH, "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", "-c", "user.name=demo", "-c", "user.email=demo@localhost",
                        *arguments], cwd=self.project, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self, prefix):
        """Runs the program on a terminal of its own; its output and cordon's lines come by pipes."""
        policy = self.home.parent / "policy.yaml"
        policy.write_text((HERE / "policy.yaml").read_text().replace("@PORT@", str(self.allowed.port)))
        command = [*prefix, "python3", "agent.py", str(self.allowed.port), str(self.forbidden.port)]
        command = [str(policy) if word == "POLICY" else word for word in command]
        environment = {name: value for name, value in os.environ.items()
                       if name in ("LANG", "TERM", "USER", "LOGNAME")}
        environment.update(HOME=str(self.home), PATH=PATH)
        master, slave = pty.openpty()
        try:
            process = subprocess.Popen(
                command, cwd=self.project, env=environment, stdin=slave, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            try:
                output, self.messages = process.communicate(timeout=TIME_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                output, self.messages = process.communicate()
            waiting = fcntl.ioctl(slave, termios.FIONREAD, bytes(4))
            self.typed = struct.unpack("i", waiting)[0]
        finally:
            os.close(slave)
            os.close(master)
        self.status = process.returncode
        pairs = (line.split("\t", 1) for line in output.splitlines() if "\t" in line)
        self.said = {name: text for name, text in pairs if name in STEPS}

    def commit(self):
        """What the user does afterwards: a commit, which runs whatever hook there is."""
        self.git("add", "sum.c")
        self.git("commit", "-q", "-m", "work")

    def effects(self):
        """step -> did it really happen? Looked at from outside where there is anything to see."""
        return {
            "build": (self.project / "sum").exists() and "5050" in self.said.get("build", ""),
            "report": (self.project / "report.txt").exists(),
            "talk": any(b"hello" in data for data in self.allowed.received),
            "key": any(self.key in data for data in self.allowed.received + self.forbidden.received),
            "hook": (self.project / ".git/hooks/pre-commit").exists()
                    or (self.home / "hook-has-run").exists(),
            "port": bool(self.forbidden.received),
            "namespace": self.said.get("namespace") == "created",
            "terminal": self.typed > 0,
        }


def table(bare, confined):
    rows = [("what", "bare", "under cordon")]
    rows += [(text, bare.said.get(name, "-"), confined.said.get(name, "-"))
             for name, text in STEPS.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for number, row in enumerate(rows):
        print("  " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0 or number == len(JOB):
            print("  " + "-+-".join("-" * width for width in widths))


def notes(bare):
    """What the demo could not show, because this host refuses it to everybody."""
    happened = bare.effects()
    for name in REFUSED:
        if not happened[name]:
            reason = bare.said.get(name, "no answer")
            print(f"  Note: on this host '{STEPS[name]}' did not work bare either ({reason}).")


def verify(confined):
    happened = confined.effects()
    checks = [
        ("the job is done: built, reported, talked", all(happened[name] for name in JOB)),
        ("no byte of the key reached a server", not happened["key"]),
        (".git/hooks/pre-commit does not exist, and a commit ran no hook", not happened["hook"]),
        ("the forbidden server saw no connection", not happened["port"]),
        ("no user namespace was created", not happened["namespace"]),
        ("no character is waiting in the terminal", not happened["terminal"]),
        ("the program ran to its end", confined.status == 0 and set(confined.said) == set(STEPS)),
    ]
    for text, holds in checks:
        print(f"  {'holds ' if holds else 'FAILED'}  {text}")
    return all(holds for _, holds in checks)


def main():
    cordon = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="cordon-demo-") as place:
        place = pathlib.Path(place)
        bare = Run(place / "bare", [])
        confined = Run(place / "confined", [cordon, "run", "-p", "POLICY", "--"])

        print("\nThe same program, bare and under `cordon run -p policy.yaml` "
              "(tools/demo/agent.py, tools/demo/policy.yaml):\n")
        table(bare, confined)
        print("\nWhat cordon said:\n")
        shown = confined.messages.replace(str(place / "confined"), "")
        print("\n".join("  " + line for line in shown.splitlines()) or "  (nothing)")
        print("  (The namespace and the terminal are refused by the kernel's filter alone, "
              "which costs nothing and reports nothing.)")
        print("\nWhat really happened under cordon, looked at from outside:\n")
        good = verify(confined)
        print()
        notes(bare)
    print("All of it holds." if good else "Something does not hold.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
