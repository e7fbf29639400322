#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documented example, linked with the shared library, does what it says."""
import re
import subprocess
import sys

from blackbox import CORDON, HANG, case, equal, guarded, main, true


def example(directory, *arguments):
    done = subprocess.run([CORDON, *map(str, arguments)], cwd=directory, capture_output=True,
                          text=True, timeout=HANG, check=False)
    return done


@case
def runs_and_tells_refusals(directory):
    policy, secret = guarded(directory)
    done = example(directory, policy, "cat", "open.txt", secret)
    equal(done.returncode, 0, done)
    true(re.search(r"status 1 after \d+ us, 1 denials", done.stdout), done)
    true(done.stdout.startswith("open\n"), done)
    true(f"denied read {secret}: filesystem.deny" in done.stderr, done)


@case
def tells_what_is_wrong_with_a_policy(directory):
    (directory / "bad.yaml").write_text("version: 1\nfilesystem:\n  redd: [/usr]\n")
    done = example(directory, "bad.yaml", "true")
    equal(done.returncode, 1, done)
    true(done.stderr.startswith("bad.yaml:3:3: filesystem.redd"), done)


if __name__ == "__main__":
    sys.exit(main())
