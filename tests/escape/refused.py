#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""System calls and arguments that no program gets, in both modes, by the effect on the caller."""
import errno
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

from live import ABLATE, HANG, PROBE, UNDER, case, cases, equal, main, policy, run, true  # noqa: E402

MODES = {"supervised": (), "off": ("--no-supervisor", "--unix-connect", "/")}
X86 = os.uname().machine == "x86_64"
NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80)
EPERM, ENOSYS = errno.EPERM, errno.ENOSYS
# Arguments of `probe try`, and the errno.
ATTACKS = [(("unshare", hex(flag)), EPERM) for flag in NAMESPACES]
ATTACKS += [(("clone", hex(flag)), EPERM) for flag in NAMESPACES[:-1]]
ATTACKS += [
    (("syscall", "425", "1", "0"), ENOSYS), (("syscall", "426"), ENOSYS),
    (("syscall", "427"), ENOSYS), (("syscall", "435"), ENOSYS), (("syscall", "10000"), ENOSYS),
    (("tiocsti", "0"), EPERM), (("tioclinux", "0"), EPERM),
    (("ioctl", "0", "0x5412"), EPERM), (("ioctl", "0", "0xdeadbeef00005412"), EPERM),
    (("ioctl", "0", "0x5423"), EPERM), (("ioctl", "0", "0x541d"), EPERM),
    (("ptrace", "1"), EPERM), (("mount", "/tmp"), EPERM),
    (("prctl", "28", "1"), EPERM), (("prctl", "35", "1"), EPERM),
    (("prctl", "0x59616d61", "1"), EPERM),
    (("socket", "17", "3", "0"), errno.EAFNOSUPPORT), (("socket", "2", "3", "1"), EPERM),
    (("socket", "38", "5", "0"), errno.EAFNOSUPPORT),
    (("socket", "2", "1", "262"), errno.EPROTONOSUPPORT),
]
if X86:
    # keyctl add_key request_key bpf perf_event_open userfaultfd init_module kexec_load swapon acct
    # quotactl syslog fanotify_init open_by_handle_at setns process_vm_readv process_vm_writev kcmp
    # pidfd_getfd chroot pivot_root umount2 fsopen fsmount move_mount open_tree
    REFUSED = (250, 248, 249, 321, 298, 323, 175, 246, 167, 163, 179, 103, 300, 304, 308, 310, 311,
               312, 438, 161, 155, 166, 430, 432, 429, 428)
    ATTACKS += [(("syscall", str(number), "0", "0"), None) for number in REFUSED]
    ATTACKS += [(("syscall", hex(0x40000000 | 39)), ENOSYS), (("syscall", "512"), ENOSYS)]


@cases([(name,) for name in MODES])
def refused(directory, name):
    wrong = []
    for arguments, wanted in ATTACKS:
        result = run("-r", os.path.dirname(PROBE), *MODES[name], PROBE, "try", *arguments,
                     cwd=directory)
        number = int(result.out.rsplit(b":", 1)[1]) if b":" in result.out else None
        if number != wanted and not (wanted is None and number in (EPERM, ENOSYS, errno.EACCES)):
            wrong.append(f"{' '.join(arguments)}: got {number}, wanted {wanted}")
    equal(wrong, [], "\n".join(["", *wrong]))


FILTER, SUPERVISOR = 141, 142
RULES = f"""
filesystem:
  read: [{os.path.dirname(PROBE)}, $D/kept]
  write: [$D/work]
GUARDSnetwork:
  allow: [loopback:1]
"""
# By what each is refused: an attack that another layer stops before proves nothing of this one.
LAYERS = {
    FILTER: [arguments for arguments, _ in ATTACKS],
    SUPERVISOR: [("read", "work/denied"), ("stat", "work/denied"), ("write", "work/protected"),
                 ("unlink", "work/denied"), ("rename", "work/protected", "work/other"),
                 ("chmod", "work/protected"), ("chmod", "kept"), ("connect", "127.0.0.1", "2"),
                 ("link", "work/denied", "work/other"), ("truncate", "work/denied")],
    errno.EACCES: [("write", "kept/file"), ("create", "new"), ("read", "outside"), ("mkdir", "kept/folder"),
                   ("exec", "outside")],
}
GUARDS = "  protect: [$D/work/protected]\n  deny: [$D/work/denied]\n"


@cases([("filter", FILTER), ("supervisor", SUPERVISOR), ("Landlock", errno.EACCES)])
def by_its_layer(directory, _name, layer):
    """SV-30: the test build gives each layer an errno of its own."""
    (directory / "work").mkdir()
    (directory / "kept").mkdir()
    (directory / "outside").write_text("outside")
    for name in ("denied", "protected"):
        (directory / "work" / name).write_text(name)
    (directory / "kept/file").write_text("kept")
    (directory / "outside").chmod(0o755)
    # With rules that only the supervisor holds it decides everything that the kernel would refuse.
    rules = policy(directory, RULES.replace("GUARDS", GUARDS if layer == SUPERVISOR else ""))
    wrong = []
    for arguments in LAYERS[layer]:
        done = subprocess.run([*UNDER, ABLATE, "run", "--no-hint", "-p", rules, PROBE, "try", *arguments],
                              cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env={**os.environ, "CORDON_ABLATE": "sentinels"}, timeout=HANG)
        if not done.stdout.endswith(f":{layer}\n".encode()):
            wrong.append(f"{arguments}: {done.stdout}")
    equal(wrong, [], "\n".join(["", *wrong]))


@case
def harmless_ones_pass(directory):
    """The detector works: the same calls with harmless arguments succeed."""
    for arguments in (("unshare", "0x400"), ("clone", "0"), ("socket", "2", "1", "6"),
                      ("prctl", "3", "0"), ("kill", "0", "0")):
        result = run("-r", os.path.dirname(PROBE), PROBE, "try", *arguments, cwd=directory)
        true(result.out.endswith(b":0\n"), (arguments, result))


if __name__ == "__main__":
    sys.exit(main())
