# SPDX-License-Identifier: Apache-2.0
"""Mounts of a test's own: needs root; a host that does not let us is a Skip."""
import contextlib
import os
import shutil
import subprocess

from live import Skip

os.environ["PATH"] += ":/usr/sbin:/sbin"


def command(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Skip(f"{words[0]}: {done.stdout.decode(errors='replace').strip()[:80]!r}")


@contextlib.contextmanager
def mounted(*words):
    """Mounts, or skips where this host does not let us."""
    if os.getuid() != 0:
        raise Skip("mount needs root")
    command("mount", *words)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(words[-1])], check=True)


@contextlib.contextmanager
def image(directory, top, mebibytes, *make):
    """A file system in a file, at `top`. make: the command that makes it, without the file."""
    if not shutil.which(make[0]):
        raise Skip(f"no {make[0]} here")
    file = directory / "image"
    with open(file, "wb") as made:
        made.truncate(mebibytes << 20)
    command(*make, file)
    top.mkdir(exist_ok=True)
    with mounted("-o", "loop", file, top):
        yield
