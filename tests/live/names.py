#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Making, moving and removing names: onto, of, and from guarded ones, and their ancestors."""
import json
import os
import sys

from live import case, cases, equal, errnos, inside, main, run, true, policy

RULES = """
filesystem:
  read: [$D/read]
  write: [$D/work]
  deny: [$D/work/top/middle/denied]
  hide: [$D/work/hidden]
  protect: [$D/work/top/middle/kept, "$D/work/hooks/**", $D/work/absent/later]
"""


def tree(directory):
    for folder in ("read/sub", "work/top/middle", "work/plain", "work/hooks", "outside/sub"):
        (directory / folder).mkdir(parents=True)
    for file in ("work/top/middle/denied", "work/hidden", "work/top/middle/kept", "work/hooks/one",
                 "work/file", "work/other", "work/plain/file", "read/file", "outside/file"):
        (directory / file).write_text(f"{file}\n")


GUARDED = ["work/top/middle/denied", "work/hidden", "work/top/middle/kept", "work/hooks/one",
           "work/hooks/new"]
EXCHANGE, NOREPLACE = 2, 1
RENAMES = {
    "rename": "call(82, 276, a, b) if X86 else call(276, 276, -100, a, -100, b, 0)",
    "renameat": "call(264, 276, -100, a, -100, b, 0)",
    "renameat2": "call(316, 276, -100, a, -100, b, 0)",
    "noreplace": f"call(316, 276, -100, a, -100, b, {NOREPLACE})",
    "exchange": f"call(316, 276, -100, a, -100, b, {EXCHANGE})",
    "link": "call(86, 37, a, b) if X86 else call(37, 37, -100, a, -100, b, 0)",
    "linkat": "call(265, 37, -100, a, -100, b, 0)",
}


def snapshot(directory):
    """Every name with what is behind it."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.name.endswith(".yaml"):
            continue
        st = path.lstat()
        found[str(path.relative_to(directory))] = (st.st_ino, oct(st.st_mode), st.st_nlink,
                                                   path.read_text() if path.is_file() else None)
    return found


@cases([(call,) for call in RENAMES])
def two_names(directory, call):
    """A guarded name as the source and as the destination: refused, and nothing has moved."""
    tree(directory)
    before = snapshot(directory)
    pairs = []
    for name in GUARDED:
        pairs += [(f"{directory}/{one}", f"{directory}/{two}")
                  for one, two in (("work/file", name), (name, "work/fresh"), (name, "work/other"))]
    code = f"""
for one, two in json.loads(sys.argv[1]):
    a, b = one.encode(), two.encode()
    say(e(lambda: {RENAMES[call]}))
"""
    got = inside(directory, RULES, code, json.dumps(pairs))
    equal([pair for pair, errno in zip(pairs, got) if errno == ""], [], "these succeeded")
    for (one, two), errno in zip(pairs, got):
        wanted = "ENOENT" if one.endswith("hidden") or two.endswith("hidden") else "EACCES"
        # What is missing, or is there already, may be said instead where it is no secret.
        true(errno == wanted or (errno, one[-3:]) == ("ENOENT", "new") or
             errno in ("EEXIST", "ENOENT"), (one, two, errno))
    equal(snapshot(directory), before)


@cases([(call,) for call in ("rename", "renameat2", "exchange")])
def ancestors(directory, call):
    """A directory above a guarded name stays where it is."""
    tree(directory)
    before = snapshot(directory)
    code = f"""
for one, two in (("work/top", "work/moved"), ("work/top/middle", "work/moved"),
                 ("work/top", "work/plain"), ("work/plain", "work/top/middle"),
                 ("work/hooks", "work/moved"), ("work/top/middle", "work/plain/moved")):
    a, b = one.encode(), two.encode()
    say(e(lambda: {RENAMES[call]}))
"""
    got = inside(directory, RULES, code)
    true(all(errno in ("EACCES", "ENOENT", "EXDEV", "EBUSY") for errno in got), got)
    equal(snapshot(directory), before)


@case
def one_name(directory):
    tree(directory)
    before = snapshot(directory)
    wanted = {}
    for name, errno in (("work/top/middle/denied", "EACCES"), ("work/hooks/new", "EACCES"),
                        ("work/absent/later", "ENOENT")):
        for call in (f"os.mkdir('{name}')", f"os.mkfifo('{name}')", f"os.symlink('x', '{name}')",
                     f"os.mknod('{name}', 0o100644)", f"os.mknod('{name}', 0o140644)",
                     f"call(258, 34, -100, b'{name}', 0o755)",
                     f"call(259, 33, -100, b'{name}', 0o10644, 0)",
                     f"call(266, 36, b'x', -100, b'{name}')"):
            wanted[call] = errno
    for name, errno in (("work/top/middle/denied", "EACCES"), ("work/hidden", "ENOENT"),
                        ("work/top/middle/kept", "EACCES"), ("work/hooks/one", "EACCES"),
                        ("work/hooks", "EACCES")):
        wanted[f"os.unlink('{name}')"] = errno
        wanted[f"call(263, 35, -100, b'{name}', 0)"] = errno
    for name in ("work/hooks", "work/top/middle", "work/top"):
        wanted[f"os.rmdir('{name}')"] = "EACCES"
    for name, errno in (("work/top/middle/denied", "EACCES"), ("work/hidden", "ENOENT"),
                        ("work/top/middle/kept", "EACCES"), ("work/hooks/one", "EACCES"),
                        ("read/file", "EACCES"), ("outside/file", "EACCES")):
        wanted[f"os.truncate('{name}', 0)"] = errno
    for name in ("read", "outside"):
        wanted[f"os.unlink('{name}/file')"] = "EACCES"
        wanted[f"os.rmdir('{name}/sub')"] = "EACCES"
        wanted[f"os.mkdir('{name}/new')"] = "EACCES"
        wanted[f"os.symlink('x', '{name}/new')"] = "EACCES"
        wanted[f"os.mkfifo('{name}/new')"] = "EACCES"
    errnos(directory, RULES, wanted)
    equal(snapshot(directory), before)


@case
def out_of_a_grant_and_into_it(directory):
    tree(directory)
    before = snapshot(directory)
    code = """
for a, b in (("work/file", "read/new"), ("read/file", "work/new"), ("outside/file", "work/new"),
             ("work/file", "outside/new"), ("outside/file", "outside/new")):
    say([e(os.rename, a, b), e(os.link, a, b)])
"""
    got = inside(directory, RULES, code)
    true(all(errno in ("EACCES", "EXDEV") for pair in got for errno in pair), got)
    equal(snapshot(directory), before)


@case
def what_is_not_guarded_works(directory):
    tree(directory)
    errnos(directory, RULES, {
        "os.rename('work/file', 'work/plain/moved')": "",
        "os.rename('work/plain', 'work/plainer')": "",
        "call(316, 276, -100, b'work/plainer', -100, b'work/other', 2)": "",
        "call(316, 276, -100, b'work/plainer', -100, b'work/other', 1)": "EEXIST",
        "os.link('work/plainer', 'work/linked')": "", "os.symlink('nowhere', 'work/link')": "",
        "os.unlink('work/link')": "", "os.mkdir('work/dir')": "", "os.mkdir('work/dir') ": "EEXIST",
        "os.rmdir('work/other')": "ENOTEMPTY", "os.rmdir('work/dir')": "",
        "os.unlink('work/other')": "EISDIR", "os.mkfifo('work/fifo')": "",
        "os.truncate('work/linked', 3)": "", "os.mkdir('work/top/middle/new')": "",
        "os.rename('work/top/middle/new', 'work/new')": "",
        "os.mkdir('work/missing/x')": "ENOENT", "os.rmdir('work/new/.')": "EINVAL"})
    equal((directory / "work/linked").read_text(), "wor")


@cases([("kernel", ""), ("supervised", "  deny: [$D/one/never]\n")])
def grants_side_by_side(directory, _name, guarded):
    """One ruleset: names move between grants; a grant of a file is one of that file only."""
    for folder in ("one", "two", "single"):
        (directory / folder).mkdir()
    for file in ("one/a", "one/b", "single/file", "single/other"):
        (directory / file).write_text(f"{file}\n")
    rules = f"filesystem:\n  write: [$D/one, $D/two, $D/single/file]\n{guarded}"
    errnos(directory, rules, {
        "os.rename('one/a', 'two/a')": "", "os.link('one/b', 'two/b')": "",
        "write('single/file')": "", "write('single/other')": "EACCES",
        "os.unlink('single/file')": "EACCES"})
    equal((directory / "two/a").read_text(), "one/a\n")
    equal((directory / "single/other").read_text(), "single/other\n")


@case
def device_nodes(directory):
    tree(directory)
    for flags in ((), ("--trace",)):
        errnos(directory, RULES, {
            "os.mknod('work/null', 0o20666, os.makedev(1, 3))": "EPERM",
            "os.mknod('work/disk', 0o60666, os.makedev(7, 0))": "EPERM",
            "call(259, 33, -100, b'work/null', 0o20666, 259)": "EPERM"}, flags=flags)
    true(not (directory / "work/null").exists())


@case
def hard_link_made_before_the_start(directory):
    """A literal rule holds for the object, under whatever name."""
    tree(directory)
    os.link(directory / "work/top/middle/denied", directory / "work/alias")
    os.link(directory / "work/top/middle/kept", directory / "work/keptalias")
    errnos(directory, RULES, {
        "read('work/alias')": "EACCES", "write('work/alias')": "EACCES",
        "os.truncate('work/alias', 0)": "EACCES", "os.rename('work/alias', 'work/x')": "EACCES",
        "os.link('work/alias', 'work/x')": "EACCES", "os.chmod('work/alias', 0o777)": "EACCES",
        "read('work/keptalias')": "", "write('work/keptalias')": "EACCES",
        "os.truncate('work/keptalias', 0)": "EACCES",
        "os.chmod('work/keptalias', 0o777)": "EACCES"})
    for file in ("denied", "kept"):
        equal((directory / "work/top/middle" / file).read_text(), f"work/top/middle/{file}\n")


@case
def rule_on_a_symbolic_link(directory):
    """The rule holds for the link and for what it points to."""
    tree(directory)
    (directory / "work/real").write_text("real\n")
    (directory / "work/pointer").symlink_to("real")
    (directory / "work/realdir").mkdir()
    (directory / "work/realdir/file").write_text("realdir\n")
    (directory / "work/dirpointer").symlink_to(directory / "work/realdir")
    rules = """
filesystem:
  write: [$D/work]
  deny: [$D/work/pointer, $D/work/dirpointer]
"""
    errnos(directory, rules, {
        "read('work/real')": "EACCES", "read('work/pointer')": "EACCES",
        "read('work/realdir/file')": "EACCES", "read('work/dirpointer/file')": "EACCES",
        "write('work/realdir/new')": "EACCES", "os.rename('work/real', 'work/x')": "EACCES",
        "os.rename('work/realdir', 'work/x')": "EACCES", "os.unlink('work/pointer')": "EACCES",
        "write('work/other')": ""})
    true(not (directory / "work/realdir/new").exists())


@case
def protected_directory_that_is_missing(directory):
    rules = """
filesystem:
  write: [$D]
  protect: ["$D/.git/hooks/**"]
"""
    script = """
mkdir -p .git/hooks && echo made
touch .git/hooks/pre-commit || echo no touch
echo x > x; mv x .git/hooks/pre-commit || echo no move
ln x .git/hooks/pre-commit || echo no link
mkdir d; rmdir .git/hooks && echo removed
ln -s ../d .git/hooks || echo no symlink
mv d .git/hooks || echo no rename
mkdir .git/hooks; mv .git elsewhere || echo no move of .git
mv .git/hooks elsewhere || echo no move of hooks
"""
    result = run("-p", policy(directory, rules), "--no-hint", "sh", "-c", script, cwd=directory)
    lines = result.out.decode().splitlines()
    true(lines[:5] == ["made", "no touch", "no move", "no link"] + lines[4:5], result)
    for line in ("no move of .git", "no move of hooks"):
        true(line in lines, result)
    hooks = directory / ".git/hooks"
    true(hooks.is_dir() and not hooks.is_symlink(), result)
    equal(list(hooks.iterdir()), [])
    true(not (directory / "elsewhere").exists())


SWAPS = ["rm .git; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit; echo evil > .git/config",
         "mv .git aside; cp -r real fake; ln -s fake .git; echo evil > .git/config",
         "ln -sfn fake .git; mkdir fake; echo evil > fake/config",
         "rm a; mkdir a; echo evil > a/file", "rm b; mkdir b; echo evil > b/file"]


@cases([(swap,) for swap in SWAPS])
def links_above_what_is_protected(directory, swap):
    """Exchanging a link on the way would leave the rule behind with the old file."""
    for rules, wins in (("", True), ("  protect: ['$D/w/.git/hooks/**', $D/w/.git/config, $D/w/a/file]",
                                     False)):
        top = directory / ("control" if wins else "attack")
        (top / "w/real/hooks").mkdir(parents=True)
        (top / "w/c").mkdir()
        (top / "w/real/config").write_text("own\n")
        (top / "w/c/file").write_text("own\n")
        for link, target in ((".git", "real"), ("a", "b"), ("b", "c")):
            (top / "w" / link).symlink_to(target)
        run("-p", policy(top, "filesystem:\n  write: [$D/w]\n" + rules), "--no-hint", "sh", "-c", swap,
            cwd=top / "w")
        seen = [(top / "w" / name).read_text() for name in (".git/config", "a/file")]
        seen += list((top / "w/.git/hooks").iterdir()) if (top / "w/.git/hooks").is_dir() else []
        true(("evil\n" in seen) == wins, (swap, wins, seen))


if __name__ == "__main__":
    sys.exit(main())
