#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ids and capabilities, read after the exec; and that nothing is done for a program with more."""
import os
import sys

from live import PROBE, Skip, case, cases, equal, inside, main, policy, run, true
from starts import SUPERVISION, attempt, check_refused, layers, refused_step, rules

ROOT = os.geteuid() == 0
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
OTHER = 65533  # a user and group of nobody's


def own(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith(name + ":"))


def need(mask):
    """These capabilities, and those that change ids and sets."""
    if not ROOT or int(own("CapEff"), 16) & mask != mask or int(own("CapBnd"), 16) & mask != mask:
        raise Skip(f"needs root with capabilities {mask:x}")


CHANGE = 1 << 6 | 1 << 7 | 1 << 8  # SETGID, SETUID, SETPCAP


def status(directory, process, more="", program=(PROBE, "status")):
    text = f"filesystem: {{read: [{os.path.dirname(PROBE)}]}}\nprocess:\n{process}{more}"
    result = run("-p", policy(directory, text), *program, cwd="/")
    true(result.status == 0 and result.out.endswith(b"__DONE__\n"), result)
    facts = {}
    for line in result.out.decode().splitlines()[:-1]:
        key, _, value = line.partition(":")
        facts.setdefault(key, value)
    return facts


def sets(facts):
    return [int(facts[name], 16) for name in SETS]


TWICE = ("sh", "-c", f"exec sh -c 'exec {PROBE} status'")


@cases(SUPERVISION)
def nothing_is_kept(directory, _name, more):
    """As root and as an ordinary user, after one exec and after three."""
    for program in ((PROBE, "status"), TWICE):
        facts = status(directory, "  capabilities: {keep: []}\n", more, program)
        bounding = 0 if ROOT else int(own("CapBnd"), 16)
        equal(sets(facts), [0, 0, 0, bounding, 0])
        equal(facts["NoNewPrivs"], "1")


@cases([(f"{name}-{keep}", more, keep, mask) for name, more in SUPERVISION for keep, mask in
        (("NET_BIND_SERVICE", 1 << 10), ("BPF, checkpoint_restore", 3 << 39),
         ("0, cap_Kill, 'KILL'", 1 << 0 | 1 << 5))])
def exactly_these_are_kept(directory, _name, more, keep, mask):
    need(mask | CHANGE)
    equal(sets(status(directory, f"  capabilities: {{keep: [{keep}]}}\n", more)), [mask] * 5)
    facts = status(directory, f"  user: {OTHER}\n  group: {OTHER}\n  capabilities: {{keep: [{keep}]}}\n",
                   more)
    equal(sets(facts), [mask] * 5)
    equal((facts["Uid"], facts["Gid"], facts["Groups"]), ("\t".join([str(OTHER)] * 4),) * 2 + ("",))


@case
def five_sets_apart(directory):
    """In any order of the keys; the kernel itself makes permitted and effective at the exec."""
    need(7 | CHANGE)
    keys = ["bounding: [CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH]", "inheritable: [CHOWN, DAC_OVERRIDE]",
            "ambient: [CHOWN]", "permitted: [CHOWN, DAC_OVERRIDE]", "effective: [DAC_OVERRIDE, CHOWN]"]
    for text in (", ".join(keys), ", ".join(reversed(keys))):
        facts = status(directory, f"  user: {OTHER}\n  capabilities: {{{text}}}\n")
        equal(sets(facts), [3, 1, 1, 7, 1])


@case
def secure_bits(directory):
    need(CHANGE)
    facts = status(directory, "  capabilities: {securebits: [noroot, noroot_locked]}\n")
    equal(facts["securebits"], "3")
    equal(sets(facts)[1:3], [0, 0])


@cases(SUPERVISION)
def what_one_does_not_have_cannot_be_kept(directory, _name, more):
    if ROOT:
        raise Skip("root has them all")
    file = policy(directory, f"process: {{capabilities: {{keep: [SYS_ADMIN]}}}}\n{more}"
                             "isolation: {on_failure: ignore}\n")
    result = run("-p", file, "touch", "made", cwd=directory)
    equal(result.status, 125, result)
    true(b"CAP_SYS_ADMIN" in result.err, result)
    true(not (directory / "made").exists())


@cases(SUPERVISION)
def another_user(directory, _name, more):
    need(CHANGE)
    facts = status(directory, f"  user: {OTHER}\n", more)
    equal((facts["Uid"], facts["Groups"]), ("\t".join([str(OTHER)] * 4), ""))
    equal(sets(facts)[1:3] + sets(facts)[4:], [0, 0, 0])
    facts = status(directory, "  user: nobody\n", more)
    equal((facts["Uid"].split()[0], facts["Gid"].split()[0]), ("65534", "65534"))
    facts = status(directory, "  group: 7\n  groups: [9, 3, 12]\n", more)
    equal((facts["Gid"], facts["Groups"].split(), facts["Uid"].split()[0]),
          ("7\t7\t7\t7", ["3", "9", "12"], "0"))


@case
def another_user_needs_privilege(directory):
    if ROOT:
        raise Skip("root has it")
    for mode in ("refuse", "warn", "ignore"):
        text = f"process: {{user: {OTHER}}}\n" + rules(mode).replace("process:\n",
                                                                     f"process:\n  user: {OTHER}\n")
        text = text.partition("\n")[2]
        done, report, ran = attempt(directory, "EPERM", "swapon", text)
        if mode == "refuse":
            check_refused(done, report, ran, mode)
            true(b"groups: Operation not permitted (changing the groups needs CAP_SETGID" in
                 done.stderr, done)
            continue
        true(ran, done)
        equal([layers(report)[name]["state"] for name in ("groups", "uid")], ["failed"] * 2)
        equal(b"layer uid is not in force" in done.stderr, mode == "warn", done)


OWNED = """
filesystem:
  read: [$D]
  write: [$D/work]
  deny: [$D/work/denied]
process:
  {}
"""
LOOK = """
say([e(read, "private"), e(write, "work/made"), e(read, os.environ["TMPDIR"] + "/x"),
     e(write, os.environ["TMPDIR"] + "/x"), e(os.truncate, "work/roots", 0),
     e(os.unlink, "sticky/roots"), e(os.chmod, "work/roots", 0o666)])
"""


@cases([("user", f"user: {OTHER}"), ("capabilities", "capabilities: {keep: []}")])
def what_is_done_for_it_is_done_with_its_rights(directory, _name, process):
    """The supervisor is root, the program is not: a mediated call must not lend it the difference.

    The control is the same policy without the key, under which root's rights reach everything.
    """
    need(CHANGE)
    directory.chmod(0o755)
    (directory / "work").mkdir()
    (directory / "work").chmod(0o777)
    for name in ("private", "work/roots"):
        (directory / name).write_text("root's\n")
        (directory / name).chmod(0)
        os.chown(directory / name, 0, 0) if "user" in process else os.chown(directory / name, 1, 1)
    expected = "EACCES"
    ruled = inside(directory, OWNED.format(process), LOOK)[0]
    equal(ruled[0], expected)
    equal((ruled[1], ruled[3]), ("", ""))
    equal(ruled[4], expected)
    equal(ruled[6], "EPERM")
    made = os.stat(directory / "work/made")
    equal(made.st_uid, OTHER if "user" in process else 0)
    equal(os.stat(directory / "work/roots").st_size, 7)
    equal(os.stat(directory / "work/roots").st_mode & 0o777, 0)
    (directory / "work/made").unlink()
    control = inside(directory, OWNED.format("umask: '022'"), LOOK)[0]
    equal((control[0], control[4], control[6]), ("", "", ""))


@case
def ids_that_change_later(directory):
    """Calls that name the ids which one has change nothing (make makes them); the next ones do."""
    need(CHANGE)
    directory.chmod(0o755)
    (directory / "work").mkdir()
    (directory / "work").chmod(0o777)
    (directory / "private").write_text("text")
    (directory / "private").chmod(0o600)
    code = f"""
def nothing():
    os.setresuid(-1, os.getuid(), -1); os.setresgid(-1, os.getgid(), -1); os.setreuid(os.getuid(), -1)
nothing()
say([e(read, "private"), e(write, "work/roots")])
os.setgroups([])
os.setresgid(-1, {OTHER}, -1)
nothing()
os.setresgid({OTHER}, {OTHER}, {OTHER})
os.setresuid({OTHER}, {OTHER}, {OTHER})
nothing()
say([e(read, "private"), e(write, "work/others")])
"""
    equal(inside(directory, OWNED.format("umask: '022'"), code), [["", ""], ["EACCES", ""]])
    equal([os.stat(directory / f"work/{name}").st_uid for name in ("roots", "others")], [0, OTHER])


@cases([("a thousand", 1000), ("as many as there may be", 65536)])
def many_groups(directory, _name, count):
    """What stands behind the list of groups in `status` counts as well, and all groups do."""
    need(CHANGE)
    directory.chmod(0o755)
    for name, group in (("last", 100000 + count - 1), ("none", 100000 + count)):
        (directory / name).write_text("text")
        (directory / name).chmod(0o640)
        os.chown(directory / name, 0, group)
    (directory / "work").mkdir()
    (directory / "work").chmod(0o777)
    code = f"""
import signal
os.setgroups(range(100000, 100000 + {count}))
os.setresgid({OTHER}, {OTHER}, {OTHER})
os.setresuid({OTHER}, {OTHER}, {OTHER})
say([len(os.getgroups()), e(read, "last"), e(read, "none"), e(write, "work/made")])
os.mkfifo("work/fifo")
signal.signal(signal.SIGALRM, lambda *_: None)
libc.siginterrupt(signal.SIGALRM, 1)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
opened = [libc.open(b"work/fifo", 0), errno_name(ctypes.get_errno())]
signal.setitimer(signal.ITIMER_REAL, 0)
say(opened)
"""
    wanted = [[count, "", "EACCES", ""], [-1, "EINTR"]]
    equal(inside(directory, OWNED.format("umask: '022'"), code), wanted)
    equal(os.stat(directory / "work/made").st_uid, OTHER)
    equal(inside(directory, OWNED.format("umask: '022'"), """
say([len(os.getgroups()), e(read, "none"), e(write, "work/kept"), e(os.truncate, "work/kept", 0)])
""", extra_groups=range(100000, 100000 + count)), [[count, "", "", ""]])


@case
def set_id_programs_have_the_callers_rights(directory):
    need(CHANGE)
    copy = directory / "probe"
    copy.write_bytes(open(PROBE, "rb").read())
    os.chown(copy, 0, 0)
    copy.chmod(0o6755)
    directory.chmod(0o755)
    text = f"filesystem: {{read: [$D]}}\nprocess: {{user: {OTHER}, group: {OTHER}}}\n"
    result = run("-p", policy(directory, text), str(copy), "status", cwd="/")
    true(f"Uid:{OTHER}\t{OTHER}\t{OTHER}\t{OTHER}\n".encode() in result.out, result)
    true(f"Gid:{OTHER}\t{OTHER}\t{OTHER}\t{OTHER}\n".encode() in result.out, result)


@case
def the_bounding_set_is_held_one_way_or_the_other(directory):
    text = rules("refuse").replace("process:\n", "process:\n  capabilities: {keep: []}\n")
    _, report, ran = attempt(directory, "EPERM", "swapon", text)
    true(ran)
    equal(layers(report)["bounding"]["state"], "applied")
    equal(layers(report)["bounding"].get("detail"), None if ROOT else "held by no_new_privs")


STEPS = [("prctl@23", "bounding"), ("prctl@24", "bounding"), ("setgroups", "groups"),
         ("getgroups", "groups"), ("setresgid", "gid"), ("getresgid", "gid"), ("setresuid", "uid"),
         ("getresuid", "uid"), ("capset", "caps"), ("prctl@47", "ambient")]
WITH_IDS = (f"process:\n  user: {OTHER}\n  group: {OTHER}\n"
            "  capabilities: {keep: [NET_BIND_SERVICE]}\n")


@cases([(call, call, layer) for call, layer in STEPS])
def a_refused_step(directory, _name, call, layer):
    need(CHANGE | 1 << 10)
    directory.chmod(0o755)
    (directory / "work").mkdir()
    (directory / "work").chmod(0o777)
    text = rules("{mode}").replace("process:\n", WITH_IDS).replace("umask: \"027\"", "umask: \"000\"")
    refused_step(directory, text + "supervisor: off\nnetwork: {unix: {connect: [/]}}\n", call, layer,
                 False)


@cases([(call, call) for call in ("setgroups", "setresgid", "setresuid", "capset")])
def a_step_that_only_seems_to_succeed(directory, _name, call):
    need(CHANGE | 1 << 10)
    directory.chmod(0o755)
    text = rules("refuse").replace("process:\n", WITH_IDS + "  groups: [9]\n")
    done, report, ran = attempt(directory, "fake", call, text)
    check_refused(done, report, ran, call)


if __name__ == "__main__":
    sys.exit(main())
