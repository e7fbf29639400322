#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each preset is enough for what it is named after, without any network."""
import os
import shutil
import subprocess

from live import Skip, case, cases, equal, main, run, true

JOBS = {
    "c": ("gcc", "printf 'int main(void) { return 7; }' >a.c && make -s CC=gcc a && ./a; test $? = 7"),
    "git": ("git", "touch a && git add a && "
                   "git -c user.name=n -c user.email=e commit -qm m && git log --oneline | grep -q m"),
    "go": ("go", "printf 'package main\\nfunc main() { println(7) }' >a.go && go run a.go"),
    "node": ("node", "node -e 'require(\"fs\").writeFileSync(\"a\", \"7\")' && grep -q 7 a"),
    "python": ("/usr/bin/python3", "/usr/bin/python3 -c 'import multiprocessing as m\n"
                                   "with m.Pool(2) as p: assert p.map(abs, [-7]) == [7]'"),
    "rust": ("rustc", "printf 'fn main() {}' >a.rs && rustc a.rs && ./a"),
}
TOOLS = os.pathsep.join([os.environ["PATH"], "/usr/local/go/bin", os.path.expanduser("~/.cargo/bin")])


@cases([(name,) for name in JOBS])
def enough(directory, name):
    tool, script = JOBS[name]
    if not shutil.which(tool, path=TOOLS):
        raise Skip(f"{tool} is not installed")
    (directory / "work").mkdir()
    if name == "git":  # whose configuration the program may not write
        subprocess.run(["git", "init", "-q", directory / "work"], check=True)
    result = run("-p", "base", "-p", name, "-w", directory / "work", "sh", "-c", script, cwd=directory / "work",
                 env={**os.environ, "PATH": TOOLS})
    equal(result.status, 0, result)


@case
def caches_do_not_stay(directory):
    """What a preset sends to $TMP is gone with the run."""
    result = run("-p", "node", "sh", "-c", "mkdir -p $npm_config_cache/x && echo $npm_config_cache",
                 cwd=directory)
    equal(result.status, 0, result)
    true(not os.path.exists(result.out.decode().strip()), result)


main()
