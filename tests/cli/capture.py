#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documented example that feeds a program and takes its output."""
import subprocess
import sys

from blackbox import CORDON, HANG, case, equal, main


def capture(directory, *arguments):
    done = subprocess.run([CORDON, *arguments], cwd=directory, capture_output=True, text=True,
                          timeout=HANG, check=False)
    return done.returncode, done.stdout, done.stderr


@case
def feeds_and_takes(directory):
    equal(capture(directory, "some text", "tr", "a-z", "A-Z"),
          (0, "output: SOME TEXT\nstatus 0\n", ""))
    equal(capture(directory, "echo x >&2; exit 3", "sh"), (0, "error: x\n\nstatus 3\n", ""))


@case
def takes_no_more_than_the_limit(directory):
    status, out, err = capture(directory, "", "head", "-c", "3M", "/dev/zero")
    equal((status, out.splitlines()[-1], err), (0, "status 0, truncated", ""))
    equal(out.count("\0") <= 1 << 20, True)


if __name__ == "__main__":
    sys.exit(main())
