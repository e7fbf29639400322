# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests of the command share: running it, and TAP output."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import traceback

CORDON = os.path.abspath(sys.argv[1])
# What the command is started by, if anything: tests/support/refuse with its arguments.
UNDER = os.environ.get("CORDON_UNDER", "").split()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
PYTHON = "/usr/bin/python3"  # the system's: one in a home directory cannot be executed inside
HANG = 60  # seconds after which something hangs; no test depends on being faster
# A directory of the caller's own that the user of this run may not search would change the answers.
os.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"

_cases = []


class Skip(Exception):
    """The host lacks what the case needs; the text names it."""


def case(function):
    """Registers a case; it is called with an empty directory of its own."""
    _cases.append(function)
    return function


def cases(rows):
    """Registers a case for each row: function(directory, *row), named by the first field."""
    def register(function):
        for row in rows:
            def one(directory, row=row):
                function(directory, *row)
            one.__name__ = f"{function.__name__}[{row[0]}]"
            _cases.append(one)
        return function
    return register


def main():
    # The test driver's time is up: unwind, so that directories and shells are cleaned away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    place = tempfile.gettempdir()
    # Whoever kills cordon leaves its $TMP behind: it is put where it is removed.
    with tempfile.TemporaryDirectory(prefix="cordon-tmp-") as tmp:
        os.chmod(tmp, 0o1777)
        os.environ["TMPDIR"] = tmp
        return run_cases(place)


def run_cases(place):
    print(f"1..{len(_cases)}")
    failed = 0
    for number, function in enumerate(_cases, 1):
        name = function.__name__.replace("#", "\\#")
        with tempfile.TemporaryDirectory(prefix="cordon-test-", dir=place) as directory:
            try:
                function(pathlib.Path(os.path.realpath(directory)))
                print(f"ok {number} {name}")
            except Skip as reason:
                print(f"ok {number} {name} # SKIP {reason}")
            except Exception:
                failed += 1
                print(f"not ok {number} {name}")
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
        sys.stdout.flush()
    return 1 if failed else 0


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"status {self.status}\nout {self.out!r}\nerr {self.err!r}"

    @property
    def lines(self):
        return self.err.decode(errors="backslashreplace").splitlines()


def cordon(*arguments, cwd, stdin=b"", **more):
    """Runs the command to its end."""
    done = subprocess.run([*UNDER, CORDON, *map(str, arguments)], cwd=cwd, input=stdin, timeout=HANG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)
    return Result(done.returncode, done.stdout, done.stderr)


def run(*arguments, cwd, **more):
    return cordon("run", *arguments, cwd=cwd, **more)


def equal(got, wanted, about=""):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}\n{about}")


def true(condition, about=""):
    if not condition:
        raise AssertionError(str(about))


def is_ours(result):
    """Nothing but lines of cordon's own on standard error."""
    for line in result.lines:
        true(line.startswith("cordon: "), result)
        true(line.isprintable(), result)


def guarded(directory):
    """A policy whose deny rule only the supervisor can hold, and the file that it denies."""
    secret = directory / "secret" / "key"
    secret.parent.mkdir()
    secret.write_text("secret\n")
    (directory / "open.txt").write_text("open\n")
    policy = directory / "guarded.yaml"
    policy.write_text("version: 1\n"
                      "extends: [base]\n"
                      "filesystem:\n"
                      f"  read: [{directory}]\n"
                      f"  deny: [{directory}/secret]\n")
    return policy, secret


def processes_with(word):
    """Processes whose command line holds the word."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word.encode() in pathlib.Path("/proc", name, "cmdline").read_bytes():
                found.append(name)
        except OSError:
            pass
    return found
