#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways out of another root: each against the same program where the way is open, under a bare chroot or
with the descriptor that is kept from it."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import (HANG, PYTHON, Skip, case, cases, equal, main, run, true)  # noqa: E402
from starts import OFF  # noqa: E402

ROOT = os.geteuid() == 0
MODES = [("supervised", ""), ("off", OFF)]

# Each says where it is, as the inode of what it takes for the root, and whether it read the secret.
HEAD = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def secret(path):
    try:
        with open(path) as file: return file.read()
    except OSError as error: return "errno %d" % error.errno
sys.stderr.write("attempt\n")
"""
OUT = "sys.stdout.write(found)\n"
WAYS = {
    # Up from a working directory that lies outside.
    "cwd": "for _ in range(20): os.chdir('..')\nfound = secret(sys.argv[1].lstrip('/'))\n",
    # By a descriptor of a directory outside that was passed on.
    "descriptor": "found = 'errno'\nfor fd in range(3, 64):\n"
                  "    try: os.fchdir(fd)\n    except OSError: continue\n"
                  "    for _ in range(20): os.chdir('..')\n"
                  "    found = secret(sys.argv[1].lstrip('/'))\n    break\n",
    # The classic: a second chroot leaves the working directory behind.
    "second": "os.makedirs('/tmp/second', exist_ok=True)\n"
              "r = libc.chroot(b'/tmp/second')\n"
              "for _ in range(20): os.chdir('..')\nlibc.chroot(b'.')\nfound = secret(sys.argv[1])\n",
    # Through procfs: the roots and directories of others.
    "proc": "found = 'errno'\nfor name in ['1', '2', str(os.getppid()), 'self', str(os.getpid())]:\n"
            "    for link in ('root', 'cwd'):\n"
            "        got = secret('/proc/%s/%s%s' % (name, link, sys.argv[1]))\n"
            "        if not got.startswith('errno'): found = got\n",
    "dotdot": "found = secret('/' + '../' * 30 + sys.argv[1].lstrip('/'))\n",
}


def prepare(directory):
    root = directory / "root"
    for name in ("usr", "tmp", "proc", "etc", "dev"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (directory / "secret").write_text("SECRET")
    (directory / "way.py").write_text("")
    return root


def attempt(directory, way, more, isolation="namespaces: [pid]", cwd="/", **options):
    """The way under cordon: what it found."""
    root = prepare(directory)
    text = (f"version: 1\nfilesystem: {{read: [/], write: [/tmp]}}\n{more}isolation:\n  {isolation}\n"
            f"  root: {root}\n  host_libs: true\n"
            "  mounts: [{source: /usr, target: /usr, read_only: true}]\n")
    file = directory / "policy.yaml"
    file.write_text(text)
    return run("-p", file, PYTHON, "-I", "-S", "-c", HEAD + WAYS[way] + OUT, directory / "secret",
               cwd=cwd, env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}, **options)


def chrooted(directory, way, before):
    """The control: the same program in a bare chroot, as root in a user namespace if need be."""
    root = directory / "root"
    code = (f"import os, sys, runpy\n{before}\nos.chroot({str(root)!r})\n"
            f"exec({HEAD + WAYS[way] + OUT!r})\n")
    binds = (f"mkdir -p {root}/usr && mount --rbind /usr {root}/usr && "
             f"mount -t proc none {root}/proc 2>/dev/null; "
             f"for l in lib lib64 bin; do [ -e {root}/$l ] || cp -a /$l {root}/$l; done; "
             f"mkdir -p {root}/tmp; ")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", binds + "exec \"$@\"", "sh", PYTHON, "-I", "-S", "-c",
                           code, str(directory / "secret")], cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=HANG, check=False,
                          env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
    return done.stdout


BEFORE = {"cwd": "", "descriptor": "os.set_inheritable(os.open('/', os.O_RDONLY), True)\nos.chdir('{root}')",
          "second": "os.chdir('{root}')", "proc": "os.chdir('{root}')"}


@cases([(f"{way}-{name}", way, more) for way in WAYS for name, more in MODES])
def no_way_back(directory, _name, way, more):
    """NS-13: none of the ways finds what lies outside; all but one do without the walls."""
    result = attempt(directory, way, more)
    true(b"SECRET" not in result.out and b"SECRET" not in result.err, result)
    # It came as far as the attempt: what fails is one of its calls.
    true(b"attempt\n" in result.err, result)
    true(result.status == 0 or b"PermissionError: " in result.err or b"FileNotFoundError: " in result.err, result)
    if way == "dotdot":
        equal(result.out, b"errno 2")


@cases([(way, way) for way in ("cwd", "descriptor", "second")])
def the_ways_are_open_elsewhere(directory, _name, way):
    root = prepare(directory)
    if way == "cwd":
        os.chdir(directory)
    found = chrooted(directory, way, BEFORE[way].replace("{root}", str(root)))
    os.chdir("/")
    equal(found, b"SECRET")


@case
def the_way_through_procfs_is_open_without_a_root(directory):
    """The links of other processes lead to the host's root: under no policy at all they do."""
    (directory / "secret").write_text("SECRET")
    done = subprocess.run([PYTHON, "-I", "-S", "-c", HEAD + WAYS["proc"] + OUT, str(directory / "secret")],
                          stdout=subprocess.PIPE, timeout=HANG, check=False)
    equal(done.stdout, b"SECRET")


@cases(MODES)
def a_descriptor_of_the_outside(directory, _name, more):
    """A directory handle that is inherited is closed, unless the policy keeps it by its number."""
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(fd, True)
    try:
        result = attempt(directory, "descriptor", more, pass_fds=[fd])
    finally:
        os.close(fd)
    equal(result.out, b"errno", result)


@case
def with_the_capability(directory):
    """Root that keeps CAP_SYS_CHROOT: the filter refuses the call all the same."""
    if not ROOT:
        raise Skip("needs root")
    result = attempt(directory, "second", "process: {capabilities: {keep: [SYS_CHROOT]}}\n")
    true(b"SECRET" not in result.out, result)
    text = f"syscalls: {{allow: [chroot]}}\nprocess: {{capabilities: {{keep: [SYS_CHROOT]}}}}\n"
    result = attempt(directory, "second", text)
    true(b"SECRET" not in result.out, result)


if __name__ == "__main__":
    sys.exit(main())
